"""The figures of labelled texts, with scikit-learn as the judge."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.data.labels import LabelSet
from spampipe.evaluation import reports
from spampipe.evaluation.intervals import Interval
from spampipe.exams import measures
from tests.support.label_sets import THREE, TWO
from tests.support.scored import Rows, scored


def rows_of(labels: LabelSet) -> st.SearchStrategy[Rows]:
    index = st.integers(0, len(labels) - 1)
    return st.lists(st.tuples(st.text(min_size=1), index, index), min_size=1, max_size=40)


def values(rows: Rows, labels: LabelSet) -> dict[str, float | int | None]:
    return measures.flat(measures.measure(scored(rows, labels), labels))


@settings(max_examples=25)
@given(rows_of(TWO))
def test_two_labels_are_measured_as_scikit_learn_does(rows: Rows) -> None:
    actual, given_label = [row[1] for row in rows], [row[2] for row in rows]
    found = values(rows, TWO)
    assert found["messages"] == len(rows)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(actual, given_label))
    negatives = [label for label, own in zip(given_label, actual, strict=True) if own == 0]
    expected = {
        "precision": metrics.precision_score(actual, given_label, zero_division=0)
        if 1 in actual and 1 in given_label
        else None,
        "recall": metrics.recall_score(actual, given_label, zero_division=0) if 1 in actual else None,
        "f1": metrics.f1_score(actual, given_label, zero_division=0) if 1 in actual else None,
        "false_positive_rate": sum(negatives) / len(negatives) if negatives else None,
    }
    for name, value in expected.items():
        assert found[name] == (None if value is None else pytest.approx(value)), name
    own = scored(rows, TWO).probabilities[np.arange(len(rows)), actual]
    assert found["log_loss"] == pytest.approx(float(-np.log(own).mean()))


@settings(max_examples=25)
@given(rows_of(THREE))
def test_without_a_positive_label_each_has_its_figures(rows: Rows) -> None:
    actual, predicted = [row[1] for row in rows], [row[2] for row in rows]
    found = values(rows, THREE)
    assert "false_positive_rate" not in found and "recall" not in found
    each = metrics.recall_score(actual, predicted, labels=range(3), average=None, zero_division=0)
    for index, name in enumerate(THREE.names):
        assert found[f"recall_{name}"] == (pytest.approx(each[index]) if index in actual else None)
    macro = metrics.f1_score(actual, predicted, average="macro", zero_division=0)
    assert found["macro_f1"] == pytest.approx(macro)


@given(st.integers(1, 500), st.data())
def test_the_interval_of_a_share_holds_it(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total))
    found = measures.share(count, total)
    assert isinstance(found, Interval)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert measures.share(0, 0) is None


def test_a_file_without_a_label_lacks_only_the_figures_that_need_it() -> None:
    found = values([("a", 0, 0), ("b", 0, 1)], TWO)
    assert {name for name, value in found.items() if value is None} == {"precision", "recall", "f1"}
    assert (found["accuracy"], found["false_positive_rate"]) == (0.5, 0.5)
    found = values([("a", 1, 0)], TWO)
    assert {name for name, value in found.items() if value is None} == {"precision", "false_positive_rate"}


@pytest.mark.parametrize("labels", [TWO, THREE, LabelSet(names=("spam", "ham"), positive="spam")], ids=str)
def test_the_test_splits_figures_are_those_of_its_predictions(labels: LabelSet, tmp_path: Path) -> None:
    last = len(labels) - 1
    split = scored([("a", 0, 0), ("b", last, last), ("c", 1, 0), ("d", 0, 1)], labels)
    other = scored([("e", 0, 1)], labels)
    path = tmp_path / "predictions.csv"
    assert measures.of_test_split(path, labels) == {}
    both = [reports.predictions("train", other, labels), reports.predictions("test", split, labels)]
    files.write_csv(path, pd.concat(both))
    found, expected = measures.of_test_split(path, labels), measures.measure(split, labels)
    assert measures.flat(found) == pytest.approx(measures.flat(expected))
    files.write_csv(path, both[0])
    assert measures.of_test_split(path, labels) == {}


def test_predictions_of_other_labels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    split = scored([("a", 0, 0)], TWO)
    files.write_csv(path, reports.predictions("test", split, TWO))
    with pytest.raises(DataError, match="other labels than the model's; run `dvc repro evaluate`"):
        measures.of_test_split(path, LabelSet(names=("no", "yes"), positive="yes"))
