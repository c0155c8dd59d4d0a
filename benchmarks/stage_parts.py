"""Where the time of one stage goes: do what `train` or `evaluate` does, part by part, without MLflow and reports.

`benchmarks.pipeline` runs it in a process of its own, in a copy of the repository:
`python -m benchmarks.stage_parts train parts.json`. Nothing is imported at the top, so that imports can be timed.
"""

import importlib
import sys
import time
from pathlib import Path

from spampipe.core import command


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
    from spampipe.data import tokens
    from spampipe.models import checkpoint, compute
    from spampipe.training import examples, loop

    settings = params.load()
    compute.configure_torch()
    tables = {name: tokens.load(Workspace().split_tokens(name)) for name in ("train", "validation")}
    card = checkpoint.describe(settings.model, tables["train"].max_length, settings.train.precision)
    classifier = checkpoint.create(card, settings.train.seed, settings.model.dropout, compute.chosen_device())
    watch.lap("load")
    splits = {name: examples.prepare(classifier, table, card.precision, name) for name, table in tables.items()}
    watch.lap("frozen_layers")
    loop.fit(classifier, splits["train"], splits["validation"], settings.train)
    watch.lap("steps")


def evaluate(watch: Stopwatch) -> None:
    """Load, run the frozen layers on what is not in the store yet, score all messages."""
    from spampipe import params
    from spampipe.data import tokens
    from spampipe.evaluation import scoring
    from spampipe.models import checkpoint, compute
    from spampipe.models.card import load_card
    from spampipe.training import examples

    settings = params.load()
    compute.configure_torch()
    card = load_card()
    classifier = checkpoint.load(card, compute.chosen_device())
    tables = {name: tokens.load(Workspace().split_tokens(name)) for name in (*SPLITS, LEFTOVER_SPLIT)}
    watch.lap("load")
    for name, table in tables.items():
        examples.prepare(classifier, table, card.precision, name)
    watch.lap("frozen_layers")
    for name, table in tables.items():
        batch_size = settings.evaluate.batch_size
        scoring.spam_probabilities(classifier, table, batch_size, card.precision, name, reuse_trunk=True)
    watch.lap("scoring")


if __name__ == "__main__":
    command.run(main)
