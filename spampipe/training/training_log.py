"""What a training run records, line by line while it runs; `tables` has it afterwards."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TextIO

Quantity = Literal["loss", "accuracy"]


@dataclass(frozen=True)
class Record:
    """A pair of figures, taken on training and on validation texts at one moment.

    All of it is written to `reports/train/`, so that a tracker can be shown the same points later.

    Attributes:
        quantity: losses are estimated every few steps; accuracies are taken after each epoch, with losses over whole
            sets.
        step: the number of the batch just finished, from 0.
        epoch: passes over the training texts so far, in fractions.
        examples_seen: texts trained on so far, each counted as often as it was used.
        tokens_seen: tokens read in training so far.
        learning_rate: the optimizer's at this step.
        train: the figure on training texts.
        validation: the figure on validation texts.
        train_loss: with an accuracy, the mean loss over all training texts; None if it was not taken.
        validation_loss: likewise over all validation texts.
    """

    quantity: Quantity
    step: int
    epoch: float
    examples_seen: int
    tokens_seen: int
    learning_rate: float
    train: float
    validation: float
    train_loss: float | None = None
    validation_loss: float | None = None

    def metrics(self) -> dict[str, float]:
        """The figures under the names that a tracker shows."""
        figures = {f"train/{self.quantity}": self.train, f"validation/{self.quantity}": self.validation}
        of_epoch = {"train/epoch_loss": self.train_loss, "validation/epoch_loss": self.validation_loss}
        taken = {name: loss for name, loss in of_epoch.items() if loss is not None}
        return figures | taken | {"learning_rate": self.learning_rate}


@dataclass(frozen=True)
class Point:
    """Figures of one moment, as a tracker shows them.

    Attributes:
        metrics: the figures by name.
        step: where they stand on a curve's axis.
        time: when they were taken, in seconds since 1970.
    """

    metrics: Mapping[str, float]
    step: int
    time: float


class TrainingLog:
    """Writes each record as it arises, with times and speeds, and passes it on as points of curves.

    A context manager: a file of an earlier run is replaced when it is entered. Each record is a line of JSON, in the
    file at once, so that `tail -f` shows it, and what an interrupted run has written stays.

    Args:
        path: the file, lines of JSON; None to write none, as all but one of several processes do.
        flops: the floating-point operations of training on so many texts with so many tokens; None if unknown.
        listen: called with each point.

    Example:
        with TrainingLog(workspace.train_log, classifier.training_flops, listen) as log:
            classifier.fit(train, validation, log.add)
    """

    def __init__(
        self,
        path: Path | None,
        flops: Callable[[int, int], int | None],
        listen: Callable[[Point], object] = lambda point: None,
    ) -> None:
        self._path, self._flops, self._listen = path, flops, listen
        self._stream: TextIO | None = None
        self._open = ExitStack()
        self._start = self._then = time.monotonic()
        self._last: Record | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            stream = self._path.open("w", buffering=1, encoding="utf-8", newline="\n")
            self._stream = self._open.enter_context(stream)
        self._start = self._then = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, record: Record) -> None:
        """Write a record, and pass on its figures and how fast training has been since the one before.

        Args:
            record: the figures of one moment; records are added in the order in which they arise.
        """
        now = time.monotonic()
        rates = self._rates(record, now - self._then)
        if self._stream is not None:
            self._stream.write(json.dumps({**asdict(record), "seconds": now - self._start, **rates}) + "\n")
        metrics = record.metrics()
        if self._last is not None and self._last.step == record.step:  # its learning rate is passed on already
            del metrics["learning_rate"]
        speeds = {f"train/{name}": rate for name, rate in rates.items() if rate is not None}
        self._listen(Point(metrics | speeds, record.step, time.time()))
        self._then, self._last = now, record

    def _rates(self, record: Record, seconds: float) -> dict[str, float | None]:
        """Amounts a second since the record before; None if nothing was trained since, or the amount is unknown."""
        last = self._last
        examples = record.examples_seen - (last.examples_seen if last else 0)
        tokens = record.tokens_seen - (last.tokens_seen if last else 0)
        work = {"examples": examples, "tokens": tokens, "flops": self._flops(examples, tokens)}
        return {
            f"{name}_per_second": amount / seconds if examples and seconds and amount is not None else None
            for name, amount in work.items()
        }
