"""Figures of the order in which scores put messages, at no threshold or at any; weights are as in `weighted`.

Messages are ranked by the log-odds of the positive label, which differ where probabilities are rounded to 1. Those
with the same score stand or fall together.
"""

import numpy as np

from spampipe.evaluation.intervals import Floats
from spampipe.evaluation.out_of_fold import OutOfFold
from spampipe.evaluation.weighted import Weighted, positives

_ROUNDING = 1e-9  # messages; weights are whole numbers


def one_minus_auc(found: OutOfFold, weights: Floats) -> Floats:
    """The probability that a negative has a higher score than a positive; the same score counts half.

    Args:
        found: answers with a label set that has a positive label.
        weights: (B, N).

    Returns:
        (B,); not a number where one of the two is missing.
    """
    hits, alarms = _reached(found, weights)
    new = np.diff(hits, axis=1, prepend=0)
    inverted = (new * (alarms - np.diff(alarms, axis=1, prepend=0) / 2)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(inverted / (hits[:, -1] * alarms[:, -1]))


def average_precision(found: OutOfFold, weights: Floats) -> Floats:
    """The mean of the precisions at the scores of the positives.

    Args:
        found: answers with a label set that has a positive label.
        weights: (B, N).

    Returns:
        (B,); not a number where there is no positive.
    """
    hits, alarms = _reached(found, weights)
    new = np.diff(hits, axis=1, prepend=0)
    precision = np.divide(hits, hits + alarms, out=np.zeros_like(hits), where=hits + alarms > 0)
    with np.errstate(invalid="ignore"):
        return np.asarray((new * precision).sum(axis=1) / hits[:, -1])


def false_negative_rate_at(limit: float) -> Weighted:
    """The share of positives that are missed where no more than a share of the negatives is lost.

    The threshold is chosen on the same messages: the lowest score at which no more are lost, which is a point of the
    ROC curve; nothing is interpolated.

    Args:
        limit: the share.
    """

    def rate(found: OutOfFold, weights: Floats) -> Floats:
        hits, alarms = _reached(found, weights)
        allowed = alarms <= limit * alarms[:, -1:] + _ROUNDING
        caught = np.max(np.where(allowed, hits, 0), axis=1, initial=0)
        with np.errstate(invalid="ignore"):
            missed = 1 - caught / hits[:, -1]
        return np.where(alarms[:, -1] > 0, missed, np.nan)

    return rate


def _reached(found: OutOfFold, weights: Floats) -> tuple[Floats, Floats]:
    """(B, U) the weight of positives, and of negatives, from each of U scores on, from the highest score down."""
    actual, _ = positives(found)
    distinct, place = np.unique(-found.scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(distinct)))
    ranked, hit = weights[:, order], actual[order]
    sums = (np.add.reduceat(ranked * kind, starts, axis=1).cumsum(axis=1) for kind in (hit, ~hit))
    hits, alarms = sums
    return hits, alarms
