"""Folds: what is tested was not trained on, and all is tested once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.core.errors import DataError
from spampipe.crossvalidation.corpus import Corpus
from spampipe.data import folds
from tests.support.label_sets import THREE


@st.composite
def grouped(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels of three classes, ten groups or more of each, of one to three messages."""
    labels, groups = [], []
    for label in range(3):
        for size in draw(st.lists(st.integers(1, 3), min_size=10, max_size=14)):
            groups += [len(set(groups))] * size
            labels += [label] * size
    order = draw(st.permutations(range(len(labels))))
    return np.array(labels)[list(order)], np.array(groups)[list(order)]


@given(grouped(), st.integers(0, 2**32 - 1))
def test_groups_stay_whole_and_every_message_is_tested_once(dealt: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    labels, groups = dealt
    parts = folds.deal(labels, groups, THREE, 4, seed)
    assert np.array_equal(parts, folds.deal(labels, groups, THREE, 4, seed))
    for group in np.unique(groups):
        assert len(set(parts[groups == group])) == 1
    corpus = Corpus(THREE, np.arange(len(labels)), [""] * len(labels), labels, groups, parts, folds=2)
    tested = []
    for fold in range(2):
        splits = corpus.splits(fold)
        assert sorted(np.concatenate(list(splits.values()))) == list(range(len(labels)))
        assert all(set(labels[positions]) == {0, 1, 2} for positions in splits.values())
        tested += splits["test"].tolist()
    assert sorted(tested) == list(range(len(labels)))


def test_five_folds_have_the_shares_of_the_books_splits() -> None:
    labels = np.repeat([0, 1, 2], 500)
    parts = folds.deal(labels, np.arange(1500), THREE, 10, seed=1)
    corpus = Corpus(THREE, np.arange(1500), [""] * 1500, labels, np.arange(1500), parts, folds=5)
    for fold in range(5):
        assert {name: len(positions) for name, positions in corpus.splits(fold).items()} == {
            "train": 1050,
            "validation": 150,
            "test": 300,
        }


@pytest.mark.parametrize(
    ("labels", "named"),
    [([0] * 30 + [1] * 30 + [2] * 3, f"label {THREE.names[2]} .*has 3"), ([0, 1, 2], "3 groups of messages")],
)
def test_too_few_messages_are_named(labels: list[int], named: str) -> None:
    with pytest.raises(DataError, match=f"{named}.*lower crossvalidate.folds") as raised:
        folds.deal(np.array(labels), np.arange(len(labels)), THREE, 10, seed=1)
    assert "\n" not in str(raised.value)
