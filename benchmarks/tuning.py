"""Try learning rates and epochs over several seeds, and write what came out.

Run `python -m benchmarks.tuning` after `dvc repro`. The learning rate is constant, so that a run of eight epochs
holds the results of every shorter one. The choice is made on validation messages alone; the test accuracy is
written down beside it, to be looked at once the choice stands.
"""

import argparse
import statistics
from pathlib import Path

import torch

from benchmarks.seeds import restart
from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import SPLITS, Workspace
from spampipe.data import tokens
from spampipe.models import checkpoint, compute
from spampipe.models.classifier import Classifier
from spampipe.models.freezing import trained_parameters
from spampipe.training import examples, loop, measures
from spampipe.training.examples import Examples
from spampipe.training.training_log import Record

LEARNING_RATES = (2e-5, 5e-5, 1e-4, 2e-4, 4e-4, 8e-4)
EPOCHS = 8
SEEDS = (123, 1, 2, 3, 4)
RESULTS = Path("benchmarks/results")


def main() -> None:
    """Write benchmarks/results/tuning_PRECISION.json, one row a learning rate and epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    precision = parser.parse_args().precision
    settings = params.load(Workspace().params)
    compute.configure_torch()
    tables = {name: tokens.load(Workspace().split_tokens(name)) for name in SPLITS}
    train, base = tables["train"], Workspace().base
    card = checkpoint.describe(settings.model, train.label_set, train.max_length, precision, base)
    model = checkpoint.create(card, 0, settings.model.dropout, compute.chosen_device(), base)
    classifier, store = model.network, Workspace().trunk_store
    splits = {name: examples.prepare(model, table, precision, name, store) for name, table in tables.items()}
    start = {name: tensor.detach().clone() for name, tensor in trained_parameters(classifier).items()}

    outcomes: dict[tuple[float, int], list[dict[str, float]]] = {}
    for learning_rate in LEARNING_RATES:
        for seed in SEEDS:
            restart(classifier, start, seed)

            def listen(record: Record, rate: float = learning_rate) -> None:
                if record.quantity == "accuracy":
                    outcome = {
                        "validation_accuracy": record.validation,
                        "validation_loss": mean_loss(classifier, splits["validation"]),
                        "test_accuracy": measures.over_all(classifier, splits["test"], precision).accuracy,
                    }
                    outcomes.setdefault((rate, round(record.epoch)), []).append(outcome)

            changes = {"seed": seed, "learning_rate": learning_rate, "epochs": EPOCHS, "precision": precision}
            loop.fit(
                classifier,
                splits["train"],
                splits["validation"],
                settings.train.model_copy(update=changes | {"eval_every_steps": 10**6}),
                listen,
            )
    rows = [
        {"learning_rate": rate, "epochs": epochs} | summarize(found) for (rate, epochs), found in outcomes.items()
    ]
    document = {"model": card.base, "precision": precision, "seeds": SEEDS, "rows": rows}
    files.write_json(RESULTS / f"tuning_{precision}.json", document)


def mean_loss(classifier: Classifier, split: Examples) -> float:
    """The mean loss over all messages."""
    with measures.evaluating(classifier):
        return measures.mean_loss(classifier, split, [torch.arange(len(split.labels))])


def summarize(outcomes: list[dict[str, float]]) -> dict[str, float]:
    """Mean and standard deviation of each figure over the seeds."""
    summary = {}
    for name in outcomes[0]:
        values = [outcome[name] for outcome in outcomes]
        summary[f"{name}_mean"] = statistics.mean(values)
        summary[f"{name}_std"] = statistics.stdev(values)
    return summary


if __name__ == "__main__":
    command.run(main)
