"""The table of metrics: its values beside what plain counting gives, for two labels and for more."""

import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.data.labels import LabelSet
from spampipe.evaluation import metrics, reports, scores
from spampipe.evaluation.metric_types import COUNT_TOLERANCE, LOSS_TOLERANCE, SHARE_TOLERANCE, label_keys
from spampipe.evaluation.scored import Evaluation, ScoredSplit
from tests.support.label_sets import TWO
from tests.support.project import ROOT
from tests.support.scored import PETS, evaluation, scored

OUTCOMES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=30)
THREE_OUTCOMES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30)

# What `spampipe check` and readers of metrics.json know for two labels one of which is positive.
NAMES_WITH_POSITIVE = (
    "test_accuracy",
    "test_precision",
    "test_recall",
    "test_f1",
    "test_false_positives",
    "test_false_negatives",
    "test_unseen_messages",
    "test_accuracy_unseen",
    "validation_accuracy",
    "leftover_false_positive_rate",
)


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def outcome(rows: list[tuple[int, int]], labels: LabelSet) -> ScoredSplit:
    return scored([("text", label, predicted) for label, predicted in rows], labels)


@given(OUTCOMES)
def test_scores_are_shares_of_counts(rows):
    true_positives = rows.count((1, 1))
    positives, given_positive = sum(label for label, _ in rows), sum(predicted for _, predicted in rows)
    split = outcome(rows, TWO)
    assert scores.accuracy(split) == share(sum(label == predicted for label, predicted in rows), len(rows))
    assert scores.of_label(split, 1) == scores.Scores(  # to the last bit, which metrics.json shows
        precision=share(true_positives, given_positive),
        recall=share(true_positives, positives),
        f1=share(2 * true_positives, positives + given_positive),
    )


@given(OUTCOMES)
def test_errors_are_counted(rows):
    split = outcome(rows, TWO)
    found = scores.errors(split, 1)
    assert found == scores.Errors(*(rows.count(pair) for pair in ((0, 0), (0, 1), (1, 0), (1, 1))))
    negatives = sum(label == 0 for label, _ in rows)
    assert found.false_positive_rate == (rows.count((0, 1)) / negatives if negatives else None)
    table = reports.confusion(split, TWO)
    assert list(table.columns) == list(reports.CONFUSION_COLUMNS)
    assert table.to_numpy().tolist() == [[TWO.names[label], TWO.names[predicted]] for label, predicted in rows]


@given(THREE_OUTCOMES)
def test_scores_of_three_labels_are_each_against_the_others(rows):
    split = outcome(rows, PETS)
    for index, found in enumerate(scores.of_each_label(split)):
        alone = outcome([(int(label == index), int(predicted == index)) for label, predicted in rows], TWO)
        assert found == scores.of_label(alone, 1)
    occurring = sorted({index for pair in rows for index in pair})
    mean = np.mean([scores.of_each_label(split)[index].f1 for index in occurring])
    assert scores.macro(split).f1 == pytest.approx(mean, abs=1e-15)


def test_log_loss_is_the_mean_surprise_at_the_own_label():
    probabilities = np.array([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]])
    split = ScoredSplit(["a", "b"], np.array([0, 1]), probabilities, np.array([0, 2]))
    assert scores.log_loss(split) == pytest.approx(-(math.log(0.5) + math.log(0.2)) / 2)
    rounded = ScoredSplit(split.texts, split.labels, probabilities.astype(np.float32).astype(float), split.predicted)
    assert scores.log_loss(rounded) == pytest.approx(scores.log_loss(split), abs=1e-6)


BY_HAND = {
    "train": [("a", 0, 0), ("b", 1, 1), ("c", 1, 0), ("d", 0, 1)],
    "validation": [("e", 1, 1), ("f", 0, 0)],
    "test": [
        ("a", 0, 0),  # seen in training
        ("e", 1, 1),  # seen in validation
        ("g", 1, 1),
        ("h", 1, 0),
        ("i", 1, 0),
        ("j", 0, 1),
        ("j", 0, 0),
    ],
    "leftover": [("g", 0, 1), ("k", 0, 0), ("l", 0, 0), ("m", 0, 0)],
}


def test_summary_of_tables_worked_out_by_hand():
    found = evaluation(BY_HAND, TWO)
    table = reports.by_split(found)
    assert list(table.columns) == ["split", "messages", "accuracy", "precision", "recall", "f1"]
    by_hand = [[4, 2 / 4, 1 / 2, 1 / 2, 1 / 2], [2, 1, 1, 1, 1], [7, 4 / 7, 2 / 3, 2 / 4, 4 / 7]]
    np.testing.assert_allclose(table.drop(columns="split").to_numpy(), by_hand)
    assert table["split"].tolist() == ["train", "validation", "test"]
    summary = metrics.compute(found)
    assert tuple(summary) == NAMES_WITH_POSITIVE
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


def test_the_summary_holds_plain_numbers():
    for labels in (TWO, PETS):
        values = metrics.compute(evaluation(BY_HAND, labels)).values()
        assert {type(value) for value in values} <= {float, int}
        assert json.loads(json.dumps(list(values))) == list(values)


def test_summary_of_three_labels_worked_out_by_hand():
    cat, dog, bird = 0, 1, 2
    rows = {
        "train": [("a", cat, cat)],
        "validation": [("b", dog, dog), ("c", bird, dog)],
        "test": [("a", cat, cat), ("x", cat, dog), ("y", dog, dog), ("z", bird, dog)],
        "leftover": [("v", cat, bird)],
    }
    found = evaluation(rows, PETS, sure=0.8)  # and 0.1 for each other label
    table = reports.by_split(found)
    assert list(table.columns) == ["split", "messages", "accuracy", "macro_precision", "macro_recall", "macro_f1"]
    precisions, recalls, f1s = [1, 1 / 3, 0], [1 / 2, 1, 0], [2 / 3, 1 / 2, 0]
    np.testing.assert_allclose(table.iloc[2, 1:].to_list(), [4, 2 / 4, *map(np.mean, (precisions, recalls, f1s))])
    summary = metrics.compute(found)
    by_label = {
        f"test_{score}_{name}": value
        for score, values in (("precision", precisions), ("recall", recalls), ("f1", f1s))
        for name, value in zip(PETS.names, values, strict=True)
    }
    expected = {
        "test_accuracy": 2 / 4,
        "test_macro_precision": np.mean(precisions),
        "test_macro_recall": np.mean(recalls),
        "test_macro_f1": np.mean(f1s),
        **by_label,
        "test_log_loss": -(2 * math.log(0.8) + 2 * math.log(0.1)) / 4,
        "test_unseen_messages": 3,
        "test_accuracy_unseen": 1 / 3,
        "validation_accuracy": 1 / 2,
    }
    assert summary == pytest.approx(expected)
    assert list(summary) == list(expected)


def test_of_three_labels_one_may_be_positive():
    labels = LabelSet(names=("cat", "dog", "bird"), positive="dog")
    found = evaluation({**BY_HAND, "test": [("x", 0, 2), ("y", 1, 1), ("z", 2, 1), ("v", 1, 0)]}, labels)
    summary = metrics.compute(found)
    assert tuple(summary) == NAMES_WITH_POSITIVE
    wanted = {"test_accuracy": 1 / 4, "test_precision": 1 / 2, "test_recall": 1 / 2, "test_false_positives": 1}
    assert {name: summary[name] for name in wanted} == wanted
    assert summary["test_false_negatives"] == 1


def test_summary_has_no_figure_for_what_does_not_occur():
    """No test text is new, and balancing left nothing out."""
    seen = [("a", 0, 0), ("b", 1, 1)]
    summary = metrics.compute(evaluation({"train": seen, "validation": seen, "test": seen, "leftover": []}, TWO))
    assert summary["test_unseen_messages"] == 0
    assert summary["test_accuracy_unseen"] is None
    assert summary["leftover_false_positive_rate"] is None


def test_leftover_rate_counts_negatives_only():
    """Where the positive label is the rarer class, balancing leaves negatives out; else there is no such rate."""
    seen = [("a", 0, 0), ("b", 1, 1)]
    leftover = [("c", 1, 1), ("d", 1, 0)]
    found = evaluation({"train": seen, "validation": seen, "test": seen, "leftover": leftover}, TWO)
    assert metrics.compute(found)["leftover_false_positive_rate"] is None


def test_labels_stand_in_names_as_mlflow_takes_them():
    names = ("a b", "a_b", "A/b", "ü.-1", "🎉", "x" * 300, "x" * 299 + "y")
    keys = label_keys(LabelSet(names=names, positive=None))
    assert keys[:5] == ["a_b", "a_b_2", "A_b_3", "ü.-1", "_"]
    assert len({key.casefold() for key in keys}) == len(names)
    assert all(len(f"test_precision_{key}") < 250 and re.fullmatch(r"[\w.-]+", key) for key in keys)


def test_what_is_known_of_each_figure():
    for name in [*NAMES_WITH_POSITIVE, "test_recall_my label", "test_log_loss", "test_macro_f1"]:
        assert metrics.is_metric(name), name
    for name in ("test_acuracy", "test_recall_", "train_loss", "", "xtest_f1", "test_f1\n"):
        assert not metrics.is_metric(name), name
    assert {name: metrics.better(name) for name in ("test_f1_cat", "test_log_loss", "steps", "unknown")} == {
        "test_f1_cat": "higher",
        "test_log_loss": "lower",
        "steps": "",
        "unknown": "",
    }
    assert metrics.better("validation_loss") == metrics.better("test_false_negatives") == "lower"
    assert set(metrics.DESCRIPTIONS) == set(metrics.NAMES)
    assert tuple(metrics.described(TWO)) == NAMES_WITH_POSITIVE
    assert "test_recall_{label}" in metrics.described(PETS) and "test_recall" not in metrics.described(PETS)
    assert all(text.endswith(".") and len(text) < 120 for text in metrics.DESCRIPTIONS.values())


MEASURED = json.loads((ROOT / "benchmarks" / "results" / "other_hardware.json").read_text())["figures"]["differences"]
VALIDATION_MESSAGES = 149  # of the smallest split, in which a message weighs most


def test_tolerances_are_twice_the_largest_differences() -> None:
    loss = max(pair["largest_loss_difference"] for pair in MEASURED)
    errors = max(pair["predicted_otherwise"] for pair in MEASURED)
    assert pytest.approx(2 * loss, rel=0.02) == LOSS_TOLERANCE
    assert 2 * errors == COUNT_TOLERANCE
    assert pytest.approx(2 * errors / VALIDATION_MESSAGES, rel=0.02) == SHARE_TOLERANCE


@pytest.mark.parametrize("pair", MEASURED, ids=lambda pair: " and ".join(pair["between"]))
def test_no_measured_metric_is_beyond_its_tolerance(pair: dict) -> None:
    for name, difference in pair["metrics"].items():
        assert difference <= metrics.tolerance(name), name


def test_every_figure_that_results_hold_has_a_tolerance() -> None:
    kinds = {"accuracy": SHARE_TOLERANCE, "rate": SHARE_TOLERANCE, "loss": LOSS_TOLERANCE, "f1": SHARE_TOLERANCE}
    kinds |= {"positives": COUNT_TOLERANCE, "negatives": COUNT_TOLERANCE, "steps": 0, "messages": 0, "seen": 0}
    names = ["train_loss", "validation_loss", "train_accuracy", "steps", "examples_seen", *NAMES_WITH_POSITIVE]
    for name in names:
        kind = name.rsplit("_")[-1]
        if kind in kinds and name != "test_accuracy_unseen":
            assert metrics.tolerance(name) == kinds[kind], name
    assert metrics.tolerance("test_accuracy_unseen") == SHARE_TOLERANCE


ENTRY = """METRICS = (
    Metric(
        name="test_shouting",
        says="How many test messages have no small letter.",
        better="lower",
        tolerance=EXACT,
        given="always",
        compute=lambda found: sum(text.isupper() for text in found.test.texts),
    ),
"""
PROGRAM = """
import json, pathlib, sys, spampipe
from spampipe import params
from spampipe.evaluation import metrics
from tests.support.label_sets import TWO
from tests.support.scored import evaluation
rows = {name: [("HELLO", 0, 0), ("hello", 1, 1)] for name in ("train", "validation", "test", "leftover")}
settings = params.load(pathlib.Path("params.yaml"))
print(json.dumps({
    "from": spampipe.__file__,
    "value": metrics.compute(evaluation(rows, TWO))["test_shouting"],
    "bound": settings.check.maximum["test_shouting"],
    "better": metrics.better("test_shouting"),
    "says": metrics.DESCRIPTIONS["test_shouting"],
}))
"""


def test_one_entry_makes_a_metric(tmp_path: Path) -> None:
    """It is computed, explained and may have a bound, by a change of one file."""
    shutil.copytree(ROOT / "spampipe", tmp_path / "spampipe", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "support", tmp_path / "tests" / "support")
    table = tmp_path / "spampipe" / "evaluation" / "metrics.py"
    before = table.read_text()
    assert before.count("METRICS = (\n") == 1
    table.write_text(before.replace("METRICS = (\n", ENTRY))
    settings = (ROOT / "params.yaml").read_text()
    assert settings.count("maximum: {") == 1
    (tmp_path / "params.yaml").write_text(settings.replace("maximum: {", "maximum: {test_shouting: 3, "))
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": "."}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found.pop("from")).is_relative_to(tmp_path)
    assert found == {
        "value": 1,
        "bound": 3,
        "better": "lower",
        "says": "How many test messages have no small letter.",
    }


def test_names_are_known_without_what_computes_them() -> None:
    program = (
        "import sys; from spampipe.evaluation import metrics; print(len(metrics.NAMES), *sys.modules, sep='\\n')"
    )
    count, *imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.splitlines()
    assert int(count) == len(metrics.METRICS)
    assert not {"numpy", "pandas", "sklearn", "scipy", "pydantic"} & set(imported)


def test_asking_for_a_positive_label_where_there_is_none_is_an_error() -> None:
    found = Evaluation(PETS, {})
    with pytest.raises(ValueError, match="cat, dog, bird: no label is the positive one"):
        scores.of_label(scored([("a", 0, 0)], PETS), found.positive)
