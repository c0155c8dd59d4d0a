"""Messages with made-up predictions."""

from collections.abc import Mapping, Sequence

import numpy as np

from spampipe.data.labels import LabelSet
from spampipe.evaluation.scored import Evaluation, ScoredSplit

PETS = LabelSet(names=("cat", "dog", "bird"), positive=None)

Rows = Sequence[tuple[str, int, int]]  # text, label and predicted label, as class indices


def scored(rows: Rows, labels: LabelSet, sure: float = 0.9) -> ScoredSplit:
    """A split in which each predicted label has the probability `sure`, and the others share the rest."""
    count = len(labels)
    given, predicted = (np.array([row[place] for row in rows], dtype=np.int64) for place in (1, 2))
    probabilities = np.full((len(rows), count), (1 - sure) / (count - 1))
    probabilities[np.arange(len(rows)), predicted] = sure
    return ScoredSplit([row[0] for row in rows], given, probabilities, predicted)


def evaluation(splits: Mapping[str, Rows], labels: LabelSet, sure: float = 0.9) -> Evaluation:
    """An evaluation of such splits."""
    return Evaluation(labels, {name: scored(rows, labels, sure) for name, rows in splits.items()})
