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

from spampipe.core import files
from spampipe.core.errors import CheckpointError, ParamsError, SpampipeError, WeightsError
from spampipe.core.workspace import Workspace
from spampipe.data.labels import LabelSet
from spampipe.models import checkpoint, describing
from spampipe.models.card import FORMAT, ClassifierCard, SavedCard, load_card
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.choices import Precision
from spampipe.models.families import bert, gpt2
from spampipe.models.freezing import trained_parameters, trunk_parameters
from spampipe.models.frozen_trunk import Model
from spampipe.params import ModelParams
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT, committed
from tests.support.published_models import (
    transformers_bert,
    transformers_gpt2,
    transformers_llama,
    write_bert,
    write_gpt2,
    write_llama,
)
from tests.support.tiny_models import (
    BERT,
    GPT2,
    LLAMA,
    make_table,
)

CPU = torch.device("cpu")
TRAINABLE = ("last_layer", "last_block", "last_two_blocks", "all")
SEED = 3
MODEL = committed("model") | {"position": "last_real", "causal": True}
GPT2_PRETRAINED = {"name": "gpt2-small", "weights": "pretrained"}
LLAMA_PRETRAINED = {"name": "smollm2-135m", "weights": "pretrained"}
RANDOM = {"name": "gpt2-tiny", "weights": "random"}
ENCODER = {"name": "minilm-l6", "weights": "pretrained", "position": "auto", "causal": "auto"}
KINDS = [GPT2_PRETRAINED, LLAMA_PRETRAINED, RANDOM]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A folder with tiny base models under the names of the real ones."""
    for name, config in {"gpt2-small": GPT2, "smollm2-135m": LLAMA, "gpt2-tiny": GPT2, "minilm-l6": BERT}.items():
        monkeypatch.setitem(BASE_MODELS, name, dataclasses.replace(BASE_MODELS[name], config=config))
    workspace = Workspace(tmp_path)
    workspace.base.mkdir(parents=True)
    tokenizer_of(workspace).write_bytes(b"IQ== 0\n")
    bert.FAMILY.tokenizer_path(workspace.base).write_bytes(b"{}")
    write_gpt2(base_of(workspace, "gpt2-small"), transformers_gpt2(GPT2, SEED))
    write_llama(base_of(workspace, "smollm2-135m"), transformers_llama(LLAMA, SEED), "Q8_0")
    return workspace


@pytest.fixture
def with_encoder(workspace: Workspace) -> Workspace:
    """The same, with the encoder's weights, whose file has the name of GPT-2's."""
    write_bert(base_of(workspace, "minilm-l6"), transformers_bert(BERT, SEED))
    return workspace


def base_of(workspace: Workspace, name: str) -> Path:
    """The weight file of a base model."""
    return BASE_MODELS[name].family.weights_path(workspace.base)


def tokenizer_of(workspace: Workspace) -> Path:
    """The tokenizer's file, which every family has under the same name."""
    return gpt2.FAMILY.tokenizer_path(workspace.base)


def make(
    workspace: Workspace, precision: Precision = "fp32", labels: LabelSet = TWO, **changes: object
) -> tuple[Model, ClassifierCard]:
    """A new classifier, its trained tensors moved as training would."""
    chosen = ModelParams.model_validate(MODEL | changes)
    card = describing.describe(chosen, labels, 12, precision, workspace.base)
    model = checkpoint.create(card, SEED, chosen.dropout, CPU, workspace.base)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for tensor in trained_parameters(model.network).values():
            tensor.add_(torch.randn(tensor.shape, generator=generator), alpha=0.1)
    model.network.eval()
    return model, card


def save(workspace: Workspace, model: Model, card: ClassifierCard) -> SavedCard:
    return checkpoint.save(model.network, card, workspace.classifier_weights, workspace.classifier_card)


def load(workspace: Workspace, card: SavedCard) -> Model:
    return checkpoint.load(card, CPU, workspace.classifier_weights, workspace.base)


def logits(model: Model) -> torch.Tensor:
    table = make_table(7)
    model.trunk.complete()
    with torch.no_grad():
        return model.network(torch.from_numpy(table.input_ids).long(), torch.from_numpy(table.lengths).long())


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
def test_a_saved_classifier_comes_back_bit_for_bit(workspace, kind, how):
    model, card = make(workspace, **kind, **how)
    classifier = model.network
    wanted = MODEL | how
    assert (classifier.position, classifier.causal) == (wanted["position"], wanted["causal"])
    assert classifier.decoder.dropout.p == wanted["dropout"]
    saved = save(workspace, model, card)
    restored_card = load_card(workspace.classifier_card)
    restored_model = load(workspace, restored_card)
    restored = restored_model.network
    assert restored_card == saved
    assert (restored.position, restored.causal) == (classifier.position, classifier.causal)
    assert torch.equal(logits(restored_model), logits(model))
    assert not restored.training and restored.decoder.dropout.p == 0
    assert set(trained_parameters(restored)) == set(trained_parameters(classifier))
    everything = {name for name, _ in classifier.named_parameters()}
    stored = everything if kind is RANDOM else set(trained_parameters(classifier))
    assert set(load_file(workspace.classifier_weights)) == stored
    assert sorted(path.name for path in (workspace.root / "models").iterdir() if path.is_file()) == [
        "classifier.json",
        "classifier.safetensors",
    ]


@pytest.mark.parametrize("weights", ["pretrained", "random"])
@pytest.mark.parametrize("position", ["auto", "first"])
@pytest.mark.parametrize("trainable", TRAINABLE)
def test_an_encoders_classifier_comes_back_bit_for_bit(with_encoder, trainable, position, weights):
    how = {"weights": weights, "position": position, "trainable": trainable}
    model, card = make(with_encoder, **ENCODER | how)
    assert (card.position, card.causal) == ("mean" if position == "auto" else position, False)
    save(with_encoder, model, card)
    restored = load(with_encoder, load_card(with_encoder.classifier_card))
    assert torch.equal(logits(restored), logits(model))
    stored = trained_parameters(model.network) if weights == "pretrained" else dict(model.network.named_parameters())
    assert set(load_file(with_encoder.classifier_weights)) == set(stored)


def test_an_encoder_is_used_as_published(with_encoder):
    model, _ = make(with_encoder, **ENCODER)
    model.trunk.complete()
    ids, lengths = torch.arange(20).reshape(2, 10), torch.tensor([10, 4])
    real = torch.arange(10) < lengths[:, None]
    with torch.no_grad():
        reference = transformers_bert(BERT, SEED)(ids, attention_mask=real.long(), output_hidden_states=True)
        expected = reference.hidden_states[2]  # after two blocks
        found = model.network.trunk(ids, lengths)
    torch.testing.assert_close(found[real], expected[real], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
def test_a_decoder_reads_forwards_and_answers_at_the_end_unless_told_otherwise(workspace, kind):
    _, card = make(workspace, **kind, position="auto", causal="auto")
    assert (card.position, card.causal) == ("last_real", True)
    _, card = make(workspace, **kind, position="auto", causal=False)
    assert (card.position, card.causal) == ("last_real", False)
    _, card = make(workspace, **kind, position="mean", causal="auto")
    assert (card.position, card.causal) == ("mean", True)


@pytest.mark.parametrize("wrong", [{"causal": True}, {"position": "last"}, {"position": "last_real"}])
def test_an_encoder_that_is_to_read_forwards_is_refused_wherever_it_comes_from(with_encoder, wrong):
    """Also if the settings could not be checked before its files were there."""
    settings = ModelParams.model_construct(**MODEL | ENCODER | wrong)
    with pytest.raises(
        ParamsError, match=r"^minilm-l6 reads both ways[^\n]*; set model\.(causal|position) to [^\n]*$"
    ):
        describing.describe(settings, TWO, 12, "fp32", with_encoder.base)


def test_a_base_is_used_as_published(workspace):
    model, _ = make(workspace, **GPT2_PRETRAINED)
    model.trunk.complete()
    ids = torch.arange(10)[None]
    with torch.no_grad():
        expected = transformers_gpt2(GPT2, SEED)(ids, output_hidden_states=True).hidden_states[2]  # after two blocks
        torch.testing.assert_close(model.network.trunk(ids, torch.tensor([10])), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", [GPT2_PRETRAINED, LLAMA_PRETRAINED], ids=lambda kind: kind["name"])
def test_the_trunks_tensors_are_loaded_once_they_are_needed(workspace, kind):
    _, card = make(workspace, **kind)
    model = checkpoint.create(card, SEED, 0.0, CPU, workspace.base)
    trunk = trunk_parameters(model.network)
    assert {f"decoder.{name}" for name in trunk} == {
        name for name, tensor in model.network.named_parameters() if tensor.is_meta
    }
    assert str(card.base_sha256) in model.trunk.digest()
    model.trunk.complete()
    assert not any(tensor.is_meta for tensor in model.network.parameters())
    kept = dict(model.network.named_parameters())
    base_of(workspace, card.base).unlink()
    model.trunk.complete()  # reads nothing again
    assert all(tensor is kept[name] for name, tensor in model.network.named_parameters())


def test_new_weights_depend_on_the_seed(workspace):
    _, card = make(workspace, **RANDOM)
    models = [checkpoint.create(card, seed, 0.0, CPU, workspace.base) for seed in (1, 1, 2)]
    one, same, other = (model.network.state_dict() for model in models)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one if "norm" not in name)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
def test_the_card_holds_everything(workspace, kind):
    how = {"position": "mean", "causal": False, "trainable": "last_two_blocks", "precision": "bf16"}
    save(workspace, *make(workspace, **kind, labels=THREE, **how))
    base = BASE_MODELS[kind["name"]]

    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    document = json.loads(workspace.classifier_card.read_text())
    assert document.pop("sha256") == seal_of(document)
    assert document == {
        "format": 3,
        "base": kind["name"],
        "base_sha256": None if kind is RANDOM else digest(base_of(workspace, kind["name"])),
        "architecture": {  # entries that have a default are written only if they differ from it
            field.name: getattr(base.config, field.name)
            for field in dataclasses.fields(base.config)
            if field.default is dataclasses.MISSING
        },
        "tokenizer": base.family.tokenizer,
        "tokenizer_sha256": digest(tokenizer_of(workspace)),
        "labels": {"names": ["no", "perhaps", "yes"], "positive": None},
        "max_length": 12,
        "weights_sha256": digest(workspace.classifier_weights),
        **how,
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
def test_a_classifier_of_three_labels_comes_back(workspace, kind):
    model, card = make(workspace, **kind, labels=THREE)
    restored = load(workspace, save(workspace, model, card))
    assert load_card(workspace.classifier_card).labels == THREE
    assert logits(restored).shape == (7, 3) and torch.equal(logits(restored), logits(model))


def test_another_process_writes_the_same_bytes(workspace: Workspace):
    _, card = make(workspace, **RANDOM, trainable="all")
    save(workspace, checkpoint.create(card, SEED, 0.0, CPU, workspace.base), card)
    script = f"""
import torch
from pathlib import Path
from spampipe.models import checkpoint
from dataclasses import replace
from spampipe.models.architectures import DecoderConfig
from spampipe.models.card import load_card
from spampipe.models.catalogue import BASE_MODELS
BASE_MODELS["gpt2-tiny"] = replace(BASE_MODELS["gpt2-tiny"], config={GPT2})
card = load_card(Path("{workspace.classifier_card}"))
model = checkpoint.create(card, {SEED}, 0.0, torch.device("cpu"), Path("{workspace.base}"))
checkpoint.save(model.network, card, Path("again.safetensors"), Path("again.json"))
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "77"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, cwd=workspace.root)
    assert (workspace.root / "again.safetensors").read_bytes() == workspace.classifier_weights.read_bytes()
    assert (workspace.root / "again.json").read_bytes() == workspace.classifier_card.read_bytes()


# --- refusals ------------------------------------------------------------------------------------------------


def refusal(kind: type[SpampipeError], action: Callable[[], object], path: Path) -> str:
    """The one line that refuses; it names the file."""
    with pytest.raises(kind) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"{path}: ")
    return message


@pytest.mark.parametrize("kind", [GPT2_PRETRAINED, LLAMA_PRETRAINED], ids=lambda kind: kind["name"])
def test_another_base_is_refused(workspace, kind):
    card = save(workspace, *make(workspace, **kind))
    base = base_of(workspace, card.base)
    changed = bytearray(base.read_bytes())
    changed[-1] ^= 1
    base.write_bytes(changed)
    assert "not the base" in refusal(CheckpointError, lambda: load(workspace, card), base)
    base.unlink()
    assert "no such file" in refusal(CheckpointError, lambda: load(workspace, card), base)
    with pytest.raises(CheckpointError, match="no such file"):
        make(workspace, **kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
def test_missing_or_damaged_weights_are_refused(workspace, kind):
    card = save(workspace, *make(workspace, **kind))
    path, whole = workspace.classifier_weights, workspace.classifier_weights.read_bytes()
    for content in (b"", whole[:5], whole[:100], whole[:-1], whole + b"\0", b"<html>\n</html>\n" * 9):
        path.write_bytes(content)
        assert "damaged" in refusal(CheckpointError, lambda: load(workspace, card), path)
    path.unlink()
    assert "no such file" in refusal(CheckpointError, lambda: load(workspace, card), path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
def test_saved_tensors_that_do_not_fit_the_card_are_refused(workspace, kind):
    model, card = make(workspace, **kind)
    saved = save(workspace, model, card)
    stored = load_file(workspace.classifier_weights)
    model.trunk.complete()
    frozen = {"decoder.blocks.0.mlp.up.weight": model.network.decoder.blocks[0].mlp.up.weight.detach().clone()}
    misfits: list[tuple[str, dict[str, torch.Tensor]]] = [
        *((name, {kept: tensor for kept, tensor in stored.items() if kept != name}) for name in stored),
        *((name, stored | {name: torch.zeros(len(tensor) + 1)}) for name, tensor in stored.items()),
        ("head.scale", stored | {"head.scale": torch.ones(2)}),
    ]
    if kind is not RANDOM:
        misfits.append((*frozen, stored | frozen))
    for name, tensors in misfits:
        save_file(tensors, workspace.classifier_weights)
        card = saved.model_copy(update={"weights_sha256": files.digest(workspace.classifier_weights)})
        assert name in refusal(WeightsError, partial(load, workspace, card), workspace.classifier_weights)


@pytest.mark.parametrize("place", range(0, 1000, 97))
def test_one_flipped_bit_in_the_weights_is_refused(workspace: Workspace, place: int):
    card = save(workspace, *make(workspace, **GPT2_PRETRAINED))
    damaged = bytearray(workspace.classifier_weights.read_bytes())
    damaged[-1 - place * len(damaged) // 1000] ^= 1
    workspace.classifier_weights.write_bytes(damaged)
    assert "damaged" in refusal(CheckpointError, lambda: load(workspace, card), workspace.classifier_weights)


def test_new_weights_beside_an_old_card_are_refused(workspace):
    save(workspace, *make(workspace, **GPT2_PRETRAINED, trainable="last_layer"))
    old_card = workspace.classifier_card.read_bytes()
    save(workspace, *make(workspace, **GPT2_PRETRAINED))
    workspace.classifier_card.write_bytes(old_card)  # as a process leaves it that is killed before it writes the card
    message = refusal(
        CheckpointError, lambda: load(workspace, load_card(workspace.classifier_card)), workspace.classifier_weights
    )
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
def test_a_damaged_card_is_refused(workspace: Workspace, content: str | bytes, reason: str):
    workspace.classifier_card.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert reason in refusal(
        CheckpointError, partial(load_card, workspace.classifier_card), workspace.classifier_card
    )


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
    ("labels", {"names": ["spam", "ham"], "positive": "spam"}),
    ("labels", {"names": ["ham", "spam"], "positive": "junk"}),
    ("labels", {"names": ["spam"], "positive": None}),
    ("labels", ["ham", "spam"]),
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
    ("depth", 4),
    ("depth", 0),
    ("trained_blocks", 1),
    ("adapters", {"blocks": None, "settings": {"rank": 8, "alpha": 16}}),
    ("trainable", "lora"),
]
POSSIBLE = [("position", "last"), ("labels", {"names": ["spam", "ham"], "positive": "spam"})]


@pytest.mark.parametrize(("name", "value"), EDITS, ids=[f"{name} {number}" for number, (name, _) in enumerate(EDITS)])
def test_an_edited_card_is_refused_with_the_remedy(workspace: Workspace, name: str, value: object):
    save(workspace, *make(workspace, **GPT2_PRETRAINED))
    document = json.loads(workspace.classifier_card.read_text()) | {name: value}
    workspace.classifier_card.write_text(json.dumps(document))
    assert "edited or damaged" in (
        message := refusal(CheckpointError, partial(load_card, workspace.classifier_card), workspace.classifier_card)
    )
    assert f"run `dvc checkout {workspace.classifier_card}`" in message
    if (name, value) in POSSIBLE:  # only the seal can tell
        return
    del document["sha256"]
    workspace.classifier_card.write_text(json.dumps(document | {"sha256": seal_of(document)}))
    assert name in (
        message := refusal(CheckpointError, partial(load_card, workspace.classifier_card), workspace.classifier_card)
    )
    assert f"run `dvc checkout {workspace.classifier_card}`" in message


@pytest.mark.parametrize("resealed", [False, True])
def test_a_card_must_have_all_its_fields(workspace: Workspace, resealed: bool):
    save(workspace, *make(workspace, **GPT2_PRETRAINED))
    document = json.loads(workspace.classifier_card.read_text())
    for gone in document:
        content = {name: value for name, value in document.items() if name != gone}
        if resealed and gone != "sha256":
            del content["sha256"]
            content["sha256"] = seal_of(content)
        workspace.classifier_card.write_text(json.dumps(content))
        refusal(CheckpointError, partial(load_card, workspace.classifier_card), workspace.classifier_card)


def test_the_layout_of_a_cards_file_does_not_matter(workspace):
    saved = save(workspace, *make(workspace, **GPT2_PRETRAINED))
    document = json.loads(workspace.classifier_card.read_text())
    workspace.classifier_card.write_text(json.dumps(dict(reversed(document.items()))))
    assert load_card(workspace.classifier_card) == saved


def test_a_missing_card_or_tokenizer_is_refused(workspace):
    assert "no such file" in refusal(
        CheckpointError, partial(load_card, workspace.classifier_card), workspace.classifier_card
    )
    tokenizer_of(workspace).unlink()
    with pytest.raises(CheckpointError, match=r"tokenizer\.tiktoken: no such file"):
        make(workspace, **GPT2_PRETRAINED)
