"""A saved classifier comes back as it was, or not at all."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from spampipe.core import files, paths
from spampipe.core.errors import CheckpointError, SpampipeError, WeightsError
from spampipe.models import checkpoint
from spampipe.models.card import FORMAT, ClassifierCard, load_card
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.classifier import Classifier
from spampipe.models.families import gpt2, llama
from spampipe.models.precision import Precision
from spampipe.params import ModelParams
from tests.support.project import ROOT
from tests.support.tiny_models import (
    GPT2,
    LLAMA,
    make_table,
    transformers_gpt2,
    transformers_llama,
    write_gpt2,
    write_llama,
)

CPU = torch.device("cpu")
SEED = 3
MODEL = {"position": "last_real", "causal": True, "trainable": "last_block", "dropout": 0.0}
GPT2_PRETRAINED = {"name": "gpt2-small", "weights": "pretrained"}
LLAMA_PRETRAINED = {"name": "smollm2-135m", "weights": "pretrained"}
RANDOM = {"name": "gpt2-tiny", "weights": "random"}
KINDS = [GPT2_PRETRAINED, LLAMA_PRETRAINED, RANDOM]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in an empty folder with tiny base models under the names of the real ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(BASE_MODELS, "gpt2-small", dataclasses.replace(BASE_MODELS["gpt2-small"], config=GPT2))
    monkeypatch.setitem(BASE_MODELS, "smollm2-135m", dataclasses.replace(BASE_MODELS["smollm2-135m"], config=LLAMA))
    monkeypatch.setitem(BASE_MODELS, "gpt2-tiny", dataclasses.replace(BASE_MODELS["gpt2-tiny"], config=GPT2))
    paths.BASE.mkdir(parents=True)
    gpt2.FAMILY.tokenizer_path(paths.BASE).write_bytes(b"IQ== 0\n")
    write_gpt2(gpt2.FAMILY.weights_path(paths.BASE), transformers_gpt2(GPT2, SEED))
    write_llama(llama.FAMILY.weights_path(paths.BASE), transformers_llama(LLAMA, SEED), "Q8_0")
    return tmp_path


def make(precision: Precision = "fp32", **changes: object) -> tuple[Classifier, ClassifierCard]:
    """A new classifier, its trained tensors moved as training would."""
    model = ModelParams.model_validate(MODEL | changes)
    card = checkpoint.describe(model, max_length=12, precision=precision)
    classifier = checkpoint.create(card, SEED, model.dropout, CPU)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for tensor in classifier.trained_parameters().values():
            tensor.add_(torch.randn(tensor.shape, generator=generator), alpha=0.1)
    return classifier.eval(), card


def logits(classifier: Classifier) -> torch.Tensor:
    table = make_table(7)
    with torch.no_grad():
        return classifier(torch.from_numpy(table.input_ids).long(), torch.from_numpy(table.lengths).long())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
@pytest.mark.parametrize(
    "how",
    [
        {"trainable": "last_layer", "position": "first"},
        {"trainable": "last_block"},
        {"trainable": "last_two_blocks", "position": "last", "dropout": 0.1},
        {"trainable": "all", "position": "mean", "causal": False},
    ],
    ids=lambda how: how["trainable"],
)
def test_a_saved_classifier_comes_back_bit_for_bit(kind, how):
    classifier, card = make(**kind, **how)
    wanted = MODEL | how
    assert (classifier.position, classifier.causal) == (wanted["position"], wanted["causal"])
    assert classifier.decoder.dropout.p == wanted["dropout"]
    saved = checkpoint.save(classifier, card)
    restored_card = load_card()
    restored = checkpoint.load(restored_card, CPU)
    assert restored_card == saved
    assert (restored.position, restored.causal) == (classifier.position, classifier.causal)
    assert torch.equal(logits(restored), logits(classifier))
    assert not restored.training and restored.decoder.dropout.p == 0
    assert set(restored.trained_parameters()) == set(classifier.trained_parameters())
    everything = {name for name, _ in classifier.named_parameters()}
    stored = everything if kind is RANDOM else set(classifier.trained_parameters())
    assert set(load_file(paths.CLASSIFIER_WEIGHTS)) == stored
    assert sorted(path.name for path in Path("models").iterdir() if path.is_file()) == [
        "classifier.json",
        "classifier.safetensors",
    ]


def test_a_base_is_used_as_published():
    classifier, _ = make(**GPT2_PRETRAINED)
    ids = torch.arange(10)[None]
    with torch.no_grad():
        expected = transformers_gpt2(GPT2, SEED)(ids, output_hidden_states=True).hidden_states[2]  # after two blocks
        torch.testing.assert_close(classifier.trunk(ids), expected, atol=1e-4, rtol=1e-4)


def test_new_weights_depend_on_the_seed():
    _, card = make(**RANDOM)
    one, same, other = (checkpoint.create(card, seed, 0.0, CPU).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one if "norm" not in name)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
def test_the_card_holds_everything(kind):
    how = {"position": "mean", "causal": False, "trainable": "last_two_blocks", "precision": "bf16"}
    checkpoint.save(*make(**kind, **how))
    base = BASE_MODELS[kind["name"]]

    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    document = json.loads(paths.CLASSIFIER_CARD.read_text())
    assert document.pop("sha256") == seal_of(document)
    assert document == {
        "format": 2,
        "base": kind["name"],
        "base_sha256": None if kind is RANDOM else digest(base.family.weights_path(paths.BASE)),
        "architecture": dataclasses.asdict(base.config),
        "tokenizer": base.family.tokenizer,
        "tokenizer_sha256": digest(base.family.tokenizer_path(paths.BASE)),
        "labels": ["ham", "spam"],
        "max_length": 12,
        "weights_sha256": digest(paths.CLASSIFIER_WEIGHTS),
        **how,
    }
    assert load_card().padding == {"r50k_base": 50256, "smollm2": 0}[base.family.tokenizer]


def test_another_process_writes_the_same_bytes(workspace: Path):
    _, card = make(**RANDOM, trainable="all")
    checkpoint.save(checkpoint.create(card, SEED, 0.0, CPU), card)
    script = f"""
import torch
from pathlib import Path
from spampipe.models import checkpoint
from dataclasses import replace
from spampipe.models.architectures import DecoderConfig
from spampipe.models.card import load_card
from spampipe.models.catalogue import BASE_MODELS
BASE_MODELS["gpt2-tiny"] = replace(BASE_MODELS["gpt2-tiny"], config={GPT2})
card = load_card()
classifier = checkpoint.create(card, {SEED}, 0.0, torch.device("cpu"))
checkpoint.save(classifier, card, Path("again.safetensors"), Path("again.json"))
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "77"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    assert Path("again.safetensors").read_bytes() == paths.CLASSIFIER_WEIGHTS.read_bytes()
    assert Path("again.json").read_bytes() == paths.CLASSIFIER_CARD.read_bytes()


# --- refusals ------------------------------------------------------------------------------------------------


def refusal(kind: type[SpampipeError], action: Callable[[], object], path: Path) -> str:
    """The one line that refuses; it names the file."""
    with pytest.raises(kind) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"{path}: ")
    return message


@pytest.mark.parametrize("kind", [GPT2_PRETRAINED, LLAMA_PRETRAINED], ids=lambda kind: kind["name"])
def test_another_base_is_refused(kind):
    card = checkpoint.save(*make(**kind))
    base = BASE_MODELS[card.base].family.weights_path(paths.BASE)
    changed = bytearray(base.read_bytes())
    changed[-1] ^= 1
    base.write_bytes(changed)
    assert "not the base" in refusal(CheckpointError, lambda: checkpoint.load(card, CPU), base)
    base.unlink()
    assert "no such file" in refusal(CheckpointError, lambda: checkpoint.load(card, CPU), base)
    with pytest.raises(CheckpointError, match="no such file"):
        make(**kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
def test_missing_or_damaged_weights_are_refused(kind):
    card = checkpoint.save(*make(**kind))
    path, whole = paths.CLASSIFIER_WEIGHTS, paths.CLASSIFIER_WEIGHTS.read_bytes()
    for content in (b"", whole[:5], whole[:100], whole[:-1], whole + b"\0", b"<html>\n</html>\n" * 9):
        path.write_bytes(content)
        assert "damaged" in refusal(CheckpointError, lambda: checkpoint.load(card, CPU), path)
    path.unlink()
    assert "no such file" in refusal(CheckpointError, lambda: checkpoint.load(card, CPU), path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
def test_saved_tensors_that_do_not_fit_the_card_are_refused(kind):
    classifier, card = make(**kind)
    saved = checkpoint.save(classifier, card)
    stored = load_file(paths.CLASSIFIER_WEIGHTS)
    classifier.complete()
    frozen = {"decoder.blocks.0.mlp.up.weight": classifier.decoder.blocks[0].mlp.up.weight.detach().clone()}
    misfits: list[tuple[str, dict[str, torch.Tensor]]] = [
        *((name, {kept: tensor for kept, tensor in stored.items() if kept != name}) for name in stored),
        *((name, stored | {name: torch.zeros(len(tensor) + 1)}) for name, tensor in stored.items()),
        ("head.scale", stored | {"head.scale": torch.ones(2)}),
    ]
    if kind is not RANDOM:
        misfits.append((*frozen, stored | frozen))
    for name, tensors in misfits:
        save_file(tensors, paths.CLASSIFIER_WEIGHTS)
        card = saved.model_copy(update={"weights_sha256": files.digest(paths.CLASSIFIER_WEIGHTS)})
        assert name in refusal(WeightsError, partial(checkpoint.load, card, CPU), paths.CLASSIFIER_WEIGHTS)


@pytest.mark.parametrize("place", range(0, 1000, 97))
def test_one_flipped_bit_in_the_weights_is_refused(place: int):
    card = checkpoint.save(*make(**GPT2_PRETRAINED))
    damaged = bytearray(paths.CLASSIFIER_WEIGHTS.read_bytes())
    damaged[-1 - place * len(damaged) // 1000] ^= 1
    paths.CLASSIFIER_WEIGHTS.write_bytes(damaged)
    assert "damaged" in refusal(CheckpointError, lambda: checkpoint.load(card, CPU), paths.CLASSIFIER_WEIGHTS)


def test_new_weights_beside_an_old_card_are_refused():
    checkpoint.save(*make(**GPT2_PRETRAINED, trainable="last_layer"))
    old_card = paths.CLASSIFIER_CARD.read_bytes()
    checkpoint.save(*make(**GPT2_PRETRAINED))
    paths.CLASSIFIER_CARD.write_bytes(old_card)  # as a process leaves it that is killed before it writes the card
    message = refusal(CheckpointError, lambda: checkpoint.load(load_card(), CPU), paths.CLASSIFIER_WEIGHTS)
    assert "not the tensors of its card" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not a classifier's card"),
        (f'{{"format": {FORMAT},\n', "not a classifier's card"),
        ("[]", "not a classifier's card"),
        ("{}", "format"),
        (f'{{"format": {FORMAT - 1}}}', "another version"),
        (f'{{"format": {FORMAT}}}', "edited or damaged"),
        (b"\xff\xfe\x00", "not a classifier's card"),
    ],
)
def test_a_damaged_card_is_refused(content: str | bytes, reason: str):
    paths.CLASSIFIER_CARD.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert reason in refusal(CheckpointError, load_card, paths.CLASSIFIER_CARD)


def seal_of(content: dict[str, object]) -> str:
    """The hash of a card's other entries, worked out as an edit that means to go unnoticed would."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


SHAPE = dataclasses.asdict(GPT2)
EDITS = [
    ("max_length", -5),
    ("max_length", 0),
    ("max_length", 99999999),
    ("max_length", "12"),
    ("max_length", 12.5),
    ("position", "last"),
    ("position", "lost"),
    ("causal", 1),
    ("trainable", "last_three_blocks"),
    ("precision", "fp16"),
    ("labels", ["spam", "ham"]),
    ("labels", ["spam"]),
    ("labels", 2),
    ("base", "gpt2-giant"),
    ("base_sha256", "abc"),
    ("tokenizer", "smollm2"),
    ("tokenizer_sha256", "x" * 64),
    ("weights_sha256", None),
    ("weights_sha256", "A" * 64),
    ("architecture", SHAPE | {"num_layers": 4}),
    ("architecture", SHAPE | {"width": 3}),
    ("architecture", {"width": 3}),
    ("temperature", 1),
]


@pytest.mark.parametrize(("name", "value"), EDITS, ids=[f"{name} {number}" for number, (name, _) in enumerate(EDITS)])
def test_an_edited_card_is_refused_with_the_remedy(name: str, value: object):
    checkpoint.save(*make(**GPT2_PRETRAINED))
    document = json.loads(paths.CLASSIFIER_CARD.read_text()) | {name: value}
    paths.CLASSIFIER_CARD.write_text(json.dumps(document))
    assert "edited or damaged" in (message := refusal(CheckpointError, load_card, paths.CLASSIFIER_CARD))
    assert f"run `dvc checkout {paths.CLASSIFIER_CARD}`" in message
    if (name, value) == ("position", "last"):
        return  # a value that a card may have: only the seal can tell
    del document["sha256"]
    paths.CLASSIFIER_CARD.write_text(json.dumps(document | {"sha256": seal_of(document)}))
    assert name in (message := refusal(CheckpointError, load_card, paths.CLASSIFIER_CARD))
    assert f"run `dvc checkout {paths.CLASSIFIER_CARD}`" in message


@pytest.mark.parametrize("resealed", [False, True])
def test_a_card_must_have_all_its_fields(resealed: bool):
    checkpoint.save(*make(**GPT2_PRETRAINED))
    document = json.loads(paths.CLASSIFIER_CARD.read_text())
    for gone in document:
        content = {name: value for name, value in document.items() if name != gone}
        if resealed and gone != "sha256":
            del content["sha256"]
            content["sha256"] = seal_of(content)
        paths.CLASSIFIER_CARD.write_text(json.dumps(content))
        refusal(CheckpointError, load_card, paths.CLASSIFIER_CARD)


def test_the_layout_of_a_cards_file_does_not_matter():
    saved = checkpoint.save(*make(**GPT2_PRETRAINED))
    document = json.loads(paths.CLASSIFIER_CARD.read_text())
    paths.CLASSIFIER_CARD.write_text(json.dumps(dict(reversed(document.items()))))
    assert load_card() == saved


def test_a_missing_card_or_tokenizer_is_refused():
    assert "no such file" in refusal(CheckpointError, load_card, paths.CLASSIFIER_CARD)
    gpt2.FAMILY.tokenizer_path(paths.BASE).unlink()
    with pytest.raises(CheckpointError, match=r"tokenizer\.tiktoken: no such file"):
        make(**GPT2_PRETRAINED)
