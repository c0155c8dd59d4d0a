"""Why mistakes may have been made: the words that drove each, and the training messages that are most like it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.data.labels import Labels, LabelSet
from spampipe.evaluation import neighbours, occlusion
from spampipe.evaluation.neighbours import LabelledTexts, Neighbour
from spampipe.evaluation.occlusion import Ask, WordEffect
from spampipe.evaluation.scored import Evaluation

WORD_COLUMNS = {"row": "int64", "start": "int64", "end": "int64", "words": "str", "effect": "float64"}
NEIGHBOUR_COLUMNS = {
    "row": "int64",
    "rank": "int64",
    "train_row": "int64",
    "similarity": "float64",
    "label": "str",
    "text": "str",
}
NEAREST = 3  # training messages that are shown with a mistake
_DIGITS = 6  # after the point, in the tables


@dataclass(frozen=True)
class Explanation:
    """What is known of one answer.

    Attributes:
        words: the words of the text in order, and what each does to the label that it was given.
        nearest: the training messages that are most like it, the most similar first.
    """

    words: Sequence[WordEffect]
    nearest: Sequence[Neighbour]


def explain(
    texts: Sequence[str], given: Labels, train: LabelledTexts, ask: Ask, left_out: Sequence[int] | None = None
) -> list[Explanation]:
    """Explain answers.

    Args:
        texts: N texts.
        given: (N,) the class index of the label that each was given.
        train: the training messages.
        ask: the classifier's probabilities of texts, as `occlusion.effects` asks for them.
        left_out: the row of each text in `train`, if that is where the texts are from; None if they are not.
    """
    words = occlusion.effects(texts, given, ask)
    nearest = neighbours.nearest(texts, train, NEAREST, left_out)
    return [Explanation(*both) for both in zip(words, nearest, strict=True)]


def tables(found: Evaluation, ask: Ask, workspace: Workspace) -> dict[Path, pd.DataFrame]:
    """The tables about the misclassified test messages, by path.

    Args:
        found: the scored messages of all splits.
        ask: the classifier's probabilities of texts.
        workspace: gives the tables' paths; nothing is written.

    Returns:
        Tables of columns WORD_COLUMNS and NEIGHBOUR_COLUMNS, whose `row` is the message's in the test split; without
        rows if no test message is misclassified.
    """
    test, train = found.test, found.splits["train"]
    rows = np.flatnonzero(test.predicted != test.labels)
    texts = [test.texts[row] for row in rows.tolist()]
    explained = explain(texts, test.predicted[rows], LabelledTexts(train.texts, train.labels), ask)
    by_row = dict(zip(rows.tolist(), explained, strict=True))
    return {
        workspace.mistake_words: _words(by_row, test.texts),
        workspace.mistake_neighbours: _neighbours(by_row, found.labels),
    }


def read(workspace: Workspace, labels: LabelSet) -> dict[int, Explanation]:
    """Read the tables about the misclassified test messages.

    Args:
        workspace: holds them.
        labels: the label set.

    Returns:
        The explanation of each message by its row in the test split, if there is anything to tell of it.

    Raises:
        DataError: a table is missing or damaged.
    """
    words = files.read_csv(workspace.mistake_words, WORD_COLUMNS)
    nearest = files.read_csv(workspace.mistake_neighbours, NEIGHBOUR_COLUMNS)
    if other := set(nearest["label"]) - set(labels.names):
        names = ", ".join(labels.names)
        raise DataError(
            f"{workspace.mistake_neighbours}: label {min(other)!r} is none of {names}; run `dvc repro evaluate`"
        )
    found: dict[int, tuple[list[WordEffect], list[Neighbour]]] = {}
    for row, start, end, _, effect in words.itertuples(index=False):
        found.setdefault(row, ([], []))[0].append(WordEffect(start, end, effect))
    for row, _, place, similarity, label, text in nearest.itertuples(index=False):
        found.setdefault(row, ([], []))[1].append(Neighbour(place, similarity, labels.names.index(label), text))
    return {row: Explanation(*both) for row, both in found.items()}


def _words(explained: Mapping[int, Explanation], texts: Sequence[str]) -> pd.DataFrame:
    rows = [
        (row, word.start, word.end, texts[row][word.start : word.end], _rounded(word.effect))
        for row, explanation in explained.items()
        for word in explanation.words
    ]
    return pd.DataFrame(rows, columns=list(WORD_COLUMNS)).astype(WORD_COLUMNS)


def _neighbours(explained: Mapping[int, Explanation], labels: LabelSet) -> pd.DataFrame:
    rows = [
        (row, rank, near.row, _rounded(near.similarity), labels.names[near.label], near.text)
        for row, explanation in explained.items()
        for rank, near in enumerate(explanation.nearest, 1)
    ]
    return pd.DataFrame(rows, columns=list(NEIGHBOUR_COLUMNS)).astype(NEIGHBOUR_COLUMNS)


def _rounded(value: float) -> float:
    return round(value, _DIGITS) + 0.0  # no -0.0
