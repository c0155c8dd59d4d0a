"""The book's training loop (section 6.7): it knows tensors and a listener, no file and no tracker."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from spampipe.core.errors import DataError, DivergenceError
from spampipe.core.progress import Progress
from spampipe.models.classifier import Classifier
from spampipe.models.compute import random_stream, send
from spampipe.models.precision import Precision, autocast
from spampipe.training import distributed
from spampipe.training.examples import Examples
from spampipe.training.settings import TrainParams
from spampipe.training.training_log import Record

logger = logging.getLogger(__name__)

_EVALUATION_BATCH = 32  # messages; changes speed only
_GROUP_BATCHES = 32  # batches that are sorted by length together: alike within, still random among each other


def fit(
    classifier: Classifier,
    train: Examples,
    validation: Examples,
    settings: TrainParams,
    listen: Callable[[Record], None] = lambda record: None,
) -> list[Record]:
    """Fine-tune the trainable part of a classifier in place.

    Each epoch goes through the training messages once in a new order, in batches of `batch_size`, dropping an
    incomplete last one. Losses are estimated every `eval_every_steps` steps on `eval_batches` batches;
    accuracies are taken after each epoch, over whole sets. Among several processes each takes its part of every
    batch; the result is that of one process, but for rounding.

    Args:
        classifier: frozen as wished.
        train: the training messages.
        validation: the validation messages.
        settings: of the loop.
        listen: called with each record as it arises.

    Returns:
        All records.

    Raises:
        DataError: too few training messages, as `require_steps` has it.
        DivergenceError: a loss or a trained tensor is not a number.
        ParamsError: a batch cannot be divided among the processes.
    """
    examples = len(train.labels)
    require_steps(examples, settings)
    device = train.labels.device
    steps_per_epoch = examples // settings.batch_size
    grouped_by = train.lengths if settings.group_by_length else None
    order = random_stream(settings.seed, "batch order")
    sampling = random_stream(settings.seed, "loss estimates")
    trained = list(classifier.trained_parameters().values())
    optimizer = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    records: list[Record] = []
    tokens = 0

    def record(quantity: Literal["loss", "accuracy"], step: int, values: tuple[float, float]) -> None:
        finished = step + 1
        seen, rate = finished * settings.batch_size, optimizer.param_groups[0]["lr"]
        records.append(Record(quantity, step, finished / steps_per_epoch, seen, tokens, rate, *values))
        listen(records[-1])

    torch.manual_seed(settings.seed + distributed.rank())  # dropout draws from the global stream
    classifier.decoder.activation_checkpointing = settings.activation_checkpointing
    module = distributed.parallel(classifier)
    classifier.train()
    with Progress("training", settings.epochs * steps_per_epoch, "steps") as progress:
        for epoch in range(settings.epochs):
            batches = shuffled_batches(examples, settings.batch_size, order, grouped_by)
            for batch_number, batch in enumerate(batches):
                step = epoch * steps_per_epoch + batch_number
                updates = (batch_number + 1) % settings.accumulation_steps == 0 or batch_number + 1 == steps_per_epoch
                part = distributed.share(batch)
                tokens += int(train.lengths[batch].sum())
                with nullcontext() if updates else distributed.gradients_stay(module):
                    with autocast(device, settings.precision):
                        loss = functional.cross_entropy(module(*train.inputs(part)), train.labels[send(part, device)])
                    (loss / settings.accumulation_steps).backward()
                if updates:
                    optimizer.step()
                    optimizer.zero_grad()
                progress.advance()
                if step % settings.eval_every_steps == 0:
                    losses = _estimate_losses(classifier, train, validation, settings, sampling)
                    record("loss", step, losses)
                    logger.info("Ep %d (Step %06d): Train loss %.3f, Val loss %.3f", epoch + 1, step, *losses)
            if not all(tensor.isfinite().all() for tensor in (loss, *trained)):  # estimates may be too rare to notice
                raise DivergenceError(f"training diverged in epoch {epoch + 1}; lower train.learning_rate")
            accuracies = (
                accuracy(classifier, train, settings.precision),
                accuracy(classifier, validation, settings.precision),
            )
            record("accuracy", (epoch + 1) * steps_per_epoch - 1, accuracies)
            logger.info(
                "Training accuracy: %.2f%% | Validation accuracy: %.2f%%",
                *(100 * share for share in accuracies),
            )
    classifier.eval()
    return records


def require_steps(examples: int, settings: TrainParams) -> None:
    """Insist that an epoch has a step, and as many as are accumulated; cheap, so that it can come before all work.

    Args:
        examples: the number of training messages.
        settings: of the loop.

    Raises:
        DataError: there are too few messages for these settings.
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
        generator: of the order.
        lengths: (examples,); if given, batches hold rows of like length: neighbours after sorting a random group
            of rows by it.
    """
    order = torch.randperm(examples, generator=generator)
    batches = order[: examples // batch_size * batch_size].view(-1, batch_size)
    if lengths is not None:
        groups = [group.flatten() for group in batches.split(_GROUP_BATCHES)]
        order = torch.cat([group[lengths[group].argsort(stable=True)] for group in groups])
        batches = order.view(-1, batch_size)[torch.randperm(len(batches), generator=generator)]
    yield from batches


def accuracy(classifier: Classifier, examples: Examples, precision: Precision) -> float:
    """The share of all messages whose most probable label is the right one."""
    correct = torch.zeros((), dtype=torch.long, device=examples.labels.device)
    with _evaluating(classifier), autocast(examples.labels.device, precision):
        batches = examples.lengths.argsort(stable=True).split(_EVALUATION_BATCH)
        for batch in batches[distributed.rank() :: distributed.world_size()]:
            predicted = classifier(*examples.inputs(batch)).argmax(dim=-1)
            correct += (predicted == examples.labels[send(batch, predicted.device)]).sum()
    return distributed.total(correct).item() / len(examples.labels)


def _estimate_losses(
    classifier: Classifier,
    train: Examples,
    validation: Examples,
    settings: TrainParams,
    sampling: torch.Generator,
) -> tuple[float, float]:
    """The mean loss over a few random training batches and over the first validation batches."""
    wanted = settings.eval_batches
    random_batches = islice(shuffled_batches(len(train.labels), settings.batch_size, sampling), wanted)
    first_batches = torch.arange(len(validation.labels)).split(settings.batch_size)[:wanted]
    with _evaluating(classifier), autocast(train.labels.device, settings.precision):
        losses = (
            _mean_loss(classifier, train, random_batches),
            _mean_loss(classifier, validation, first_batches),
        )
    if not all(map(math.isfinite, losses)):
        raise DivergenceError(
            f"the loss is {losses[0]} on train and {losses[1]} on validation; lower train.learning_rate"
        )
    return losses


def _mean_loss(classifier: Classifier, examples: Examples, batches: Iterable[Tensor]) -> float:
    """The mean of the batches' mean losses, as in the book."""
    device = examples.labels.device
    losses = [
        functional.cross_entropy(classifier(*examples.inputs(batch)), examples.labels[send(batch, device)])
        for batch in batches
    ]
    return torch.stack(losses).mean().item()


@contextmanager
def _evaluating(classifier: Classifier) -> Iterator[None]:
    """No gradients and no dropout within the block."""
    was_training = classifier.training
    classifier.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        classifier.train(was_training)
