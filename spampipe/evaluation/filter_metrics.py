"""The metrics that spam filters are compared by, of a cross-validation's answers: one entry of FILTER_METRICS each.

docs/metrics.md defines them and names where they come from.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from spampipe.core.errors import DataError
from spampipe.evaluation import intervals, ranking, weighted
from spampipe.evaluation.intervals import REPEATS, SEED, Interval, Weighed
from spampipe.evaluation.metric_types import FilterMetric
from spampipe.evaluation.out_of_fold import OutOfFold
from spampipe.evaluation.weighted import Rate, Weighted

if TYPE_CHECKING:
    from spampipe.data.labels import LabelSet

_COST = 50  # of a harmless message that is lost, where one of spam that is missed costs 1


def _percent(compute: Weighted) -> Weighted:
    return lambda found, weights: 100 * compute(found, weights)


FILTER_METRICS = (
    FilterMetric(
        name="false_negative_rate_at_fpr_0.001",
        says="The share of positives missed where at most 0.1 % of the negatives is lost, by the best threshold.",
        better="lower",
        given="positive label",
        compute=ranking.false_negative_rate_at(0.001),
    ),
    FilterMetric(
        name="false_negative_rate_at_fpr_0.005",
        says="The share of positives missed where at most 0.5 % of the negatives is lost, by the best threshold.",
        better="lower",
        given="positive label",
        compute=ranking.false_negative_rate_at(0.005),
    ),
    FilterMetric(
        name="false_positive_rate",
        says="The share of negatives that were given the positive label.",
        better="lower",
        given="positive label",
        compute=Rate(weighted.false_positives),
    ),
    FilterMetric(
        name="false_negative_rate",
        says="The share of positives that were given another label.",
        better="lower",
        given="positive label",
        compute=Rate(weighted.false_negatives),
    ),
    FilterMetric(
        name="one_minus_roc_auc_percent",
        says="How probable it is, in percent, that a negative is ranked above a positive.",
        better="lower",
        given="positive label",
        compute=_percent(ranking.one_minus_auc),
    ),
    FilterMetric(
        name="lam_percent",
        says="The logistic average, in percent, of the false positive and the false negative rate.",
        better="lower",
        given="positive label",
        compute=_percent(weighted.lam),
    ),
    FilterMetric(
        name="average_precision",
        says="The mean precision over the ranks of the positives.",
        better="higher",
        given="positive label",
        compute=ranking.average_precision,
    ),
    FilterMetric(
        name="total_cost_ratio_lambda_50",
        says="How many times more errors would cost without a filter, one lost negative as much as 50 missed "
        "positives; null without errors, where it is infinite.",
        better="higher",
        given="positive label",
        compute=weighted.total_cost_ratio(_COST),
    ),
    FilterMetric(
        name="precision",
        says="Of the messages that were given the positive label, the share that have it.",
        better="higher",
        given="positive label",
        compute=Rate(weighted.precise),
    ),
    FilterMetric(
        name="recall",
        says="Of the messages that have the positive label, the share that were given it.",
        better="higher",
        given="positive label",
        compute=Rate(weighted.recalled),
    ),
    FilterMetric(
        name="f1",
        says="The harmonic mean of `precision` and `recall`.",
        better="higher",
        given="positive label",
        compute=weighted.f1,
    ),
    FilterMetric(
        name="macro_f1",
        says="The mean of the labels' F1, each label counting the same.",
        better="higher",
        given="no positive label",
        compute=weighted.macro_f1,
    ),
    FilterMetric(
        name="accuracy",
        says="The share of messages that were given their own label.",
        better="higher",
        given="always",
        compute=Rate(weighted.right),
    ),
    FilterMetric(
        name="errors",
        says="How many messages were given another label than their own.",
        better="lower",
        given="always",
        compute=weighted.errors,
        has_interval=False,
    ),
    FilterMetric(
        name="brier_score",
        says="The mean squared error of the positive label's probability.",
        better="lower",
        given="positive label",
        compute=weighted.brier_of_positive,
    ),
    FilterMetric(
        name="brier_score",
        says="The mean squared error of the probabilities, added up over the labels.",
        better="lower",
        given="no positive label",
        compute=weighted.brier_of_all,
    ),
    FilterMetric(
        name="log_loss",
        says="The mean negative logarithm of the probability of each message's own label.",
        better="lower",
        given="always",
        compute=weighted.log_loss,
    ),
    FilterMetric(
        name="expected_calibration_error",
        says="How far the positive label's probability is from the share of positives, on average over 15 bins.",
        better="lower",
        given="positive label",
        compute=weighted.calibration_error_of_positive,
    ),
    FilterMetric(
        name="expected_calibration_error",
        says="How far the highest probability is from the share of right answers, on average over 15 bins.",
        better="lower",
        given="no positive label",
        compute=weighted.calibration_error_of_top,
    ),
)


def of_labels(labels: "LabelSet") -> dict[str, FilterMetric]:
    """The metrics that answers with a label set have, by their names, in the order of the table.

    Args:
        labels: the label set.
    """
    return {metric.name: metric for metric in FILTER_METRICS if metric.is_of(labels)}


def compute(found: OutOfFold, *, seed: int = SEED, repeats: int = REPEATS) -> dict[str, Interval]:
    """All metrics of the answers, with 95 % intervals.

    Args:
        found: the answers, at least one.
        seed: of the bootstrap.
        repeats: how many times groups are drawn for it.

    Returns:
        In the order of the table; a value that is not defined, or infinite, is None.

    Raises:
        DataError: there are no answers.
    """
    metrics = of_labels(found.label_set)
    values = weighed(found, metrics.values())(np.ones((1, len(found))))[0].tolist()
    drawn = intervals.bootstrap(weighed(found, metrics.values()), found.groups, seed, repeats)
    shown = {}
    for place, (name, metric) in enumerate(metrics.items()):
        if isinstance(metric.compute, Rate):
            shown[name] = intervals.wilson(*metric.compute.counts(found))
        else:
            every = drawn[:, place] if metric.has_interval else drawn[:0, place]
            shown[name] = intervals.percentile(values[place], every)
    return shown


def value(found: OutOfFold, metric: FilterMetric) -> float:
    """One metric of the answers; not a number, or infinite, where it is not defined.

    Args:
        found: the answers, at least one.
        metric: one that the label set has.

    Raises:
        DataError: there are no answers.
    """
    return float(weighed(found, [metric])(np.ones((1, len(found))))[0, 0])


def weighed(found: OutOfFold, metrics: Iterable[FilterMetric]) -> Weighed:
    """Metrics as the bootstrap computes them.

    Args:
        found: the answers.
        metrics: M of them, which the label set has.

    Returns:
        From (B, N) weights to (B, M) values.

    Raises:
        DataError: there are no answers.
    """
    if not len(found):
        raise DataError("there are no answers to compute metrics of; score some messages first")
    chosen = list(metrics)
    return lambda weights: np.column_stack([metric.compute(found, weights) for metric in chosen])
