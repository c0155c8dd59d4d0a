"""A linear model in the place of the language model: the whole pipeline, and every use of what it makes."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

import spampipe
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.evaluation import explanations
from spampipe.reporting import page
from spampipe.tracking.connection import ADDRESS_VARIABLE
from tests.support.label_sets import TWO
from tests.support.repositories import change, copied, run, store_of, tracked_runs

TEXTS = ["WIN 5000 pounds now, text 3 to claim your prize", "see you at 5 for lunch, 3 of us"]


@pytest.fixture(scope="module")
def linear(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished pipeline, run again with a linear model."""
    repository = copied(finished, tmp_path_factory.mktemp("linear") / "repository")
    change(repository, "model", name="tfidf-svm")
    run(repository, "dvc", "repro")
    return repository


def test_the_pipeline_needs_no_base_model(linear: Path) -> None:
    workspace = Workspace(linear)
    assert not list(workspace.base.iterdir())
    assert {tokens.load(path).max_length for path in workspace.tokens.glob("*.safetensors")} == {0}
    metrics = json.loads(workspace.evaluate_metrics.read_text())
    beside = json.loads(workspace.baseline_metrics.read_text())["tfidf-svm"]
    assert {name: metrics[name] for name in beside} == beside  # the stage that it stands beside makes the same of it
    figures = {path.name for path in workspace.figures.glob("*.png")}
    assert figures == {f"{name}.png" for name in page.FIGURES}
    assert set(json.loads(workspace.train_metrics.read_text())) >= {"train_accuracy", "validation_accuracy"}


def test_commands_and_python_give_the_same_answers(linear: Path) -> None:
    printed = run(linear, "spampipe", "classify", *TEXTS).stdout.splitlines()
    answers = spampipe.load(linear).classify(TEXTS, progress=False)
    assert [line.split("\t")[0] for line in printed] == ["spam", "ham"] == [answer.label for answer in answers]
    predictions = pd.read_csv(Workspace(linear).predictions)
    again = spampipe.load(linear).classify(predictions["text"].tolist(), progress=False)
    np.testing.assert_allclose([each.probability for each in again], predictions["probability"], rtol=1e-9)
    assert "ok\tbeside tfidf-svm\tno difference: 24 of 24 right" in run(linear, "spampipe", "check").stdout


def test_mistakes_are_explained_by_the_model_and_decision_that_made_them(linear: Path, tmp_path: Path) -> None:
    workspace = Workspace(copied(linear, tmp_path / "repository"))
    assert explanations.read(workspace, TWO) == {}  # nothing is misclassified
    predictions = pd.read_csv(workspace.predictions).query("split == 'test' and label == 'spam'")
    middle = float(predictions["probability"].median())  # so that some of the spam is missed
    change(workspace.root, "evaluate", threshold=middle)
    run(workspace.root, "python", "-m", "stages.evaluate")
    found = explanations.read(workspace, TWO)
    mistakes = pd.read_csv(workspace.misclassified).query("split == 'test'")
    assert sorted(found) == mistakes["row"].tolist() != []
    train = pd.read_csv(workspace.split_csv("train"))
    for row, text in zip(mistakes["row"], mistakes["text"], strict=True):
        words = [text[word.start : word.end] for word in found[row].words]
        assert words == text.split() and min(word.effect for word in found[row].words) < 0  # against `ham`
        assert all(near.text == train["Text"][near.row] and near.label == 1 for near in found[row].nearest)
    groups = pd.read_csv(workspace.behaviour)
    assert len(groups) > 10 and groups["failures"].between(0, groups["tests"]).all() and groups["failures"].any()
    names = {"mistake_words.csv", "mistake_neighbours.csv", "behaviour.csv"}
    folder = Path(tracked_runs(workspace.root)[-1].info.artifact_uri.removeprefix("file://"))
    assert names <= {path.name for path in (folder / "reports" / "evaluate").iterdir()}


def test_mlflow_records_serves_and_registers_it(linear: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = tracked_runs(linear)[-1]
    assert (newest.info.run_name, newest.data.params["model.name"]) == ("tfidf-svm", "tfidf-svm")
    assert "train/loss" not in newest.data.metrics and newest.data.metrics["train/accuracy"] == 1.0
    assert run(linear, "spampipe", "register", "linear").stdout == "linear\tversion 1\tchampion: the first\n"
    mlflow.set_tracking_uri(store_of(linear))
    described = mlflow.MlflowClient().get_model_version("linear", "1").description
    assert described.startswith("# tfidf-svm\n") and described in Workspace(linear).model_card.read_text()
    served = mlflow.pyfunc.load_model("models:/linear@champion")
    assert served.predict(TEXTS)["label"].tolist() == ["spam", "ham"]
    requirements = Path(mlflow.artifacts.download_artifacts("models:/linear@champion")) / "requirements.txt"
    assert any(line.startswith("scipy==") for line in requirements.read_text().splitlines())
    monkeypatch.setenv(ADDRESS_VARIABLE, store_of(linear))
    loaded = spampipe.load("models:/linear@champion", repository=linear)
    assert [each.label for each in loaded.classify(TEXTS, progress=False)] == ["spam", "ham"]


def test_publishing_completes_a_run_that_nobody_recorded(linear: Path, tmp_path: Path) -> None:
    repository = copied(linear, tmp_path / "repository")
    (repository / "mlflow.db").unlink()
    assert run(repository, "spampipe", "publish").returncode == 0
    (published,) = tracked_runs(repository)
    assert published.data.metrics["versus/tfidf-svm/test_accuracy"] == 1.0
    assert published.data.metrics["train/accuracy"] == 1.0
    told = Workspace(repository).report, Workspace(repository).model_card
    for path in told:
        uri = f"runs:/{published.info.run_id}/{path.relative_to(repository)}"
        stored = mlflow.artifacts.download_artifacts(uri, tracking_uri=store_of(repository))
        assert Path(stored).read_bytes() == path.read_bytes()
    shares = json.loads(Workspace(repository).leakage_metrics.read_text())
    assert published.data.metrics["test_near_copies"] == pytest.approx(shares["test_near_copies"], abs=1e-5)
