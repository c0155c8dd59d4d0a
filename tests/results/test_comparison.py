"""Two results side by side."""

from dataclasses import replace

import pandas as pd
import pytest

from spampipe.results import comparison
from spampipe.results.result import Result

TABLE = {"split": "test", "label": 1}


def result(title: str, right: int, *, settings: dict[str, object] | None = None, loss: float = 0.1) -> Result:
    """A result with 300 test messages."""
    predicted = [1] * right + [0] * (300 - right)
    predictions = pd.DataFrame(TABLE | {"text": [f"message {n}" for n in range(300)], "predicted": predicted})
    steps = pd.DataFrame({"examples_seen": [8, 408, 808], "validation_loss": [0.7, 0.3, loss]})
    metrics = {"test_accuracy": right / 300, "test_false_positives": 300 - right, "train: validation_loss": loss}
    known = {"train.learning_rate": 0.0002, "download.dataset": "sms|spam", "model.causal": True}
    return Result(title, known | (settings or {}), metrics, predictions, steps)


def test_text_is_readable_at_80_columns() -> None:
    changed = {"train.learning_rate": 1e-05, "download.dataset": "a/folder of mine/with messages.tsv", "new.key": 1}
    text = comparison.text(result("an-experiment", 293), result("workspace", 291, settings=changed, loss=0.25), 0.05)
    assert text.splitlines() == [
        "A  an-experiment",
        "B  workspace",
        "",
        "setting              A         B",
        "-------------------  --------  ----------------------",
        "train.learning_rate  0.0002    1e-05",
        "download.dataset     sms|spam  a/folder of mine/with",
        "                               messages.tsv",
        "new.key              -         1",
        "",
        "metric                        A     B       B - A  better is",
        "----------------------  -------  ----  ----------  ---------",
        "test_accuracy           0.97667  0.97  -0.0066667  higher",
        "test_false_positives          7     9          +2  lower",
        "train: validation_loss      0.1  0.25       +0.15  lower",
        "",
        "test messages, B beside A: 2 fewer right of 300 (291, A 293): worse, but chance",
        "  alone does that in 1 of 4 cases",
        "leftover messages, B beside A: not compared: 0 messages here, 0 in A",
    ]


def test_results_that_share_everything_are_one_line() -> None:
    text = comparison.text(result("one", 290), result("other", 290), 0.05)
    assert text == "A  one\nB  other\n\nno difference: the same settings, metrics and predictions"
    only_settings = comparison.text(result("one", 290), result("other", 290, settings={"plot.x": False}), 0.05)
    assert "plot.x   -  false" in only_settings


@pytest.mark.parametrize(
    ("right", "line"),
    [
        (
            291,
            "- test messages: 2 fewer right of 300 (291, main 293): "
            "worse, but chance alone does that in 1 of 4 cases",
        ),
        (
            270,
            "- ❌ test messages: 23 fewer right of 300 (270, main 293): worse; "
            "chance alone does that in less than 1 of 1000 cases",
        ),
        (
            300,
            "- ✅ test messages: 7 more right of 300 (300, main 293): "
            "better; chance alone does that in 1 of 130 cases",
        ),
    ],
)
def test_a_report_marks_only_what_is_beyond_chance(right: int, line: str) -> None:
    report = comparison.markdown(result("main", 293), result("workspace", right), 0.05)
    assert line in report.splitlines()
    marked = any(mark in line for mark in "✅❌")
    assert ("✅ is better and ❌ worse beyond chance (`check.significance` is 0.05)." in report) == marked
    assert ("✅" in report or "❌" in report) == marked


def test_a_report_names_the_messages_judged_otherwise_however_labels_were_written() -> None:
    before, after = result("main", 293), result("workspace", 291)
    names = after.predictions.replace({"label": {1: "yes"}, "predicted": {0: "no", 1: "yes"}})
    report = comparison.markdown(before, replace(after, predictions=names), 0.05)
    assert [line for line in report.splitlines() if line.startswith("- now")] == [
        "- now wrong: `message 291`",
        "- now wrong: `message 292`",
    ]
    assert "2 fewer right of 300 (291, main 293)" in report


def test_a_report_says_which_values_are_better() -> None:
    changed = result("workspace", 291, settings={"download.dataset": "a|b"})
    report = comparison.markdown(result("main", 293), changed, 0.05)
    cells = [[cell.strip() for cell in line.split(" | ")] for line in report.splitlines()]
    assert ["| test_accuracy", "0.97667", "0.97", "-0.0066667", "higher      |"] in cells
    assert ["| test_false_positives", "7", "9", "+2", "lower       |"] in cells
    assert ["| download.dataset", "sms\\|spam", "a\\|b   |"] in cells
    assert "train: validation_loss" not in report  # the same in both
