"""A language model behind the protocol: it learns, is saved, and gives the same answers once it is loaded."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.neural import NeuralClassifier
from spampipe.classifiers.settings import ModelParams
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.core.errors import CheckpointError, DataError, ParamsError, SpampipeError
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.data.labels import EVEN, LabelSet, decide
from spampipe.models.card import load_card
from spampipe.models.families.gpt2 import FAMILY
from tests.support.label_sets import THREE, TWO
from tests.support.project import committed
from tests.support.tiny_training import settings
from tests.support.trained import with_small_base

MAX_LENGTH = 12
MODEL = committed("model") | {"name": "gpt2-tiny", "weights": "random"}
TRAIN = settings(epochs=2)
SUBJECTS = (
    "dinner at home",
    "a prize of £1000",
    "the agenda of a meeting that is longer than all others put together",
)


@pytest.fixture
def workspace(tmp_path: Path, gpt2_base: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A folder with GPT-2's tokenizer, and a tiny model under the name of a small one."""
    return with_small_base(tmp_path, gpt2_base, monkeypatch)


def create(workspace: Workspace, labels: LabelSet = TWO, max_length: int = MAX_LENGTH, **changes: object):
    model = ModelParams.model_validate(MODEL | changes)
    return NeuralClassifier.create(model, TRAIN, labels, max_length, workspace)


def split(workspace: Workspace, name: str, count: int, labels: LabelSet = TWO, *, tokenized: bool = True) -> Split:
    classes = np.arange(count) % len(labels)
    texts = [f"{SUBJECTS[label]}, number {number}" for number, label in enumerate(classes)]
    rows = FAMILY.load_tokenizer(workspace.base).encode(texts)
    table = tokens.pad(rows, classes.tolist(), MAX_LENGTH, FAMILY.padding, labels)
    return Split(name, texts, classes, table if tokenized else None)


def trained(workspace: Workspace, labels: LabelSet = TWO, **changes: object) -> NeuralClassifier:
    """Trained, saved, and decided about."""
    classifier = create(workspace, labels, **changes)
    splits = [split(workspace, name, count, labels) for name, count in (("train", 18), ("validation", 7))]
    classifier.fit(*splits, lambda record: None)
    classifier.save(workspace)
    decision.save(workspace.decision, Decision(threshold=0.625))
    return classifier


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"causal": False, "position": "mean"},
        {"trainable": "last_blocks", "trained_blocks": 1, "depth": 1},
        {"trainable": "lora"},
    ],
    ids=["causal", "both ways", "cut", "lora"],
)
def test_a_trained_classifier_comes_back_with_its_answers(workspace, labels, changes):
    classifier, test = trained(workspace, labels, **changes), split(workspace, "test", 9, labels)
    loaded = catalogue.load(workspace)
    assert isinstance(loaded, NeuralClassifier) and isinstance(loaded, TextClassifier)
    assert (classifier.threshold, loaded.threshold) == (EVEN, 0.625)
    assert loaded.labels == classifier.labels == labels
    computed = [each.probabilities(test.texts) for each in (classifier, loaded)]
    assert (computed[0] == computed[1]).all() and computed[0].dtype == np.float64
    assert computed[0].shape == (9, len(labels))
    np.testing.assert_allclose(computed[0].sum(axis=1), 1, atol=1e-6)
    answers = loaded.classify(test.texts)
    assert [answer.label for answer in answers] == labels.names_of(decide(computed[1], labels, 0.625)).tolist()
    shown = computed[1][:, 1] if labels.positive else computed[1].max(axis=1)
    assert [answer.probability for answer in answers] == shown.tolist()
    assert loaded.describe() == json.loads(json.dumps(load_card(workspace.classifier_card).model_dump(mode="json")))


def test_tokens_that_are_there_give_the_answers_of_their_texts_and_are_kept_for_the_next_run(workspace):
    classifier, test = trained(workspace), split(workspace, "test", 9)
    kept = set(workspace.trunk_store.glob("*.f32"))
    assert len(kept) == 2  # of the two splits in training
    plain = classifier.probabilities(test.texts)
    assert set(workspace.trunk_store.glob("*.f32")) == kept
    reused = [classifier.probabilities(test.texts, test.tokens, batch_size=size, name="test") for size in (2, 32)]
    assert len(set(workspace.trunk_store.glob("*.f32"))) == 3
    for found in reused:
        np.testing.assert_allclose(found, plain, atol=1e-6)
    assert classifier.probabilities([]).shape == (0, 2)


def test_training_tokenizes_texts_that_were_not(workspace):
    ends = []
    for tokenized in (True, False):
        classifier, heard = create(workspace), []
        splits = [split(workspace, name, 12, tokenized=tokenized) for name in ("train", "validation")]
        records = classifier.fit(*splits, heard.append)
        assert records == heard
        ends.append((records, classifier.probabilities(splits[0].texts).tolist()))
    assert ends[0] == ends[1]


def test_the_seed_decides_the_first_values(workspace):
    texts = list(SUBJECTS)
    one, again = (create(workspace).probabilities(texts) for _ in range(2))
    model = ModelParams.model_validate(MODEL)
    other = NeuralClassifier.create(model, settings(seed=12), TWO, MAX_LENGTH, workspace).probabilities(texts)
    assert (one == again).all() and (one != other).all()


def test_training_costs_what_its_network_computes(workspace):
    last, everything = create(workspace), create(workspace, trainable="all")
    assert 0 < last.training_flops(8, 80) < everything.training_flops(8, 80)


# --- refusals ------------------------------------------------------------------------------------------------


def refusal(kind: type[SpampipeError], action: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_texts_without_tokens_are_refused_before_training(workspace):
    message = refusal(DataError, lambda: create(workspace, max_length=0))
    assert message == f"{workspace.tokens}: holds no tokens of the texts; run `dvc repro` or `dvc pull`"


def test_too_few_texts_are_refused_before_the_frozen_layers_run(workspace):
    few, validation = split(workspace, "train", 3), split(workspace, "validation", 3)
    message = refusal(DataError, lambda: create(workspace).fit(few, validation, lambda record: None))
    assert message.startswith("3 training messages are fewer than one batch of 4")
    assert not workspace.trunk_store.exists()


def test_a_loaded_classifier_is_not_trained_on(workspace):
    trained(workspace)
    loaded, again = catalogue.load(workspace), split(workspace, "train", 12)
    assert "create a new one" in refusal(CheckpointError, lambda: loaded.fit(again, again, lambda record: None))


def test_a_missing_decision_is_refused(workspace):
    trained(workspace)
    workspace.decision.unlink()
    assert refusal(CheckpointError, lambda: catalogue.load(workspace)).startswith(
        f"{workspace.decision}: no such file"
    )


def test_another_tokenizer_is_refused(workspace):
    trained(workspace)
    path = FAMILY.tokenizer_path(workspace.base)
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))  # the same ranks, another file
    assert refusal(CheckpointError, lambda: catalogue.load(workspace)).startswith(f"{path}: not the tokenizer")


def test_a_base_elsewhere_can_be_named(workspace):
    classifier = trained(workspace)
    elsewhere = workspace.root / "elsewhere"
    workspace.base.rename(elsewhere)
    loaded = catalogue.load(workspace, elsewhere)
    assert (loaded.probabilities(SUBJECTS) == classifier.probabilities(SUBJECTS)).all()
    FAMILY.tokenizer_path(elsewhere).unlink()
    with pytest.raises(SpampipeError, match=r"elsewhere.*no such file"):
        catalogue.load(workspace, elsewhere)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file; run `dvc repro` or `dvc pull`"),
        ("{", "not a classifier's card"),
        ("[]", "not a classifier's card"),
        ("{}", "not a classifier's card (KeyError('base'))"),
        ('{"base": "gpt2-giant"}', "base: no classifier is called gpt2-giant; "),
        ('{"base": 3}', "base: no classifier is called 3; "),
        ('{"base": "gpt2-tiny"}', "not a classifier's card (KeyError('format'))"),
    ],
)
def test_a_card_that_names_no_kind_is_refused(workspace, content, reason):
    card = workspace.classifier_card
    card.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        card.write_text(content)
    assert refusal(CheckpointError, lambda: catalogue.load(workspace)).startswith(f"{card}: {reason}")


def test_a_text_must_have_words_and_a_threshold_be_between_0_and_1(workspace):
    trained(workspace)
    loaded = catalogue.load(workspace)
    assert refusal(DataError, lambda: loaded.classify(["a", " "])) == (
        "text 2 of 2 is empty; give it words, or leave it out"
    )
    message = refusal(ParamsError, lambda: loaded.classify(["a"], threshold=1.0))
    assert message.startswith("threshold 1.0: must be more than 0 and less than 1")
