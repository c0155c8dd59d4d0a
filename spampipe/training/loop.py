"""The book's training loop (section 6.7): it knows tensors and a listener, no file and no tracker."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import islice
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from spampipe.core.errors import DataError, DivergenceError
from spampipe.core.progress import Progress
from spampipe.models.classifier import Classifier
from spampipe.models.compute import random_stream, send
from spampipe.models.freezing import trained_parameters
from spampipe.models.precision import autocast
from spampipe.training import distributed
from spampipe.training.examples import Examples
from spampipe.training.measures import accuracy, evaluating, mean_loss
from spampipe.training.settings import TrainParams
from spampipe.training.training_log import Record

logger = logging.getLogger(__name__)

_GROUP_BATCHES = 32  # batches that are sorted by length together: alike within, still random among each other


def fit(
    classifier: Classifier,
    train: Examples,
    validation: Examples,
    settings: TrainParams,
    listen: Callable[[Record], object] = lambda record: None,
) -> list[Record]:
    """Fine-tune the trainable part of a network in place.

    Each epoch goes through the training texts once in a new order, in batches of `batch_size`, dropping an
    incomplete last one. Losses are estimated every `eval_every_steps` steps on `eval_batches` batches;
    accuracies are taken after each epoch, over whole sets. Among several processes each takes its part of every
    batch; the result is that of one process, but for rounding.

    Args:
        classifier: frozen as wished; among several processes, with all its tensors.
        train: the training texts.
        validation: the validation texts.
        settings: how to train: epochs, batch size, learning rate and the rest.
        listen: called with each record as it arises.

    Returns:
        All records.

    Raises:
        DataError: too few training texts, as `require_steps` has it.
        DivergenceError: a loss or a trained tensor is not a number.
        ParamsError: a batch cannot be divided among the processes.
    """
    require_steps(len(train.labels), settings)
    run = _Run(classifier, train, validation, settings, listen)
    classifier.train()
    with Progress("training", settings.epochs * run.steps_per_epoch, "steps") as progress:
        for epoch in range(settings.epochs):
            run.train_epoch(epoch, progress)
            run.close_epoch(epoch)
    classifier.eval()
    return run.records


class _Run:
    """One run of the loop: what it works on, and how far it is.

    Attributes:
        records: those so far.
        steps_per_epoch: whole batches in an epoch.
    """

    def __init__(
        self,
        classifier: Classifier,
        train: Examples,
        validation: Examples,
        settings: TrainParams,
        listen: Callable[[Record], object],
    ) -> None:
        self._classifier, self._train, self._validation = classifier, train, validation
        self._settings, self._listen = settings, listen
        self.records: list[Record] = []
        self.steps_per_epoch = len(train.labels) // settings.batch_size
        self._tokens = 0
        self._order = random_stream(settings.seed, "batch order")
        self._sampling = random_stream(settings.seed, "loss estimates")
        self._trained = list(trained_parameters(classifier).values())
        self._optimizer = torch.optim.AdamW(
            self._trained, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        torch.manual_seed(settings.seed + distributed.rank())  # dropout draws from the global stream
        classifier.decoder.activation_checkpointing = settings.activation_checkpointing
        self._module = distributed.parallel(classifier)

    def train_epoch(self, epoch: int, progress: Progress) -> None:
        """Take an epoch's steps, and estimate losses where they are due.

        Args:
            epoch: its number, from 0.
            progress: counts the steps.
        """
        settings = self._settings
        grouped_by = self._train.lengths if settings.group_by_length else None
        batches = shuffled_batches(len(self._train.labels), settings.batch_size, self._order, grouped_by)
        for number, batch in enumerate(batches, 1):
            step = epoch * self.steps_per_epoch + number - 1
            updates = number % settings.accumulation_steps == 0 or number == self.steps_per_epoch
            loss = self._take_step(batch, updates=updates)
            progress.advance()
            if step % settings.eval_every_steps == 0:
                losses = self._estimate_losses()
                self._record("loss", step, losses)
                logger.info("Ep %d (Step %06d): Train loss %.3f, Val loss %.3f", epoch + 1, step, *losses)
        if not all(tensor.isfinite().all() for tensor in (loss, *self._trained)):  # estimates may be too rare
            raise DivergenceError(f"training diverged in epoch {epoch + 1}; lower train.learning_rate")

    def close_epoch(self, epoch: int) -> None:
        """Take the accuracies after an epoch of this number, from 0."""
        precision = self._settings.precision
        accuracies = (
            accuracy(self._classifier, self._train, precision),
            accuracy(self._classifier, self._validation, precision),
        )
        self._record("accuracy", (epoch + 1) * self.steps_per_epoch - 1, accuracies)
        shares = (100 * share for share in accuracies)
        logger.info("Training accuracy: %.2f%% | Validation accuracy: %.2f%%", *shares)

    def _take_step(self, batch: Tensor, *, updates: bool) -> Tensor:
        """Add a batch's gradients, and change the tensors by those added so far if the step `updates` them."""
        train, settings = self._train, self._settings
        part = distributed.share(batch)
        self._tokens += int(train.lengths[batch].sum())
        with nullcontext() if updates else distributed.gradients_stay(self._module):
            with autocast(train.labels.device, settings.precision):
                logits = self._module(*train.inputs(part))
                loss = functional.cross_entropy(logits, train.labels[send(part, train.labels.device)])
            (loss / settings.accumulation_steps).backward()
        if updates:
            self._optimizer.step()
            self._optimizer.zero_grad()
        return loss

    def _record(self, quantity: Literal["loss", "accuracy"], step: int, values: tuple[float, float]) -> None:
        finished = step + 1
        seen, rate = finished * self._settings.batch_size, self._optimizer.param_groups[0]["lr"]
        epoch = finished / self.steps_per_epoch
        self.records.append(Record(quantity, step, epoch, seen, self._tokens, rate, *values))
        self._listen(self.records[-1])

    def _estimate_losses(self) -> tuple[float, float]:
        """The mean loss over a few random training batches and over the first validation batches."""
        settings, wanted = self._settings, self._settings.eval_batches
        random_batches = shuffled_batches(len(self._train.labels), settings.batch_size, self._sampling)
        first_batches = torch.arange(len(self._validation.labels)).split(settings.batch_size)
        with evaluating(self._classifier), autocast(self._train.labels.device, settings.precision):
            losses = (
                mean_loss(self._classifier, self._train, islice(random_batches, wanted)),
                mean_loss(self._classifier, self._validation, first_batches[:wanted]),
            )
        if not all(map(math.isfinite, losses)):
            raise DivergenceError(
                f"the loss is {losses[0]} on train and {losses[1]} on validation; lower train.learning_rate"
            )
        return losses


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
