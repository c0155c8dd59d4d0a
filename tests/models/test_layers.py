"""The fast linear layer is torch's linear layer, forwards and backwards; empty layers cost nothing."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from spampipe.models.layers import Linear, _better_as_convolution
from tests.support.project import ROOT


def outcome(layer: nn.Linear, inputs: Tensor) -> list[Tensor]:
    """Output, and the gradients of inputs, weight and bias."""
    inputs = inputs.clone().requires_grad_()
    layer.zero_grad()
    outputs = layer(inputs)
    (outputs * torch.linspace(-1, 1, outputs.numel()).view_as(outputs)).sum().backward()
    return [
        tensor
        for tensor in (outputs, inputs.grad, layer.weight.grad, getattr(layer.bias, "grad", None))
        if tensor is not None
    ]


@pytest.mark.parametrize("shape", [(300, 24), (5, 70, 24), (1, 2, 200, 24), (3, 24), (0, 24)])
@pytest.mark.parametrize("bias", [True, False])
def test_outputs_and_gradients_are_those_of_torch(shape, bias):
    torch.manual_seed(0)
    plain = nn.Linear(24, 40, bias)
    ours = Linear(24, 40, bias)
    ours.load_state_dict(plain.state_dict())
    inputs = torch.randn(shape)
    for one, other in zip(outcome(ours, inputs), outcome(plain, inputs), strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-5)


def test_only_large_float32_products_take_the_other_way():
    usual = torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability() == "AVX512"
    assert _better_as_convolution(torch.ones(256, 8)) == usual
    assert not _better_as_convolution(torch.ones(255, 8))
    assert not _better_as_convolution(torch.ones(256, 8, dtype=torch.bfloat16))
    assert not _better_as_convolution(torch.ones(256, 8, device="meta"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not _better_as_convolution(torch.ones(256, 8))


def test_an_empty_decoder_imports_none_of_torchs_compiler():
    program = (
        "import sys\nfrom spampipe.models.catalogue import BASE_MODELS\n"
        "from spampipe.models.decoder import empty_decoder\n"
        "empty_decoder(BASE_MODELS['gpt2-tiny'].config)\nassert 'torch._dynamo' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0
