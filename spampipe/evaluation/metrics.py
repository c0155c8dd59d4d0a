"""The metrics that results are compared by: one entry of METRICS is all that a further one needs.

Importing this module takes no time, since params.py needs the names before any work.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from spampipe.evaluation import scores
from spampipe.evaluation.metric_types import (
    COUNT_TOLERANCE,
    EXACT,
    LOSS_TOLERANCE,
    SHARE_TOLERANCE,
    Better,
    Metric,
    Quantity,
    Value,
)

if TYPE_CHECKING:
    from spampipe.data.labels import LabelSet
    from spampipe.evaluation.scored import Evaluation

METRICS = (
    Metric(
        name="test_accuracy",
        says="The share of the test messages that were given their own label.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="always",
        compute=lambda found: scores.accuracy(found.test),
    ),
    Metric(
        name="test_precision",
        says="Of the test messages that were given the positive label, the share that have it.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="positive label",
        compute=lambda found: scores.of_label(found.test, found.positive).precision,
    ),
    Metric(
        name="test_recall",
        says="Of the test messages that have the positive label, the share that were given it.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="positive label",
        compute=lambda found: scores.of_label(found.test, found.positive).recall,
    ),
    Metric(
        name="test_f1",
        says="The harmonic mean of `test_precision` and `test_recall`.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="positive label",
        compute=lambda found: scores.of_label(found.test, found.positive).f1,
    ),
    Metric(
        name="test_macro_precision",
        says="The mean of the labels' precision on the test messages, each label counting the same.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="no positive label",
        compute=lambda found: scores.macro(found.test).precision,
    ),
    Metric(
        name="test_macro_recall",
        says="The mean of the labels' recall on the test messages, each label counting the same.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="no positive label",
        compute=lambda found: scores.macro(found.test).recall,
    ),
    Metric(
        name="test_macro_f1",
        says="The mean of the labels' F1 on the test messages, each label counting the same.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="no positive label",
        compute=lambda found: scores.macro(found.test).f1,
    ),
    Metric(
        name="test_precision_{label}",
        says="Of the test messages that were given this label, the share that have it.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="no positive label",
        compute=lambda found: [score.precision for score in scores.of_each_label(found.test)],
    ),
    Metric(
        name="test_recall_{label}",
        says="Of the test messages that have this label, the share that were given it.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="no positive label",
        compute=lambda found: [score.recall for score in scores.of_each_label(found.test)],
    ),
    Metric(
        name="test_f1_{label}",
        says="The harmonic mean of this label's precision and recall.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="no positive label",
        compute=lambda found: [score.f1 for score in scores.of_each_label(found.test)],
    ),
    Metric(
        name="test_log_loss",
        says="The mean negative logarithm of the probability of each test message's own label.",
        better="lower",
        tolerance=LOSS_TOLERANCE,
        given="no positive label",
        compute=lambda found: scores.log_loss(found.test),
    ),
    Metric(
        name="test_false_positives",
        says="Test messages that were given the positive label and have another.",
        better="lower",
        tolerance=COUNT_TOLERANCE,
        given="positive label",
        compute=lambda found: scores.errors(found.test, found.positive).false_positives,
    ),
    Metric(
        name="test_false_negatives",
        says="Test messages that have the positive label and were given another.",
        better="lower",
        tolerance=COUNT_TOLERANCE,
        given="positive label",
        compute=lambda found: scores.errors(found.test, found.positive).false_negatives,
    ),
    Metric(
        name="test_unseen_messages",
        says="Test messages whose text is in neither the training nor the validation messages.",
        better="",
        tolerance=EXACT,
        given="always",
        compute=lambda found: len(found.unseen()),
    ),
    Metric(
        name="test_accuracy_unseen",
        says="`test_accuracy` on the `test_unseen_messages` alone.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="always",
        compute=lambda found: scores.accuracy(found.unseen()),
    ),
    Metric(
        name="validation_accuracy",
        says="The share of the validation messages that were given their own label; settings are chosen by it.",
        better="higher",
        tolerance=SHARE_TOLERANCE,
        given="always",
        compute=lambda found: scores.accuracy(found.splits["validation"]),
    ),
    Metric(
        name="leftover_false_positive_rate",
        says="Of the messages of other labels that balancing left out, the share that were given the positive label.",
        better="lower",
        tolerance=SHARE_TOLERANCE,
        given="positive label",
        compute=lambda found: scores.errors(found.splits["leftover"], found.positive).false_positive_rate,
    ),
)

# What training writes into its own metrics.json, besides a validation_accuracy.
TRAINING = (
    Quantity("train_loss", "The last estimate of the loss on training messages.", "lower", LOSS_TOLERANCE),
    Quantity("validation_loss", "The last estimate of the loss on validation messages.", "lower", LOSS_TOLERANCE),
    Quantity("train_accuracy", "The share of the training messages labelled right.", "higher", SHARE_TOLERANCE),
    Quantity("steps", "How many batches were trained on.", "", EXACT),
    Quantity("examples_seen", "How many messages were trained on, counted each time.", "", EXACT),
)

NAMES = tuple(metric.name for metric in METRICS)
DESCRIPTIONS: Mapping[str, str] = {metric.name: metric.says for metric in METRICS}


def compute(found: "Evaluation") -> dict[str, Value]:
    """What reports/evaluate/metrics.json holds: the metrics that the label set has, in the order of the table.

    Args:
        found: the scored messages of all splits.
    """
    values: dict[str, Value] = {}
    for metric in METRICS:
        if metric.is_of(found.labels):
            values |= metric.values(found)
    return values


def described(labels: "LabelSet") -> dict[str, str]:
    """What each metric that a label set has says, by name; `{label}` in a name stands for each label.

    Args:
        labels: the label set.
    """
    return {metric.name: metric.says for metric in METRICS if metric.is_of(labels)}


def is_metric(name: str) -> bool:
    """Whether an evaluation of some label set has a metric of this name.

    Args:
        name: the name to look for, with a label's name where METRICS has `{label}`.
    """
    return any(metric.is_called(name) for metric in METRICS)


def better(name: str) -> Better:
    """Which values are better of a metric or what training writes; empty if neither, or if the name is unknown.

    Args:
        name: the name of one number, with a label's name where METRICS has `{label}`.
    """
    found = _quantity(name)
    return found.better if found else ""


def tolerance(name: str) -> float:
    """How far a metric, or what training writes, may be off on another machine; 0 if the name is unknown.

    Args:
        name: the name of one number, with a label's name where METRICS has `{label}`.
    """
    found = _quantity(name)
    return found.tolerance if found else EXACT


def _quantity(name: str) -> Quantity | None:
    return next((entry for entry in (*METRICS, *TRAINING) if entry.is_called(name)), None)
