"""Messages a second: this project's classifier, the book's classify_review and transformers' pipeline.

Run `python -m benchmarks.prediction_speed` after `dvc repro`. The book's function takes one message at a time and
pads it to the longest training message; it is compared on GPT-2's shape with random weights, which change no time.
The pipeline holds the workspace's own trained classifier.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from llms_from_scratch.ch06 import classify_review
from transformers import AutoTokenizer, PreTrainedTokenizerBase, pipeline

from benchmarks import timing, training_runs
from benchmarks.opponents import book_classifier, book_encoding, llama_classifier
from spampipe import params
from spampipe.classifiers.neural import NeuralClassifier
from spampipe.classifiers.text_classifier import TextClassifier
from spampipe.core import command, files
from spampipe.core.workspace import LEFTOVER_SPLIT, Workspace
from spampipe.data import labels, messages
from spampipe.data.labels import LabelSet
from spampipe.data.tokenizer import Tokenizer
from spampipe.downloads import fetch
from spampipe.models import bases, checkpoint, compute, describing
from spampipe.models.architectures import BaseChoice
from spampipe.models.card import ClassifierCard, load_card
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.choices import Precision
from spampipe.models.frozen_trunk import Model

RESULT = timing.RESULTS / "prediction_speed.json"
PIPELINE_BATCHES = (1, 8, 32)
DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}

# The book's position, padded to the longest message and so slow, and this project's default.
POSITIONS: dict[str, str] = {"last": "few", "last_real": "all"}

Classify = Callable[[list[str]], list[str]]
Contenders = dict[tuple[str, str], tuple[Classify, list[str]]]


def main() -> None:
    """Write benchmarks/results/prediction_speed.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", choices=("gpt2-small", "gpt2-tiny"), default="gpt2-small", help="for the book")
    parser.add_argument("--messages", type=int, default=512)
    parser.add_argument("--padded", type=int, default=40, help="messages where each is padded to the longest")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    label_set = labels.load(Workspace().labels)
    tables = [messages.read(Workspace().split_csv(name), label_set) for name in ("test", LEFTOVER_SPLIT)]
    texts = [text for table in tables for text in table["Text"]][: arguments.messages]
    document = {
        "machine": timing.machine(),
        "settings": vars(arguments) | {"messages": len(texts)},
        "book": against_book(arguments.base, label_set, texts, arguments.padded, arguments.repeats),
        "pipeline": against_pipeline(texts, arguments.repeats),
    }
    files.write_json(RESULT, document)


def against_book(base: str, label_set: LabelSet, texts: list[str], padded: int, repeats: int) -> dict[str, Any]:
    """The book's function, and this project's on the same weights: at the same position, then at its own."""
    device, few = compute.chosen_device(), texts[:padded]
    committed = params.load(Workspace().params).model
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bases.fetch_base(BaseChoice(base, "random"), folder)
        family = BASE_MODELS[base].family
        tokenizer, encoding = family.load_tokenizer(folder), book_encoding(family.tokenizer_path(folder))
        max_length = training_runs.tokenize(base, folder)["train"].max_length
        contenders: Contenders = {}
        for position, some in POSITIONS.items():
            settings: dict[str, Any] = {
                "name": base,
                "revision": None,
                "weights": "random",
                "trainable": "last_block",
                "position": position,
            }
            choices = committed.model_copy(update=settings | {"causal": True, "dropout": 0.0})
            card = describing.describe(choices, label_set, max_length, "fp32", folder)
            model = checkpoint.create(card, 123, 0.0, device, folder)
            model.network.eval()
            if position == "last":
                book = book_classifier(model)
            for precision in get_args(Precision):
                ours = in_precision(model, card, tokenizer, precision)
                contenders[position, precision] = labels_of(ours), few if some == "few" else texts

    def review(some: list[str]) -> list[str]:
        answers = [classify_review(text, book, encoding, device, max_length) for text in some]
        return [label_set.names[answer == "spam"] for answer in answers]  # the book's name of class 1

    contenders["book", "fp32"] = review, few
    rates = measure(contenders, repeats)
    theirs = rates.pop(("book", "fp32"))
    same_labels = agreement(contenders["last", "fp32"][0](few), review(few))
    rows = [
        {"position": position, "precision": precision, **rate, "times_faster": faster(rate, theirs)}
        for (position, precision), rate in rates.items()
    ]
    return {"classify_review": theirs, "spampipe": rows, "same_labels": same_labels}


def against_pipeline(texts: list[str], repeats: int) -> dict[str, Any]:
    """The trained classifier in transformers' pipeline, at its best batch size, and in this project."""
    workspace, device = Workspace(), compute.chosen_device()
    card = load_card(workspace.classifier_card)
    ours = checkpoint.load(card, device, workspace.classifier_weights, workspace.base)
    tokenizer, fast = BASE_MODELS[card.base].family.load_tokenizer(workspace.base), load_tokenizer(card)

    def run_pipeline(precision: Precision, batch_size: int) -> Classify:
        model = llama_classifier(ours, tokenizer.padding, card.labels).to(DTYPES[precision])
        run = pipeline("text-classification", model=model, tokenizer=fast, device=device)
        options = {"batch_size": batch_size, "truncation": True, "max_length": card.max_length}
        return lambda some: [answer["label"] for answer in run(some, **options)]

    rows, best = [], {}
    for precision in get_args(Precision):
        classify = labels_of(in_precision(ours, card, tokenizer, precision))
        contenders: Contenders = {("spampipe", ""): (classify, texts)}
        for size in PIPELINE_BATCHES:
            contenders["pipeline", str(size)] = run_pipeline(precision, size), texts
        rates = measure(contenders, repeats)
        mine = rates.pop(("spampipe", ""))
        chosen = max(rates, key=lambda name: median_rate(rates[name]))
        best[precision] = mine, rates[chosen]
        rows.append(
            {
                "precision": precision,
                "spampipe": mine,
                "pipeline": {size: rate for (_, size), rate in rates.items()},
                "best_batch_size": int(chosen[1]),
                "times_faster": faster(mine, rates[chosen]),
                "same_labels": agreement(*(contenders[name][0](texts) for name in (("spampipe", ""), chosen))),
            }
        )
    fastest = [max(rates, key=median_rate) for rates in zip(*best.values(), strict=True)]
    return {"rows": rows, "best_times_faster": faster(*fastest)}


def load_tokenizer(card: ClassifierCard) -> PreTrainedTokenizerBase:
    """The base's tokenizer as transformers reads it from the published file."""
    pin = next(pin for pin in bases.PINS if pin.name == card.base)
    with tempfile.TemporaryDirectory() as folder:
        fetch.fetch(pin, Path(folder) / "model.gguf", known=bases.PINS)
        fast = AutoTokenizer.from_pretrained(folder, gguf_file="model.gguf")
    fast.pad_token = fast.convert_ids_to_tokens(BASE_MODELS[card.base].family.padding)
    return fast


def in_precision(model: Model, card: ClassifierCard, tokenizer: Tokenizer, precision: Precision) -> NeuralClassifier:
    """The classifier that a network is, but with its matrix products in another precision."""
    changed = card.model_copy(update={"precision": precision})
    return NeuralClassifier(model, changed, tokenizer, Workspace().trunk_store)


def labels_of(classifier: TextClassifier) -> Classify:
    """A function from texts to labels."""
    return lambda texts: [prediction.label for prediction in classifier.classify(texts)]


def measure(contenders: Contenders, repeats: int) -> dict[tuple[str, str], dict[str, Any]]:
    """Messages a second of each, in rounds, so that whatever else the machine does meets all of them alike."""
    for classify, texts in contenders.values():
        classify(texts[:4])  # warm up
    rates: dict[tuple[str, str], list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, (classify, texts) in contenders.items():
            start = time.perf_counter()
            classify(texts)
            rates[name].append(len(texts) / (time.perf_counter() - start))
    return {
        name: {"messages": len(contenders[name][1]), "messages_per_second": timing.spread(found)}
        for name, found in rates.items()
    }


def median_rate(row: dict[str, Any]) -> float:
    """Messages a second, the median."""
    return float(row["messages_per_second"]["median"])


def faster(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    """How many times more messages a second; of rates, the larger stands above the line."""
    return timing.ratio(ours["messages_per_second"], theirs["messages_per_second"])


def agreement(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """The share of messages with the same label."""
    return sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(ours)


if __name__ == "__main__":
    command.run(main)
