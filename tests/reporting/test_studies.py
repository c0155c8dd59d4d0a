"""What a study found on a data set stands on the page of a result of that data set, and of no other."""

from pathlib import Path

import pytest
import yaml

from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import contenders, outputs
from spampipe.crossvalidation.outputs import Outcome
from spampipe.params import Params
from spampipe.reporting import page, studies
from tests.support import cross_validated, told
from tests.support.label_sets import TWO
from tests.support.project import ROOT

COSTS = {"training_seconds": 7.0, "milliseconds_a_message": 0.25, "parameters": None, "trained_parameters": None}


def measured(folder: Path, dataset: str) -> Path:
    """The file of a study of two contenders, one of which has results."""
    settings = Params.load(ROOT / "params.yaml")
    described = {"first": {"says": "<b>one</b>", "majority": True}, "second": {"says": "other", "pattern": "win"}}
    path = folder / "own.yaml"
    folder.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({"settings": {"download.dataset": dataset}, "contenders": described}))
    outputs.write(folder / "own", Outcome("first", cross_validated.noisy(60, seed=1), COSTS))
    (folder / "own" / outputs.MEMORY).write_text('{"first": 1234567890}')
    outputs.judge(folder / "own", contenders.load(path, settings))
    return path


def test_results_of_the_data_set_stand_on_the_page(tmp_path: Path) -> None:
    settings = Params.load(ROOT / "params.yaml")
    measured(tmp_path / "studies", settings.download.dataset)
    (tmp_path / "studies" / "never-run.yaml").write_text("not even a study")
    (found,) = studies.of_dataset(tmp_path / "studies", settings.download.dataset)
    assert found.name == "own" and len(found.rows) == 1 and found.rows[0][0] == "<b>one</b>"
    wanted = ["errors", "F1 %", "missed at 0.1 % lost, %", "average precision %", "log loss"]
    assert list(found.heading[1:6]) == wanted and found.rows[0][-3:] == ["7", "0.25", "1,235"]
    written = page.html(told.result(tmp_path / "run", TWO), Workspace(tmp_path / "run").figures, [found])
    assert "study own" in written and "&lt;b&gt;one&lt;/b&gt;" in written and "<b>" not in written


@pytest.mark.parametrize("dataset", ["trec-questions", "tickets.csv"])
def test_those_of_another_data_set_do_not(dataset: str, tmp_path: Path) -> None:
    measured(tmp_path, dataset)
    assert studies.of_dataset(tmp_path, Params.load(ROOT / "params.yaml").download.dataset) == []


def test_without_studies_there_are_none(tmp_path: Path) -> None:
    assert studies.of_dataset(tmp_path / "missing", "sms-spam-collection") == []
