"""Train with the committed settings under five seeds, and write mean and standard deviation of each figure.

Run `python -m benchmarks.seeds` after `dvc repro`. Data and split stay as they are; `train.seed` changes.
"""

import statistics
from pathlib import Path

import numpy as np
import torch

from spampipe import (
    checkpoint,
    command,
    compute,
    evaluation,
    examples,
    files,
    messages,
    params,
    paths,
    tokens,
    training,
)
from spampipe.classifier import Classifier
from spampipe.compute import Precision, autocast
from spampipe.examples import Examples
from spampipe.messages import SPAM
from spampipe.metrics import Probabilities

SEEDS = (123, 1, 2, 3, 4)
RESULT = Path("benchmarks/results/seeds.json")
FIGURES = (
    *("validation_accuracy", "test_accuracy", "test_precision", "test_recall", "test_f1"),
    *("test_accuracy_unseen", "leftover_false_positive_rate"),
)


def main() -> None:
    """Write benchmarks/results/seeds.json."""
    settings = params.load()
    compute.make_deterministic()
    names = (*paths.SPLITS, paths.LEFTOVER_SPLIT)
    tables = {name: tokens.load(paths.split_tokens(name)) for name in names}
    texts = {name: messages.read(paths.split_csv(name)) for name in names}
    precision = settings.train.precision
    card = checkpoint.describe(settings.model, tables["train"].max_length, precision)
    classifier = checkpoint.create(card, 0, settings.model.dropout, compute.best_device())
    splits = {name: examples.prepare(classifier, table, precision, name) for name, table in tables.items()}
    start = {name: tensor.detach().clone() for name, tensor in classifier.trained_parameters().items()}

    summaries = []
    for seed in SEEDS:
        restart(classifier, start, seed)
        changed = settings.train.model_copy(update={"seed": seed})
        training.fit(classifier, splits["train"], splits["validation"], changed)
        predictions = {}
        for name in names:
            scores = spam_probabilities(classifier, splits[name], precision)
            predictions[name] = evaluation.tabulate(name, texts[name], scores, settings.evaluate.threshold)
        summaries.append(evaluation.summarize(predictions))
    figures = {}
    for figure in FIGURES:
        values = [summary[figure] for summary in summaries if summary[figure] is not None]
        figures[figure] = {"mean": statistics.mean(values), "std": statistics.stdev(values), "values": values}
    document = {"base": card.base, "params": settings.train.model_dump(), "seeds": SEEDS, "figures": figures}
    files.write_json(RESULT, document)


@torch.no_grad()
def restart(classifier: Classifier, start: dict[str, torch.Tensor], seed: int) -> None:
    """Put the trained tensors back to the base's, and draw the head anew."""
    for name, tensor in classifier.trained_parameters().items():
        tensor.copy_(start[name])
    checkpoint.reinitialize_head(classifier, seed)


@torch.no_grad()
def spam_probabilities(classifier: Classifier, split: Examples, precision: Precision) -> Probabilities:
    """Each message's probability of being spam, from what the trunk gave once for all seeds."""
    parts = []
    for batch in torch.arange(len(split.labels)).split(32):
        with autocast(split.labels.device, precision):
            parts.append(classifier(*split.inputs(batch)).softmax(dim=-1)[:, SPAM].double().cpu().numpy())
    return np.concatenate(parts)


if __name__ == "__main__":
    command.run(main)
