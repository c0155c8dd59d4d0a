"""bfloat16 made in float32, where no hardware has it, gives what bfloat16 gives, and reaches every product."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from spampipe.models import precision
from spampipe.models.frozen_trunk import complete_model
from spampipe.models.layers import Linear
from spampipe.models.precision import autocast, has_bf16_units, rounded_weights, rounds_operands
from spampipe.training.examples import TokenExamples
from tests.support.project import ROOT
from tests.support.tiny_models import FAMILIES, LLAMA, make_classifier, random_ids
from tests.support.tiny_training import TRAIN, VALIDATION
from tests.support.tiny_training import settings as training_settings
from tests.training.test_loop import losses, train

CPU = torch.device("cpu")


@pytest.fixture
def without_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose hardware does not multiply bfloat16."""
    monkeypatch.setattr(precision, "has_bf16_units", lambda device: False)


class Products(TorchDispatchMode):
    """Notes the name and the operands' types of every matrix product that torch is asked for."""

    KINDS = ("::mm", "::addmm", "::bmm", "convolution", "dot_product")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, set[torch.dtype]]] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if any(kind in function.name() for kind in self.KINDS):
            operands = {part.dtype for part in args if isinstance(part, Tensor) and part.is_floating_point()}
            self.seen.append((function.name(), operands))
        return function(*args, **(kwargs or {}))


def gradients(layer: nn.Linear, inputs: Tensor) -> list[Tensor]:
    """Output, and the gradients of inputs, weight and bias, of one bf16 product on its way to a sum."""
    inputs = inputs.clone().requires_grad_()
    layer.zero_grad()
    with autocast(CPU, "bf16"):
        outputs = layer(inputs)
    (outputs.float() * torch.linspace(-1, 1, outputs.numel()).view_as(outputs)).sum().backward()
    assert inputs.grad is not None and layer.weight.grad is not None and layer.bias.grad is not None
    return [outputs.detach(), inputs.grad, layer.weight.grad, layer.bias.grad]


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 300), st.integers(1, 40), st.integers(1, 40)),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    seed=st.integers(0, 1000),
)
def test_a_product_is_the_exact_one_of_the_rounded_operands_rounded(shape, scale, seed):
    rows, columns, outputs = shape
    torch.manual_seed(seed)
    layer, inputs = Linear(columns, outputs, bias=False), scale * torch.randn(rows, columns)
    with precision._rounded_operands(), torch.no_grad():
        found = layer(inputs)
    exact = inputs.bfloat16().double() @ layer.weight.bfloat16().double().T
    size = inputs.bfloat16().double().abs() @ layer.weight.bfloat16().double().abs().T
    assert found.dtype == torch.bfloat16
    assert ((found.double() - exact).abs() <= 2**-8 * exact.abs() + 1e-6 * size).all()


def test_gradients_are_those_of_torchs_bfloat16(monkeypatch):
    torch.manual_seed(0)
    layer, inputs = Linear(24, 40), torch.randn(300, 24)
    monkeypatch.setattr(precision, "has_bf16_units", lambda device: True)
    usual = gradients(layer, inputs)
    monkeypatch.setattr(precision, "has_bf16_units", lambda device: False)
    ours = gradients(layer, inputs)
    for one, other in zip(ours, usual, strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one.float(), other.float(), atol=2e-2 * float(other.abs().max()), rtol=1e-2)
    for one in ours[1:]:
        assert torch.equal(one, one.bfloat16().float())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("trainable", ["last_block", "all"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_training_gives_the_losses_and_predictions_of_torchs_bfloat16(family, trainable, checkpointing, monkeypatch):
    runs, answers = [], []
    for units in (True, False):
        monkeypatch.setattr(precision, "has_bf16_units", lambda device, units=units: units)
        classifier = make_classifier(FAMILIES[family], trainable=trainable)
        how = training_settings(precision="bf16", learning_rate=2e-4, activation_checkpointing=checkpointing)
        runs.append(losses(train(classifier, how)))
        with autocast(CPU, "bf16"), torch.no_grad():
            answers.append(
                classifier(*TokenExamples(complete_model(classifier), VALIDATION).inputs(torch.arange(11)))
            )
    assert 0 < (runs[0] - runs[1]).abs().max() < 5e-3  # weights this wild carry each rounding further than real ones
    margins = (answers[0][:, 0] - answers[0][:, 1]).abs()
    same = answers[0].argmax(dim=-1) == answers[1].argmax(dim=-1)
    assert (same | (margins < 0.05)).all()


@pytest.mark.usefixtures("without_units")
def test_repeating_a_block_on_the_way_back_changes_no_gradient():
    found = []
    for checkpointing in (False, True):
        classifier = make_classifier(LLAMA, trainable="all").train()
        classifier.decoder.activation_checkpointing = checkpointing
        with autocast(CPU, "bf16"):
            loss = (
                classifier(*TokenExamples(complete_model(classifier), TRAIN).inputs(torch.arange(8))).square().sum()
            )
        loss.backward()  # outside of the block, as in training
        found.append({name: tensor.grad for name, tensor in classifier.named_parameters()})
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.usefixtures("without_units")
@pytest.mark.parametrize("family", FAMILIES)
def test_no_product_is_left_to_torchs_bfloat16(family):
    classifier = make_classifier(FAMILIES[family], trainable="all")
    with Products() as products, autocast(CPU, "bf16"):
        classifier(random_ids(FAMILIES[family], 2, 7), torch.tensor([7, 5])).sum().backward()
    assert len(products.seen) > 3 * 3 * 6  # layers, products forward and backward of one, linear layers of a block
    assert {dtype for _, dtypes in products.seen for dtype in dtypes} == {torch.float32}


@pytest.mark.usefixtures("without_units")
def test_weights_rounded_beforehand_change_no_bit():
    classifier = make_classifier(LLAMA)
    ids, lengths = random_ids(LLAMA, 3, 9), torch.tensor([9, 5, 1])
    with torch.no_grad(), autocast(CPU, "bf16"):
        plain = classifier.trunk(ids, lengths)
        with rounded_weights(classifier, "bf16"):
            assert torch.equal(classifier.trunk(ids, lengths), plain)


def test_float32_is_left_alone(without_units):
    with autocast(CPU, "fp32"):
        assert not rounds_operands()
        assert Linear(3, 2)(torch.ones(1, 3)).dtype == torch.float32


def test_a_processor_told_to_do_without_avx512_has_no_units():
    program = (
        "import torch; from spampipe.models.precision import has_bf16_units;"
        "print(has_bf16_units(torch.device('cpu')))"
    )
    environment = os.environ | {"ATEN_CPU_CAPABILITY": "avx2"}
    found = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert found.stdout.strip() == "False"
    assert not has_bf16_units(torch.device("mps"))


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_through_attention_are_made_in_float32_on_a_processor(family, monkeypatch):
    monkeypatch.setattr(precision, "has_bf16_units", lambda device: True)
    classifier = make_classifier(FAMILIES[family], trainable="all").train()
    with Products() as products, autocast(CPU, "bf16"):
        classifier(random_ids(FAMILIES[family], 2, 7), torch.tensor([7, 5])).sum().backward()
    attention = [dtypes for name, dtypes in products.seen if "dot_product" in name]
    in_float32 = [dtypes == {torch.float32} for dtypes in attention]
    assert sum(in_float32) >= 2 * 2  # forward and backward in all blocks but the last, where one position asks
    assert {dtype for name, dtypes in products.seen if "::mm" in name for dtype in dtypes} == {torch.bfloat16}
