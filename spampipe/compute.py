"""The device, the precision and the random streams that computations use."""

import ctypes
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

Precision = Literal["fp32", "bf16"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def best_device() -> torch.device:
    """The first CUDA device if there is one (CUDA_VISIBLE_DEVICES chooses), else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def configure_torch() -> None:
    """Have torch give the same bytes on every run on the same machine, and lose no time on new memory."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS needs it to be deterministic
    torch.use_deterministic_algorithms(True)
    # Nothing here reads memory before writing it, and filling it first costs time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Have glibc keep large freed blocks for the next tensor.

    It would return them to the system, which then clears new pages for every tensor. The process holds no more
    than its peak.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # not in other C libraries
        for option, size in ((_M_MMAP_THRESHOLD, 32 << 20), (_M_TRIM_THRESHOLD, (1 << 31) - 1)):
            library.mallopt(option, size)


def describe(device: torch.device) -> str:
    """What decides the last bits of a result: torch, the processor, and how many threads share the work."""
    if device.type == "cuda":
        return f"torch {torch.__version__}, {torch.cuda.get_device_name(device)}"
    capability = torch.backends.cpu.get_cpu_capability()
    return f"torch {torch.__version__}, CPU {capability}, {torch.get_num_threads()} threads"


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """With bf16, run matrix products in bfloat16; weights, norms and the residual stream stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


@contextmanager
def rounded_weights(module: nn.Module, precision: Precision) -> Iterator[None]:
    """Within the block, hold the linear layers' weights in the precision that autocast would round them to anyway.

    Rounding once instead of at every product changes no result. For work without gradients.
    """
    exact: dict[nn.Linear, Tensor] = {}
    if precision == "bf16":
        exact = {m: m.weight.data for m in module.modules() if isinstance(m, nn.Linear) and not m.weight.is_meta}
    try:
        for linear, weight in exact.items():
            linear.weight.data = weight.bfloat16()
        yield
    finally:
        for linear, weight in exact.items():
            linear.weight.data = weight


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """A CPU tensor on this device; a GPU takes it from pinned memory, without the CPU waiting."""
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 itself; elsewhere torch emulates it, correctly but slowly."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def random_stream(seed: int, purpose: str) -> torch.Generator:
    """An independent stream of random numbers for one purpose.

    One stream each for initial weights and batch order means that changing how many numbers one of them
    draws leaves the other as it was. Drawing happens on one CPU thread, whatever the machine.
    """
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
