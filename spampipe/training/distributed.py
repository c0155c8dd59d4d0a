"""Several processes that train one model, as `torchrun` starts them; a process alone needs none of it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from spampipe.core.errors import ParamsError
from spampipe.models.classifier import Classifier
from spampipe.models.compute import chosen_device


@contextmanager
def processes() -> Iterator[bool]:
    """Join the other processes for the block, each with a GPU of its own if there are any.

    Yields:
        Whether this process is the one that reports: the first, or the only one.
    """
    if "RANK" not in os.environ:
        yield True
        return
    on_cuda = chosen_device().type == "cuda"
    if on_cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if on_cuda else "gloo")
    try:
        yield distributed.get_rank() == 0
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """Which of the processes this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def world_size() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def parallel(classifier: Classifier) -> nn.Module:
    """Have several processes train one network.

    Args:
        classifier: all of whose tensors are there; every process has made the same, from the same files and seeds.

    Returns:
        The network itself if there is one process; else one whose gradients are the mean over all processes.
    """
    if world_size() == 1:
        return classifier
    return DistributedDataParallel(classifier, init_sync=False)


def gradients_stay(module: nn.Module) -> AbstractContextManager[None]:
    """Within the block, gradients are summed in this process alone, as more are to come before they are needed.

    Args:
        module: what `parallel` returned.
    """
    return module.no_sync() if isinstance(module, DistributedDataParallel) else nullcontext()


def share(batch: Tensor) -> Tensor:
    """This process's part of a batch; the parts are of one size, so that means of means are means.

    Args:
        batch: (B,) row numbers.

    Returns:
        (B / processes,) row numbers.

    Raises:
        ParamsError: the batch cannot be divided evenly.
    """
    if len(batch) % world_size():
        raise ParamsError(
            f"train.batch_size: {len(batch)} messages cannot be divided among {world_size()} processes; "
            f"make it a multiple of {world_size()}"
        )
    return batch[rank() :: world_size()]


def sums(values: Sequence[float], device: torch.device) -> list[float]:
    """The sums of the processes' numbers, to the last bit the same in each of them.

    Args:
        values: this process's numbers, as many in all processes.
        device: where the network lies.
    """
    if world_size() == 1:
        return list(values)
    mine = torch.tensor(values, dtype=torch.float64, device=device)
    theirs = [torch.empty_like(mine) for _ in range(world_size())]
    distributed.all_gather(theirs, mine)
    found: list[float] = torch.stack(theirs).sum(dim=0).tolist()
    return found
