"""The curves beside what counting at every threshold gives, to the last bit."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc

from spampipe.data.labels import LabelSet
from spampipe.evaluation import curves
from spampipe.evaluation.scored import ScoredSplit
from tests.support.label_sets import TWO
from tests.support.scored import PETS

# Few different probabilities besides any, so that ties are frequent.
PROBABILITIES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]) | st.floats(0, 1)
SCORED = st.lists(st.tuples(st.integers(0, 1), PROBABILITIES), min_size=1, max_size=30)


def of_two(rows: list[tuple[int, float]]) -> ScoredSplit:
    """A split of rows of a label and the positive label's probability."""
    labels, positive = (np.array(column) for column in zip(*rows, strict=True))
    probabilities = np.column_stack([1 - positive, positive])
    return ScoredSplit(["text"] * len(rows), labels, probabilities, probabilities.argmax(axis=1))


def counts_by_threshold(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each distinct probability, falling: the positives and the negatives that reach it."""
    thresholds = np.array(sorted(set(probabilities.tolist()), reverse=True))
    reached = probabilities >= thresholds[:, None]
    return thresholds, (reached & (labels == 1)).sum(axis=1), (reached & (labels == 0)).sum(axis=1)


@given(SCORED)
def test_receiver_operating_characteristic_is_counted_at_every_threshold(rows):
    split = of_two(rows)
    thresholds, hits, alarms = counts_by_threshold(split.labels, split.probabilities[:, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # also where a class is absent
        found = curves.roc(split, TWO)
    positives, negatives = max((split.labels == 1).sum(), 1), max((split.labels == 0).sum(), 1)
    expected = {
        "threshold": [np.nan, *thresholds],
        "false_positive_rate": [0.0, *(alarms / negatives)],
        "true_positive_rate": [0.0, *(hits / positives)],
    }
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected), check_exact=True)


@given(SCORED)
def test_precision_and_recall_are_counted_at_every_threshold(rows):
    split = of_two(rows)
    thresholds, hits, alarms = counts_by_threshold(split.labels, split.probabilities[:, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = curves.precision_recall(split, TWO)
    recall = hits / max((split.labels == 1).sum(), 1)
    expected = {"threshold": thresholds, "recall": recall, "precision": hits / (hits + alarms)}
    pd.testing.assert_frame_equal(found.reset_index(drop=True), pd.DataFrame(expected), check_exact=True)


def test_precision_and_recall_without_positives_are_zero():
    found = curves.precision_recall(of_two([(0, 0.2), (0, 0.7)]), TWO)
    assert found.to_dict("list") == {"threshold": [0.7, 0.2], "recall": [0.0, 0.0], "precision": [0.0, 0.0]}
    assert list(found.columns) == list(curves.precision_recall_columns(TWO))


@pytest.mark.parametrize("draw", [curves.roc, curves.precision_recall])
def test_labels_of_which_none_is_positive_have_a_curve_each(draw):
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]])
    split = ScoredSplit(list("abcd"), np.array([0, 1, 2, 0]), probabilities, probabilities.argmax(axis=1))
    found = draw(split, PETS)
    assert found.columns[0] == "label"
    assert found["label"].drop_duplicates().tolist() == list(PETS.names)
    for index, name in enumerate(PETS.names):
        rows = [
            (int(label == index), share) for label, share in zip(split.labels, probabilities[:, index], strict=True)
        ]
        alone = found[found["label"] == name].drop(columns="label")
        every = draw(of_two(rows), TWO)
        assert alone.iloc[[0, -1]].to_numpy().tolist()[1:] == every.iloc[[0, -1]].to_numpy().tolist()[1:]
        assert len(alone.merge(every)) == len(alone)
    if draw is curves.precision_recall:
        assert {name: str(kind) for name, kind in found.dtypes.items()} == curves.precision_recall_columns(PETS)


MANY = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=2, max_size=60)


@given(MANY)
def test_of_several_labels_the_corners_draw_the_same_curves(rows):
    labels, shares = (np.array(column) for column in zip(*rows, strict=True))
    split = ScoredSplit(["text"] * len(rows), labels, np.column_stack([20 - shares, shares]) / 20, labels)
    none, positive = LabelSet(names=("a", "b"), positive=None), LabelSet(names=("a", "b"), positive="b")
    few, every = (curves.roc(split, known) for known in (none, positive))
    few = few[few["label"] == "b"]
    area = [auc(table["false_positive_rate"], table["true_positive_rate"]) for table in (few, every)]
    assert len(few) <= len(every) and area[0] == pytest.approx(area[1])
    few, every = (curves.precision_recall(split, known) for known in (none, positive))
    few = few[few["label"] == "b"]
    bounds = [table.groupby("recall")["precision"].agg(["min", "max"]) for table in (few, every)]
    pd.testing.assert_frame_equal(*bounds)


def test_a_positive_label_among_three_has_one_curve():
    labels = LabelSet(names=PETS.names, positive="dog")
    split = ScoredSplit(["a", "b"], np.array([1, 2]), np.array([[0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]), np.array([1, 2]))
    assert curves.roc(split, labels)["true_positive_rate"].tolist() == [0.0, 1.0, 1.0]
    assert "label" not in curves.precision_recall(split, labels)
