"""What one training is about: all messages of a fold, or a stratified draw of a few of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spampipe.core.errors import ParamsError
from spampipe.crossvalidation.corpus import Corpus, Positions
from spampipe.data.labels import Labels

_DRAWN = ("train", "validation")  # in the order of their random streams; the test messages stay as they are


@dataclass(frozen=True)
class Draw:
    """The messages of one training.

    Attributes:
        fold: whose test messages are scored, from 0.
        splits: positions in the corpus of `train`, `validation` and `test`, ascending.
        size: how many training messages were drawn; None for all of the fold.
    """

    fold: int
    splits: Mapping[str, Positions]
    size: int | None = None

    def ingredients(self) -> dict[str, Any]:
        """What kept answers depend on, beside the corpus, as JSON values; of a whole fold, its number only."""
        if self.size is None:
            return {"fold": self.fold}
        return {"fold": self.fold, "messages": self.size} | {name: self.splits[name].tolist() for name in _DRAWN}


def whole(corpus: Corpus, fold: int) -> Draw:
    """All messages of a fold.

    Args:
        corpus: the messages.
        fold: the fold's number, from 0.
    """
    return Draw(fold, corpus.splits(fold))


def drawn(corpus: Corpus, fold: int, size: int, seed: int) -> Draw:
    """Some of a fold's training messages, and the same share of its validation messages, at least one of each label.

    A smaller draw of the same fold and seed is part of a larger one. Messages of a label are drawn at random; their
    number is in proportion to those that the fold has, rounded by Webster's method, as seats of a parliament are.

    Args:
        corpus: the messages.
        fold: the fold's number, from 0.
        size: how many training messages, at most those that the fold has.
        seed: decides, with the fold, which messages are drawn.

    Raises:
        ParamsError: there are more labels than messages to draw, or fewer messages than that.
    """
    splits, labels = corpus.splits(fold), len(corpus.label_set)
    available = len(splits["train"])
    if not labels <= size <= available:
        raise ParamsError(
            f"learning_curve.sizes: {size}: must be from {labels}, the number of labels, to {available}, which "
            f"fold {fold + 1} trains on; change it"
        )
    validated = max(labels, round(size * len(splits["validation"]) / available))
    for stream, (name, count) in enumerate(zip(_DRAWN, (size, validated), strict=True)):
        ranked = order(corpus.labels[splits[name]], np.random.default_rng([seed, fold, stream]))
        splits[name] = splits[name][np.sort(ranked[:count])]
    return Draw(fold, splits, size)


def order(labels: Labels, generator: np.random.Generator) -> Positions:
    """The order in which messages are drawn: each label's are at random, and their shares hold at any length.

    Args:
        labels: (N,) class indices.
        generator: decides the order within a label.

    Returns:
        (N,) positions. The first K have one of each of the K labels that occur.
    """
    shuffled = generator.permutation(len(labels))
    turns = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        turns[members] = (np.arange(len(members)) + 0.5) / len(members)
        turns[members[0]] = -1.0
    return shuffled[np.argsort(turns[shuffled], kind="stable")]
