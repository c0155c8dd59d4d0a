"""The device, the precision and the random streams that computations use."""

import hashlib
import os
from contextlib import AbstractContextManager
from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]


def best_device() -> torch.device:
    """The first CUDA device if there is one (CUDA_VISIBLE_DEVICES chooses), else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def make_deterministic() -> None:
    """Have torch choose algorithms that give the same bytes on every run on the same machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS needs it to be deterministic
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


def describe(device: torch.device) -> str:
    """What decides the last bits of a result: torch, the processor, and how many threads share the work."""
    if device.type == "cuda":
        return f"torch {torch.__version__}, {torch.cuda.get_device_name(device)}"
    capability = torch.backends.cpu.get_cpu_capability()
    return f"torch {torch.__version__}, CPU {capability}, {torch.get_num_threads()} threads"


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """With bf16, run matrix products in bfloat16; weights, norms and the residual stream stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def random_stream(seed: int, purpose: str) -> torch.Generator:
    """An independent stream of random numbers for one purpose.

    One stream each for initial weights and batch order means that changing how many numbers one of them
    draws leaves the other as it was. Drawing happens on one CPU thread, whatever the machine.
    """
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
