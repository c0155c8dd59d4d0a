"""The metrics of a cross-validation's answers, with scikit-learn as the judge."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics as judge
from sklearn.calibration import calibration_curve

from spampipe.core.errors import DataError
from spampipe.evaluation import filter_metrics, intervals, reliability
from spampipe.evaluation.filter_metrics import FILTER_METRICS
from spampipe.evaluation.out_of_fold import OutOfFold
from tests.support.cross_validated import answers, any_answers, noisy
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT

weight_lists = st.lists(st.integers(0, 3), min_size=43, max_size=43)
LIMITS = (0.001, 0.005)


def values_of(found: OutOfFold, weights: np.ndarray | None = None) -> dict[str, float]:
    """Each metric's value; not a number where it is not defined."""
    chosen = filter_metrics.of_labels(found.label_set)
    row = np.ones(len(found)) if weights is None else weights
    return dict(zip(chosen, filter_metrics.weighed(found, chosen.values())(row[None])[0].tolist(), strict=True))


def repeated(found: OutOfFold, weights: np.ndarray) -> OutOfFold:
    """Each message as often as its weight says."""
    again = np.repeat(np.arange(len(found)), weights)
    columns = (found.rows, found.folds, found.groups, found.labels, found.predicted, found.probabilities)
    return OutOfFold(found.label_set, *(column[again] for column in columns))


@given(any_answers(TWO))
def test_metrics_of_a_positive_label_are_scikit_learns(found: OutOfFold) -> None:
    values = values_of(found)
    actual, given_label, probability = found.labels, found.predicted, found.probabilities[:, 1]
    expected = {
        "one_minus_roc_auc_percent": 100 * (1 - judge.roc_auc_score(actual, found.scores)),
        "average_precision": judge.average_precision_score(actual, found.scores),
        "recall": judge.recall_score(actual, given_label),
        "f1": judge.f1_score(actual, given_label, zero_division=0),
        "accuracy": judge.accuracy_score(actual, given_label),
        "errors": judge.accuracy_score(actual, given_label, normalize=False) * -1 + len(found),
        "brier_score": judge.brier_score_loss(actual, probability),
        "log_loss": judge.log_loss(actual, found.probabilities, labels=[0, 1]),
        "false_positive_rate": 1 - judge.recall_score(actual, given_label, pos_label=0),
        "false_negative_rate": 1 - judge.recall_score(actual, given_label),
    }
    if given_label.any():
        expected["precision"] = judge.precision_score(actual, given_label)
    assert {name: values[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    false_rates, true_rates, _ = judge.roc_curve(actual, found.scores, drop_intermediate=False)
    for limit in LIMITS:
        missed = 1 - true_rates[false_rates <= limit].max()
        assert values[f"false_negative_rate_at_fpr_{limit}"] == pytest.approx(missed, abs=1e-9)


@given(any_answers(THREE))
def test_metrics_of_labels_without_a_positive_one_are_scikit_learns(found: OutOfFold) -> None:
    values = values_of(found)
    assert values == pytest.approx(
        {
            "macro_f1": judge.f1_score(found.labels, found.predicted, average="macro", zero_division=0),
            "accuracy": judge.accuracy_score(found.labels, found.predicted),
            "errors": float((found.labels != found.predicted).sum()),
            "brier_score": judge.brier_score_loss(found.labels, found.probabilities, labels=[0, 1, 2]),
            "log_loss": judge.log_loss(found.labels, found.probabilities, labels=[0, 1, 2]),
            "expected_calibration_error": values["expected_calibration_error"],
        },
        abs=1e-9,
    )


@given(any_answers(TWO) | any_answers(THREE), weight_lists)
def test_a_weight_counts_as_so_many_copies(found: OutOfFold, weights: list[int]) -> None:
    given_weights = np.array(weights[: len(found)])
    copies = repeated(found, given_weights)
    assume(set(copies.labels) == set(found.labels))
    assert values_of(found, given_weights.astype(float)) == pytest.approx(values_of(copies), abs=1e-9, nan_ok=True)


@given(any_answers(TWO))
def test_the_calibration_error_is_the_mean_of_scikit_learns_bins(found: OutOfFold) -> None:
    probability = found.probabilities[:, 1]
    shares, means = calibration_curve(found.labels, probability, n_bins=15, strategy="uniform")
    table = reliability.table(found)
    assert table["share"].tolist() == pytest.approx(shares.tolist())
    assert table["mean_probability"].tolist() == pytest.approx(means.tolist())
    assert table["count"].sum() == len(found)
    far = ((table["share"] - table["mean_probability"]).abs() * table["count"]).sum() / len(found)
    assert values_of(found)["expected_calibration_error"] == pytest.approx(far, abs=1e-12)


def test_the_calibration_error_of_the_highest_probability() -> None:
    found = noisy(90, 0, label_set=THREE)
    table = reliability.table(found)
    right = judge.accuracy_score(found.labels, found.probabilities.argmax(axis=1))
    assert (table["share"] * table["count"]).sum() / 90 == pytest.approx(right)
    far = ((table["share"] - table["mean_probability"]).abs() * table["count"]).sum() / 90
    assert values_of(found)["expected_calibration_error"] == pytest.approx(far)
    assert table["bin"].between(5, 15).all()  # the highest of three is a third at least


def test_rates_at_a_limit_are_counted_by_hand() -> None:
    """Of 1,000 negatives one may be lost at 0.001, and five at 0.005; the same score is lost or kept together."""
    ranks = [9.0, 8.0, 7.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0]  # from the top
    labels = [1, 0, 1, 0, 1, 0, 0, 0, 1]
    scores = np.array([*ranks, *[-1.0] * 995])
    found = answers(TWO, [*labels, *[0] * 995], np.stack([-scores, scores], axis=1) / 2)
    values = values_of(found)
    assert (found.labels == 0).sum() == 1000
    assert values["false_negative_rate_at_fpr_0.001"] == 0.75  # with 7.0, a second one would be lost
    assert values["false_negative_rate_at_fpr_0.005"] == 0.0


def test_scores_tell_messages_apart_where_probabilities_are_1() -> None:
    probabilities = np.array([[1e-20, 1.0], [1e-18, 1.0], [1.0, 1e-9]])
    labels = np.array([1, 0, 0])
    found = OutOfFold(TWO, np.arange(3), np.zeros(3, int), np.arange(3), labels, np.array([1, 1, 0]), probabilities)
    assert values_of(found)["one_minus_roc_auc_percent"] == 0


def test_costs_and_the_logistic_average_by_their_formulas() -> None:
    scores = np.array([5.0, 5, 5, -5, 5, -5, -5, -5, -5, -5])
    found = answers(TWO, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0], np.stack([-scores, scores], axis=1) / 2)
    values = values_of(found)  # one of 6 negatives lost, one of 4 positives missed
    assert values["total_cost_ratio_lambda_50"] == pytest.approx(4 / (50 * 1 + 1))
    rates = [(1 + 0.5) / (6 + 1), (1 + 0.5) / (4 + 1)]
    mean = sum(math.log(rate / (1 - rate)) for rate in rates) / 2
    assert values["lam_percent"] == pytest.approx(100 / (1 + math.exp(-mean)))


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
def test_every_metric_has_a_line_and_most_an_interval(labels) -> None:
    found = noisy(300, 1, label_set=labels)
    shown = filter_metrics.compute(found, repeats=200)
    chosen = filter_metrics.of_labels(labels)
    assert list(shown) == list(chosen)
    values = values_of(found)
    for name, interval in shown.items():
        assert interval.value == pytest.approx(values[name])
        if name == "errors":
            assert (interval.low, interval.high) == (None, None)
        else:
            assert interval.low <= interval.high
            assert interval.low - 1e-9 <= interval.value <= interval.high + 1e-9 or "calibration" in name
    json.dumps({name: interval.as_json() for name, interval in shown.items()}, allow_nan=False)
    assert filter_metrics.compute(found, repeats=200) == shown
    if labels is TWO:
        wrong = int((found.predicted[found.labels == 0] == 1).sum())
        assert shown["false_positive_rate"] == intervals.wilson(wrong, 150)


def test_without_errors_the_cost_ratio_is_infinite_and_null() -> None:
    shown = filter_metrics.compute(noisy(60, 0, signal=20.0), repeats=50)
    assert shown["total_cost_ratio_lambda_50"] == intervals.Interval(None, None, None)
    assert shown["errors"].value == 0 and shown["lam_percent"].value > 0
    json.dumps({name: interval.as_json() for name, interval in shown.items()}, allow_nan=False)


def test_what_messages_lack_is_not_defined() -> None:
    shown = filter_metrics.compute(answers(TWO, [0, 0], np.array([[2.0, 0.0], [1.0, 0.0]])), repeats=20)
    for name in ("recall", "false_negative_rate", "precision", "lam_percent", "average_precision", "f1"):
        assert shown[name].value is None, name
    for name in ("one_minus_roc_auc_percent", "false_negative_rate_at_fpr_0.001", "total_cost_ratio_lambda_50"):
        assert shown[name].value is None, name
    assert (shown["accuracy"].value, shown["false_positive_rate"].value) == (1.0, 0.0)
    with pytest.raises(DataError, match=r"^there are no answers to compute metrics of; [^\n]*$"):
        filter_metrics.compute(answers(TWO, [], np.zeros((0, 2))))


def test_the_page_about_metrics_defines_each() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    assert {metric.name for metric in FILTER_METRICS} <= set(re.findall(r"`(\w[\w.]*)`", page))
    for row in re.findall(r"^\| (`.*)\|$", page, re.MULTILINE):
        names, sides, _ = row.split("|", 2)
        better = [side.strip() for side in sides.split(",")]
        for place, name in enumerate(re.findall(r"`([^`]+)`", names)):
            (side,) = {metric.better for metric in FILTER_METRICS if metric.name == name}
            assert side == better[min(place, len(better) - 1)], name


def test_the_table_is_sound() -> None:
    for labels in (TWO, THREE):
        names = [metric.name for metric in FILTER_METRICS if metric.is_of(labels)]
        assert len(set(names)) == len(names)
    assert all(metric.says.endswith(".") and metric.better for metric in FILTER_METRICS)
