"""Load and train classifiers from Python."""

import re
from pathlib import Path

import numpy as np
import pytest

import spampipe
from spampipe.core.errors import CheckpointError, DataError, ParamsError, RepositoryError, StoreError
from spampipe.tracking.connection import ADDRESS_VARIABLE
from tests.support.project import ROOT
from tests.support.repositories import run

TEXT = "WIN 5000 pounds now, text 3 to claim your prize"
SUBJECTS = {
    "invoice": "please pay invoice number {} by Friday",
    "repair": "the machine in hall {} makes a noise",
    "visit": "may {} people come to see the factory",
}


def tickets() -> tuple[list[str], list[str]]:
    pairs = [(text.format(n), label) for label, text in SUBJECTS.items() for n in range(30)]
    return [text for text, _ in pairs], [label for _, label in pairs]


@pytest.fixture(scope="module")
def settings() -> spampipe.Params:
    """Those of the repository, for a small model that trains in seconds."""
    changes = {"model.name": "gpt2-tiny", "model.weights": "random", "train.epochs": 2, "train.eval_every_steps": 2}
    return spampipe.Params.load(ROOT / "params.yaml").changed({**changes, "train.learning_rate": 0.003})


@pytest.fixture(scope="module")
def trained(settings: spampipe.Params) -> spampipe.TrainedRun:
    texts, labels = tickets()
    return spampipe.train(texts, labels, params=settings)


def test_one_call_trains_on_any_labels(trained: spampipe.TrainedRun) -> None:
    assert trained.classifier.labels.names == tuple(SUBJECTS)
    assert len(trained.predictions) == 90
    assert trained.predictions["split"].value_counts().to_dict() == {"train": 62, "test": 19, "validation": 9}
    test = trained.predictions[trained.predictions["split"] == "test"]
    assert trained.metrics["test_accuracy"] == pytest.approx((test["label"] == test["predicted"]).mean())
    assert trained.steps["train_loss"].iloc[-1] < trained.steps["train_loss"].iloc[0]
    assert len(trained.epochs) == 2


def test_a_notebook_shows_the_curves_and_the_metrics(trained: spampipe.TrainedRun) -> None:
    shown = trained._repr_html_()
    assert len(re.findall(r'<img src="data:image/png;base64,[\w+/=]{1000,}">', shown)) == 2
    assert "<td>test_accuracy</td>" in shown


def test_what_is_saved_is_loaded(trained: spampipe.TrainedRun, tmp_path: Path) -> None:
    trained.save(tmp_path)
    loaded = spampipe.load(tmp_path)
    texts, _ = tickets()
    np.testing.assert_array_equal(loaded.probabilities(texts[::7]), trained.classifier.probabilities(texts[::7]))
    assert loaded.classify(texts[:1], progress=False) == trained.classifier.classify(texts[:1], progress=False)


def test_the_same_call_gives_the_same_classifier(trained: spampipe.TrainedRun, settings: spampipe.Params) -> None:
    texts, labels = tickets()
    again = spampipe.train(texts, labels, params=settings)
    assert again.metrics == trained.metrics
    assert again.predictions.equals(trained.predictions)


def test_a_positive_label_can_be_named(settings: spampipe.Params) -> None:
    texts, labels = tickets()
    run = spampipe.train(texts[:60], labels[:60], params=settings, positive="invoice")
    assert run.classifier.labels.positive == "invoice"
    assert "test_recall" in run.metrics


@pytest.mark.parametrize(
    ("texts", "labels", "reason"),
    [
        (["a", "b"], ["x"], r"^2 texts but 1 labels"),
        (["a", " "], ["x", "y"], r"^text 2 of 2 is empty"),
        (["a", None], ["x", "y"], r"^text 2 of 2 is empty or not a text: None"),
        (["a", "b"], ["x", "x"], r"labels"),
        (["a", "b"], ["x", "y"], r"^label x has 1 message, but each of train, validation, test needs one; "),
    ],
    ids=["counts", "empty", "missing", "one label", "few"],
)
def test_unusable_texts_are_refused(
    settings: spampipe.Params, texts: list[str], labels: list[str], reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        spampipe.train(texts, labels, params=settings)


def test_a_folder_a_revision_and_an_experiment_give_the_pipelines_classifier(repository: Path) -> None:
    expected = spampipe.load(repository).classify([TEXT], progress=False)
    assert expected[0].label == "spam"
    assert spampipe.load("HEAD", repository=repository).classify([TEXT], progress=False) == expected
    run(repository, "git", "tag", "best")
    strict = spampipe.load("best", threshold=0.999, repository=repository / "data")
    assert strict.threshold == 0.999


def test_a_logged_model_is_loaded_by_its_address(
    finished: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    run(repository, "python", "-m", "spampipe", "register", "filter")
    expected = spampipe.load(finished).classify([TEXT], progress=False)
    assert (
        spampipe.load("models:/filter@champion", repository=repository).classify([TEXT], progress=False) == expected
    )
    assert spampipe.load("models:/filter/1", repository=repository).classify([TEXT], progress=False) == expected
    with pytest.raises(StoreError, match="models:/filter@challenger: no model of spampipe there"):
        spampipe.load("models:/filter@challenger", repository=repository)


def test_what_is_nowhere_is_one_error(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no-such-name: neither an experiment nor a revision here"):
        spampipe.load("no-such-name", repository=finished)
    with pytest.raises(RepositoryError, match="no-such-name: no such folder; and no revision"):
        spampipe.load("no-such-name", repository=tmp_path)
    with pytest.raises(CheckpointError, match=r"classifier\.json: no such file"):
        spampipe.load(tmp_path)
    with pytest.raises(StoreError, match="no run is recorded"):
        spampipe.load("models:/filter/1", repository=tmp_path)
    with pytest.raises(ParamsError, match="threshold 2"):
        spampipe.load(finished, threshold=2)
