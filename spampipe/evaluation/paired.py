"""Which of several models is better, on the same messages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from spampipe.core.errors import DataError
from spampipe.core.hints import closest
from spampipe.evaluation import filter_metrics, intervals, significance
from spampipe.evaluation.intervals import REPEATS, SEED, Interval
from spampipe.evaluation.out_of_fold import OutOfFold


@dataclass(frozen=True)
class Difference:
    """How much more one model has of a metric than another.

    Attributes:
        interval: the second model's value less the first's, with its 95 % interval.
        p_value: the probability of a difference at least as far from 0, on either side, if there was none; None if
            the difference is not defined.
    """

    interval: Interval
    p_value: float | None


def mcnemar(first: OutOfFold, second: OutOfFold) -> float:
    """McNemar's exact test, two-sided, of which messages each model labels right.

    Args:
        first: one model's answers.
        second: another's, for the same messages.

    Raises:
        DataError: they are for other messages.
    """
    _require_same(first, second)
    one, other = first.right, second.right
    return min(1.0, 2 * min(significance.paired(one, other), significance.paired(other, one)))


def differences(
    first: OutOfFold,
    second: OutOfFold,
    metrics: Iterable[str] | None = None,
    *,
    seed: int = SEED,
    repeats: int = REPEATS,
) -> dict[str, Difference]:
    """How metrics differ, by the paired bootstrap over groups: both models are weighed by the same drawings.

    The p-value is twice the smaller share of drawings in which the difference is at most, or at least, 0; one drawing
    of either kind is added (Davison and Hinkley 1997), so that it is never 0.

    Args:
        first: one model's answers.
        second: another's, for the same messages.
        metrics: names of FILTER_METRICS that the label set has; None for all.
        seed: of the bootstrap.
        repeats: how many drawings.

    Returns:
        By the metrics' names.

    Raises:
        DataError: the answers are for other messages, or the label set has no such metric.
    """
    _require_same(first, second)
    known = filter_metrics.of_labels(first.label_set)
    names = list(known if metrics is None else metrics)
    for name in names:
        if name not in known:
            raise DataError(f"{name}: no metric of these labels; {closest(name, known)}")
    chosen = [known[name] for name in names]
    one, other = (filter_metrics.weighed(each, chosen) for each in (first, second))

    def difference(weights: intervals.Floats) -> intervals.Floats:
        with np.errstate(invalid="ignore"):  # of two that are infinite
            return other(weights) - one(weights)

    values = difference(np.ones((1, len(first))))[0].tolist()
    drawn = intervals.bootstrap(difference, first.groups, seed, repeats)
    return {
        name: Difference(intervals.percentile(value, column), _p_value(column))
        for name, value, column in zip(names, values, drawn.T, strict=True)
    }


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's correction (1979) of several tests: each p-value such that one mistake among all is as rare as it says.

    Args:
        p_values: by the tests' names.

    Returns:
        Corrected ones by the same names, in their order.
    """
    corrected: dict[str, float] = {}
    least = 0.0
    for place, (name, value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        least = max(least, min(1.0, (len(p_values) - place) * value))
        corrected[name] = least
    return {name: corrected[name] for name in p_values}


def _p_value(drawn: intervals.Floats) -> float | None:
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return None
    smaller = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (smaller + 1) / (len(known) + 1))


def _require_same(first: OutOfFold, second: OutOfFold) -> None:
    if first.label_set != second.label_set:
        raise DataError("the two models have different label sets; compare models of the same data set")
    for name in ("rows", "labels", "groups"):
        if not np.array_equal(getattr(first, name), getattr(second, name)):
            raise DataError(f"the two models differ in the {name} of the messages; score both on the same messages")
