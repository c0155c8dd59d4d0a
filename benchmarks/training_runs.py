"""Training as the pipeline does it, with nothing computed beforehand: what the benchmarks time."""

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spampipe.core.workspace import SPLITS, Workspace
from spampipe.data import labels, messages, tokens
from spampipe.data.tokens import TokenTable
from spampipe.models import checkpoint, compute, precision
from spampipe.models.card import ClassifierCard
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.classifier import Classifier
from spampipe.params import TrainParams
from spampipe.training import examples, loop
from spampipe.training.examples import Examples
from spampipe.training.training_log import Record

Tables = dict[str, TokenTable]
Prepare = Callable[[Classifier, TokenTable, precision.Precision, str], Examples]


@dataclass(frozen=True)
class TrainingRun:
    """One training from token tables to a trained classifier.

    Attributes:
        seconds: of preparing the examples and of the loop, its evaluations included.
        records: what the loop reported.
        test_accuracy: over the test messages, not a number without any; taken after the clock stopped.
    """

    seconds: float
    records: list[Record]
    test_accuracy: float


def train_anew(
    card: ClassifierCard,
    settings: TrainParams,
    tables: Tables,
    folder: Path = Workspace().base,
    prepare: Prepare = examples.prepare,
) -> TrainingRun:
    """Train a new classifier, with an empty store for the output of frozen layers.

    Args:
        card: of the classifier; its precision is that of the trunk.
        settings: of the loop; the seed draws the weights too.
        tables: the splits.
        folder: of the base model.
        prepare: makes examples of a split.
    """
    classifier = checkpoint.create(card, settings.seed, 0.0, compute.chosen_device(), folder)
    classifier.complete()
    with empty_store():
        start = time.perf_counter()
        train, validation = (
            prepare(classifier, tables[name], card.precision, name) for name in ("train", "validation")
        )
        records = loop.fit(classifier, train, validation, settings)
        seconds = time.perf_counter() - start
        if "test" not in tables:
            return TrainingRun(seconds, records, math.nan)
        test = prepare(classifier, tables["test"], card.precision, "test")
        return TrainingRun(seconds, records, loop.accuracy(classifier, test, card.precision))


@contextmanager
def empty_store() -> Iterator[None]:
    """Keep what frozen layers give in a temporary folder; the workspace's own store is not looked at."""
    before = os.environ.get("DVC_ROOT")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DVC_ROOT"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["DVC_ROOT"]
            else:
                os.environ["DVC_ROOT"] = before


def shortened(tables: Tables, most: int | None) -> Tables:
    """The first `most` messages of each table; all of them for None."""
    return {name: table.rows(slice(most)) for name, table in tables.items()}


def tokenize(base: str, folder: Path) -> Tables:
    """The workspace's splits in a base model's tokens, padded to the longest training message.

    Args:
        base: a key of BASE_MODELS.
        folder: of the base model.
    """
    model = BASE_MODELS[base]
    workspace = Workspace()
    known = labels.load(workspace.labels)
    tokenizer = model.family.load_tokenizer(folder)
    texts = {name: messages.read(workspace.split_csv(name), known) for name in SPLITS}
    rows = {name: tokenizer.encode(table["Text"].tolist()) for name, table in texts.items()}
    max_length = tokens.choose_max_length("longest_train", rows["train"], model.config.context_length)
    return {
        name: tokens.pad(rows[name], table["Label"].tolist(), max_length, tokenizer.padding, known)
        for name, table in texts.items()
    }
