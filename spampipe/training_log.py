"""What a training run records, as records while it runs and as tables afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

STEP_COLUMNS = {
    "step": "int64",
    "epoch": "float64",
    "examples_seen": "int64",
    "train_loss": "float64",
    "validation_loss": "float64",
}
EPOCH_COLUMNS = {
    "epoch": "float64",
    "examples_seen": "int64",
    "train_accuracy": "float64",
    "validation_accuracy": "float64",
}


@dataclass(frozen=True)
class Record:
    """A pair of figures, taken on training and on validation messages at one moment.

    Attributes:
        quantity: losses are estimated every few steps, accuracies taken after each epoch.
        step: the batch just finished; the first is step 0.
        epoch: passes over the training messages, in fractions.
        examples_seen: messages trained on so far.
        tokens_seen: tokens read in training so far.
        learning_rate: of the last update.
        train: the figure on training messages.
        validation: the figure on validation messages.
    """

    quantity: Literal["loss", "accuracy"]
    step: int
    epoch: float
    examples_seen: int
    tokens_seen: int
    learning_rate: float
    train: float
    validation: float

    def metrics(self) -> dict[str, float]:
        """The figures under the names that a tracker shows."""
        figures = {f"train/{self.quantity}": self.train, f"validation/{self.quantity}": self.validation}
        return figures | {"learning_rate": self.learning_rate}


def steps_table(records: Sequence[Record]) -> pd.DataFrame:
    """The losses, one row an estimate, columns STEP_COLUMNS."""
    rows = [(r.step, r.epoch, r.examples_seen, r.train, r.validation) for r in records if r.quantity == "loss"]
    return pd.DataFrame(rows, columns=list(STEP_COLUMNS))


def epochs_table(records: Sequence[Record]) -> pd.DataFrame:
    """The accuracies, one row an epoch, columns EPOCH_COLUMNS."""
    rows = [(r.epoch, r.examples_seen, r.train, r.validation) for r in records if r.quantity == "accuracy"]
    return pd.DataFrame(rows, columns=list(EPOCH_COLUMNS))


def summary(records: Sequence[Record]) -> dict[str, float | int]:
    """The last figures of each kind."""
    last = {record.quantity: record for record in records}
    loss, accuracy = last["loss"], last["accuracy"]
    return {
        "train_loss": loss.train,
        "validation_loss": loss.validation,
        "train_accuracy": accuracy.train,
        "validation_accuracy": accuracy.validation,
        "steps": accuracy.step + 1,
        "examples_seen": accuracy.examples_seen,
    }


def curves(
    steps: pd.DataFrame, epochs: pd.DataFrame, batch_size: int, learning_rate: float
) -> list[tuple[str, float, int]]:
    """What a tracker was shown while a run recorded these tables.

    Args:
        steps: of the losses, columns STEP_COLUMNS.
        epochs: of the accuracies, columns EPOCH_COLUMNS.
        batch_size: messages a step.
        learning_rate: of every step.

    Returns:
        The name, value and step of every point.
    """
    last_steps = epochs["examples_seen"] // batch_size - 1
    points: list[tuple[str, float, int]] = []
    for quantity, table, at in (("loss", steps, steps["step"]), ("accuracy", epochs, last_steps)):
        for split in ("train", "validation"):
            column = table[f"{split}_{quantity}"]
            points += [(f"{split}/{quantity}", float(v), int(s)) for v, s in zip(column, at, strict=True)]
        points += [("learning_rate", learning_rate, int(step)) for step in at]
    return points
