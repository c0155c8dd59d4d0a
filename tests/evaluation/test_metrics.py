"""Metrics agree with scikit-learn, and the evaluation's summary with tables worked out by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle
from sklearn.exceptions import UndefinedMetricWarning

from spampipe.core.errors import DataError
from spampipe.evaluation import metrics, reports
from spampipe.evaluation.metric_names import EVALUATE_NAMES

OUTCOMES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=30)
# Few different probabilities besides any, so that ties are frequent.
PROBABILITIES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]) | st.floats(0, 1)
SCORED = st.lists(st.tuples(st.integers(0, 1), PROBABILITIES), min_size=1, max_size=30)


def _columns(rows, *kinds) -> list[np.ndarray]:
    return [np.array(column, dtype=kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]


@settings(deadline=None)
@given(OUTCOMES)
def test_scores_are_scikit_learns(rows):
    labels, predicted = _columns(rows, np.int64, np.int64)
    assert metrics.classification_metrics(labels, predicted) == pytest.approx(
        {
            "accuracy": oracle.accuracy_score(labels, predicted),
            "precision": oracle.precision_score(labels, predicted, zero_division=0),
            "recall": oracle.recall_score(labels, predicted, zero_division=0),
            "f1": oracle.f1_score(labels, predicted, zero_division=0),
        }
    )


@settings(deadline=None)
@given(OUTCOMES)
def test_error_counts_are_scikit_learns(rows):
    labels, predicted = _columns(rows, np.int64, np.int64)
    (true_negatives, false_positives), (false_negatives, true_positives) = oracle.confusion_matrix(
        labels, predicted, labels=[0, 1]
    ).tolist()

    negatives = true_negatives + false_positives
    expected_rate = false_positives / negatives if negatives else None
    assert metrics.false_positive_rate(labels, predicted) == expected_rate

    table = reports.confusion(pd.DataFrame({"label": labels, "predicted": predicted}))
    assert list(table.columns) == list(reports.CONFUSION_COLUMNS)
    assert table.value_counts().to_dict() == {
        names: count
        for names, count in {
            ("ham", "ham"): true_negatives,
            ("ham", "spam"): false_positives,
            ("spam", "ham"): false_negatives,
            ("spam", "spam"): true_positives,
        }.items()
        if count
    }


@settings(deadline=None)
@given(SCORED)
def test_receiver_operating_characteristic_is_scikit_learns(rows):
    labels, probabilities = _columns(rows, np.int64, np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        false_rates, true_rates, thresholds = oracle.roc_curve(labels, probabilities, drop_intermediate=False)
    ours = metrics.roc_points(labels, probabilities)
    assert np.isnan(ours["threshold"].iloc[0])
    np.testing.assert_array_equal(ours["threshold"].iloc[1:], thresholds[1:])
    # Where a class is absent its rate is undefined: scikit-learn says NaN, a file can only hold numbers.
    np.testing.assert_allclose(ours["false_positive_rate"], np.nan_to_num(false_rates))
    np.testing.assert_allclose(ours["true_positive_rate"], np.nan_to_num(true_rates))


@settings(deadline=None)
@given(SCORED.filter(lambda rows: any(label for label, _ in rows)))
def test_precision_and_recall_by_threshold_are_scikit_learns(rows):
    labels, probabilities = _columns(rows, np.int64, np.float64)
    precision, recall, thresholds = oracle.precision_recall_curve(labels, probabilities)
    ours = metrics.precision_recall_points(labels, probabilities).iloc[::-1]
    np.testing.assert_array_equal(ours["threshold"], thresholds)
    # scikit-learn closes the curve with a point without threshold, at recall 0.
    np.testing.assert_allclose(ours["precision"], precision[:-1])
    np.testing.assert_allclose(ours["recall"], recall[:-1])


def test_precision_and_recall_without_positives_are_zero():
    ours = metrics.precision_recall_points(np.array([0, 0]), np.array([0.2, 0.7]))
    assert ours.to_dict("list") == {"threshold": [0.7, 0.2], "recall": [0.0, 0.0], "precision": [0.0, 0.0]}
    assert list(ours.columns) == list(metrics.PRECISION_RECALL_COLUMNS)


def _predictions(*rows: tuple[str, int, int]) -> pd.DataFrame:
    """Rows of text, label and prediction."""
    table = pd.DataFrame(list(rows), columns=["text", "label", "predicted"])
    return table.astype({"text": "str", "label": "int64", "predicted": "int64"})


def test_summary_of_tables_worked_out_by_hand():
    predictions = {
        "train": _predictions(("a", 0, 0), ("b", 1, 1), ("c", 1, 0), ("d", 0, 1)),
        "validation": _predictions(("e", 1, 1), ("f", 0, 0)),
        "test": _predictions(
            *(("a", 0, 0), ("e", 1, 1)),  # seen in training, and in validation
            *(("g", 1, 1), ("h", 1, 0), ("i", 1, 0), ("j", 0, 1), ("j", 0, 0)),
        ),
        "leftover": _predictions(("g", 0, 1), ("k", 0, 0), ("l", 0, 0), ("m", 0, 0)),
    }
    table = reports.by_split(predictions)
    assert list(table.columns) == ["split", "messages", "accuracy", "precision", "recall", "f1"]
    by_hand = [[4, 2 / 4, 1 / 2, 1 / 2, 1 / 2], [2, 1, 1, 1, 1], [7, 4 / 7, 2 / 3, 2 / 4, 4 / 7]]
    np.testing.assert_allclose(table.drop(columns="split").to_numpy(), by_hand)
    assert table["split"].tolist() == ["train", "validation", "test"]
    summary = reports.summarize(predictions)
    assert tuple(summary) == EVALUATE_NAMES  # what params.yaml may set bounds for
    assert len(summary) <= 10  # a table of differences stays readable
    assert summary == pytest.approx(
        {
            "validation_accuracy": 1,
            "test_accuracy": 4 / 7,
            "test_precision": 2 / 3,
            "test_recall": 2 / 4,
            "test_f1": 4 / 7,
            "test_false_positives": 1,
            "test_false_negatives": 2,
            "test_unseen_messages": 5,
            "test_accuracy_unseen": 2 / 5,
            "leftover_false_positive_rate": 1 / 4,
        }
    )


def test_summary_has_no_figure_for_what_does_not_occur():
    """No test text is new, and balancing left nothing out."""
    seen = _predictions(("a", 0, 0), ("b", 1, 1))
    summary = reports.summarize({"train": seen, "validation": seen, "test": seen, "leftover": _predictions()})
    assert summary["test_unseen_messages"] == 0
    assert summary["test_accuracy_unseen"] is None
    assert summary["leftover_false_positive_rate"] is None


def test_leftover_rate_counts_ham_only():
    """Where ham is the rarer class, balancing leaves spam out, which cannot be a false positive."""
    seen = _predictions(("a", 0, 0), ("b", 1, 1))
    leftover = _predictions(("c", 1, 1), ("d", 1, 0))
    summary = reports.summarize({"train": seen, "validation": seen, "test": seen, "leftover": leftover})
    assert summary["leftover_false_positive_rate"] is None


MESSAGES = pd.DataFrame({"Label": [1, 0, 1], "Text": ["x", "y", "z"]}, index=[7, 3, 5])


@pytest.mark.parametrize(("threshold", "predicted"), [(0.5, [1, 0, 1]), (0.75, [0, 0, 1]), (0.1, [1, 1, 1])])
def test_probabilities_from_the_threshold_on_are_spam(threshold, predicted):
    table = reports.tabulate("test", MESSAGES, np.array([0.5, 0.1, 0.75]), threshold)
    assert {column: str(kind) for column, kind in table.dtypes.items()} == reports.PREDICTION_COLUMNS
    assert table.to_dict("list") == {
        "split": ["test"] * 3,
        "row": [0, 1, 2],
        "text": ["x", "y", "z"],
        "label": [1, 0, 1],
        "predicted": predicted,
        "probability": [0.5, 0.1, 0.75],
    }


@pytest.mark.parametrize("count", [0, 2, 4])
def test_probabilities_of_other_messages_are_refused(count):
    with pytest.raises(DataError, match=f"^test: 3 messages but {count} rows of tokens; run `dvc repro`"):
        reports.tabulate("test", MESSAGES, np.zeros(count), 0.5)


def test_no_messages_make_an_empty_table():
    table = reports.tabulate("leftover", MESSAGES[:0], np.zeros(0), 0.5)
    assert len(table) == 0
    assert list(table.columns) == list(reports.PREDICTION_COLUMNS)


def _mistaken_predictions() -> pd.DataFrame:
    messages = pd.DataFrame({"Label": [1, 0, 1, 0, 1], "Text": ["a", "b", "c", "d", "e"]})
    tables = [
        reports.tabulate(split, messages, np.array(probabilities), 0.4)
        for split, probabilities in (
            ("test", [0.3, 0.95, 0.9, 0.45, 0.02]),
            ("validation", [0.1, 0.1, 0.9, 0.1, 0.9]),
        )
    ]
    return pd.concat(tables, ignore_index=True)


def test_the_table_of_mistakes_names_labels():
    predictions = _mistaken_predictions()
    mistakes = reports.misclassified(predictions)
    assert list(mistakes.columns) == list(reports.PREDICTION_COLUMNS)
    assert mistakes[["split", "text", "label", "predicted"]].to_numpy().tolist() == [
        ["test", "a", "spam", "ham"],
        ["test", "b", "ham", "spam"],
        ["test", "d", "ham", "spam"],
        ["test", "e", "spam", "ham"],
        ["validation", "a", "spam", "ham"],
    ]
    assert list(reports.misclassified(predictions[:0]).columns) == list(reports.PREDICTION_COLUMNS)


def test_mistakes_are_sorted_by_how_sure_the_model_was():
    predictions = _mistaken_predictions()
    assert reports.confident_mistakes(predictions, "test")["text"].tolist() == ["e", "b", "a", "d"]
    assert reports.confident_mistakes(predictions, "validation")["text"].tolist() == ["a"]
    assert reports.confident_mistakes(predictions, "train").empty
