"""What a training run records, as records while it runs and as tables afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

_MOMENT_COLUMNS = {
    "step": "int64",
    "epoch": "float64",
    "examples_seen": "int64",
    "tokens_seen": "int64",
    "learning_rate": "float64",
}
STEP_COLUMNS = _MOMENT_COLUMNS | {"train_loss": "float64", "validation_loss": "float64"}
EPOCH_COLUMNS = _MOMENT_COLUMNS | {"train_accuracy": "float64", "validation_accuracy": "float64"}


@dataclass(frozen=True)
class Record:
    """A pair of figures, taken on training and on validation messages at one moment.

    All of it is written to `reports/train/`, so that a tracker can be shown the same points later.

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
    return _table(records, "loss", STEP_COLUMNS)


def epochs_table(records: Sequence[Record]) -> pd.DataFrame:
    """The accuracies, one row an epoch, columns EPOCH_COLUMNS."""
    return _table(records, "accuracy", EPOCH_COLUMNS)


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


def curves(steps: pd.DataFrame, epochs: pd.DataFrame) -> list[tuple[str, float, int]]:
    """What a tracker was shown while a run recorded these tables.

    Args:
        steps: of the losses, columns STEP_COLUMNS.
        epochs: of the accuracies, columns EPOCH_COLUMNS.

    Returns:
        The name, value and step of every point; each name has one at each of its steps.
    """
    points: dict[tuple[str, int], float] = {}
    for quantity, table in (("loss", steps), ("accuracy", epochs)):
        shown = {f"{split}/{quantity}": table[f"{split}_{quantity}"] for split in ("train", "validation")}
        for name, column in {**shown, "learning_rate": table["learning_rate"]}.items():
            points |= {(name, int(step)): float(value) for step, value in zip(table["step"], column, strict=True)}
    return [(name, value, step) for (name, step), value in points.items()]


def _table(records: Sequence[Record], quantity: str, columns: dict[str, str]) -> pd.DataFrame:
    rows = [
        (r.step, r.epoch, r.examples_seen, r.tokens_seen, r.learning_rate, r.train, r.validation)
        for r in records
        if r.quantity == quantity
    ]
    return pd.DataFrame(rows, columns=list(columns))
