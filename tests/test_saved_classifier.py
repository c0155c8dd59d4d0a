"""A classifier on disk, and its answers to new messages."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from spampipe import checkpoint, paths, tokenizer, tokens
from spampipe.architectures import BASE_MODELS, BaseModel, DecoderConfig
from spampipe.checkpoint import ClassifierCard
from spampipe.errors import CheckpointError, DataError, SpampipeError
from spampipe.params import ModelParams
from spampipe.prediction import SpamClassifier
from spampipe.scoring import spam_probabilities
from tests.tiny_models import GPT2, make_table, transformers_gpt2, write_gpt2

CPU = torch.device("cpu")
SMALL: DecoderConfig = dataclasses.replace(GPT2, vocabulary_size=50257, context_length=1024)
MAX_LENGTH = 12


@pytest.fixture(params=["pretrained", "random"])
def workspace(request, tmp_path: Path, gpt2_base: Path, monkeypatch) -> tuple[Path, ClassifierCard]:
    """A workspace with a saved classifier of GPT-2's family, its base pinned or random."""
    weights = request.param
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(BASE_MODELS, "gpt2-small", BaseModel(SMALL, "r50k_base", "safetensors"))
    paths.BASE.mkdir(parents=True)
    shutil.copyfile(paths.base_tokenizer(gpt2_base), paths.base_tokenizer())
    if weights == "pretrained":
        write_gpt2(paths.base_weights("safetensors"), transformers_gpt2(SMALL))
    model = ModelParams(
        **{"name": "gpt2-small", "weights": weights, "trainable": "last_block", "position": "last_real"},
        **{"causal": True, "dropout": 0.0},
    )
    card = checkpoint.describe(model, MAX_LENGTH, "fp32")
    classifier = checkpoint.create(card, seed=3, dropout=0.0, device=CPU).eval()
    with torch.no_grad():
        for tensor in classifier.trained_parameters().values():
            tensor.add_(0.01)
    checkpoint.save(classifier, card)
    table = make_table(5, SMALL, MAX_LENGTH)
    ids, lengths = torch.from_numpy(table.input_ids).long(), torch.from_numpy(table.lengths).long()
    with torch.no_grad():
        torch.save((ids, lengths, classifier(ids, lengths)), "expected.pt")
    return tmp_path, card


def test_round_trip_gives_the_same_logits_bit_for_bit(workspace):
    _, card = workspace
    assert checkpoint.load_card() == card
    loaded = checkpoint.load(card, CPU)
    ids, lengths, expected = torch.load("expected.pt")
    with torch.no_grad():
        assert torch.equal(loaded(ids, lengths), expected)
    assert not loaded.training
    assert set(loaded.trained_parameters()) == {
        name
        for name, _ in loaded.named_parameters()
        if name.startswith(("head", "decoder.final_norm", "decoder.blocks.2"))
    }


def test_only_what_the_base_does_not_hold_is_saved(workspace):
    _, card = workspace
    with safe_open(paths.CLASSIFIER_WEIGHTS, framework="pt") as stored:
        saved = set(stored.keys())
        assert not stored.metadata()
    loaded = checkpoint.load(card, CPU)
    everything = {name for name, _ in loaded.named_parameters()}
    assert saved == (everything if card.base_sha256 is None else set(loaded.trained_parameters()))


def test_saving_again_gives_the_same_bytes(workspace):
    _, card = workspace
    files = (paths.CLASSIFIER_WEIGHTS, paths.CLASSIFIER_CARD)
    before = [path.read_bytes() for path in files]
    checkpoint.save(checkpoint.load(card, CPU), card)
    assert [path.read_bytes() for path in files] == before


def test_card_holds_all_that_is_needed(workspace):
    document = json.loads(paths.CLASSIFIER_CARD.read_text())
    assert {field.name for field in dataclasses.fields(ClassifierCard)} | {"format"} == set(document)
    assert document["labels"] == ["not spam", "spam"]
    assert document["architecture"]["num_layers"] == 3


def damage_base() -> None:
    path = paths.base_weights("safetensors")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "no card": (paths.CLASSIFIER_CARD.unlink, "classifier.json: no such file"),
    "card is not JSON": (lambda: paths.CLASSIFIER_CARD.write_text("{"), "classifier.json: not a classifier's card"),
    "card of another version": (lambda: paths.CLASSIFIER_CARD.write_text('{"format": 0}'), "another version"),
    "no weights": (paths.CLASSIFIER_WEIGHTS.unlink, "classifier.safetensors: no such file"),
    "weights cut short": (lambda: paths.CLASSIFIER_WEIGHTS.write_bytes(b"1234"), "classifier.safetensors: damaged"),
    "other tokenizer": (
        lambda: paths.base_tokenizer().write_bytes(paths.base_tokenizer().read_bytes().rstrip(b"\n")),
        "not the tokenizer this classifier was trained with",
    ),
    "no tokenizer": (paths.base_tokenizer().unlink, "tokenizer.tiktoken: no such file"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_one_line(workspace, damage, message):
    damage()
    with pytest.raises(SpampipeError) as error:
        SpamClassifier.load()
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_another_base_is_refused(workspace):
    _, card = workspace
    if card.base_sha256 is None:
        pytest.skip("random weights have no base file")
    damage_base()
    with pytest.raises(CheckpointError, match="not the base this classifier was trained from"):
        SpamClassifier.load()


TEXTS = ["WIN 1000 pounds now", "see you at lunch", "a", "<|endoftext|> is only text here", "word " * 100]


def test_answers_are_those_of_training(workspace):
    """The same tokens, cut and position as the pipeline's own stages use."""
    _, card = workspace
    encoding = tokenizer.load(paths.base_tokenizer(), card.tokenizer)
    table = tokens.pad(tokens.encode(encoding, TEXTS), [0] * len(TEXTS), MAX_LENGTH, 50256)
    expected = spam_probabilities(checkpoint.load(card, CPU), table, 2, "fp32", "texts")
    answers = SpamClassifier.load().classify(TEXTS)
    assert [answer.text for answer in answers] == TEXTS
    assert [answer.probability for answer in answers] == pytest.approx(expected.tolist(), abs=1e-5)
    assert all(answer.label == ("spam" if answer.probability >= 0.5 else "not spam") for answer in answers)


def test_neither_company_nor_order_matters(workspace):
    classifier = SpamClassifier.load()
    together = [answer.probability for answer in classifier.classify(TEXTS)]
    alone = [classifier.classify([text], batch_size=1)[0].probability for text in TEXTS]
    backwards = [answer.probability for answer in classifier.classify(TEXTS[::-1])][::-1]
    assert alone == pytest.approx(together, abs=1e-5)
    assert backwards == pytest.approx(together, abs=1e-5)


def test_long_texts_are_cut(workspace):
    short, long = SpamClassifier.load().classify(["word " * MAX_LENGTH, "word " * 500])
    assert short.probability == pytest.approx(long.probability, abs=1e-6)


def test_threshold_decides(workspace):
    classifier = SpamClassifier.load()
    probability = classifier.classify(TEXTS[:1])[0].probability
    assert classifier.classify(TEXTS[:1], threshold=probability)[0].label == "spam"
    assert classifier.classify(TEXTS[:1], threshold=probability + 1e-6)[0].label == "not spam"


def test_no_texts_and_empty_texts(workspace):
    classifier = SpamClassifier.load()
    assert classifier.classify([]) == []
    with pytest.raises(DataError, match="text 2 of 2 is empty"):
        classifier.classify(["words", " \n"])
