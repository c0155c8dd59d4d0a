"""The book's training loop (section 6.7): it knows tensors and a listener, no file and no tracker."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from spampipe.classifier import Classifier
from spampipe.compute import Precision, autocast, random_stream
from spampipe.errors import DataError, DivergenceError
from spampipe.examples import Examples
from spampipe.params import TrainParams
from spampipe.progress import Progress
from spampipe.training_log import Record

logger = logging.getLogger(__name__)

_EVALUATION_BATCH = 32  # messages; changes speed only


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
    accuracies are taken after each epoch, over whole sets.

    Args:
        classifier: frozen as wished.
        train: the training messages.
        validation: the validation messages.
        settings: of the loop.
        listen: called with each record as it arises.

    Returns:
        All records.

    Raises:
        DataError: fewer training messages than a batch.
        DivergenceError: a loss is not a number.
    """
    examples = len(train.labels)
    if examples < settings.batch_size:
        raise DataError(
            f"{examples} training messages are fewer than one batch of {settings.batch_size}; "
            "lower train.batch_size or add messages"
        )
    steps_per_epoch = examples // settings.batch_size
    device = train.labels.device
    order = random_stream(settings.seed, "batch order")
    sampling = random_stream(settings.seed, "loss estimates")
    trained = list(classifier.trained_parameters().values())
    optimizer = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    records: list[Record] = []

    def record(quantity: Literal["loss", "accuracy"], step: int, values: tuple[float, float]) -> None:
        finished = step + 1
        seen = finished * settings.batch_size
        records.append(Record(quantity, step, finished / steps_per_epoch, seen, *values))
        listen(records[-1])

    torch.manual_seed(settings.seed)  # dropout draws from the global stream
    classifier.train()
    with Progress("training", settings.epochs * steps_per_epoch, "steps") as progress:
        for epoch in range(settings.epochs):
            for batch_number, batch in enumerate(shuffled_batches(examples, settings.batch_size, order)):
                step = epoch * steps_per_epoch + batch_number
                with autocast(device, settings.precision):
                    loss = functional.cross_entropy(train.logits(batch), train.labels[batch.to(device)])
                (loss / settings.accumulation_steps).backward()
                if (batch_number + 1) % settings.accumulation_steps == 0 or batch_number + 1 == steps_per_epoch:
                    optimizer.step()
                    optimizer.zero_grad()
                progress.advance()
                if step % settings.eval_every_steps == 0:
                    losses = _estimate_losses(classifier, train, validation, settings, sampling)
                    record("loss", step, losses)
                    logger.info("Ep %d (Step %06d): Train loss %.3f, Val loss %.3f", epoch + 1, step, *losses)
            if not math.isfinite(loss.item()):  # estimates may be too rare to notice
                raise DivergenceError(f"the loss is {loss.item()} in epoch {epoch + 1}; lower train.learning_rate")
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


def shuffled_batches(examples: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """One epoch: every row number once, in random order, in whole batches; the remainder is dropped."""
    order = torch.randperm(examples, generator=generator)
    for start in range(0, examples - batch_size + 1, batch_size):
        yield order[start : start + batch_size]


def accuracy(classifier: Classifier, examples: Examples, precision: Precision) -> float:
    """The share of all messages whose most probable label is the right one."""
    correct = torch.zeros((), dtype=torch.long, device=examples.labels.device)
    with _evaluating(classifier), autocast(examples.labels.device, precision):
        for batch in torch.arange(len(examples.labels)).split(_EVALUATION_BATCH):
            predicted = examples.logits(batch).argmax(dim=-1)
            correct += (predicted == examples.labels[batch.to(predicted.device)]).sum()
    return correct.item() / len(examples.labels)


def _estimate_losses(
    classifier: Classifier,
    train: Examples,
    validation: Examples,
    settings: TrainParams,
    sampling: torch.Generator,
) -> tuple[float, float]:
    """The mean loss over a few random training batches and over the first validation batches."""
    random_batches = list(shuffled_batches(len(train.labels), settings.batch_size, sampling))
    first_batches = list(torch.arange(len(validation.labels)).split(settings.batch_size))
    with _evaluating(classifier), autocast(train.labels.device, settings.precision):
        losses = (
            _mean_loss(train, random_batches[: settings.eval_batches]),
            _mean_loss(validation, first_batches[: settings.eval_batches]),
        )
    if not all(map(math.isfinite, losses)):
        raise DivergenceError(
            f"the loss is {losses[0]} on train and {losses[1]} on validation; lower train.learning_rate"
        )
    return losses


def _mean_loss(examples: Examples, batches: list[Tensor]) -> float:
    """The mean of the batches' mean losses, as in the book."""
    losses = [
        functional.cross_entropy(examples.logits(batch), examples.labels[batch.to(examples.labels.device)])
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
