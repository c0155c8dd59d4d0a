"""Adapters compute what `peft` computes, cost what they promise, and are merged without a trace."""

import copy
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, inject_adapter_in_model
from scipy.stats import ks_2samp
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from spampipe.models import adapters, lora, precision
from spampipe.models.choices import Adapters
from spampipe.models.classifier import Classifier
from spampipe.models.compute import random_stream
from spampipe.models.freezing import freeze, trained_parameters
from spampipe.models.frozen_trunk import complete_model
from spampipe.models.layers import Linear
from spampipe.models.precision import autocast, rounded_weights
from spampipe.training.examples import TokenExamples, TrunkExamples, prepare
from tests.support.tiny_models import FAMILIES, GPT2, LLAMA, make_classifier, make_decoder, random_ids
from tests.support.tiny_training import TRAIN
from tests.support.tiny_training import settings as training_settings
from tests.training.test_loop import train

CPU = torch.device("cpu")
RANK, ALPHA = 3, 4.5
IDS, LENGTHS = random_ids(GPT2, 4, 9), torch.tensor([9, 1, 5, 3])


def adapted(family: str = "llama", last: int | None = None, seed: int = 0) -> Classifier:
    """With adapters of random values, in training mode."""
    return make_classifier(FAMILIES[family], trainable="lora", last=last, seed=seed).train()


def merged(classifier: Classifier) -> Classifier:
    """A copy whose adapters are merged, for predictions."""
    plain = copy.deepcopy(classifier)
    lora.merge(plain)
    assert not lora.adapted_layers(plain)
    return plain.eval()


def logits(classifier: Classifier, kind: str = "fp32") -> Tensor:
    with torch.no_grad(), autocast(CPU, kind):
        return classifier(IDS, LENGTHS)


# --- what adapters compute -----------------------------------------------------------------------------------


def names_of_peft(classifier: Classifier) -> Iterator[tuple[str, Tensor]]:
    """The adapters' tensors, as `peft` calls them in a decoder of its own."""
    for name, layer in classifier.decoder.named_modules():
        if isinstance(layer, lora.AdaptedLinear):
            yield f"{name}.lora_A.default.weight", layer.adapter_a
            yield f"{name}.lora_B.default.weight", layer.adapter_b


def with_peft(classifier: Classifier, config) -> nn.Module:
    """The same decoder with the adapters of `peft`, holding copies of ours."""
    last = range(classifier.trunk_depth, config.num_layers)
    layers = ["query", "key", "value", "output", "gate", "up", "down"]
    wanted = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules=layers, layers_to_transform=list(last), layers_pattern="blocks"
    )
    theirs = inject_adapter_in_model(wanted, make_decoder(config))
    copies = dict(names_of_peft(classifier))
    ours = {name for name, tensor in theirs.named_parameters() if tensor.requires_grad}
    assert ours == set(copies)
    theirs.load_state_dict({name: tensor.detach() for name, tensor in copies.items()}, strict=False)
    return theirs.train()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("last", [None, 1])
def test_outputs_gradients_and_steps_are_those_of_peft(family, last):
    classifier = adapted(family, last)
    theirs = with_peft(classifier, FAMILIES[family]).double()  # weights this wild carry each rounding far
    ours = classifier.double().decoder
    rate = {"lr": 1e-2, "weight_decay": 0.1}
    optimizers = [
        torch.optim.AdamW([t for t in each.parameters() if t.requires_grad], **rate) for each in (ours, theirs)
    ]
    for _ in range(3):
        outputs = [decoder(IDS) for decoder in (ours, theirs)]
        torch.testing.assert_close(*outputs, atol=1e-6, rtol=1e-6)
        for output, optimizer in zip(outputs, optimizers, strict=True):
            optimizer.zero_grad()
            output.square().mean().backward()
        of_peft = {name: tensor.grad for name, tensor in theirs.named_parameters() if tensor.requires_grad}
        for name, tensor in names_of_peft(classifier):
            torch.testing.assert_close(tensor.grad, of_peft[name], atol=1e-6, rtol=1e-5)
        for optimizer in optimizers:
            optimizer.step()


@settings(deadline=None, max_examples=40)
@given(family=st.sampled_from(sorted(FAMILIES)), last=st.sampled_from([None, 1, 2, 3]), seed=st.integers(0, 1000))
def test_merged_weights_give_the_logits_of_training_and_those_of_prediction_bit_for_bit(family, last, seed):
    classifier = adapted(family, last, seed)
    trained, plain = logits(classifier), merged(classifier)
    torch.testing.assert_close(logits(plain), trained, atol=1e-5, rtol=1e-5)
    assert torch.equal(logits(classifier.eval()), logits(plain))
    assert all(isinstance(layer, Linear) for layer in plain.decoder.blocks[0].mlp.children())
    assert set(trained_parameters(plain)) == {"head.weight", "head.bias"}


def test_first_values_are_those_of_peft_and_leave_the_bases_answers():
    plain = make_classifier(LLAMA)
    freeze(plain, "lora")
    before = logits(plain)
    lora.attach(plain, Adapters(None, {"rank": 64, "alpha": 16}))
    lora.initialize(plain, random_stream(5, "adapters"))
    assert torch.equal(logits(plain), before) and torch.equal(logits(plain.train()), before)
    theirs = inject_adapter_in_model(LoraConfig(r=64, target_modules=["down"]), make_decoder(LLAMA))
    pairs = zip(plain.decoder.blocks, theirs.blocks, strict=True)
    values = [(one.mlp.down.adapter_a, two.mlp.down.lora_A.default.weight) for one, two in pairs]
    ours, of_peft = (torch.cat([t.detach().flatten() for t in tensors]) for tensors in zip(*values, strict=True))
    assert ks_2samp(ours, of_peft).pvalue > 1e-3
    assert ours.abs().max() <= 64**-0.5
    again = copy.deepcopy(plain)
    lora.initialize(again, random_stream(5, "adapters"))
    assert all(torch.equal(*pair) for pair in zip(plain.parameters(), again.parameters(), strict=True))
    lora.initialize(again, random_stream(6, "adapters"))
    one, other = (lora.adapted_layers(each)[0].adapter_a for each in (plain, again))
    assert not torch.equal(one, other)


# --- bfloat16 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_trained_network_predicts_in_bfloat16_as_a_merged_one(family, units, monkeypatch):
    monkeypatch.setattr(precision, "has_bf16_units", lambda device: units)
    classifier = make_classifier(FAMILIES[family], trainable="lora")
    train(classifier, training_settings(precision="bf16"))
    plain, found = merged(classifier), []
    for network in (classifier, plain):
        for context in (nullcontext(), rounded_weights(network, "bf16"), adapters.held(network)):
            with context:
                found.append(logits(network, "bf16"))
    assert all(torch.equal(found[0], each) for each in found[1:])
    assert 0 < (found[0] - logits(plain)).abs().max() < 0.3


@pytest.mark.parametrize("kind", ["fp32", "bf16"])
def test_a_changed_adapter_changes_the_answers_at_once(kind):
    classifier = adapted().eval()
    found = [logits(classifier, kind)]
    optimizer = torch.optim.AdamW(trained_parameters(classifier).values(), fused=True)  # leaves no mark on a tensor
    functional.cross_entropy(classifier(IDS, LENGTHS), torch.tensor([0, 1, 0, 1])).backward()
    optimizer.step()
    found.append(logits(classifier, kind))
    with adapters.held(classifier):
        found += [logits(classifier, kind), logits(classifier, kind)]
    optimizer.step()
    found.append(logits(classifier, kind))
    assert torch.equal(found[4], logits(merged(classifier), kind))
    assert torch.equal(found[1], found[2]) and torch.equal(found[2], found[3])
    assert not torch.equal(found[0], found[1]) and not torch.equal(found[3], found[4])


class Roundings(TorchDispatchMode):
    """Counts the tensors of each shape that are turned into bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if "_to_copy" in function.name() and (kwargs or {}).get("dtype") == torch.bfloat16:
            self.shapes.append(tuple(args[0].shape))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("units", [True, False])
def test_frozen_weights_are_rounded_once_for_all_steps(units, monkeypatch):
    monkeypatch.setattr(precision, "has_bf16_units", lambda device: units)
    classifier, counted = adapted(), []
    frozen = {tuple(layer.weight.shape) for layer in lora.adapted_layers(classifier)}
    for _ in range(2):
        with Roundings() as roundings, autocast(CPU, "bf16"):
            classifier(IDS, LENGTHS).sum().backward()
        counted.append(sum(shape in frozen for shape in roundings.shapes))
    assert counted == [len(lora.adapted_layers(classifier)), 0]


# --- what is trained, and what that costs --------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_each_linear_layer_of_the_chosen_blocks_has_an_adapter(family):
    for last, depth in ((None, 0), (3, 0), (2, 1), (1, 2)):
        classifier = adapted(family, last)
        assert classifier.trunk_depth == depth
        found = {name for name, module in classifier.named_modules() if isinstance(module, lora.AdaptedLinear)}
        plain = make_classifier(FAMILIES[family]).decoder.blocks
        assert found == {
            f"decoder.blocks.{number}.{name}"
            for number in range(depth, 3)
            for name, module in plain[number].named_modules()
            if isinstance(module, nn.Linear)
        }
        tensors = {f"{name}.{tensor}" for name in found for tensor in ("adapter_a", "adapter_b")}
        assert set(trained_parameters(classifier)) == tensors | {"head.weight", "head.bias"}


def test_no_gradient_is_computed_for_a_frozen_weight_or_before_the_first_adapter():
    classifier = adapted(last=1)
    before = classifier.trunk(IDS, LENGTHS)
    assert not before.requires_grad
    classifier.tail(before, LENGTHS).sum().backward()
    for name, tensor in classifier.named_parameters():
        assert (tensor.grad is not None) == tensor.requires_grad, name


def test_the_frozen_blocks_run_once_where_only_later_ones_have_adapters():
    for last, kind in ((1, TrunkExamples), (2, TrunkExamples), (None, TokenExamples)):
        assert type(prepare(complete_model(adapted(last=last)), TRAIN, "fp32", "")) is kind


def test_dropout_and_repeated_blocks_reach_the_adapters():
    found = []
    for checkpointing in (False, True):
        classifier = make_classifier(LLAMA, trainable="lora", dropout=0.2).train()
        classifier.decoder.activation_checkpointing = checkpointing
        torch.manual_seed(3)
        classifier(IDS, LENGTHS).square().sum().backward()
        found.append({name: tensor.grad for name, tensor in trained_parameters(classifier).items()})
    assert all(torch.equal(found[0][name], found[1][name]) and found[0][name].any() for name in found[0])
