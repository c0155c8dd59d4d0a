"""The device and the random streams that computations use."""

import hashlib

import torch
from torch import Tensor

from spampipe.core import environment
from spampipe.core.errors import SettingError


def chosen_device() -> torch.device:
    """The device that SPAMPIPE_DEVICE names; `auto` is the first CUDA device if there is one, else the CPU.

    Raises:
        SettingError: this machine, or this build of torch, has no such device.
    """
    name = environment.read().device
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if present["cuda"] else "cpu"
    if not present[name]:
        known = ", ".join(device for device, there in present.items() if there)
        raise SettingError(
            f"{environment.DEVICE}: torch finds no {name} device here, only {known}; change or unset it"
        )
    return torch.device(name)


def configure_torch() -> None:
    """Have torch give the same bytes on every run on the same machine; for programs, as it holds for the process."""
    # As use_deterministic_algorithms(True), without the import of torch's compiler, which takes a second.
    torch.set_deterministic_debug_mode("error")
    # Nothing here reads memory before writing it, and filling it first costs time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def describe(device: torch.device) -> str:
    """What decides the last bits of a result: torch, the processor, and how many threads share the work.

    Args:
        device: the device that the result is computed on.
    """
    if device.type == "cuda":
        return f"torch {torch.__version__}, {torch.cuda.get_device_name(device)}"
    capability = torch.backends.cpu.get_cpu_capability()
    prefix = "" if device.type == "cpu" else f"{device.type.upper()} beside "
    return f"torch {torch.__version__}, {prefix}CPU {capability}, {torch.get_num_threads()} threads"


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor from the CPU to a device.

    Args:
        tensor: of any shape, on the CPU.
        device: if it is CUDA's, the tensor is copied from pinned memory, and the CPU does not wait for the end.
    """
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def random_stream(seed: int, purpose: str) -> torch.Generator:
    """An independent stream of random numbers for one purpose.

    One stream each for initial weights and batch order means that changing how many numbers one of them
    draws leaves the other as it was. Drawing happens on one CPU thread, whatever the machine.

    Args:
        seed: any whole number; the same one gives the same stream.
        purpose: the stream's name.
    """
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
