"""What contenders' answers are worth: metrics with intervals, and whether a difference from the reference is real."""

from collections.abc import Mapping, Sequence
from typing import Any

from spampipe.data.labels import LabelSet
from spampipe.evaluation import filter_metrics, paired
from spampipe.evaluation.out_of_fold import OutOfFold

MCNEMAR = "mcnemar"
_COMPARED = {  # by whether the label set has a positive label
    True: ("false_negative_rate_at_fpr_0.001", "false_negative_rate_at_fpr_0.005", "f1", "average_precision"),
    False: ("accuracy", "macro_f1", "log_loss"),
}


def metrics(found: OutOfFold) -> dict[str, dict[str, float | None]]:
    """All metrics of one contender, each with the bounds of its interval.

    Args:
        found: its answers.
    """
    return {name: interval.as_json() for name, interval in filter_metrics.compute(found).items()}


def compared(labels: LabelSet) -> tuple[str, ...]:
    """The metrics that contenders are compared by.

    Args:
        labels: the label set of the messages.
    """
    return _COMPARED[labels.positive is not None]


def comparisons(
    answers: Mapping[str, OutOfFold], reference: str, names: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """How every other contender differs from one of them.

    Args:
        answers: of each contender, for the same messages.
        reference: the one that the others are compared with.
        names: metrics to compare by; None for those of `compared`.

    Returns:
        For each of the others `value`, `low`, `high`, `p_value` and `corrected` (by Holm, over the contenders) of
        every metric, and the p-values of McNemar's test; its value is the number of messages more that the contender
        labels right.

    Raises:
        DataError: the answers are for other messages, or the label set has no such metric.
    """
    first = answers[reference]
    names = compared(first.label_set) if names is None else names
    found: dict[str, dict[str, Any]] = {}
    for other, second in answers.items():
        if other == reference:
            continue
        differences = paired.differences(first, second, names)
        found[other] = {
            name: {**each.interval.as_json(), "p_value": each.p_value} for name, each in differences.items()
        }
        more = int(second.right.sum()) - int(first.right.sum())
        found[other][MCNEMAR] = {"value": more, "p_value": paired.mcnemar(first, second)}
    for name in (*names, MCNEMAR):
        p_values = {other: rows[name]["p_value"] for other, rows in found.items()}
        corrected = paired.holm({other: value for other, value in p_values.items() if value is not None})
        for other, rows in found.items():
            rows[name]["corrected"] = corrected.get(other)
    return found
