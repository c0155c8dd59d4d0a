"""What each kind of model makes of the TREC questions, six classes, over three splits and seeds.

Run `python -m benchmarks.questions`; `--only minilm lora` runs some, and keeps the other figures. Equal questions
stay in one split. Splits, seeds and schedule are the same for each model. Learning rates and numbers of epochs are
not tuned alike: LoRA's is the better of two by validation accuracy on the first split, MiniLM's is that of a single
trial on another split, and the others' are from earlier trials.
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
    "split.group_duplicates": "exact",
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
        "model.depth": 23,
        "model.trainable": "lora",
        "model.lora_rank": 8,
        "model.lora_alpha": 16,
        "train.learning_rate": 0.001,
        "train.epochs": 3,
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
        for seed in wanted.seeds:
            rows[name] = with_seed(rows.get(name), MODELS[name], seed, texts, labels)
            document = {"machine": timing.machine(), "dataset": DATASET, "common": COMMON, "models": rows}
            files.write_json(RESULT, document)


def questions() -> tuple[list[str], list[str]]:
    """The questions, and the name of each one's label."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "messages.tsv"
        known = collection.fetch_messages(DATASET, raw, Path(folder))
        table = messages.parse(raw.read_bytes(), raw, known)
    return table["Text"].tolist(), known.names_of(table["Label"].to_numpy()).tolist()


def with_seed(
    row: dict[str, Any] | None, changes: Mapping[str, Any], seed: int, texts: list[str], labels: list[str]
) -> dict[str, Any]:
    """A model's figures with those of one more split and seed, and the seconds that each run took.

    Args:
        row: its figures so far; those of other settings, or of this seed, are dropped.
        changes: its settings.
        seed: of the split and of training.
        texts: the questions.
        labels: the name of each one's label.
    """
    settings = Params.load(Workspace().params).changed({**COMMON, **changes, "split.seed": seed, "train.seed": seed})
    start = time.perf_counter()
    found = spampipe.train(texts, labels, params=settings).metrics
    runs: dict[int, Any] = {seed: {"seconds": time.perf_counter() - start, **{name: found[name] for name in FIGURES}}}
    if row is not None and row["params"] == dict(changes):
        earlier = zip(row["seeds"], row["runs"], strict=True)
        runs = {other: figures for other, figures in earlier if other != seed} | runs
    ordered = [runs[other] for other in sorted(runs)]
    figures = {}
    for name in FIGURES:
        values = [float(run[name] or 0) for run in ordered]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        figures[name] = {"mean": statistics.mean(values), "std": spread}
    seconds = timing.spread([run["seconds"] for run in ordered])
    return {"params": dict(changes), "seeds": sorted(runs), "runs": ordered, "figures": figures, "seconds": seconds}


if __name__ == "__main__":
    command.run(main)
