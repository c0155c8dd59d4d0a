"""torch's linear and embedding layers, cheap to make empty, and fast in float32 on every CPU."""

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional

from spampipe.models.precision import rounded, rounds_operands

_FEWEST_ROWS = 256  # below, reordering the weights costs more than it gains


class Linear(nn.Linear):
    """`nn.Linear`; large float32 products on an AVX-512 processor are left to oneDNN.

    torch multiplies float32 matrices with MKL, which leaves AVX-512 unused on processors that are not Intel's;
    oneDNN uses it (benchmarks/trunk_rate.py compares the two). torch's public way to oneDNN in float32 is a
    convolution with a 1 x 1 kernel. The hardware's products in bfloat16 go to oneDNN anyway.
    """

    weight_is_rounded = False  # True while precision.rounded_weights has put bfloat16 numbers into it

    def reset_parameters(self) -> None:
        """Draw the tensors, but not on the meta device: they are given later, and it would import half of torch."""
        if not self.weight.is_meta:
            super().reset_parameters()

    def forward(self, inputs: Tensor) -> Tensor:
        """The layer's output, (..., outputs).

        Args:
            inputs: (..., inputs), what the layer reads.
        """
        return linear(inputs, self.weight, self.bias, weight_is_rounded=self.weight_is_rounded)


class Embedding(nn.Embedding):
    """`nn.Embedding` that, like Linear, draws nothing on the meta device."""

    def reset_parameters(self) -> None:
        """As in Linear."""
        if not self.weight.is_meta:
            super().reset_parameters()


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None, *, weight_is_rounded: bool = False) -> Tensor:
    """A linear layer's output, (..., outputs), in the precision of the block that it is called in.

    Args:
        inputs: (..., inputs), what the layer reads.
        weight: (outputs, inputs).
        bias: (outputs,), which is added; None for none.
        weight_is_rounded: whether the weight holds nothing but bfloat16 numbers.
    """
    if not rounds_operands():
        return _product(inputs, weight, bias)
    bias = None if bias is None else rounded(bias)
    weight = weight if weight_is_rounded else rounded(weight)
    return _product(rounded(inputs), weight, bias).bfloat16()


def _product(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(..., inputs) by (outputs, inputs), and (outputs,) added: (..., outputs)."""
    if not _better_as_convolution(inputs):
        return functional.linear(inputs, weight, bias)
    pixels = inputs.reshape(1, -1, 1, inputs.shape[-1]).permute(0, 3, 1, 2)  # a view: channels last
    outputs = functional.conv2d(pixels, weight[:, :, None, None], bias)
    return outputs.permute(0, 2, 3, 1).reshape(*inputs.shape[:-1], weight.shape[0])


def _better_as_convolution(inputs: Tensor) -> bool:
    return (
        inputs.device.type == "cpu"
        and inputs.dtype == torch.float32
        and inputs.numel() >= _FEWEST_ROWS * inputs.shape[-1]
        and not torch.is_autocast_enabled("cpu")
        and _onednn_has_avx512()
    )


@functools.cache
def _onednn_has_avx512() -> bool:
    return torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability() == "AVX512"
