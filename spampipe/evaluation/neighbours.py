"""Which labelled texts are most like a text, as a reader would compare them: by the characters that they share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spampipe.data import duplicates
from spampipe.data.labels import Labels


@dataclass(frozen=True)
class LabelledTexts:
    """The texts to look among, such as those of train.

    Attributes:
        texts: M texts.
        labels: (M,) their class indices.
    """

    texts: Sequence[str]
    labels: Labels


@dataclass(frozen=True)
class Neighbour:
    """A labelled text that is like another text.

    Attributes:
        row: its position among the labelled texts, from 0.
        similarity: from 0 to 1, as `duplicates.similarities` has it.
        label: its class index.
        text: the text.
    """

    row: int
    similarity: float
    label: int
    text: str


def nearest(
    texts: Sequence[str], known: LabelledTexts, count: int, left_out: Sequence[int] | None = None
) -> list[list[Neighbour]]:
    """The labelled texts that are most like each text.

    Args:
        texts: N texts.
        known: the texts to look among.
        count: how many neighbours each text gets, as far as there are so many.
        left_out: a row of `known` for each text that is not its neighbour, such as the text itself; None for none.

    Returns:
        The neighbours of each text, the most similar first; of equally similar ones, the one of the lowest row.
    """
    found: list[list[Neighbour]] = []
    for block in duplicates.similarities(texts, known.texts):
        for similarity in block:
            if left_out is not None:
                similarity[left_out[len(found)]] = -1.0
            rows = np.argsort(-similarity, kind="stable")[:count]
            kept = rows[similarity[rows] >= 0].tolist()
            found.append(
                [Neighbour(row, float(similarity[row]), int(known.labels[row]), known.texts[row]) for row in kept]
            )
    return found
