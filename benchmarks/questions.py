"""What each kind of model makes of the TREC questions, six classes, over three splits and seeds.

Run `python -m benchmarks.questions`; `--only minilm lora` runs some, and keeps the other figures. Equal questions
stay in one split. Splits, seeds and schedule are the same for each model; learning rates and numbers of
epochs were chosen by validation accuracy with another seed.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import spampipe
from benchmarks import timing
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.data import collection, messages
from spampipe.models import compute
from spampipe.params import Params

DATASET = "trec-questions"
SEEDS = (1, 2, 3)
RESULT = timing.RESULTS / "questions.json"
FIGURES = ("test_accuracy", "test_macro_f1", "test_log_loss", "validation_accuracy")
COMMON: Mapping[str, Any] = {
    "balance.strategy": "none",
    "split.group_duplicates": True,
    "train.batch_size": 16,
    "train.schedule": "linear",
    "train.eval_every_steps": 1000,
}
_LANGUAGE_MODEL = {"train.learning_rate": 0.0004, "train.epochs": 4}
MODELS: Mapping[str, Mapping[str, Any]] = {
    "svm": {"model.name": "tfidf-svm"},
    "last_block": _LANGUAGE_MODEL,
    "depth": {"model.depth": 23, **_LANGUAGE_MODEL},
    "probe": {"model.trainable": "probe"},
    "minilm": {
        "model.name": "minilm-l6",
        "model.trainable": "all",
        "model.dropout": 0.1,
        "train.learning_rate": 0.00015,
        "train.epochs": 4,
        "train.warmup_fraction": 0.1,
        "train.max_gradient_norm": 1.0,
    },
    "lora": {
        "model.trainable": "lora",
        "model.lora_rank": 8,
        "model.lora_alpha": 16,
        "train.learning_rate": 0.0005,
        "train.epochs": 2,
        "train.warmup_fraction": 0.1,
        "train.group_by_length": True,
    },
}


def main() -> None:
    """Write benchmarks/results/questions.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    wanted = parser.parse_args()
    compute.configure_torch()
    texts, labels = questions()
    rows: dict[str, Any] = {}
    if RESULT.exists():
        rows = json.loads(RESULT.read_text(encoding="utf-8"))["models"]
    for name in wanted.only:
        rows[name] = over_seeds(MODELS[name], texts, labels, wanted.seeds)
        document = {"machine": timing.machine(), "dataset": DATASET, "common": COMMON, "models": rows}
        files.write_json(RESULT, document)


def questions() -> tuple[list[str], list[str]]:
    """The questions, and the name of each one's label."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "messages.tsv"
        known = collection.fetch_messages(DATASET, raw, Path(folder))
        table = messages.parse(raw.read_bytes(), raw, known)
    return table["Text"].tolist(), known.names_of(table["Label"].to_numpy()).tolist()


def over_seeds(changes: Mapping[str, Any], texts: list[str], labels: list[str], seeds: list[int]) -> dict[str, Any]:
    """Each figure's mean, standard deviation and values over splits and seeds, and the seconds that each run took."""
    summaries, seconds = [], []
    for seed in seeds:
        settings = Params.load(Workspace().params).changed(
            {**COMMON, **changes, "split.seed": seed, "train.seed": seed}
        )
        start = time.perf_counter()
        summaries.append(spampipe.train(texts, labels, params=settings).metrics)
        seconds.append(time.perf_counter() - start)
    figures = {}
    for name in FIGURES:
        values = [float(summary[name] or 0) for summary in summaries]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        figures[name] = {"mean": statistics.mean(values), "std": spread, "values": values}
    return {"params": dict(changes), "seeds": seeds, "figures": figures, "seconds": timing.spread(seconds)}


if __name__ == "__main__":
    command.run(main)
