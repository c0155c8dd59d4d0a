"""A probe behind the protocol: solved for, saved, and giving the same answers once it is loaded."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import spampipe
from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.probe import ProbeClassifier
from spampipe.classifiers.settings import ModelParams
from spampipe.classifiers.text_classifier import Split
from spampipe.core.errors import CheckpointError, DataError, ParamsError
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.data.labels import EVEN, LabelSet, decide
from spampipe.models.card import load_card
from spampipe.models.families.gpt2 import FAMILY
from spampipe.training import feature_pass, ridge, tables, training_log
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT
from tests.support.tiny_training import settings
from tests.support.trained import MODEL, with_small_base

MAX_LENGTH = 12
FEATURES = [[1, "last_real"], [2, "mean"]]
PROBE = MODEL | {"trainable": "probe", "features": FEATURES}
SUBJECTS = ("dinner at home", "a prize of £1000", "the agenda of a meeting that is longer than all others together")


@pytest.fixture
def workspace(tmp_path: Path, gpt2_base: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A folder with GPT-2's tokenizer, and a tiny model under the name of a small one."""
    return with_small_base(tmp_path, gpt2_base, monkeypatch)


def split(workspace: Workspace, name: str, count: int, labels: LabelSet = TWO) -> Split:
    classes = np.arange(count) % len(labels)
    texts = [f"{SUBJECTS[label]}, number {number}" for number, label in enumerate(classes)]
    rows = FAMILY.load_tokenizer(workspace.base).encode(texts)
    return Split(name, texts, classes, tokens.pad(rows, classes.tolist(), MAX_LENGTH, FAMILY.padding, labels))


def solved(workspace: Workspace, labels: LabelSet = TWO, precision: str = "fp32", **changes: object):
    """A probe that has been solved for, saved, and decided about; and its records."""
    model, train = ModelParams.model_validate(PROBE | changes), settings(precision=precision)
    classifier = catalogue.kind_of(model.name, model.trainable).create(model, train, labels, MAX_LENGTH, workspace)
    heard: list[training_log.Record] = []
    splits = [split(workspace, name, count, labels) for name, count in (("train", 18), ("validation", 7))]
    records = classifier.fit(*splits, heard.append)
    assert records == heard
    classifier.save(workspace)
    decision.save(workspace.decision, Decision(threshold=0.625))
    return classifier, records


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("causal", [True, False], ids=["causal", "both ways"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_probe_comes_back_with_its_answers(workspace, labels, causal, precision):
    classifier, records = solved(workspace, labels, precision, causal=causal)
    loaded, test = catalogue.load(workspace), split(workspace, "test", 9, labels)
    assert isinstance(classifier, ProbeClassifier) and isinstance(loaded, ProbeClassifier)
    assert (classifier.threshold, loaded.threshold, loaded.labels) == (EVEN, 0.625, labels)
    found = [each.probabilities(test.texts, test.tokens, name="test") for each in (classifier, loaded)]
    assert (found[0] == found[1]).all() and found[0].shape == (9, len(labels)) and found[0].dtype == np.float64
    alone = np.vstack([loaded.probabilities([text]) for text in test.texts])
    np.testing.assert_allclose(alone, found[0], atol=1e-5 if precision == "fp32" else 1e-2)
    assert (decide(found[0], labels, EVEN) == test.labels).all()
    assert loaded.probabilities([]).shape == (0, len(labels))
    assert loaded.describe() == json.loads(json.dumps(load_card(workspace.classifier_card).model_dump(mode="json")))
    assert tables.summary(records, "last")["train_accuracy"] == 1.0


def test_what_training_reports_is_what_is_saved(workspace):
    _, records = solved(workspace)
    loaded = catalogue.load(workspace)
    for name, count in (("train", 18), ("validation", 7)):
        part = split(workspace, name, count)
        found = loaded.probabilities(part.texts, part.tokens, name=name)
        right = found[np.arange(count), part.labels]
        figures = {record.quantity: getattr(record, name) for record in records}
        assert figures["accuracy"] == (decide(found, TWO, EVEN) == part.labels).mean()
        assert figures["loss"] == pytest.approx(-np.log(right).mean())
    assert [len(tables.steps_table(records)), len(tables.epochs_table(records, "last"))] == [1, 1]


def test_the_head_is_what_the_regression_gives(workspace):
    classifier, _ = solved(workspace)
    found = [
        (feature_pass.features(classifier._model, part.tokens, "fp32", None, None).double().numpy(), part.labels)
        for part in (split(workspace, "train", 18), split(workspace, "validation", 7))
    ]
    solution = ridge.solve(*found, TWO, settings())
    saved = load_file(workspace.classifier_weights)
    np.testing.assert_allclose(saved["head.weight"], solution.weights, rtol=1e-5)
    np.testing.assert_allclose(saved["head.bias"], solution.bias, rtol=1e-5)


def test_a_second_experiment_finds_the_features(workspace, monkeypatch):
    solved(workspace)
    content, kept = workspace.classifier_weights.read_bytes(), set(workspace.trunk_store.glob("*.f32"))
    assert len(kept) == 2
    monkeypatch.setattr(feature_pass, "run_trunk", None)  # cannot be called
    solved(workspace)
    assert workspace.classifier_weights.read_bytes() == content
    assert set(workspace.trunk_store.glob("*.f32")) == kept


@pytest.mark.parametrize(
    "changes", [{"features": [[2, "mean"]]}, {"features": FEATURES[::-1]}, {"causal": False}, {"precision": "bf16"}]
)
def test_features_of_another_kind_are_others_in_the_store(workspace, changes):
    solved(workspace)
    solved(workspace, **changes)
    assert len(set(workspace.trunk_store.glob("*.f32"))) == 4


def test_texts_with_the_same_tokens_share_their_features(workspace):
    classifier, _ = solved(workspace)
    part = split(workspace, "train", 4)
    order = np.array([2, 0, 2, 1, 0])
    whole = feature_pass.features(classifier._model, part.tokens, "fp32", None, workspace.trunk_store)
    mixed = feature_pass.features(classifier._model, part.tokens.rows(order), "fp32", None, workspace.trunk_store)
    np.testing.assert_allclose(mixed.numpy(), whole[order].numpy(), atol=1e-5)
    sizes = [path.stat().st_size for path in workspace.trunk_store.glob("*.f32")]
    assert min(sizes) < 4 * 64 * 4  # three of the five rows


def test_without_choice_the_blocks_are_chosen_by_depth(workspace):
    solved(workspace, features=None)
    card = load_card(workspace.classifier_card)
    assert card.features == ((1, "last_real"), (1, "last_real"), (1, "mean"), (2, "mean"))


# --- refusals ------------------------------------------------------------------------------------------------


def test_a_block_that_is_not_there_is_refused(workspace, monkeypatch):
    wanted = ModelParams.model_validate(PROBE).model_copy(update={"features": [(3, "mean")]})  # as of a hub's model
    with pytest.raises(ParamsError, match=r"^model.features: there is no block 3, only 2; name blocks from 1 to 2$"):
        ProbeClassifier.create(wanted, settings(), TWO, MAX_LENGTH, workspace)


def test_a_label_without_texts_is_refused(workspace):
    model = ModelParams.model_validate(PROBE)
    classifier = ProbeClassifier.create(model, settings(), THREE, MAX_LENGTH, workspace)
    part = split(workspace, "train", 2, THREE)
    with pytest.raises(DataError, match="no text with the label yes"):
        classifier.fit(part, part, lambda record: None)


def test_a_loaded_probe_is_not_trained_on(workspace):
    solved(workspace)
    part = split(workspace, "train", 12)
    with pytest.raises(CheckpointError, match="create a new one"):
        catalogue.load(workspace).fit(part, part, lambda record: None)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"features": [[3, "mean"]]}, "features: there is no block 3"),
        ({"features": [[1, "max"]]}, "features"),
        ({"trainable": "all"}, "features: a probe has some, and nothing else has"),
        ({"features": []}, "features: a probe has some, and nothing else has"),
    ],
)
def test_a_card_that_cannot_be_is_refused(workspace, entries, reason):
    from spampipe.models import card as cards

    solved(workspace)
    content = cards.unsealed(workspace.classifier_card, cards.FORMAT)
    cards.seal({"format": cards.FORMAT, **content, **entries}, workspace.classifier_card)
    with pytest.raises(CheckpointError, match=f"not a classifier's card .*{reason}"):
        load_card(workspace.classifier_card)


# --- from texts to a served model ----------------------------------------------------------------------------


def test_one_call_trains_saves_and_serves_a_probe(tmp_path):
    from spampipe.tracking import serving

    texts = [f"{subject}, number {number}" for subject in SUBJECTS for number in range(20)]
    labels = [label for label in ("home", "prize", "work") for _ in range(20)]
    changes = {"model.name": "gpt2-tiny", "model.weights": "random", "model.trainable": "probe"}
    chosen = spampipe.Params.load(ROOT / "params.yaml").changed({**changes, "train.class_weights": "balanced"})
    run = spampipe.train(texts, labels, params=chosen)
    assert run.metrics["test_accuracy"] == 1.0
    assert "data:image/png" in run._repr_html_()
    run.save(tmp_path)
    loaded, served = spampipe.load(tmp_path), serving._load_pyfunc(str(tmp_path))
    assert (loaded.probabilities(texts) == run.classifier.probabilities(texts)).all()
    assert served.predict(texts)["label"].tolist() == labels
