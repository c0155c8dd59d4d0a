"""A cross-validation of real models on a small data set."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from spampipe import cli
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import contenders, corpus, kept, outputs
from spampipe.crossvalidation.answers import Answers
from spampipe.crossvalidation.corpus import Corpus
from spampipe.crossvalidation.running import CrossValidation
from spampipe.params import Params
from tests.support.project import ROOT, place_inputs

STUDY = """
settings:
  download.dataset: tickets.csv
  crossvalidate.folds: 2
  crossvalidate.group_duplicates: exact
  train.epochs: 1
  train.eval_every_steps: 100
  train.precision: fp32
contenders:
  majority: {says: majority, majority: true}
  pattern: {says: a word, pattern: prize}
  svm: {says: linear, settings: {model.name: tfidf-svm}}
  network: {says: network, settings: {model.name: gpt2-tiny, model.weights: random}}
  both: {says: both, members: [svm, network]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with messages of two classes, and a study of them."""
    place = tmp_path_factory.mktemp("study")
    rows = [f"no,meet me at {hour} in room {room}" for hour in range(10) for room in range(4)]
    rows += [f"yes,you win prize {number} now: call {number * 7}" for number in range(30)]
    place.joinpath("tickets.csv").write_text("\n".join(["label,text", *rows, rows[0], rows[-1]]))
    place.joinpath("small.yaml").write_text(STUDY)
    place_inputs(place)
    return place


@pytest.fixture(scope="module")
def study(folder: Path) -> contenders.Study:
    return contenders.load(folder / "small.yaml", Params.load(ROOT / "params.yaml"))


@pytest.fixture(scope="module")
def messages(study: contenders.Study, folder: Path) -> Corpus:
    return corpus.load(study.common, folder)


def test_each_text_is_there_once(messages: Corpus) -> None:
    assert len(messages) == 70 == len(set(messages.texts))
    assert messages.rows.tolist() == list(range(70))


def test_every_contender_answers_for_every_message(study: contenders.Study, messages: Corpus, folder: Path) -> None:
    validation = CrossValidation(study, messages, Workspace(folder))
    found = {name: validation.run(name) for name in study.contenders}
    for outcome in found.values():
        outputs.write(folder / "out", outcome)
    answers = {name: outcome.answers for name, outcome in found.items()}
    for name, each in answers.items():
        assert np.array_equal(each.labels, messages.labels), name
        np.testing.assert_allclose(each.probabilities.sum(axis=1), 1, err_msg=name)
    assert (answers["majority"].predicted == 0).all()
    assert answers["pattern"].right.all() and answers["svm"].right.all()
    mean = (answers["svm"].probabilities + answers["network"].probabilities) / 2
    np.testing.assert_allclose(answers["both"].probabilities, mean)
    costs = found["network"].cost
    assert costs["parameters"] >= costs["trained_parameters"] > 0
    assert costs["training_seconds"] > 0 and costs["milliseconds_a_message"] > 0

    read = outputs.read(folder / "out")
    assert set(read) == set(study.contenders)
    np.testing.assert_allclose(read["network"].probabilities, answers["network"].probabilities, rtol=1e-5)
    assert outputs.read_json(folder / "out" / outputs.COSTS)["network"] == costs

    again = CrossValidation(study, messages, Workspace(folder)).run("network")  # from what was kept
    assert again.cost == costs
    np.testing.assert_array_equal(again.answers.probabilities, answers["network"].probabilities)


def test_the_frozen_layers_run_once_for_all_folds(study: contenders.Study, messages: Corpus, tmp_path: Path) -> None:
    CrossValidation(study, messages, Workspace(tmp_path)).run("network")
    assert len(list((tmp_path / ".spampipe" / "trunk").glob("*.f32"))) == 1


def test_a_stopped_run_goes_on_and_damage_costs_a_fold_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = []

    def compute() -> Answers:
        made.append(1)
        return Answers(
            np.full((2, 2), 0.5), np.full((3, 2), 0.5), seconds=1.5, milliseconds=0.25, parameters=7, trained=2
        )

    first = kept.obtain(tmp_path, {"fold": 0}, compute)
    assert kept.obtain(tmp_path, {"fold": 0}, compute).parameters == first.parameters == 7
    assert len(made) == 1
    kept.obtain(tmp_path, {"fold": 1}, compute)
    assert len(made) == 2
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:40])
    assert kept.obtain(tmp_path, {"fold": 0}, compute).seconds == 1.5
    assert len(made) == 3 and "is damaged" in caplog.text
    assert json.dumps(kept.obtain(tmp_path, {"fold": 0}, compute).trained) == "2"


def test_the_command_prints_a_table_and_leaves_files_that_a_repeat_does_not_change(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "tickets.csv").write_bytes((folder / "tickets.csv").read_bytes())
    place_inputs(tmp_path)
    text = STUDY.replace("contenders:", "reference: majority\ncontenders:")
    (tmp_path / "small.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    command = ["crossvalidate", "small.yaml", "--only", "majority", "pattern", "svm"]
    cli.main(command)
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split("\t")[1:3] == ["errors", "F1 %"]
    assert [line.split("\t")[:2] for line in lines] == [["majority", "30"], ["a word", "0"], ["linear", "0"]]
    assert all(re.search(r"\t0\.0 \[0\.0, 0\.0\]\t", line) for line in lines[1:])  # missed at 0.1 % lost
    first = {path.name: path.read_bytes() for path in (tmp_path / "small").iterdir()}
    assert set(first) == {"majority.csv", "pattern.csv", "svm.csv", "labels.json"} | {
        outputs.METRICS,
        outputs.COMPARISONS,
        outputs.COSTS,
    }
    comparisons = json.loads(first[outputs.COMPARISONS])
    assert comparisons["svm"]["mcnemar"]["value"] == 30 and comparisons["svm"]["mcnemar"]["corrected"] < 0.001
    shutil.rmtree(tmp_path / "small")
    cli.main(command)
    again = {path.name: path.read_bytes() for path in (tmp_path / "small").iterdir()}
    assert {name: data for name, data in again.items() if name != outputs.COSTS} == {
        name: data for name, data in first.items() if name != outputs.COSTS
    }
    with pytest.raises(SystemExit, match="error: --only svn: no such contender; did you mean svm"):
        cli.main(["crossvalidate", "small.yaml", "--only", "svn"])


def test_without_a_study_the_settings_are_the_contender(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {
        "download.dataset": "tickets.csv",
        "crossvalidate.folds": 2,
        "crossvalidate.group_duplicates": "exact",
        "model.name": "tfidf-logistic",
    }
    settings = Params.load(ROOT / "params.yaml").changed(changes)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings.model_dump()))
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    (tmp_path / "tickets.csv").write_bytes((folder / "tickets.csv").read_bytes())
    place_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    cli.main(["crossvalidate"])
    assert capsys.readouterr().out.splitlines()[1].startswith("tfidf-logistic\t")
    found = outputs.read(tmp_path / "reports" / "crossvalidation")
    assert list(found) == ["settings"] and len(found["settings"]) == 70
