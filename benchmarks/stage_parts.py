"""Where the time of one stage goes: do what `train` or `evaluate` does, part by part, without MLflow and reports.

`benchmarks.pipeline` runs it in a process of its own, in a copy of the repository:
`python -m benchmarks.stage_parts train parts.json`. Nothing is imported at the top, so that imports can be timed.
"""

import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.core import command

if TYPE_CHECKING:
    from spampipe.core.workspace import Workspace
    from spampipe.data.labels import LabelSet
    from spampipe.data.tokens import TokenTable
    from spampipe.models.card import ClassifierCard


class Stopwatch:
    """Seconds between laps, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """End the part that ran since the last lap."""
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now


def main() -> None:
    """Write the seconds of each part of the stage as JSON."""
    stage, destination = sys.argv[1:]
    watch = Stopwatch()
    importlib.import_module(f"stages.{stage}")
    watch.lap("imports")
    {"train": train, "evaluate": evaluate}[stage](watch)
    from spampipe.core import files

    files.write_json(Path(destination), watch.laps)


def train(watch: Stopwatch) -> None:
    """Load, run the frozen layers, take all steps."""
    from spampipe import params
    from spampipe.core.workspace import Workspace
    from spampipe.data import labels
    from spampipe.models import checkpoint, compute, describing
    from spampipe.training import examples, loop

    workspace = Workspace.here()
    settings = params.load(workspace.params)
    compute.configure_torch()
    known = labels.load(workspace.labels)
    tables = token_tables(workspace, ("train", "validation"), known)
    choices, length, precision = settings.model, tables["train"].max_length, settings.train.precision
    card = describing.describe(choices, known, length, precision, workspace.base)
    load_tokenizer(card, workspace)
    model = checkpoint.create(card, settings.train.seed, choices.dropout, compute.chosen_device(), workspace.base)
    watch.lap("load")
    store = workspace.trunk_store
    splits = {name: examples.prepare(model, table, precision, name, store) for name, table in tables.items()}
    watch.lap("frozen_layers")
    loop.fit(model.network, splits["train"], splits["validation"], settings.train)
    watch.lap("steps")


def evaluate(watch: Stopwatch) -> None:
    """Load, run the frozen layers on what is not in the store yet, score all messages."""
    from spampipe import params
    from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
    from spampipe.models import checkpoint, compute
    from spampipe.models.card import load_card
    from spampipe.training import examples, scoring

    workspace = Workspace.here()
    settings = params.load(workspace.params)
    compute.configure_torch()
    card = load_card(workspace.classifier_card)
    load_tokenizer(card, workspace)
    model = checkpoint.load(card, compute.chosen_device(), workspace.classifier_weights, workspace.base)
    tables = token_tables(workspace, (*SPLITS, LEFTOVER_SPLIT), card.labels)
    watch.lap("load")
    store, batch_size = workspace.trunk_store, settings.evaluate.batch_size
    for name, table in tables.items():
        examples.prepare(model, table, card.precision, name, store)
    watch.lap("frozen_layers")
    for name, table in tables.items():
        scoring.class_probabilities(model, table, batch_size, card.precision, name, store)
    watch.lap("scoring")


def token_tables(workspace: "Workspace", names: Sequence[str], known: "LabelSet") -> "dict[str, TokenTable]":
    """The tokens of some splits, read with the texts, as a stage does."""
    from spampipe.classifiers.splits import load_split

    splits = [load_split(workspace, name, known) for name in names]
    return {split.name: split.tokens for split in splits if split.tokens is not None}


def load_tokenizer(card: "ClassifierCard", workspace: "Workspace") -> None:
    """Read the base model's tokenizer, as a stage does."""
    from spampipe.models.catalogue import BASE_MODELS

    BASE_MODELS[card.base].family.load_tokenizer(workspace.base)


if __name__ == "__main__":
    command.run(main)
