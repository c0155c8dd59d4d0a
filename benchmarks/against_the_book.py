"""Time the book's own loop and this project's on the book's setting, from the same weights, batch by batch.

Run `python -m benchmarks.against_the_book` after `dvc repro`; on two CPU cores the book's loop alone takes a quarter
of an hour. The book's setting is that of its chapter 6, with random weights, which need no download.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import torch
from llms_from_scratch.ch06 import train_classifier_simple
from torch import Tensor, nn

from benchmarks import timing, training_runs
from benchmarks.opponents import book_classifier
from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.data.tokens import TokenTable
from spampipe.models import bases, checkpoint, compute, describing
from spampipe.models.architectures import BaseChoice
from spampipe.models.card import ClassifierCard
from spampipe.models.choices import Position, Precision
from spampipe.models.compute import random_stream
from spampipe.training.batches import shuffled_batches
from spampipe.training.settings import TrainParams

RESULT = timing.RESULTS / "against_the_book.json"
SETTINGS = TrainParams(
    seed=123,
    epochs=5,
    batch_size=8,
    accumulation_steps=1,
    learning_rate=5e-5,
    schedule="constant",
    warmup_fraction=0.0,
    max_gradient_norm=None,
    weight_decay=0.1,
    class_weights="none",
    patience=None,
    prune_above=None,
    keep="last",
    eval_every_steps=50,
    eval_batches=5,
    precision="fp32",
    group_by_length=False,
    activation_checkpointing=False,
)
POSITIONS: tuple[Position, ...] = ("last", "last_real")  # the book's, and this project's default
REMARKS = (
    "Seconds of the book's loop are those of an epoch times the number of epochs.",
    "Accuracies after each epoch: the book takes them on 5 batches, this project on all messages of both splits.",
    "The book's loop is handed ready tensors; its own data loader, which makes them anew each epoch, is not timed.",
    "With position last_real, the model learns from the last token of the message, not from padding.",
)


def main() -> None:
    """Write benchmarks/results/against_the_book.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", choices=("gpt2-small", "gpt2-tiny"), default="gpt2-small")
    parser.add_argument("--epochs", type=int, default=SETTINGS.epochs)
    parser.add_argument("--repeats", type=int, default=3, help="of this project's runs; the book's loop runs once")
    arguments = parser.parse_args()
    settings = SETTINGS.model_copy(update={"epochs": arguments.epochs})
    committed = params.load(Workspace().params).model
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bases.fetch_base(BaseChoice(arguments.base, "random"), folder)
        tables = training_runs.tokenize(arguments.base, folder)
        del tables["test"]
        committed = params.load(Workspace().params).model

        def describe(position: Position, precision: Precision) -> ClassifierCard:
            chosen = {"name": arguments.base, "weights": "random", "trainable": "last_block", "position": position}
            model = committed.model_copy(update=chosen | {"revision": None, "causal": True, "dropout": 0.0})
            return describing.describe(
                model, tables["train"].label_set, tables["train"].max_length, precision, folder
            )

        book = run_book(describe("last", "fp32"), settings, tables, folder)
        compute.configure_torch()  # as the pipeline; the book's loop runs without
        rows = []
        for position in POSITIONS:
            for precision in get_args(Precision):
                card = describe(position, precision)
                runs = [training_runs.train_anew(card, settings, tables, folder) for _ in range(arguments.repeats)]
                row = {"position": position, "precision": precision}
                row["seconds"] = timing.spread([run.seconds for run in runs])
                row["times_faster"] = timing.ratio(book["seconds"], row["seconds"])
                if position == "last":
                    losses = [(r.train, r.validation) for r in runs[0].records if r.quantity == "loss"]
                    row["largest_loss_difference"] = largest_difference(losses, book["losses"])
                rows.append(row)
    document = {
        "machine": timing.machine(),
        "settings": {"model": arguments.base, "max_length": tables["train"].max_length}
        | settings.model_dump(exclude={"precision"}),
        "remarks": REMARKS,
        "book": book,
        "spampipe": rows,
    }
    files.write_json(RESULT, document)


def run_book(
    card: ClassifierCard, settings: TrainParams, tables: training_runs.Tables, folder: Path
) -> dict[str, Any]:
    """Call the book's loop once: its seconds and its losses, (train, validation) for each estimate."""
    device = compute.chosen_device()
    model = book_classifier(checkpoint.create(card, settings.seed, 0.0, device, folder))
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    train = BookBatches(tables["train"], settings, model)
    rows = torch.arange(len(tables["validation"])).split(settings.batch_size)
    validation = [deal(tables["validation"], batch) for batch in rows]
    intervals = (settings.epochs, settings.eval_every_steps, settings.eval_batches)
    with contextlib.redirect_stdout(sys.stderr):  # the loop prints
        train_losses, validation_losses, *_ = train_classifier_simple(
            model, train, validation, optimizer, device, *intervals
        )
    ends = [*train.epoch_starts[1:], time.perf_counter()]
    epochs = timing.spread([end - start for start, end in zip(train.epoch_starts, ends, strict=True)])
    return {
        "epoch_seconds": epochs,
        "seconds": {name: epochs[name] * settings.epochs for name in ("min", "median", "max")},
        "total_seconds": sum(epochs["values"]),
        "losses": list(zip(train_losses, validation_losses, strict=True)),
    }


class BookBatches:
    """A data loader for the book's loop: the very batches that this project's loop draws, in its order.

    The book goes through its training loader for an epoch, in the middle of that for a loss estimate, and after
    it for an accuracy.
    """

    def __init__(self, table: TokenTable, settings: TrainParams, model: nn.Module) -> None:
        self._table, self._size, self._model = table, settings.batch_size, model
        self._order, self._sampling = (
            random_stream(settings.seed, name) for name in ("batch order", "loss estimates")
        )
        self._others = random_stream(settings.seed, "accuracies")
        self._within_epoch = False
        self.epoch_starts: list[float] = []

    def __len__(self) -> int:
        return len(self._table) // self._size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if not self._model.training:
            yield from self._deal(self._sampling if self._within_epoch else self._others)
            return
        self.epoch_starts.append(time.perf_counter())
        self._within_epoch = True
        yield from self._deal(self._order)
        self._within_epoch = False

    def _deal(self, stream: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in shuffled_batches(len(self._table), self._size, stream):
            yield deal(self._table, batch)


def deal(table: TokenTable, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Token ids and labels of some rows."""
    return torch.from_numpy(table.input_ids)[batch].long(), torch.from_numpy(table.labels)[batch].long()


def largest_difference(ours: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> float:
    """Between two loss curves, on training and on validation messages."""
    return max(abs(a - b) for pair in zip(ours, theirs, strict=True) for a, b in zip(*pair, strict=True))


if __name__ == "__main__":
    command.run(main)
