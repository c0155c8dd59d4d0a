"""Which blocks are kept, and which part of them is trained: made, saved and loaded again for any choice."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from spampipe.core.errors import CheckpointError, ParamsError, WeightsError
from spampipe.models import checkpoint, describing
from spampipe.models.card import load_card
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.freezing import trained_parameters, trunk_parameters
from spampipe.models.lora import adapted_layers
from spampipe.models.weights import load_decoder
from spampipe.params import ModelParams
from spampipe.training.examples import TrunkExamples
from tests.models.test_checkpoint import (
    CPU,
    GPT2_PRETRAINED,
    KINDS,
    LLAMA_PRETRAINED,
    MODEL,
    RANDOM,
    base_of,
    load,
    logits,
    make,
    save,
    workspace,
)
from tests.support.label_sets import TWO
from tests.support.tiny_models import make_table

__all__ = ["workspace"]  # a fixture
BY_NAME = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["name"])
LORA = {"trainable": "lora", "lora_rank": 3, "lora_alpha": 4.5}
COUNTS = st.integers(1, 3)
PARTS = st.one_of(
    st.sampled_from([{"trainable": "last_layer"}, {"trainable": "all"}, LORA]),
    st.builds(lambda count: {"trainable": "last_blocks", "trained_blocks": count}, COUNTS),
    st.builds(lambda count: LORA | {"lora_blocks": count}, COUNTS),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(KINDS), depth=st.sampled_from([None, 1, 2, 3]), part=PARTS)
def test_any_part_of_any_depth_is_trained_saved_and_loaded(workspace, kind, depth, part):
    wanted = part.get("trained_blocks") or part.get("lora_blocks")
    if wanted and wanted > (depth or 3):
        with pytest.raises(ValueError, match=f"_blocks is {wanted}, but the model has {depth} blocks; set it to"):
            make(workspace, **kind, **part, depth=depth)
        return
    model, card = make(workspace, **kind, **part, depth=depth)
    network = model.network
    assert len(network.decoder.blocks) == network.decoder.config.num_layers == (depth or 3)
    if wanted:
        assert network.trunk_depth == (depth or 3) - wanted
    assert not set(trunk_parameters(network)) & {
        name.removeprefix("decoder.") for name in trained_parameters(network)
    }
    expected, rows = logits(model), _rows(make_table(7))
    with torch.no_grad():
        assert torch.equal(network.tail(network.trunk(*rows), rows[1]), expected)
    save(workspace, model, card)
    assert torch.equal(logits(load(workspace, load_card(workspace.classifier_card))), expected)
    stored = set(load_file(workspace.classifier_weights))
    assert stored == set(trained_parameters(network) if kind is not RANDOM else dict(network.named_parameters()))


@pytest.mark.parametrize("kind", [GPT2_PRETRAINED, LLAMA_PRETRAINED], ids=lambda kind: kind["name"])
@pytest.mark.parametrize("depth", [1, 2])
def test_the_blocks_that_are_kept_are_the_bases_first_and_the_norm_follows_the_last_of_them(workspace, kind, depth):
    _, card = make(workspace, **kind, depth=depth)
    model = checkpoint.create(card, 1, 0.0, CPU, workspace.base)
    model.trunk.complete()
    base = BASE_MODELS[kind["name"]]
    whole = load_decoder(base.family, base_of(workspace, kind["name"]), base.config).eval()
    ids = torch.arange(8)[None]
    with torch.no_grad():
        expected = whole.final_norm(whole.run_blocks(whole.embed(ids), 0, depth, True))
        assert torch.equal(model.network.decoder.eval()(ids), expected)


def test_random_weights_are_those_of_the_whole_models_first_blocks(workspace):
    networks = [make(workspace, **RANDOM, trainable="last_layer", depth=depth)[0].network for depth in (None, 2)]
    whole, cut = (dict(network.decoder.named_parameters()) for network in networks)
    assert set(whole) - set(cut) == {name for name in whole if name.startswith("blocks.2.")}
    assert all(torch.equal(tensor, whole[name]) for name, tensor in cut.items())


@pytest.mark.parametrize("kind", [GPT2_PRETRAINED, LLAMA_PRETRAINED], ids=lambda kind: kind["name"])
def test_tensors_that_are_not_needed_are_not_read(workspace, kind, monkeypatch):
    read: list[set[str]] = []
    family = BASE_MODELS[kind["name"]].family
    reading = type(family).read_weights

    def noted(self, path, config, leave_out):
        state = reading(self, path, config, leave_out)
        read.append(set(state))
        return state

    monkeypatch.setattr(type(family), "read_weights", noted)
    _, card = make(workspace, **kind, depth=2)
    read.clear()
    model = checkpoint.create(card, 1, 0.0, CPU, workspace.base)
    model.trunk.complete()
    tail, trunk = read
    assert tail.isdisjoint(trunk) and tail | trunk == {name for name, _ in model.network.decoder.named_parameters()}
    assert not any(name.startswith("blocks.2.") for name in tail | trunk)


def test_another_depth_shares_the_frozen_blocks_output(workspace):
    store, table = workspace.root / "store", make_table(9)
    for depth, part in ((3, {"trainable": "last_two_blocks"}), (2, {}), (2, LORA | {"lora_blocks": 1})):
        model, card = make(workspace, **GPT2_PRETRAINED, **part, depth=depth)
        model.trunk.complete()
        examples = TrunkExamples.compute(model, table, card.precision, "messages", store)
        plain = model.network.trunk(*_rows(table))
        torch.testing.assert_close(examples.inputs(torch.tensor([0]))[0], plain[:1], atol=1e-5, rtol=1e-5)
        assert len(list(store.glob("*.f32"))) == 1


def _rows(table):
    return torch.from_numpy(table.input_ids).long(), torch.from_numpy(table.lengths).long()


# --- LoRA ----------------------------------------------------------------------------------------------------


@BY_NAME
def test_a_loaded_classifier_has_plain_layers_and_is_not_saved_without_its_adapters(workspace, kind):
    model, card = make(workspace, **kind, **LORA)
    saved = save(workspace, model, card)
    before = workspace.classifier_weights.read_bytes()
    restored = load(workspace, saved)
    assert adapted_layers(model.network) and not adapted_layers(restored.network)
    with pytest.raises(CheckpointError, match="adapters are merged is not saved again; copy its files"):
        save(workspace, restored, card)
    assert workspace.classifier_weights.read_bytes() == before


@BY_NAME
def test_the_card_names_the_adapters(workspace, kind):
    save(workspace, *make(workspace, **kind, **LORA, lora_blocks=2, depth=2))
    document = json.loads(workspace.classifier_card.read_text())
    assert document["adapters"] == {"blocks": 2, "settings": {"rank": 3, "alpha": 4.5}}
    assert document["depth"] == 2 and document["trainable"] == "lora"
    assert document["architecture"].items() <= dataclasses.asdict(BASE_MODELS[kind["name"]].config).items()
    assert "trained_blocks" not in document


def test_first_adapters_depend_on_the_seed(workspace):
    _, card = make(workspace, **GPT2_PRETRAINED, **LORA)
    made = [checkpoint.create(card, seed, 0.0, CPU, workspace.base).network for seed in (1, 1, 2)]
    one, same, other = (trained_parameters(network) for network in made)
    assert all(torch.equal(one[name], same[name]) for name in one)
    drawn = [name for name in one if not name.endswith("adapter_b")]
    assert not any(torch.equal(one[name], other[name]) for name in drawn)
    assert not any(tensor.any() for name, tensor in one.items() if name not in drawn)


@BY_NAME
def test_adapters_of_another_rank_are_refused(workspace, kind):
    model, card = make(workspace, **kind, **LORA)
    saved = save(workspace, model, card)
    other = saved.model_copy(
        update={"adapters": dataclasses.replace(saved.adapters, settings={"rank": 2, "alpha": 1})}
    )
    with pytest.raises(WeightsError, match=r"tensor .*adapter_a has shape \(3, \d+\), not \(2, \d+\)"):
        load(workspace, other)


# --- refusals ------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Unchecked:
    """Choices that no check of params.yaml has seen, such as those of a base whose shape is known only later."""

    checked: ModelParams
    changes: dict[str, object]

    def __getattr__(self, name: str) -> object:
        return self.changes.get(name, getattr(self.checked, name))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"depth": 4}, "model.depth is 4, but the base has 3 blocks; set it to 3 or less, or to null"),
        (
            {"trainable": "last_blocks", "trained_blocks": 5},
            "model.trained_blocks is 5, but the model has 3 blocks; set it to 3 or less",
        ),
    ],
)
def test_a_base_with_too_few_blocks_is_refused_when_it_is_known(workspace, changes, expected):
    chosen = ModelParams.model_validate(MODEL | GPT2_PRETRAINED)
    with pytest.raises(ParamsError) as caught:
        describing.describe(Unchecked(chosen, changes), TWO, 12, "fp32", Path(workspace.base))
    assert str(caught.value) == expected
