"""What models that were not trained on a message say of it, for every message: the scores of a cross-validation."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.data.calibration import LEAST
from spampipe.data.labels import Labels, LabelSet, Probabilities

_COLUMNS = {"row": "int64", "fold": "int64", "group": "int64", "label": "str", "predicted": "str"}
_PROBABILITY = "probability: "  # before a label's name


@dataclass(frozen=True)
class OutOfFold:
    """One model's answers for N messages, each from the fold in which the message was tested.

    Attributes:
        label_set: the label set.
        rows: (N,) the messages' row numbers in the data set, from 0; ascending.
        folds: (N,) the fold in which each was tested, from 0.
        groups: (N,) the group of near-duplicates of each; a group lies in one fold.
        labels: (N,) their class indices.
        predicted: (N,) the class indices that they were given, by the threshold of the fold.
        probabilities: (N, K) of each label.
    """

    label_set: LabelSet
    rows: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    labels: Labels
    predicted: Labels
    probabilities: Probabilities

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """(N,) whether each was given its own label."""
        found: npt.NDArray[np.bool_] = self.predicted == self.labels
        return found

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """(N,) log-odds of the positive label: to rank by, also where probabilities are all but 0 or 1.

        Raises:
            DataError: the label set has no positive label.
        """
        positive = self.label_set.positive_index
        if positive is None:
            raise DataError(f"the labels {', '.join(self.label_set.names)} have no positive one to rank messages by")
        others = np.delete(self.probabilities, positive, axis=1).sum(axis=1)
        odds: npt.NDArray[np.float64] = np.log(np.maximum(self.probabilities[:, positive], LEAST)) - np.log(
            np.maximum(others, LEAST)
        )
        return odds


def write(path: Path, found: OutOfFold) -> None:
    """Write answers as CSV: a row a message, without its text; probabilities to six significant digits.

    Args:
        path: the file, which is replaced in one step.
        found: the answers.
    """
    names = found.label_set
    table = pd.DataFrame({"row": found.rows, "fold": found.folds, "group": found.groups})
    table["label"], table["predicted"] = names.names_of(found.labels), names.names_of(found.predicted)
    for index, name in enumerate(names.names):
        table[_PROBABILITY + name] = [f"{value:.6g}" for value in found.probabilities[:, index]]
    files.write_csv(path, table)


def read(path: Path, label_set: LabelSet) -> OutOfFold:
    """Read what `write` wrote.

    Args:
        path: the CSV file.
        label_set: the label set of the messages.

    Raises:
        DataError: the file is missing, damaged, or of messages with other labels.
    """
    shown = {_PROBABILITY + name: "float64" for name in label_set.names}
    table = files.read_csv(path, _COLUMNS | shown)
    index = {name: number for number, name in enumerate(label_set.names)}
    for column in ("label", "predicted"):
        if other := set(table[column]) - set(index):
            names = ", ".join(label_set.names)
            raise DataError(f"{path}: {column} {min(other)!r} is none of {names}; score the messages again")
    rows, folds, groups = (table[name].to_numpy(np.int64) for name in ("row", "fold", "group"))
    labels, predicted = (np.array([index[name] for name in table[each]]) for each in ("label", "predicted"))
    return OutOfFold(label_set, rows, folds, groups, labels, predicted, table[list(shown)].to_numpy(np.float64))
