"""Where every file of the pipeline lies, relative to the workspace; nobody else knows."""

import os
from pathlib import Path

PIPELINE = Path("dvc.yaml")
PARAMS = Path("params.yaml")
LOCK = Path("dvc.lock")
REQUIREMENTS = Path("requirements.lock")

RAW_MESSAGES = Path("data/raw/messages.tsv")
BALANCED = Path("data/balanced.csv")
LEFTOVER = Path("data/leftover.csv")

SPLITS = ("train", "validation", "test")
SPLITS_FOLDER, TOKENS_FOLDER = Path("data/splits"), Path("data/tokens")
LEFTOVER_SPLIT = "leftover"  # the messages that balancing left out, tokenized and scored like a split

BASE = Path("models/base")

CLASSIFIER_WEIGHTS = Path("models/classifier.safetensors")
CLASSIFIER_CARD = Path("models/classifier.json")

TRAIN_REPORTS = Path("reports/train")
TRAIN_STEPS = TRAIN_REPORTS / "steps.csv"
TRAIN_EPOCHS = TRAIN_REPORTS / "epochs.csv"
TRAIN_METRICS = TRAIN_REPORTS / "metrics.json"

EVALUATE_REPORTS = Path("reports/evaluate")
EVALUATE_METRICS = EVALUATE_REPORTS / "metrics.json"
SPLIT_METRICS = EVALUATE_REPORTS / "splits.csv"
PREDICTIONS = EVALUATE_REPORTS / "predictions.csv"
MISCLASSIFIED = EVALUATE_REPORTS / "misclassified.csv"
CONFUSION = EVALUATE_REPORTS / "confusion.csv"
ROC = EVALUATE_REPORTS / "roc.csv"
PRECISION_RECALL = EVALUATE_REPORTS / "precision_recall.csv"

FIGURES = Path("reports/figures")


def split_csv(split: str) -> Path:
    """The messages of one split, columns Label and Text."""
    return LEFTOVER if split == LEFTOVER_SPLIT else SPLITS_FOLDER / f"{split}.csv"


def split_tokens(split: str) -> Path:
    """The token ids of one split."""
    return TOKENS_FOLDER / f"{split}.safetensors"


def base_tokenizer(folder: Path = BASE) -> Path:
    """The rank file of the base model that lies in `folder`."""
    return folder / "tokenizer.tiktoken"


def base_weights(file_format: str | None, folder: Path = BASE) -> Path:
    """Its weight file, as published: `safetensors` or `gguf`."""
    return folder / f"weights.{file_format}"


def top_of(folder: Path) -> Path | None:
    """The pipeline's workspace that a folder belongs to: the nearest folder from it upward that holds a pipeline."""
    for candidate in (folder, *folder.parents):
        if (candidate / PIPELINE).exists() and (candidate / PARAMS).exists():
            return candidate
    return None


def trunk_store() -> Path:
    """Where outputs of frozen layers are kept for all stages and experiments; not part of any result."""
    return repository_root() / ".spampipe" / "trunk"


def repository_root() -> Path:
    """The real repository, also when DVC runs the stage in a temporary copy of it."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()
