"""Training as the pipeline does it, with nothing computed beforehand: what the benchmarks time."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spampipe.core.workspace import SPLITS, Workspace
from spampipe.data import labels, messages
from spampipe.data.settings import TokenizePadParams
from spampipe.data.tokens import TokenTable
from spampipe.models import checkpoint, compute, encoding
from spampipe.models.architectures import BaseChoice
from spampipe.models.card import ClassifierCard
from spampipe.models.choices import Precision
from spampipe.models.frozen_trunk import Model
from spampipe.training import examples, loop, measures
from spampipe.training.examples import Examples
from spampipe.training.settings import TrainParams
from spampipe.training.training_log import Record

Tables = dict[str, TokenTable]
Prepare = Callable[[Model, TokenTable, Precision, str, Path], Examples]


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
    card: ClassifierCard, settings: TrainParams, tables: Tables, base: Path, prepare: Prepare = examples.prepare
) -> TrainingRun:
    """Train a new classifier, with an empty store for the output of frozen layers.

    Args:
        card: of the classifier; its precision is that of the trunk.
        settings: of the loop; the seed draws the weights too.
        tables: the splits.
        base: the folder of the base model.
        prepare: makes examples of a split.
    """
    model = checkpoint.create(card, settings.seed, 0.0, compute.chosen_device(), base)
    model.trunk.complete()
    with empty_store() as store:
        start = time.perf_counter()
        train, validation = (
            prepare(model, tables[name], card.precision, name, store) for name in ("train", "validation")
        )
        records = loop.fit(model.network, train, validation, settings)
        seconds = time.perf_counter() - start
        if "test" not in tables:
            return TrainingRun(seconds, records, math.nan)
        test = prepare(model, tables["test"], card.precision, "test", store)
        return TrainingRun(seconds, records, measures.over_all(model.network, test, card.precision).accuracy)


@contextmanager
def empty_store() -> Iterator[Path]:
    """A temporary folder for what frozen layers give, so that the workspace's own store is not looked at."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def shortened(tables: Tables, most: int | None) -> Tables:
    """The first `most` messages of each table; all of them for None."""
    return {name: table.rows(slice(most)) for name, table in tables.items()}


def tokenize(base: str, folder: Path) -> Tables:
    """The workspace's splits in a base model's tokens, padded to the longest training message.

    Args:
        base: a key of BASE_MODELS.
        folder: of the base model.
    """
    known = labels.load(Workspace().labels)
    texts = {name: messages.read(Workspace().split_csv(name), known) for name in SPLITS}
    settings = TokenizePadParams(max_length="longest_train", truncate="tail")
    return encoding.tokenize(texts, known, BaseChoice(base, "random"), folder, settings).tables
