"""What scikit-learn says of a split. It takes a second to import, so each function imports it for itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spampipe.evaluation.scored import ScoredSplit


@dataclass(frozen=True)
class Scores:
    """How well labels are told apart; each from 0 to 1, and 0 where nothing is to be divided by.

    Attributes:
        precision: of the messages that were given a label, the share that have it.
        recall: of the messages that have a label, the share that were given it.
        f1: the harmonic mean of the two.
    """

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Errors:
    """Messages counted by whether they have a label and were given it.

    Attributes:
        true_negatives: have another label and were given another.
        false_positives: have another label and were given this one.
        false_negatives: have this label and were given another.
        true_positives: have this label and were given it.
    """

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int

    @property
    def false_positive_rate(self) -> float | None:
        """Of the messages with other labels, the share that were given this one; None if there are none."""
        negatives = self.false_positives + self.true_negatives
        return self.false_positives / negatives if negatives else None


def accuracy(split: "ScoredSplit") -> float | None:
    """The share of messages that were given their own label; None if there are no messages.

    Args:
        split: the scored messages, of which there may be none.
    """
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(split.labels, split.predicted)) if len(split) else None


def of_each_label(split: "ScoredSplit") -> list[Scores]:
    """The scores of each label against all others, in the order of the label set.

    Args:
        split: the scored messages.
    """
    from sklearn.metrics import precision_recall_fscore_support

    every = range(split.probabilities.shape[1])
    columns = precision_recall_fscore_support(split.labels, split.predicted, labels=every, zero_division=0)[:3]
    return [Scores(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def of_label(split: "ScoredSplit", label: int) -> Scores:
    """The scores of one label against all others.

    Args:
        split: the scored messages.
        label: the label's class index.
    """
    return of_each_label(split)[label]


def macro(split: "ScoredSplit") -> Scores:
    """The mean of each score over the labels that occur in the split or were given there, each counting the same.

    Args:
        split: the scored messages.
    """
    from sklearn.metrics import precision_recall_fscore_support

    found = precision_recall_fscore_support(split.labels, split.predicted, average="macro", zero_division=0)
    return Scores(*(float(value) for value in found[:3]))


def errors(split: "ScoredSplit", label: int) -> Errors:
    """The messages, counted by whether they have one label and were given it.

    Args:
        split: the scored messages, of which there may be none.
        label: the label's class index.
    """
    from sklearn.metrics import confusion_matrix

    if not len(split):
        return Errors(0, 0, 0, 0)  # balancing may leave nothing out, and scikit-learn counts no empty split
    table = confusion_matrix(split.labels == label, split.predicted == label, labels=[False, True])
    return Errors(*table.ravel().tolist())


def log_loss(split: "ScoredSplit") -> float:
    """The mean negative logarithm of the probability of each message's own label.

    Args:
        split: the scored messages, at least one.
    """
    from sklearn import metrics

    columns = split.probabilities.shape[1]
    shares = split.probabilities / split.probabilities.sum(axis=1, keepdims=True)  # to 1 beyond a classifier's digits
    return float(metrics.log_loss(split.labels, shares, labels=range(columns)))
