"""Splits in which each class has the same share."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from spampipe.core.errors import DataError
from spampipe.core.workspace import SPLITS
from spampipe.data import duplicates, messages, splitting
from spampipe.data.duplicates import Grouping, Groups
from spampipe.data.settings import SplitParams
from tests.support.label_sets import THREE

SEEDS = st.integers(0, 2**32 - 1)
FRACTIONS = st.sampled_from([(0.7, 0.1), (0.5, 0.25), (0.1, 0.8), (0.34, 0.33), (0.05, 0.05)])
SIZES = st.lists(st.integers(3, 60), min_size=2, max_size=6)


def table_of(labels: list[int], texts: list[str] | None = None) -> pd.DataFrame:
    texts = texts or [f"text {n}" for n in range(len(labels))]
    return pd.DataFrame({"Label": labels, "Text": texts}).astype(messages.COLUMNS)


def copies(table: pd.DataFrame) -> Groups:
    """The group of each message, copies of a text in one."""
    return duplicates.groups(table["Text"].tolist(), "exact", 0.5)


@settings(max_examples=40)
@given(SIZES, FRACTIONS, SEEDS, st.sampled_from(["none", "exact"]))
def test_each_class_has_its_share_of_every_split(
    sizes: list[int], fractions: tuple[float, float], seed: int, how: Grouping
) -> None:
    table = table_of([label for label, size in enumerate(sizes) for _ in range(size)])
    groups = duplicates.groups(table["Text"].tolist(), how, 0.5)
    splits = splitting.split(table, *fractions, seed, groups, stratify=True)
    assert sorted(pd.concat(list(splits.values()))["Text"]) == sorted(table["Text"])
    shares = dict(zip(SPLITS, (*fractions, 1 - sum(fractions)), strict=True))
    for label, size in enumerate(sizes):
        counts = {name: int((part["Label"] == label).sum()) for name, part in splits.items()}
        for name, share in shares.items():
            given_away = sum(max(0, 1 - size * other) for other in shares.values())  # to splits due less than one
            assert counts[name] >= 1
            assert abs(counts[name] - size * share) <= 1 + given_away
    again = splitting.split(table, *fractions, seed, groups, stratify=True)
    assert all(again[name].equals(part) for name, part in splits.items())


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), min_size=1, max_size=60), FRACTIONS, SEEDS)
def test_copies_stay_together_and_nothing_is_lost(
    rows: list[tuple[int, int]], fractions: tuple[float, float], seed: int
) -> None:
    table = table_of([label for label, _ in rows], [str(text) for _, text in rows])
    try:
        splits = splitting.split(table, *fractions, seed, copies(table), stratify=True)
    except DataError as error:
        assert "are too few" in str(error)
        return
    homes = [set(part["Text"]) for part in splits.values()]
    assert sum(map(len, homes)) == table["Text"].nunique()
    together = pd.concat(list(splits.values()))
    assert sorted(zip(together["Label"], together["Text"], strict=True)) == sorted(
        zip(table["Label"], table["Text"], strict=True)
    )


def test_large_groups_of_copies_are_evened_out() -> None:
    texts = [f"{label}{n if n < 40 else 'copy' + str(n % 3)}" for label in "ab" for n in range(100)]
    table = table_of([0] * 100 + [1] * 100, texts)
    splits = splitting.split(table, 0.7, 0.1, 123, copies(table), stratify=True)
    counts = {name: part["Label"].value_counts().tolist() for name, part in splits.items()}
    assert counts == {"train": [70, 70], "validation": [10, 10], "test": [20, 20]}


def test_sizes_are_those_of_scikit_learn() -> None:
    labels = np.random.default_rng(0).choice(4, 1000, p=[0.6, 0.3, 0.07, 0.03]).tolist()
    ours = splitting.split(table_of(labels), 0.7, 0.1, 123, stratify=True)
    theirs, _ = train_test_split(table_of(labels), train_size=0.7, stratify=labels, random_state=0)
    pair = ours["train"]["Label"].value_counts().sort_index(), theirs["Label"].value_counts().sort_index()
    assert (pair[0] - pair[1]).abs().max() <= 1


def test_another_seed_deals_otherwise() -> None:
    table = table_of([0, 1, 2] * 30)
    first, other = (splitting.split(table, 0.7, 0.1, seed, stratify=True)["train"] for seed in (1, 2))
    assert sorted(first["Text"]) != sorted(other["Text"])
    assert first["Label"].tolist() != sorted(first["Label"])  # the classes stay mixed


def settings_of(group: Grouping, *, stratify: bool) -> SplitParams:
    return SplitParams(
        train_fraction=0.7,
        validation_fraction=0.1,
        seed=123,
        group_duplicates=group,
        near_threshold=0.5,
        stratify=stratify,
    )


@pytest.mark.parametrize(
    ("rare", "group", "found"),
    [
        (["a", "b"], "none", "2 messages"),
        (["a"], "none", "1 message"),
        (["a", "a", "b"], "exact", "2 different texts"),
        (["a"] * 9, "exact", "1 different text"),
        (["a", "b", "A!", "B."], "near", "2 different texts"),
    ],
)
def test_a_label_of_too_few_rows_is_named(rare: list[str], group: Grouping, found: str) -> None:
    table = table_of([0, 1] * 30 + [2] * len(rare), [f"text {chr(ord('A') + n)}" for n in range(60)] + rare)
    with pytest.raises(DataError) as caught:
        splitting.deal(table, THREE, settings_of(group, stratify=True))
    assert str(caught.value) == (
        f"label yes has {found}, but each of train, validation, test needs one; add messages of it, or leave it out "
        "of the data"
    )


def test_a_label_that_a_split_lacks_is_named_with_the_remedy() -> None:
    """With this seed, train lacks the third label, which the test split has."""
    for seed in range(100):
        table = table_of([0, 1] * 30 + [2] * 3)
        changed = settings_of("none", stratify=False).model_copy(update={"train_fraction": 0.3, "seed": seed})
        parts = splitting.split(table, 0.3, 0.1, seed)
        if 2 not in set(parts["train"]["Label"]) and 2 in set(parts["test"]["Label"]):
            break
    with pytest.raises(DataError) as caught:
        splitting.deal(table, THREE, changed)
    assert str(caught.value) == (
        "the train split: 18 messages, none of them labelled yes; every split needs every label; add messages of it, "
        "or set split.stratify to true"
    )
    assert splitting.deal(table, THREE, changed.model_copy(update={"stratify": True}))
