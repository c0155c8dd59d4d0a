"""The optimizer of the loop: AdamW under a schedule of its learning rate, with a bound on the gradients."""

from collections.abc import Sequence

import torch
from torch import nn

from spampipe.training import schedule
from spampipe.training.settings import TrainParams


class Optimizer:
    """Changes the trained tensors by their gradients, once the steps of an update are taken.

    Args:
        tensors: the trained tensors.
        settings: the learning rate and its schedule, the weight decay, and the bound of the gradients' norm.
        steps_per_epoch: batches in an epoch, of which the schedule is made.
    """

    def __init__(self, tensors: Sequence[nn.Parameter], settings: TrainParams, steps_per_epoch: int) -> None:
        self._tensors, self._settings = tensors, settings
        self._updates = schedule.updates_in(steps_per_epoch, settings.epochs, settings.accumulation_steps)
        self._done = 0
        self.learning_rate = 0.0
        self._adamw = torch.optim.AdamW(
            tensors, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )

    def step(self, *, updates: bool) -> None:
        """Finish a step, whose gradients are added to those of the steps before it.

        `learning_rate` is then that of the update which the step belongs to.

        Args:
            updates: whether the step is the last one of its update, so that the tensors are changed now. Then each
                of several processes has the gradients of all, and they bound the same norm.
        """
        settings = self._settings
        factor = schedule.factor(self._done, self._updates, settings.schedule, settings.warmup_fraction)
        self.learning_rate = settings.learning_rate * factor
        if not updates:
            return
        for group in self._adamw.param_groups:
            group["lr"] = self.learning_rate
        if settings.max_gradient_norm is not None:
            nn.utils.clip_grad_norm_(self._tensors, settings.max_gradient_norm)
        self._adamw.step()
        self._adamw.zero_grad()
        self._done += 1
