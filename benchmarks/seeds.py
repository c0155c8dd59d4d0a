"""Train with the committed settings under five seeds, and write mean and standard deviation of each figure.

Run `python -m benchmarks.seeds` after `dvc repro`. Data and split stay as they are; `train.seed` changes. Both
precisions are tried, so that the default can be judged.
"""

import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks import timing
from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import messages, tokens
from spampipe.data.labels import Probabilities
from spampipe.data.tokens import TokenTable
from spampipe.evaluation import metrics, operating_point
from spampipe.models import checkpoint, compute, describing
from spampipe.models.choices import Precision
from spampipe.models.classifier import Classifier
from spampipe.models.freezing import trained_parameters
from spampipe.models.precision import autocast
from spampipe.params import Params
from spampipe.training import examples, loop
from spampipe.training.examples import Examples
from spampipe.training.scoring import softmax

SEEDS = (123, 1, 2, 3, 4)
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
RESULT = timing.RESULTS / "seeds.json"
FIGURES = (
    *("validation_accuracy", "test_accuracy", "test_precision", "test_recall", "test_f1"),
    *("test_accuracy_unseen", "leftover_false_positive_rate"),
)


def main() -> None:
    """Write benchmarks/results/seeds.json."""
    settings = params.load(Workspace().params)
    compute.configure_torch()
    names = (*SPLITS, LEFTOVER_SPLIT)
    tables = {name: tokens.load(Workspace().split_tokens(name)) for name in names}
    texts = {name: messages.read(Workspace().split_csv(name), tables[name].label_set) for name in names}
    figures = {precision: over_seeds(settings, precision, tables, texts) for precision in PRECISIONS}
    document = {
        "machine": timing.machine(),
        "base": settings.model.name,
        "params": settings.train.model_dump(exclude={"seed", "precision"}),
        "seeds": SEEDS,
        "figures": figures,
    }
    files.write_json(RESULT, document)


def over_seeds(
    settings: Params,
    precision: Precision,
    tables: Mapping[str, TokenTable],
    texts: Mapping[str, pd.DataFrame],
) -> dict[str, Any]:
    """Each figure's mean, standard deviation and values over the seeds."""
    base, known = Workspace().base, tables["train"].label_set
    card = describing.describe(settings.model, known, tables["train"].max_length, precision, base)
    model = checkpoint.create(card, 0, settings.model.dropout, compute.chosen_device(), base)
    classifier, store = model.network, Workspace().trunk_store
    splits = {name: examples.prepare(model, table, precision, name, store) for name, table in tables.items()}
    start = {name: tensor.detach().clone() for name, tensor in trained_parameters(classifier).items()}

    summaries = []
    for seed in SEEDS:
        restart(classifier, start, seed)
        changed = settings.train.model_copy(update={"seed": seed, "precision": precision})
        loop.fit(classifier, splits["train"], splits["validation"], changed)
        raw = {name: probabilities(classifier, splits[name], precision) for name in texts}
        given = {name: (table["Text"].tolist(), table["Label"].to_numpy()) for name, table in texts.items()}
        summaries.append(metrics.compute(operating_point.decided(given, raw, known, settings.evaluate)[0]))
    figures = {}
    for figure in FIGURES:
        values = [value for summary in summaries if (value := summary[figure]) is not None]
        figures[figure] = {"mean": statistics.mean(values), "std": statistics.stdev(values), "values": values}
    return figures


@torch.no_grad()
def restart(classifier: Classifier, start: dict[str, torch.Tensor], seed: int) -> None:
    """Put the trained tensors back to the base's, and draw the head anew."""
    for name, tensor in trained_parameters(classifier).items():
        tensor.copy_(start[name])
    checkpoint.reinitialize_head(classifier, seed)


@torch.no_grad()
def probabilities(classifier: Classifier, split: Examples, precision: Precision) -> Probabilities:
    """Each message's probability of each label, from what the trunk gave once for all seeds."""
    parts = []
    for batch in torch.arange(len(split.labels)).split(32):
        with autocast(split.labels.device, precision):
            parts.append(softmax(classifier(*split.inputs(batch))))
    return np.concatenate(parts)


if __name__ == "__main__":
    command.run(main)
