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
        train: the figure on training messages.
        validation: the figure on validation messages.
    """

    quantity: Literal["loss", "accuracy"]
    step: int
    epoch: float
    examples_seen: int
    train: float
    validation: float

    def metrics(self) -> dict[str, float]:
        """The figures under the names that a tracker shows."""
        return {f"train/{self.quantity}": self.train, f"validation/{self.quantity}": self.validation}


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
