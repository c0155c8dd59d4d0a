"""Answers of a cross-validation, made up."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from spampipe.data.labels import EVEN, LabelSet, decide
from spampipe.evaluation.out_of_fold import OutOfFold
from tests.support.label_sets import TWO


def answers(
    label_set: LabelSet, labels: Sequence[int], scores: np.ndarray, groups: Sequence[int] | None = None
) -> OutOfFold:
    """Answers whose probabilities are the softmax of scores, labelled at one half.

    Args:
        label_set: the label set.
        labels: N class indices.
        scores: (N, K).
        groups: the N messages' groups; None if each is its own.
    """
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = grown / grown.sum(axis=1, keepdims=True)
    count = len(labels)
    given = np.arange(count) if groups is None else np.asarray(groups, np.int64)
    predicted = decide(probabilities, label_set, EVEN)
    rows, folds = np.arange(count), given % 3
    return OutOfFold(label_set, rows, folds, given, np.asarray(labels, np.int64), predicted, probabilities)


def any_answers(label_set: LabelSet = TWO) -> st.SearchStrategy[OutOfFold]:
    """Answers for a few messages, of which each label has at least one; scores often are the same.

    Args:
        label_set: the label set.
    """
    count = len(label_set)
    row = st.tuples(
        st.integers(0, count - 1),
        st.tuples(*[st.integers(-3, 3)] * count),
        st.integers(0, 5),
    )

    def made(rows: list[tuple[int, tuple[int, ...], int]]) -> OutOfFold:
        first = [(label, (0,) * count, label) for label in range(count)]
        labels, scores, groups = zip(*first, *rows, strict=True)
        return answers(label_set, labels, np.array(scores, float), groups)

    return st.lists(row, min_size=1, max_size=40).map(made)


def noisy(count: int, seed: int, signal: float = 2.0, label_set: LabelSet = TWO) -> OutOfFold:
    """Answers of a model that is right mostly; three messages a group.

    Args:
        count: how many messages.
        seed: decides the scores.
        signal: how much higher the score of a message's own label is.
        label_set: the label set.
    """
    labels = np.arange(count) % len(label_set)
    scores = np.random.default_rng(seed).normal(size=(count, len(label_set)))
    scores[np.arange(count), labels] += signal
    return answers(label_set, labels.tolist(), scores, (np.arange(count) // 3).tolist())
