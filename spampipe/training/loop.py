"""The book's training loop (section 6.7): it knows tensors and a listener, no file and no tracker."""

import logging
import math
from collections.abc import Callable
from contextlib import nullcontext
from itertools import islice

import torch
from torch import Tensor

from spampipe.core.errors import DivergenceError
from spampipe.core.progress import Progress
from spampipe.models.classifier import Classifier
from spampipe.models.compute import random_stream, send
from spampipe.models.freezing import trained_parameters
from spampipe.models.precision import autocast
from spampipe.training import distributed, losses
from spampipe.training.batches import require_steps, shuffled_batches
from spampipe.training.early_stopping import EarlyStopping
from spampipe.training.examples import Examples
from spampipe.training.measures import evaluating, mean_loss, over_all
from spampipe.training.optimizer import Optimizer
from spampipe.training.settings import TrainParams
from spampipe.training.training_log import Quantity, Record

logger = logging.getLogger(__name__)


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
    accuracies and losses over whole sets are taken after each epoch. All losses are those that training lowers, with
    the weights of the classes. Among several processes each takes its part of every batch; the result is that of one
    process, but for rounding.

    Args:
        classifier: frozen as wished; among several processes, with all its tensors.
        train: the training texts.
        validation: the validation texts, which decide when training ends and what it keeps, if the settings say so.
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
    stopping = EarlyStopping(trained_parameters(classifier), settings)
    classifier.train()
    with Progress("training", settings.epochs * run.steps_per_epoch, "steps") as progress:
        for epoch in range(settings.epochs):
            run.train_epoch(epoch, progress)
            if stopping.add(epoch, run.close_epoch(epoch)):
                logger.info("Stopped after epoch %d: %s", epoch + 1, stopping.reason)
                break
    stopping.restore()
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
        self._optimizer = Optimizer(self._trained, settings, self.steps_per_epoch)
        self._weights = losses.class_weights(train.labels, len(train.label_set), settings.class_weights)
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
                estimates = self._estimate_losses()
                self._record("loss", step, estimates)
                logger.info("Ep %d (Step %06d): Train loss %.3f, Val loss %.3f", epoch + 1, step, *estimates)
        if not all(tensor.isfinite().all() for tensor in (loss, *self._trained)):  # estimates may be too rare
            raise DivergenceError(f"training diverged in epoch {epoch + 1}; lower train.learning_rate")

    def close_epoch(self, epoch: int) -> float:
        """Take the accuracies and losses after an epoch of this number, from 0; return the loss on validation."""
        precision, weights = self._settings.precision, self._weights
        train, validation = (
            over_all(self._classifier, examples, precision, weights) for examples in (self._train, self._validation)
        )
        of_epoch = _finite(train.loss, validation.loss)
        accuracies = train.accuracy, validation.accuracy
        self._record("accuracy", (epoch + 1) * self.steps_per_epoch - 1, accuracies, of_epoch)
        shares = (100 * share for share in accuracies)
        logger.info("Training accuracy: %.2f%% | Validation accuracy: %.2f%%", *shares)
        return validation.loss

    def _take_step(self, batch: Tensor, *, updates: bool) -> Tensor:
        """Add a batch's gradients, and change the tensors by those added so far if the step `updates` them."""
        train, settings = self._train, self._settings
        part = distributed.share(batch)
        self._tokens += int(train.lengths[batch].sum())
        labels, of_batch = (train.labels[send(rows, train.labels.device)] for rows in (part, batch))
        with nullcontext() if updates else distributed.gradients_stay(self._module):
            with autocast(train.labels.device, settings.precision):
                logits = self._module(*train.inputs(part))
                loss = losses.share_of_cross_entropy(
                    logits, labels, self._weights, of_batch, distributed.world_size()
                )
            (loss / settings.accumulation_steps).backward()
        self._optimizer.step(updates=updates)
        return loss

    def _record(
        self, quantity: Quantity, step: int, values: tuple[float, float], of_epoch: tuple[float, float] | None = None
    ) -> None:
        finished = step + 1
        seen, rate = finished * self._settings.batch_size, self._optimizer.learning_rate
        epoch = finished / self.steps_per_epoch
        self.records.append(Record(quantity, step, epoch, seen, self._tokens, rate, *values, *(of_epoch or ())))
        self._listen(self.records[-1])

    def _estimate_losses(self) -> tuple[float, float]:
        """The mean loss over a few random training batches and over the first validation batches."""
        settings, wanted = self._settings, self._settings.eval_batches
        random_batches = shuffled_batches(len(self._train.labels), settings.batch_size, self._sampling)
        first_batches = torch.arange(len(self._validation.labels)).split(settings.batch_size)
        with evaluating(self._classifier), autocast(self._train.labels.device, settings.precision):
            return _finite(
                mean_loss(self._classifier, self._train, islice(random_batches, wanted), self._weights),
                mean_loss(self._classifier, self._validation, first_batches[:wanted], self._weights),
            )


def _finite(train: float, validation: float) -> tuple[float, float]:
    """Losses, once they are found to be numbers."""
    if not (math.isfinite(train) and math.isfinite(validation)):
        raise DivergenceError(
            f"the loss is {train} on train and {validation} on validation; lower train.learning_rate"
        )
    return train, validation
