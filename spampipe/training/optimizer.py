"""The optimizer of the loop: AdamW under a schedule of its learning rate, with a bound on the gradients."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.optim import adamw

from spampipe.training import schedule
from spampipe.training.settings import TrainParams

_BETAS, _EPSILON = (0.9, 0.999), 1e-8  # torch.optim.AdamW's own


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
        self._first_moments, self._second_moments = (
            [torch.zeros_like(tensor) for tensor in tensors] for _ in range(2)
        )
        self._counts = [torch.zeros((), device=tensor.device) for tensor in tensors]

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
        if settings.max_gradient_norm is not None:
            nn.utils.clip_grad_norm_(self._tensors, settings.max_gradient_norm)
        self._update()
        self._done += 1

    @torch.no_grad()
    def _update(self) -> None:
        """Change the tensors that have a gradient, and take it away.

        What torch.optim.AdamW calls, by itself: the class imports torch's compiler, which takes a second.
        """
        places = [place for place, tensor in enumerate(self._tensors) if tensor.grad is not None]
        adamw.adamw(
            [self._tensors[place] for place in places],
            [grad for tensor in self._tensors if (grad := tensor.grad) is not None],
            [self._first_moments[place] for place in places],
            [self._second_moments[place] for place in places],
            [],
            [self._counts[place] for place in places],
            fused=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=self.learning_rate,
            weight_decay=self._settings.weight_decay,
            eps=_EPSILON,
            maximize=False,
        )
        for tensor in self._tensors:
            tensor.grad = None
