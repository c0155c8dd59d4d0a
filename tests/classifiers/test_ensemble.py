"""Several classifiers that are trained, saved and used as one."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import load_file, save_file

import spampipe
from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.ensemble import EnsembleClassifier
from spampipe.classifiers.settings import ModelParams
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.core import files
from spampipe.core.errors import CheckpointError, ParamsError
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.data.calibration import temper
from spampipe.data.labels import EVEN, LabelSet, decide
from spampipe.models.families.gpt2 import FAMILY
from spampipe.training import tables
from spampipe.training.training_log import Record
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT
from tests.support.tiny_training import settings
from tests.support.trained import MODEL, with_small_base

MAX_LENGTH = 12
SUBJECTS = ("dinner at home", "a prize of £1000", "the agenda of a meeting that is longer than all others together")
PAIR = MODEL | {"name": "ensemble", "members": ["lengths", "gpt2-tiny"], "trainable": "last_block"}


class LengthsClassifier(TextClassifier):
    """Knows how many characters the texts of each label have; has no base model."""

    name, width = "lengths", 10

    def __init__(self, labels: LabelSet, means: np.ndarray) -> None:
        self.labels, self._means = labels, means

    @classmethod
    def create(cls, model, train, labels, max_length, workspace, truncate="tail"):
        assert (model.name, model.members) == (cls.name, None)
        return cls(labels, np.zeros(len(labels)))

    def fit(self, train, validation, listen):
        sizes = np.array([len(text) for text in train.texts])
        self._means = np.array([sizes[train.labels == label].mean() for label in range(len(self.labels))])
        record = Record("accuracy", 0, 1.0, len(train), 0, 0.0, 0.123, 0.123)
        listen(record)
        return [record]

    def raw_probabilities(self, texts, tokens=None, *, batch_size=32, name=None):
        far = np.abs(np.array([[len(text)] for text in texts]) - self._means)
        near = np.exp(-far / self.width)
        return near / near.sum(axis=1, keepdims=True)

    def describe(self):
        return {"base": self.name, "labels": self.labels.model_dump(mode="json")}

    def save(self, workspace):
        with files.replacing(workspace.classifier_weights) as temporary:
            save_file({"means": self._means}, temporary)
        files.write_json(workspace.classifier_card, self.describe())

    @classmethod
    def load(cls, workspace, base=None):
        labels = LabelSet.model_validate_json(json.dumps(json.loads(workspace.classifier_card.read_text())["labels"]))
        return cls(labels, load_file(workspace.classifier_weights)["means"])


class WordsClassifier(LengthsClassifier):
    """Another of its kind, which is surer of itself."""

    name, width = "words", 3


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more kinds of classifiers without a base model."""
    for kind in (LengthsClassifier, WordsClassifier):
        monkeypatch.setitem(catalogue._WITHOUT_BASE, kind.name, (kind.name, "Kind"))
        monkeypatch.setitem(sys.modules, f"spampipe.classifiers.{kind.name}", SimpleNamespace(Kind=kind))


@pytest.fixture
def workspace(tmp_path: Path, gpt2_base: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A folder with GPT-2's tokenizer, and a tiny model under the name of a small one."""
    return with_small_base(tmp_path, gpt2_base, monkeypatch)


def split(workspace: Workspace, name: str, count: int, labels: LabelSet = TWO) -> Split:
    classes = np.arange(count) % len(labels)
    texts = [f"{SUBJECTS[label]}, number {number}" for number, label in enumerate(classes)]
    rows = FAMILY.load_tokenizer(workspace.base).encode(texts)
    return Split(name, texts, classes, tokens.pad(rows, classes.tolist(), MAX_LENGTH, FAMILY.padding, labels))


def trained(workspace: Workspace, labels: LabelSet = TWO, **changes: object):
    """An ensemble, trained, saved, and decided about; and its records."""
    model = ModelParams.model_validate(PAIR | changes)
    kind = catalogue.kind_of(model.name, model.trainable)
    kind.require_enough(18, settings())
    classifier = kind.create(model, settings(), labels, MAX_LENGTH, workspace)
    heard: list[Record] = []
    splits = [split(workspace, name, count, labels) for name, count in (("train", 18), ("validation", 7))]
    records = classifier.fit(*splits, heard.append)
    assert records == heard
    classifier.save(workspace)
    decision.save(workspace.decision, Decision(threshold=0.625))
    return classifier, records


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"members": ["gpt2-tiny", "words", "lengths"], "trainable": "all"},
        {"trainable": "probe", "features": [[1, "mean"]]},
        {"members": ["words", "lengths"]},
    ],
    ids=["last block", "all of three", "probe", "no base"],
)
def test_an_ensemble_comes_back_with_its_answers(workspace, labels, changes):
    classifier, _ = trained(workspace, labels, **changes)
    loaded, test = catalogue.load(workspace), split(workspace, "test", 9, labels)
    assert isinstance(loaded, EnsembleClassifier)
    assert (classifier.threshold, loaded.threshold, loaded.labels) == (EVEN, 0.625, labels)
    found = [each.probabilities(test.texts, test.tokens, name="test") for each in (classifier, loaded)]
    assert (found[0] == found[1]).all() and found[0].shape == (9, len(labels))
    np.testing.assert_allclose(loaded.probabilities(test.texts), found[0], atol=1e-6)
    members = [member.classifier.probabilities(test.texts, test.tokens, name="test") for member in loaded._members]
    np.testing.assert_allclose(found[0], sum(members) / len(members), atol=1e-12)
    assert len({str(each) for each in members}) > 1
    chosen = labels.names_of(decide(found[0], labels, 0.625)).tolist()
    assert [answer.label for answer in loaded.classify(test.texts)] == chosen


def test_the_mean_is_tempered_and_the_members_are_not(workspace):
    classifier, _ = trained(workspace, members=["words", "lengths"])
    decision.save(workspace.decision, Decision(threshold=0.625, temperature=3.0))
    loaded, texts = catalogue.load(workspace), split(workspace, "test", 9).texts
    assert {(member.classifier.threshold, member.classifier.temperature) for member in loaded._members} == {(EVEN, 1)}
    np.testing.assert_array_equal(loaded.probabilities(texts), temper(classifier.probabilities(texts), 3.0))


def test_members_are_what_they_are_by_themselves(workspace):
    classifier, _ = trained(workspace)
    test, (first, second) = (
        split(workspace, "test", 9),
        (split(workspace, "train", 18), split(workspace, "validation", 7)),
    )
    alone = ModelParams.model_validate(PAIR | {"name": "gpt2-tiny", "members": None})
    network = catalogue.kind_of("gpt2-tiny", "last_block").create(alone, settings(), TWO, MAX_LENGTH, workspace)
    network.fit(first, second, lambda record: None)
    lengths = LengthsClassifier(TWO, np.zeros(2))
    lengths.fit(first, second, lambda record: None)
    expected = (network.probabilities(test.texts) + lengths.probabilities(test.texts)) / 2
    np.testing.assert_allclose(classifier.probabilities(test.texts), expected, atol=1e-12)


def test_the_records_are_the_base_models_and_then_the_ensembles(workspace):
    classifier, records = trained(workspace)
    parts = [split(workspace, name, count) for name, count in (("train", 18), ("validation", 7))]
    shares = [
        (decide(classifier.probabilities(part.texts, part.tokens), TWO, EVEN) == part.labels).mean() for part in parts
    ]
    summary = tables.summary(records, "last")
    assert [summary["train_accuracy"], summary["validation_accuracy"]] == shares
    assert 0.123 not in [record.train for record in records]
    steps, epochs = tables.steps_table(records), tables.epochs_table(records, "last")
    assert len(steps) == 8 and epochs["step"].is_unique and epochs["step"].is_monotonic_increasing
    assert epochs["epoch"].tolist() == [1.0, 2.0, 2.0]
    points = tables.curves(steps, epochs)
    assert len({(name, step) for name, _, step in points}) == len(points)


def test_an_ensemble_without_base_model_has_one_record(workspace):
    _, records = trained(workspace, members=["words", "lengths"])
    assert [(record.quantity, record.step, record.epoch, record.examples_seen) for record in records] == [
        ("accuracy", 0, 1.0, 18)
    ]


def test_training_costs_what_its_network_computes(workspace):
    classifier, _ = trained(workspace)
    assert classifier.training_flops(8, 80) > 0
    assert trained(workspace, members=["words", "lengths"])[0].training_flops(8, 80) is None


def test_the_same_settings_give_the_same_bytes(workspace):
    contents = []
    for _ in range(2):
        trained(workspace)
        contents.append((workspace.classifier_weights.read_bytes(), workspace.classifier_card.read_bytes()))
    assert contents[0] == contents[1]
    card = json.loads(contents[0][1])
    assert [entries["base"] for entries in card["members"]] == ["lengths", "gpt2-tiny"]
    assert card["base"] == "ensemble" and card["weights_sha256"] == files.digest(workspace.classifier_weights)


def test_a_base_elsewhere_can_be_named(workspace):
    classifier, _ = trained(workspace)
    elsewhere = workspace.root / "elsewhere"
    workspace.base.rename(elsewhere)
    loaded = catalogue.load(workspace, elsewhere)
    assert (loaded.probabilities(SUBJECTS) == classifier.probabilities(SUBJECTS)).all()


# --- settings ------------------------------------------------------------------------------------------------


def test_the_base_model_of_an_ensemble_is_its_members():
    assert ModelParams.model_validate(PAIR).require_base().name == "gpt2-tiny"
    assert ModelParams.model_validate(PAIR | {"members": ["words", "lengths"]}).base is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"members": None}, "members: an ensemble has two or more; name them, as in"),
        ({"members": []}, "members: an ensemble has two or more"),
        ({"members": ["words"]}, "members: an ensemble has two or more"),
        ({"members": ["words", "words"]}, "words stands twice; remove one of the two"),
        ({"members": ["words", "ensemble"]}, "an ensemble cannot be a member of one"),
        ({"members": ["words", "gpt2-tini"]}, "gpt2-tini: no such model; did you mean gpt2-tiny"),
        (
            {"members": ["gpt2-tiny", "smollm2-135m"]},
            "gpt2-tiny and smollm2-135m are base models; at most one may be",
        ),
        ({"members": ["words", "gpt2-tiny"], "weights": "pretrained"}, "gpt2-tiny has no pretrained weights"),
        ({"name": "gpt2-tiny"}, "members: only of an ensemble; set name to ensemble, or members to null"),
    ],
)
def test_members_that_do_not_fit_together_are_refused(changes, reason):
    with pytest.raises(ValidationError) as caught:
        ModelParams.model_validate(PAIR | changes)
    assert reason in caught.value.errors()[0]["msg"]


def test_an_unknown_member_is_one_line_that_names_its_key():
    chosen = spampipe.Params.load(ROOT / "params.yaml")
    with pytest.raises(ParamsError, match=r"^model\.members\.1: gpt2-tini: no such model; did you mean gpt2-tiny"):
        chosen.changed({"model.name": "ensemble", "model.members": ["words", "gpt2-tini"]})
    assert chosen.changed({"model.members": []}).model.base == chosen.model.base


# --- damage --------------------------------------------------------------------------------------------------


def test_damaged_or_missing_files_are_refused(workspace):
    trained(workspace)
    content = workspace.classifier_weights.read_bytes()
    workspace.classifier_weights.write_bytes(content[:-1] + b"!")
    with pytest.raises(CheckpointError, match="damaged, or not the tensors of its card"):
        catalogue.load(workspace)
    workspace.classifier_weights.unlink()
    with pytest.raises(CheckpointError, match=r"classifier\.safetensors: no such file"):
        catalogue.load(workspace)
    workspace.classifier_weights.write_bytes(content)
    text = workspace.classifier_card.read_text()
    workspace.classifier_card.write_text(text.replace('"lengths"', '"words"'))
    with pytest.raises(CheckpointError, match="edited or damaged, its hash is another"):
        catalogue.load(workspace)
    workspace.classifier_card.write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(CheckpointError, match="written by another version"):
        catalogue.load(workspace)


# --- from texts to a served model ----------------------------------------------------------------------------


@pytest.mark.parametrize("members", [["lengths", "gpt2-tiny"], ["words", "lengths"]], ids=["base", "no base"])
def test_one_call_trains_saves_and_serves_an_ensemble(tmp_path, members):
    from spampipe.tracking import serving

    texts = [f"{subject}, number {number}" for subject in SUBJECTS for number in range(20)]
    labels = [label for label in ("home", "prize", "work") for _ in range(20)]
    changes = {"model.name": "ensemble", "model.members": members, "model.weights": "random"}
    chosen = spampipe.Params.load(ROOT / "params.yaml").changed({**changes, "train.epochs": 1})
    run = spampipe.train(texts, labels, params=chosen)
    run.save(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    loaded, served = spampipe.load(tmp_path / "one"), serving._load_pyfunc(str(tmp_path / "two"))
    assert (loaded.probabilities(texts) == run.classifier.probabilities(texts)).all()
    answers = served.predict(texts)
    assert answers["label"].tolist() == [answer.label for answer in run.classifier.classify(texts)]
    assert "data:image/png" in run._repr_html_()
