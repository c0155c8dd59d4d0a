"""How the learning rate goes over a training: pure arithmetic, no tensors."""

import math

from spampipe.training.settings import Schedule


def factor(update: int, updates: int, schedule: Schedule, warmup_fraction: float) -> float:
    """What the learning rate is multiplied by for one update; the same as transformers' `get_scheduler` has.

    The rate rises from 0 in even steps over the warm-up. After it, `constant` stays at 1; `linear` and `cosine` come
    down to 0, in a straight line or along half a cosine, and would reach it one update after the last.

    Args:
        update: its number, from 0.
        updates: how many there are in all.
        schedule: the shape after the warm-up.
        warmup_fraction: the share of all updates that the warm-up takes, from 0 to below 1.

    Returns:
        From 0 to 1.
    """
    warmup = warmup_updates(updates, warmup_fraction)
    if update < warmup:
        return update / warmup
    if schedule == "constant":
        return 1.0
    left = (updates - update) / (updates - warmup)
    return left if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * (1 - left)))


def warmup_updates(updates: int, warmup_fraction: float) -> int:
    """How many updates the warm-up takes; rounded down, so that at least one is left.

    Args:
        updates: how many there are in all, 1 or more.
        warmup_fraction: the share of them, from 0 to below 1.
    """
    return int(updates * warmup_fraction)


def updates_in(steps_per_epoch: int, epochs: int, accumulation_steps: int) -> int:
    """How many updates a training makes; the last of an epoch may sum the gradients of fewer steps.

    Args:
        steps_per_epoch: batches in an epoch.
        epochs: passes over the training texts.
        accumulation_steps: steps whose gradients are summed for one update.
    """
    return epochs * math.ceil(steps_per_epoch / accumulation_steps)
