"""The order in which training texts meet in batches."""

from collections.abc import Iterator

import torch
from torch import Tensor

from spampipe.core.errors import DataError
from spampipe.training.settings import TrainParams

_GROUP_BATCHES = 32  # batches that are sorted by length together: alike within, still random among each other


def require_steps(examples: int, settings: TrainParams) -> None:
    """Insist that an epoch has a step, and as many as are accumulated; cheap, so that it can come before all work.

    Args:
        examples: the number of training texts.
        settings: how to train: epochs, batch size, learning rate and the rest.

    Raises:
        DataError: there are too few texts for these settings.
    """
    steps = examples // settings.batch_size
    if not steps:
        raise DataError(
            f"{examples} training messages are fewer than one batch of {settings.batch_size}; "
            "lower train.batch_size or add messages"
        )
    if steps < settings.accumulation_steps:
        raise DataError(
            f"{examples} training messages make {steps} steps an epoch, fewer than the {settings.accumulation_steps} "
            "of one update; lower train.accumulation_steps or add messages"
        )


def shuffled_batches(
    examples: int, batch_size: int, generator: torch.Generator, lengths: Tensor | None = None
) -> Iterator[Tensor]:
    """One epoch: every row number once, in random order, in whole batches; the remainder is dropped.

    Args:
        examples: how many rows there are.
        batch_size: rows in a batch.
        generator: the random numbers' source, on the CPU.
        lengths: (examples,) tokens of each row; if given, batches hold rows of like length: neighbours after sorting
            a random group of rows by it.

    Yields:
        (batch_size,) row numbers.
    """
    order = torch.randperm(examples, generator=generator)
    batches = order[: examples // batch_size * batch_size].view(-1, batch_size)
    if lengths is not None:
        groups = [group.flatten() for group in batches.split(_GROUP_BATCHES)]
        order = torch.cat([group[lengths[group].argsort(stable=True)] for group in groups])
        batches = order.view(-1, batch_size)[torch.randperm(len(batches), generator=generator)]
    yield from batches
