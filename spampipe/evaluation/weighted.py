"""Figures of messages that have weights, for many sets of weights at once.

A message of weight 2 counts as if it were there twice. What is `Weighted` takes the answers for N messages and (B, N)
weights, and returns (B,) figures: not a number where there is nothing to divide by.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spampipe.evaluation.intervals import Floats
from spampipe.evaluation.out_of_fold import OutOfFold

Mask = npt.NDArray[np.bool_]
Weighted = Callable[[OutOfFold, Floats], Floats]

BINS = 15
_SMOOTHING = 0.5  # errors that are added to those of each kind, and twice that to the messages


@dataclass(frozen=True)
class Rate:
    """The share of some messages that are of a kind.

    Attributes:
        kind: from answers to (N,) whether a message is of the kind, and (N,) whether it is one of those messages.
    """

    kind: Callable[[OutOfFold], tuple[Mask, Mask]]

    def __call__(self, found: OutOfFold, weights: Floats) -> Floats:
        """The share, by weight.

        Args:
            found: the answers.
            weights: (B, N).
        """
        wanted, among = self.kind(found)
        return _ratio(weights @ (wanted & among), weights @ among)

    def counts(self, found: OutOfFold) -> tuple[int, int]:
        """How many messages are of the kind, and of how many.

        Args:
            found: the answers.
        """
        wanted, among = self.kind(found)
        return int((wanted & among).sum()), int(among.sum())


def positives(found: OutOfFold) -> tuple[Mask, Mask]:
    """(N,) whether each message has the positive label, and (N,) whether it was given it.

    Args:
        found: answers with a label set that has a positive label.
    """
    positive = found.label_set.positive_index
    return found.labels == positive, found.predicted == positive


def false_positives(found: OutOfFold) -> tuple[Mask, Mask]:
    """(N,) whether each message was given the positive label, and (N,) whether it has another; of `Rate`."""
    actual, given = positives(found)
    return given, ~actual


def false_negatives(found: OutOfFold) -> tuple[Mask, Mask]:
    """(N,) whether each message was given another label, and (N,) whether it has the positive one; of `Rate`."""
    actual, given = positives(found)
    return ~given, actual


def precise(found: OutOfFold) -> tuple[Mask, Mask]:
    """(N,) whether each message has the positive label, and (N,) whether it was given it; of `Rate`."""
    return positives(found)


def recalled(found: OutOfFold) -> tuple[Mask, Mask]:
    """(N,) whether each message was given the positive label, and (N,) whether it has it; of `Rate`."""
    actual, given = positives(found)
    return given, actual


def right(found: OutOfFold) -> tuple[Mask, Mask]:
    """(N,) whether each message was given its own label, and (N,) yes; of `Rate`."""
    return found.right, np.ones(len(found), bool)


def errors(found: OutOfFold, weights: Floats) -> Floats:
    """How many messages were given another label than their own."""
    return np.asarray(weights @ ~found.right)


def f1(found: OutOfFold, weights: Floats) -> Floats:
    """The harmonic mean of precision and recall."""
    actual, given = positives(found)
    return _ratio(2 * (weights @ (actual & given)), weights @ actual.astype(float) + weights @ given.astype(float))


def macro_f1(found: OutOfFold, weights: Floats) -> Floats:
    """The mean F1 of the labels that messages have or were given."""
    each = []
    for label in range(len(found.label_set)):
        actual, given = found.labels == label, found.predicted == label
        both = weights @ actual.astype(float) + weights @ given.astype(float)
        each.append(_ratio(2 * (weights @ (actual & given)), both))
    scores = np.array(each)
    known = ~np.isnan(scores)
    return _ratio(np.nansum(scores, axis=0), known.sum(axis=0).astype(float))


def log_loss(found: OutOfFold, weights: Floats) -> Floats:
    """The mean negative logarithm of the probability of each message's own label."""
    shares = found.probabilities / found.probabilities.sum(axis=1, keepdims=True)
    own = np.maximum(shares[np.arange(len(found)), found.labels], np.finfo(np.float64).eps)
    return _mean(-np.log(own), weights)


def brier_of_positive(found: OutOfFold, weights: Floats) -> Floats:
    """The mean squared distance of the positive label's probability from 1 for positives, from 0 for others."""
    probabilities, actual = positive_of(found)
    return _mean((probabilities - actual) ** 2, weights)


def brier_of_all(found: OutOfFold, weights: Floats) -> Floats:
    """The mean over messages of the squared distances, added up over labels."""
    actual = np.eye(len(found.label_set))[found.labels]
    return _mean(((found.probabilities - actual) ** 2).sum(axis=1), weights)


def calibration_error_of_positive(found: OutOfFold, weights: Floats) -> Floats:
    """The mean distance, in bins, between the positive label's probability and the share of positives."""
    return _calibration_error(*positive_of(found), weights)


def calibration_error_of_top(found: OutOfFold, weights: Floats) -> Floats:
    """The mean distance, in bins, between the highest probability and the share of messages where it is right."""
    return _calibration_error(*top_of(found), weights)


def positive_of(found: OutOfFold) -> tuple[Floats, Mask]:
    """(N,) the positive label's probability, and (N,) whether the message has it.

    Args:
        found: answers with a label set that has a positive label.
    """
    actual, _ = positives(found)
    return found.probabilities[:, found.label_set.names.index(str(found.label_set.positive))], actual


def top_of(found: OutOfFold) -> tuple[Floats, Mask]:
    """(N,) the highest probability, and (N,) whether the message has its label.

    Args:
        found: the answers.
    """
    return found.probabilities.max(axis=1), found.probabilities.argmax(axis=1) == found.labels


def bins(probabilities: Floats) -> npt.NDArray[np.int64]:
    """(N,) the bin of each probability, from 0; bins are of equal width, each with its upper bound."""
    return np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probabilities)


def lam(found: OutOfFold, weights: Floats) -> Floats:
    """The logistic average of the two error rates, each with half an error of two kinds more."""
    actual, given = positives(found)
    log_odds = [
        np.log(weights @ (chosen & among) + _SMOOTHING) - np.log(weights @ (~chosen & among) + _SMOOTHING)
        for chosen, among in ((given, ~actual), (~given, actual))
    ]
    found_both = np.logical_and(*(weights @ among > 0 for among in (actual, ~actual)))
    return np.where(found_both, 1 / (1 + np.exp(-sum(log_odds) / 2)), np.nan)


def total_cost_ratio(cost: float) -> Weighted:
    """What errors would cost without a filter, as a multiple of what they cost with it; infinite without errors.

    Args:
        cost: of a false positive; that of a false negative is 1.
    """

    def ratio(found: OutOfFold, weights: Floats) -> Floats:
        actual, given = positives(found)
        lost, missed, every = (weights @ kind for kind in (given & ~actual, ~given & actual, actual))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(every > 0, every / (cost * lost + missed), np.nan)

    return ratio


def _calibration_error(probabilities: Floats, hits: Mask, weights: Floats) -> Floats:
    within = np.eye(BINS)[bins(probabilities)]
    return _ratio(np.abs((weights * (probabilities - hits)) @ within).sum(axis=1), weights.sum(axis=1))


def _mean(values: Floats, weights: Floats) -> Floats:
    return _ratio(weights @ values, weights.sum(axis=1))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=np.asarray(whole) > 0)
