"""Which words a classifier's answer rests on: what changes once they are left out of the text.

This is occlusion (Zeiler and Fergus 2014) of words, or leave-one-out (Li, Monroe and Jurafsky 2016). It asks for
probabilities only, so that it works for every kind of classifier.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from spampipe.data.calibration import LEAST
from spampipe.data.labels import Labels, Probabilities

Ask = Callable[[list[str]], Probabilities]  # (N, K) probabilities of N different texts, none empty

MOST_RUNS = 24  # that a text is cut into, so that no text costs more than this many answers and one

_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class WordEffect:
    """A word of a text, or a run of words, and what it does to the label that the text is given.

    Attributes:
        start: the position in the text of its first character.
        end: the position after its last character.
        effect: log-odds of the label for the whole text, less those for the text without the word; above 0, the word
            speaks for the label.
    """

    start: int
    end: int
    effect: float


def effects(texts: Sequence[str], labels: Labels, ask: Ask, most: int = MOST_RUNS) -> list[list[WordEffect]]:
    """What each word of each text does to a label.

    A word is what white space separates. A text of more than `most` words is cut into that many runs of words, whose
    numbers of words differ by one at most. A run is left out with the white space that parts it from its neighbour.

    Args:
        texts: N texts.
        labels: (N,) the class index of the label that each is given.
        ask: answers with probabilities; it gets all whole texts and all shortened ones at once, each different one
            once, and is not called if there are none.
        most: the number of runs, 2 or more.

    Returns:
        The runs of each text in order; none for a text of a single word, of which nothing would be left.
    """
    spans = [_runs(text, most) for text in texts]
    variants = [[text, *_shortened(text, runs)] if runs else [] for text, runs in zip(texts, spans, strict=True)]
    different = list(dict.fromkeys(text for each in variants for text in each))
    if not different:
        return [[] for _ in texts]
    places = {text: place for place, text in enumerate(different)}
    odds = _log_odds(ask(different))
    found = []
    for runs, asked, label in zip(spans, variants, labels.tolist(), strict=True):
        of_label = odds[[places[text] for text in asked], label] if asked else odds[:0, label]
        changes = (of_label[:1] - of_label[1:]).tolist()
        found.append([WordEffect(*span, effect) for span, effect in zip(runs, changes, strict=True)])
    return found


def _runs(text: str, most: int) -> list[tuple[int, int]]:
    """Begin and end of each run of words; none if there is one word."""
    words = [match.span() for match in _WORD.finditer(text)]
    if len(words) < 2:
        return []
    count = min(len(words), most)
    borders = [number * len(words) // count for number in range(count + 1)]
    return [(words[first][0], words[after - 1][1]) for first, after in pairwise(borders)]


def _shortened(text: str, runs: Sequence[tuple[int, int]]) -> list[str]:
    """The text without each of two or more runs."""
    (begin, _), (second, _) = runs[:2]
    without_first = text[:begin] + text[second:]
    return [
        without_first,
        *(text[:before] + text[end:] for (_, before), (_, end) in pairwise(runs)),
    ]


def _log_odds(probabilities: Probabilities) -> npt.NDArray[np.float64]:
    """(N, K) of each label against all others."""
    columns = range(probabilities.shape[1])
    others = np.column_stack([np.delete(probabilities, column, axis=1).sum(axis=1) for column in columns])
    odds: npt.NDArray[np.float64] = np.log(np.maximum(probabilities, LEAST)) - np.log(np.maximum(others, LEAST))
    return odds
