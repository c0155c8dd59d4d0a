"""What a training run records: line by line while it runs, and as tables afterwards."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TextIO

if TYPE_CHECKING:
    import pandas as pd

_MOMENT_COLUMNS = {
    "step": "int64",
    "epoch": "float64",
    "examples_seen": "int64",
    "tokens_seen": "int64",
    "learning_rate": "float64",
}
STEP_COLUMNS = _MOMENT_COLUMNS | {"train_loss": "float64", "validation_loss": "float64"}
EPOCH_COLUMNS = _MOMENT_COLUMNS | {"train_accuracy": "float64", "validation_accuracy": "float64"}


@dataclass(frozen=True)
class Record:
    """A pair of figures, taken on training and on validation texts at one moment.

    All of it is written to `reports/train/`, so that a tracker can be shown the same points later.

    Attributes:
        quantity: losses are estimated every few steps, accuracies taken after each epoch.
        step: the number of the batch just finished, from 0.
        epoch: passes over the training texts so far, in fractions.
        examples_seen: texts trained on so far, each counted as often as it was used.
        tokens_seen: tokens read in training so far.
        learning_rate: the optimizer's at this step.
        train: the figure on training texts.
        validation: the figure on validation texts.
    """

    quantity: Literal["loss", "accuracy"]
    step: int
    epoch: float
    examples_seen: int
    tokens_seen: int
    learning_rate: float
    train: float
    validation: float

    def metrics(self) -> dict[str, float]:
        """The figures under the names that a tracker shows."""
        figures = {f"train/{self.quantity}": self.train, f"validation/{self.quantity}": self.validation}
        return figures | {"learning_rate": self.learning_rate}


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


def steps_table(records: Sequence[Record]) -> "pd.DataFrame":
    """The losses, one row an estimate, columns STEP_COLUMNS.

    Args:
        records: all records of a run, in their order; only losses are used.
    """
    return _table(records, "loss", STEP_COLUMNS)


def epochs_table(records: Sequence[Record]) -> "pd.DataFrame":
    """The accuracies, one row an epoch, columns EPOCH_COLUMNS.

    Args:
        records: all records of a run, in their order; only accuracies are used.
    """
    return _table(records, "accuracy", EPOCH_COLUMNS)


def summary(records: Sequence[Record]) -> dict[str, float | int]:
    """The last figures of each kind that was recorded, and how long training was.

    Args:
        records: one or more; a classifier that is not trained step by step has no losses.
    """
    found: dict[str, float | int] = {}
    for quantity, last in sorted({record.quantity: record for record in records}.items(), reverse=True):
        found |= {f"train_{quantity}": last.train, f"validation_{quantity}": last.validation}
    return found | {"steps": records[-1].step + 1, "examples_seen": records[-1].examples_seen}


def curves(steps: "pd.DataFrame", epochs: "pd.DataFrame") -> list[tuple[str, float, int]]:
    """What a tracker was shown while a run recorded these tables.

    Args:
        steps: the table of losses, columns STEP_COLUMNS.
        epochs: the table of accuracies, columns EPOCH_COLUMNS.

    Returns:
        The name, value and step of every point; each name has one at each of its steps.
    """
    points: dict[tuple[str, int], float] = {}
    for quantity, table in (("loss", steps), ("accuracy", epochs)):
        shown = {f"{split}/{quantity}": table[f"{split}_{quantity}"] for split in ("train", "validation")}
        for name, column in {**shown, "learning_rate": table["learning_rate"]}.items():
            points |= {(name, int(step)): float(value) for step, value in zip(table["step"], column, strict=True)}
    return [(name, value, step) for (name, step), value in points.items()]


def _table(records: Sequence[Record], quantity: str, columns: dict[str, str]) -> "pd.DataFrame":
    import pandas as pd  # who only uses a trained classifier does without

    rows = [
        (r.step, r.epoch, r.examples_seen, r.tokens_seen, r.learning_rate, r.train, r.validation)
        for r in records
        if r.quantity == quantity
    ]
    return pd.DataFrame(rows, columns=list(columns))
