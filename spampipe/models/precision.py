"""The precision of matrix products: float32, or bfloat16 on any hardware.

Where the hardware multiplies bfloat16 itself, torch's autocast does it. Elsewhere torch converts within its inner
loops, several times slower than float32. There, operands are rounded to bfloat16 and multiplied in float32: products
of two bfloat16 numbers are exact in float32, so results differ from the hardware's only by the order of their sums.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from spampipe.models.choices import Precision

_rounding: ContextVar[bool] = ContextVar("rounding", default=False)


def has_bf16_units(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 itself, faster than float32.

    ATEN_CPU_CAPABILITY, with which torch is told to use less than the processor has, is heeded.

    Args:
        device: the device that products are computed on.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Within the block, multiply matrices in this precision; weights, norms and the residual stream stay float32.

    Args:
        device: where it is computed.
        precision: `bf16` rounds the operands of each product to bfloat16.
    """
    if precision == "bf16" and not has_bf16_units(device):
        return _rounded_operands()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def rounds_operands() -> bool:
    """Whether this block's bfloat16 products are to be made in float32, from operands given to `rounded`."""
    return _rounding.get()


def rounded(operand: Tensor) -> Tensor:
    """The nearest bfloat16 numbers, as float32 of the same shape; gradients are rounded likewise.

    Args:
        operand: float32 numbers of any shape.
    """
    return operand.bfloat16().float()


def recomputation() -> tuple[AbstractContextManager[object], AbstractContextManager[object]]:
    """For torch's activation checkpoints: a context for the forward pass, and one for its repetition."""
    return nullcontext(), _rounded_operands() if rounds_operands() else nullcontext()


@contextmanager
def rounded_weights(module: nn.Module, precision: Precision) -> Iterator[None]:
    """Within the block, hold the linear layers' weights in the precision that autocast would round them to anyway.

    Rounding once instead of at every product changes no result. For work without gradients.

    Args:
        module: the network; tensors on torch's `meta` device are left as they are.
        precision: of the work within the block; `fp32` changes nothing.
    """
    exact: dict[Any, Tensor] = {}
    if precision == "bf16":
        exact = {m: m.weight.data for m in module.modules() if isinstance(m, nn.Linear) and not m.weight.is_meta}
    try:
        for linear, weight in exact.items():
            linear.weight.data = weight.bfloat16() if has_bf16_units(weight.device) else rounded(weight)
            linear.weight_is_rounded = True
        yield
    finally:
        for linear, weight in exact.items():
            linear.weight.data, linear.weight_is_rounded = weight, False


@contextmanager
def _rounded_operands() -> Iterator[None]:
    token = _rounding.set(True)
    try:
        yield
    finally:
        _rounding.reset(token)
