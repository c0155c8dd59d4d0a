"""Which labels are probably wrong, by the answers of models that were not trained on the messages.

This is confident learning (Northcutt, Jiang and Chuang, 2021, "Confident Learning: Estimating Uncertainty in Dataset
Labels"). The library cleanlab has it, with much else; for these few lines of NumPy it is one more tree of packages to
pin.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spampipe.data.labels import Labels, Probabilities

_ROUNDING = 1e-9  # by which a mean of equal probabilities may be above them


@dataclass(frozen=True)
class Suspects:
    """S of N messages, those first whose own label is the least probable.

    Attributes:
        positions: (S,) their positions among the messages.
        suggested: (S,) the class index that each should rather have.
        self_confidence: (S,) the probability of the label that each has.
    """

    positions: npt.NDArray[np.int64]
    suggested: Labels
    self_confidence: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.positions)


def find(labels: Labels, probabilities: Probabilities) -> Suspects:
    """Find the messages whose answers contradict their label.

    The threshold of a class is the mean probability of that class among the messages labelled with it. A message is
    a suspect if another class reaches its own threshold and is the most probable of those that do.

    Args:
        labels: (N,) the class indices that the messages have.
        probabilities: (N, K) of each class, by models that were not trained on the message.
    """
    classes = range(probabilities.shape[1])
    means = [probabilities[labels == k, k].mean() if (labels == k).any() else np.inf for k in classes]
    reaching = np.where(probabilities >= np.array(means) - _ROUNDING, probabilities, -np.inf)
    everyone = np.arange(len(labels))
    positions = np.flatnonzero(reaching.max(axis=1) > reaching[everyone, labels])
    confidence = probabilities[everyone, labels]
    ranked = positions[np.argsort(confidence[positions], kind="stable")]
    return Suspects(ranked, reaching[ranked].argmax(axis=1), confidence[ranked])


def labelled_otherwise(labels: Labels, groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many messages of the same group have another label, for each message.

    Args:
        labels: (N,) class indices.
        groups: (N,) the group of near-duplicates that each message belongs to.

    Returns:
        (N,) counts.
    """
    group = np.unique(groups, return_inverse=True)[1]
    counts = np.zeros((len(labels), labels.max(initial=0) + 1), np.int64)  # as many groups as messages at most
    np.add.at(counts, (group, labels), 1)
    others: npt.NDArray[np.int64] = counts.sum(axis=1)[group] - counts[group, labels]
    return others
