"""Does running the frozen layers once, or bfloat16, cost accuracy? Train both ways under several seeds.

Run `python -m benchmarks.same_accuracy` after `dvc repro`. The plain way is the same loop with the whole model run at
each step and each evaluation, in float32.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks import timing, training_runs
from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import SPLITS, Workspace
from spampipe.data import tokens
from spampipe.data.tokens import TokenTable
from spampipe.models import compute, describing
from spampipe.models.choices import Precision
from spampipe.models.frozen_trunk import Model
from spampipe.training import examples
from spampipe.training.examples import TokenExamples

SEEDS = (123, 1, 2)
RESULT = timing.RESULTS / "same_accuracy.json"


def run_whole(model: Model, table: TokenTable, precision: Precision, name: str, store: Path) -> TokenExamples:
    """Examples that run the whole model each time."""
    return TokenExamples(model, table)


WAYS: tuple[tuple[str, Precision, training_runs.Prepare], ...] = (
    ("whole model at every step", "fp32", run_whole),
    ("frozen layers once", "fp32", examples.prepare),
    ("frozen layers once", "bf16", examples.prepare),
)


def main() -> None:
    """Write benchmarks/results/same_accuracy.json, one row a way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, help="instead of those in params.yaml")
    parser.add_argument("--messages", type=int, help="use only the first of each split, to try the script out")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="use only the first of the seeds")
    arguments = parser.parse_args()
    seeds = SEEDS[: arguments.seeds]
    settings, base = params.load(Workspace().params), Workspace().base
    epochs = arguments.epochs or settings.train.epochs
    compute.configure_torch()
    whole = {name: tokens.load(Workspace().split_tokens(name)) for name in SPLITS}
    tables = training_runs.shortened(whole, arguments.messages)
    rows: list[dict[str, Any]] = []
    for title, precision, prepare in WAYS:
        train = tables["train"]
        card = describing.describe(settings.model, train.label_set, train.max_length, precision, base)
        runs = []
        for seed in seeds:
            changes = {"seed": seed, "epochs": epochs, "precision": precision}
            changed = settings.train.model_copy(update=changes)
            runs.append(training_runs.train_anew(card, changed, tables, base, prepare))
        rows.append(
            {
                "way": title,
                "precision": precision,
                "test_accuracy": timing.spread([run.test_accuracy for run in runs]),
                "validation_accuracy": timing.spread([run.records[-1].validation for run in runs]),
                "seconds": timing.spread([run.seconds for run in runs]),
            }
        )
    for row in rows:
        row["times_faster"] = timing.ratio(rows[0]["seconds"], row["seconds"])
    document = {
        "machine": timing.machine(),
        "settings": {"epochs": epochs, "messages": {name: len(table) for name, table in tables.items()}},
        "params": settings.model_dump(include={"model", "train"}),
        "seeds": seeds,
        "ways": rows,
    }
    files.write_json(RESULT, document)


if __name__ == "__main__":
    command.run(main)
