"""A cross-validation in MLflow: one run for the same answers, with every contender's metrics and answers."""

from pathlib import Path

import pytest

from spampipe.core import files
from spampipe.crossvalidation import contenders, outputs
from spampipe.crossvalidation.contenders import Study
from spampipe.crossvalidation.outputs import Outcome
from spampipe.params import Params
from spampipe.results import study_runs
from spampipe.tracking.connection import ADDRESS_VARIABLE
from spampipe.tracking.store import Store
from tests.support import cross_validated, stores
from tests.support.project import ROOT

COSTS = {"training_seconds": 7.0, "milliseconds_a_message": 0.25, "parameters": None, "trained_parameters": None}
STUDY = """
settings: {train.epochs: 3}
contenders:
  svm: {says: linear, settings: {model.name: tfidf-svm}}
  svm+other: {says: both, members: [svm, other]}
  other: {says: other, majority: true}
"""


def cross_validate(folder: Path, **seeds: int) -> Study:
    """Write answers of these contenders, as the command does."""
    (folder / "own.yaml").write_text(STUDY)
    study = contenders.load(folder / "own.yaml", Params.load(ROOT / "params.yaml"))
    for name, seed in seeds.items():
        outcome = Outcome(name.replace("_", "+"), cross_validated.noisy(60, seed), COSTS)
        outputs.write(folder / "own", outcome)
    outputs.judge(folder / "own", study)
    return study


def test_the_same_answers_are_recorded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    workspace = stores.empty(tmp_path)
    study = cross_validate(tmp_path, svm=1, svm_other=2)
    first = study_runs.record(workspace, study, tmp_path / "own")
    assert study_runs.record(workspace, study, tmp_path / "own") == first
    store = Store.open(workspace)
    recorded = store.run(first)
    assert (recorded.status, recorded.metrics["svm/training_seconds"]) == ("FINISHED", 7.0)
    metrics = outputs.read_json(tmp_path / "own" / outputs.METRICS)
    assert recorded.metrics["svm and other/f1"] == pytest.approx(metrics["svm+other"]["f1"]["value"], rel=1e-4)
    assert store.file_names(first, study_runs.FOLDER) == {path.name for path in (tmp_path / "own").iterdir()}
    answers = store.download(first, f"{study_runs.FOLDER}/svm.csv", tmp_path)
    assert files.digest(answers, "md5") == files.digest(tmp_path / "own" / "svm.csv", "md5")

    others = study_runs.record(workspace, cross_validate(tmp_path, svm=3), tmp_path / "own")
    assert others != first and len(store.runs_tagged(study_runs.STUDY_TAG, "own")) == 2
