"""A result beside models that cost next to nothing."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.results import baseline, comparison
from spampipe.results.baseline import Baseline
from tests.results.test_comparison import result


def answers(right: int) -> pd.DataFrame:
    """What a model answers to 300 test messages, of whose labels it finds so many."""
    return result("x", right).predictions


def beside(**right: int) -> Baseline:
    predictions = {name: answers(count) for name, count in right.items()}
    return Baseline({name: {"test_accuracy": count / 300} for name, count in right.items()}, predictions)


def test_a_report_says_what_the_model_is_worth_beside_linear_models() -> None:
    simple = beside(majority=150, svm=288)
    lines = comparison.markdown(
        replace(result("main", 290), baseline=simple), replace(result("workspace", 297), baseline=simple), 0.05
    ).splitlines()
    start = lines.index("### Beside models that cost next to nothing")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 2 : start + 7]]
    assert cells[0] == ["test accuracy of", "main", "this"]
    assert cells[2:] == [["the model", "0.96667", "0.99"], ["majority", "0.5", "0.5"], ["svm", "0.96", "0.96"]]
    assert lines[start + 8] == (
        "- test messages: 9 more right of 300 (297, svm 288): better; chance alone does that in 1 of 510 cases"
    )


def test_a_result_of_an_older_version_has_none() -> None:
    old, new = result("main", 290), result("workspace", 290)
    assert "next to nothing" not in comparison.markdown(old, new, 0.05)
    only_new = comparison.markdown(old, replace(new, baseline=beside(svm=290)), 0.05)
    row = next(line for line in only_new.splitlines() if line.startswith("| svm"))
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["svm", "-", "0.96667"]


def test_a_comparison_says_it_in_a_line() -> None:
    text = comparison.text(result("a", 290), replace(result("b", 291), baseline=beside(majority=9, svm=291)), 0.05)
    assert text.splitlines()[-1] == "test messages, B beside svm: no difference: 291 of 300 right, as in svm"


def test_what_the_stage_has_written_is_read(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert baseline.read(workspace) == Baseline()
    table = pd.DataFrame({"split": "test", "row": [0, 1], "text": ["a", "NA"], "label": ["ham", "spam"]})
    files.write_csv(workspace.baseline_predictions, table.assign(majority="ham", svm=["ham", "spam"]))
    files.write_json(workspace.baseline_metrics, {"majority": {"test_accuracy": 0.5}, "svm": {"test_accuracy": 1.0}})
    found = baseline.read(workspace)
    assert found.metrics["svm"] == {"test_accuracy": 1.0}
    assert found.predictions["svm"]["predicted"].tolist() == ["ham", "spam"]
    assert found.predictions["majority"]["text"].tolist() == ["a", "NA"]
    assert set(found.beside(table.assign(predicted="ham"), 0.05)) == {"svm"}
    workspace.baseline_predictions.unlink()
    with pytest.raises(DataError, match=r"predictions\.csv: no such file"):
        baseline.read(workspace)


def test_only_files_that_a_result_has_are_asked_for() -> None:
    assert baseline.present({Workspace().predictions}) == []
    assert baseline.present({*baseline.FILES, Workspace().predictions}) == list(baseline.FILES)
