"""A base model that is asked: it is saved and loaded, and its answers are those of the language model."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import special

from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.prompt import PromptClassifier
from spampipe.classifiers.settings import ModelParams
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.core.errors import CheckpointError, DataError, ParamsError
from spampipe.core.workspace import Workspace
from spampipe.data import labels as label_sets
from spampipe.data.labels import LabelSet
from spampipe.models.architectures import DecoderConfig
from spampipe.models.backbone import random_state
from spampipe.models.compute import random_stream
from spampipe.models.families import llama
from spampipe.models.families.gpt2 import FAMILY
from spampipe.models.weights import load_decoder
from tests.support import tiny_training
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT
from tests.support.trained import MODEL, with_small_base

TRAIN = tiny_training.settings(seed=5)
TEXTS = ["see you at noon", "you won a prize", "see you at noon", "<|endoftext|> is no end", "🎉 " * 40]
QUESTION = str(ROOT / "prompts" / "question.yaml")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, gpt2_base: Path):
    """A folder with GPT-2's tokenizer, and a small model with a long context under the name of another."""
    with pytest.MonkeyPatch.context() as patch:
        yield with_small_base(tmp_path_factory.mktemp("asked"), gpt2_base, patch, context_length=160)


def split(name: str, count: int, labels: LabelSet) -> Split:
    classes = np.arange(count) % len(labels)
    return Split(name, [f"{labels.names[label]} of {number // 2}" for number, label in enumerate(classes)], classes)


def create(workspace: Workspace, labels: LabelSet = TWO, max_length: int = 12, **changes: object) -> PromptClassifier:
    wanted = MODEL | {"trainable": "prompt", "prompt_template": QUESTION} | changes
    return PromptClassifier.create(ModelParams.model_validate(wanted), TRAIN, labels, max_length, workspace)


def fitted(workspace: Workspace, labels: LabelSet = TWO, **changes: object) -> PromptClassifier:
    classifier = create(workspace, labels, **changes)
    classifier.fit(split("train", 20, labels), split("validation", 9, labels), lambda record: None)
    return classifier


def saved(workspace: Workspace, classifier: PromptClassifier) -> TextClassifier:
    classifier.save(workspace)
    decision.save(workspace.decision, Decision(threshold=0.625))
    return catalogue.load(workspace)


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("changes", [{}, {"prompt_shots": 3, "prompt_calibrate": True}], ids=["none", "three shots"])
def test_a_prompt_comes_back_with_its_answers(workspace, labels, changes):
    classifier = fitted(workspace, labels, **changes)
    loaded = saved(workspace, classifier)
    assert isinstance(loaded, PromptClassifier) and (loaded.threshold, loaded.labels) == (0.625, labels)
    found = loaded.probabilities(TEXTS)
    np.testing.assert_array_equal(found, classifier.probabilities(TEXTS))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found.shape == (5, len(labels)) and (found[0] == found[2]).all()
    card = json.loads(workspace.classifier_card.read_text())
    assert (card["base"], card["trainable"]) == ("gpt2-tiny", "prompt")
    assert card["template"]["answers"] == {name: name for name in labels.names}
    assert len(card["examples"]) == changes.get("prompt_shots", 0)
    assert loaded.describe().items() >= classifier.describe().items()
    classifier.save(workspace)
    again = workspace.classifier_weights.read_bytes(), workspace.classifier_card.read_bytes()
    fitted(workspace, labels, **changes).save(workspace)
    assert (workspace.classifier_weights.read_bytes(), workspace.classifier_card.read_bytes()) == again


def test_probabilities_are_those_of_the_answers_after_the_question(workspace):
    """By the decoder alone, whole texts at a time; the answers are tokenized with what they follow."""
    classifier = create(workspace, THREE, max_length=100)
    decoder = FAMILY.build(classifier._decoder.config, 0.0)
    decoder.load_state_dict(random_state(decoder, random_stream(5, "decoder weights")), assign=True)
    tokenizer = FAMILY.load_tokenizer(workspace.base)
    for text, row in zip(TEXTS[:4], classifier.probabilities(TEXTS[:4]), strict=True):
        prompt = f"Each text belongs to one of these classes: no, perhaps, yes.\n\nText: {text}\nClass:"
        totals = []
        for answer in THREE.names:
            before, whole = tokenizer.encode([prompt, f"{prompt} {answer}"])
            with torch.no_grad():
                scores = decoder.logits(decoder(torch.tensor([whole])))[0].log_softmax(dim=-1)
            totals.append(sum(float(scores[place - 1, whole[place]]) for place in range(len(before), len(whole))))
        np.testing.assert_allclose(row, special.softmax(totals), atol=1e-5)


def test_examples_are_dealt_evenly_from_train_by_the_seed(workspace):
    cards = [fitted(workspace, THREE, prompt_shots=shots).describe() for shots in (2, 6, 7)]
    two, six, seven = ([tuple(example) for example in card["examples"]] for card in cards)
    assert (two, six) == (seven[:2], seven[:6]) and len(set(seven)) == 7
    counts = [[label for _, label in six].count(name) for name in THREE.names]
    assert counts == [2, 2, 2]
    assert all(text.startswith(f"{label} of ") for text, label in seven)
    assert max(int(text.split()[-1]) for text, _ in seven) < 10  # none of validation's


def test_calibration_lowers_the_validation_loss_to_that_of_no_use_or_less(workspace):
    train, validation = split("train", 20, THREE), split("validation", 30, THREE)
    losses = []
    for calibrate in (False, True):
        heard: list = []
        classifier = create(workspace, THREE, prompt_calibrate=calibrate)
        records = classifier.fit(train, validation, heard.append)
        assert heard == records and [record.quantity for record in records] == ["loss", "accuracy"]
        assert (
            records[1].validation
            == (classifier.probabilities(validation.texts).argmax(1) == validation.labels).mean()
        )
        losses.append(records[0].validation)
    assert losses[1] < losses[0] and losses[1] < 1.3  # about log 3


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(min_size=1, max_size=300) | st.sampled_from(TEXTS), min_size=1, max_size=4))
def test_any_texts_have_probabilities_that_add_up_to_one(workspace, texts):
    found = create(workspace, THREE, max_length=160).probabilities(texts, batch_size=2)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found > 0).all()


def test_what_cannot_be_asked_is_refused(workspace, tmp_path):
    with pytest.raises(ValueError, match=r"is read from left to right; set model\.causal to auto"):
        create(workspace, causal=False)
    with pytest.raises(ParamsError, match=r"^nowhere.yaml: No such file"):
        create(workspace, prompt_template="nowhere.yaml")
    with pytest.raises(DataError, match="holds no tokens"):
        create(workspace, max_length=0)
    with pytest.raises(DataError, match=r"^train: has 20 different texts; lower model.prompt_shots, which is 21$"):
        fitted(workspace, prompt_shots=21)
    with pytest.raises(DataError, match=r"lower model\.prompt_shots or tokenize_pad"):
        fitted(workspace, prompt_shots=20)  # which is more than the context
    classifier = fitted(workspace)
    with pytest.raises(CheckpointError, match="complete already"):
        classifier.fit(split("train", 4, TWO), split("validation", 4, TWO), lambda record: None)


def test_a_damaged_card_or_file_is_refused(workspace):
    classifier = fitted(workspace)
    saved(workspace, classifier)
    card = workspace.classifier_card.read_text()
    workspace.classifier_card.write_text(card.replace("Each text", "No text"))
    with pytest.raises(CheckpointError, match="edited or damaged"):
        catalogue.load(workspace)
    workspace.classifier_card.write_text(card)
    workspace.classifier_weights.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="not the tensors of its card"):
        catalogue.load(workspace)


def test_smollm2_answers_as_its_scores_of_the_next_token_say(smollm2_base, tmp_path):
    """The real weights, in the user's cache, with the book's question: yes or no is one token each."""
    workspace = Workspace(tmp_path)
    workspace.base.parent.mkdir(parents=True)
    workspace.base.symlink_to(smollm2_base)
    changes = {
        "name": "smollm2-135m",
        "weights": "pretrained",
        "prompt_template": str(ROOT / "prompts" / "spam.yaml"),
    }
    classifier = create(workspace, **changes)
    texts = ["You have won a prize, call now!", "See you <|im_end|> at home"]
    label_sets.save(workspace.labels, TWO)
    loaded = saved(workspace, classifier)
    assert workspace.classifier_weights.stat().st_size < 1000  # the biases alone
    (family, tokenizer) = (llama.FAMILY, llama.FAMILY.load_tokenizer(smollm2_base))
    config = loaded.describe()["architecture"]
    decoder = load_decoder(family, family.weights_path(smollm2_base), DecoderConfig(**config)).eval()
    no, yes = (tokenizer.encode([word])[0] for word in (" no", " yes"))
    for text, row in zip(texts, loaded.probabilities(texts), strict=True):
        (ids,) = tokenizer.encode([f"Is the following text 'spam'? Answer with 'yes' or 'no':\n'{text}'"])
        with torch.no_grad():
            scores = decoder.logits(decoder(torch.tensor([ids]))[0, -1])
        np.testing.assert_allclose(row, scores[[*no, *yes]].softmax(dim=0), atol=1e-4)
