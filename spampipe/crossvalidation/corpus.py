"""All distinct messages of a data set, and the fold that each is tested in."""

import hashlib
import json
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from spampipe.data import collection, corrections, duplicates, folds, messages
from spampipe.data.labels import Labels, LabelSet
from spampipe.data.tables import Columns
from spampipe.models import bases
from spampipe.params import Params

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """N labelled messages in twice as many parts as there are folds.

    Fold i is tested on parts 2i and 2i + 1 and validated on part 2i + 2; the others train. With five folds these are
    the shares of the book's splits: 70, 10 and 20 %.

    Attributes:
        label_set: the label set.
        rows: (N,) the messages' row numbers in the data set, from 0.
        texts: N of them, all different.
        labels: (N,) their class indices.
        groups: (N,) the group of duplicates that each belongs to.
        parts: (N,) the part that each lies in.
        folds: how many there are.
    """

    label_set: LabelSet
    rows: Positions
    texts: list[str]
    labels: Labels
    groups: Positions
    parts: Positions
    folds: int

    def __len__(self) -> int:
        return len(self.texts)

    def splits(self, fold: int) -> dict[str, Positions]:
        """The positions of the messages that a fold trains on, is validated on and tested on.

        Args:
            fold: its number, from 0.

        Returns:
            Positions in the corpus of `train`, `validation` and `test`, ascending.
        """
        tested = self.parts // 2 == fold
        validated = self.parts == (2 * fold + 2) % (2 * self.folds)
        return {
            "train": np.flatnonzero(~tested & ~validated),
            "validation": np.flatnonzero(validated),
            "test": np.flatnonzero(tested),
        }

    @cached_property
    def digest(self) -> str:
        """Stands for the messages, their labels and their parts."""
        content = [self.label_set.model_dump(mode="json"), self.texts, self.labels.tolist(), self.parts.tolist()]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def load(settings: Params, folder: Path) -> Corpus:
    """The messages of the settings' data set, dealt into parts.

    Args:
        settings: of which `download`, `balance.corrections` and `crossvalidate` are read.
        folder: what the paths of the user's own file and of the corrections start from.

    Raises:
        DataError: the data or their corrections cannot be read, or there are too few messages.
        FetchError: the data could not be had.
    """
    known, table = messages_of(settings, folder)
    dealt = settings.crossvalidate
    texts, labels = table["Text"].tolist(), table["Label"].to_numpy(np.int64)
    groups = duplicates.groups(texts, dealt.group_duplicates, dealt.near_threshold)
    parts = folds.deal(labels, groups, known, 2 * dealt.folds, dealt.seed)
    return Corpus(known, table.index.to_numpy(np.int64), texts, labels, groups, parts, dealt.folds)


def messages_of(settings: Params, folder: Path) -> tuple[LabelSet, pd.DataFrame]:
    """The corrected messages of the settings' data set, each text once, with the first of its labels.

    Args:
        settings: of which `download` and `balance.corrections` are read.
        folder: what the paths of the user's own file and of the corrections start from.

    Returns:
        The label set; and columns Label (class indices) and Text, whose index is the row number in the data set.

    Raises:
        DataError: the data or their corrections cannot be read.
        FetchError: the data could not be had.
    """
    source = settings.download
    with tempfile.TemporaryDirectory() as temporary:
        raw = Path(temporary) / "messages.tsv"
        known = collection.fetch_messages(
            source.dataset,
            raw,
            folder,
            columns=Columns(source.text_column, source.label_column),
            quoting=source.quoting,
            names=source.labels,
            known=bases.PINS,
        )
        table = messages.parse(raw.read_bytes(), source.dataset, known)
    corrected = corrections.apply(table, folder / settings.balance.corrections, known)
    return known, corrected.drop_duplicates("Text")
