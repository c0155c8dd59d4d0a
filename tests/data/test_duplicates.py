"""Groups of copies and near-duplicates, by the definition written out, and splits that keep them whole."""

from itertools import combinations, pairwise
from pathlib import Path

import networkx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spampipe.core.errors import DataError
from spampipe.data import duplicates, messages, splitting
from spampipe.data.duplicates import Grouping
from tests.support.label_sets import TWO

# Few words and numbers, so that texts share many runs of characters; or any characters, and few of them.
PHRASES = st.lists(st.sampled_from(["call", "Now", "WIN", "cash", "1000", "27", "!", "prize", "ß"]), max_size=8)
TEXTS = st.lists(PHRASES.map(" ".join) | st.text(max_size=7), max_size=20)
THRESHOLDS = st.sampled_from([0.1, 1 / 3, 0.5, 0.55, 0.8, 1.0])
KINDS = st.sampled_from(["none", "exact", "near"])


def runs(text: str) -> set[str]:
    """The different runs of five characters."""
    return {text[start : start + 5] for start in range(len(text) - 4)}


def are_near(one: str, other: str, threshold: float) -> bool:
    """The definition, for two texts."""
    left, right = duplicates.normalised(one), duplicates.normalised(other)
    shared, either = runs(left) & runs(right), runs(left) | runs(right)
    return left == right or bool(shared and len(shared) / len(either) >= threshold)


def members(found: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(found == number).tolist()) for number in set(found.tolist())}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("URGENT! Call 0906 170-1461 NOW", "urgentcall000now"),
        ("£1,000.50 (cash)", "000cash"),
        ("Straße ﬁn\u00ad²", "strassefin0"),  # a ligature, a soft hyphen and a superscript
        ("snake_case", "snakecase"),
        ("किताब", "किताब"),  # vowel signs are marks
        (":-) \t:-)", ":-):-)"),
        ("", ""),
    ],
)
def test_what_is_left_of_a_text(text: str, left: str) -> None:
    assert duplicates.normalised(text) == left


@given(TEXTS, THRESHOLDS)
def test_near_groups_are_what_chains_of_near_duplicates_connect(texts: list[str], threshold: float) -> None:
    graph = networkx.Graph()
    graph.add_nodes_from(range(len(texts)))
    pairs = combinations(range(len(texts)), 2)
    graph.add_edges_from((one, other) for one, other in pairs if are_near(texts[one], texts[other], threshold))
    found = duplicates.groups(texts, "near", threshold)
    assert members(found) == {frozenset(part) for part in networkx.connected_components(graph)}


@given(TEXTS, TEXTS, THRESHOLDS)
def test_siblings_are_found_by_the_definition(texts: list[str], others: list[str], threshold: float) -> None:
    found = duplicates.siblings(texts, others, threshold)
    plain = {duplicates.normalised(other) for other in others}
    assert found.exact.tolist() == [text in others for text in texts]
    assert found.normalised.tolist() == [duplicates.normalised(text) in plain for text in texts]
    assert found.near.tolist() == [any(are_near(text, other, threshold) for other in others) for text in texts]


def test_blocks_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        f"{word} {other} of {third}" for word in ("first", "second") for other in "ab" for third in ("us", "them")
    ]
    whole = duplicates.groups(texts, "near", 0.4), duplicates.siblings(texts[:5], texts[5:], 0.4)
    assert 1 < len(members(whole[0])) < len(texts) and whole[1].near.any() and not whole[1].near.all()
    monkeypatch.setattr(duplicates, "_ENTRIES", 1)  # a block a text
    assert duplicates.groups(texts, "near", 0.4).tolist() == whole[0].tolist()
    assert duplicates.siblings(texts[:5], texts[5:], 0.4).near.tolist() == whole[1].near.tolist()


@given(TEXTS, THRESHOLDS)
def test_each_kind_of_group_lies_within_the_next_kinds(texts: list[str], threshold: float) -> None:
    found = [duplicates.groups(texts, how, threshold) for how in ("none", "exact", "near")]
    for finer, coarser in pairwise(found):
        assert all(any(part <= whole for whole in members(coarser)) for part in members(finer))
    for each in found:
        assert each.dtype == np.int64 and len(each) == len(texts)
        first = [number for place, number in enumerate(each) if number not in each[:place]]
        assert first == list(range(len(first)))  # in the order of first appearance
    assert members(found[0]) == {frozenset([place]) for place in range(len(texts))}
    pairs = list(combinations(range(len(texts)), 2))
    assert all((texts[one] == texts[other]) == (found[1][one] == found[1][other]) for one, other in pairs)


@given(TEXTS, THRESHOLDS, KINDS, st.randoms())
def test_groups_do_not_depend_on_the_order_of_texts(
    texts: list[str], threshold: float, how: Grouping, random: object
) -> None:
    order = list(range(len(texts)))
    random.shuffle(order)
    found = duplicates.groups(texts, how, threshold)
    mixed = duplicates.groups([texts[place] for place in order], how, threshold)
    assert {frozenset(order[place] for place in part) for part in members(mixed)} == members(found)
    assert duplicates.groups(texts, how, threshold).tolist() == found.tolist()


@settings(max_examples=60)
@given(TEXTS.filter(bool), KINDS, st.booleans(), st.integers(0, 2**32 - 1), st.randoms())
def test_no_group_is_in_two_splits_and_nothing_is_lost(
    texts: list[str], how: Grouping, stratify: bool, seed: int, random: object
) -> None:
    table = pd.DataFrame({"Label": [random.randrange(3) for _ in texts], "Text": texts}).astype(messages.COLUMNS)
    groups = duplicates.groups(texts, how, 0.5)
    try:
        splits = splitting.split(table, 0.5, 0.2, seed, groups, stratify=stratify)
    except DataError as error:
        assert "are too few" in str(error)
        return
    together = pd.concat(list(splits.values()))
    rows = sorted(zip(table["Label"], table["Text"], strict=True))
    assert sorted(zip(together["Label"], together["Text"], strict=True)) == rows
    if how != "none":  # else copies are in groups of their own, and a text does not tell which
        number = dict(zip(texts, groups.tolist(), strict=True))
        homes = [{number[text] for text in part["Text"]} for part in splits.values()]
        assert sum(map(len, homes)) == len(set(groups.tolist()))
    again = splitting.split(table, 0.5, 0.2, seed, groups, stratify=stratify)
    assert all(part.equals(again[name]) for name, part in splits.items())


@pytest.fixture(scope="module")
def real(raw_messages: Path) -> pd.DataFrame:
    return messages.parse(raw_messages.read_bytes(), raw_messages, TWO)


def test_the_spam_of_the_collection_is_mostly_of_templates(real: pd.DataFrame) -> None:
    spam = real["Text"][real["Label"] == 1].tolist()
    assert (len(spam), len(set(spam)), len(set(map(duplicates.normalised, spam)))) == (747, 653, 594)
    found = duplicates.groups(spam, "near", 0.5)
    sizes = np.bincount(found)
    assert (int((sizes[found] > 1).sum()), len(sizes), int(sizes.max())) == (449, 437, 15)


def test_near_duplicates_of_the_collection_have_one_label(real: pd.DataFrame) -> None:
    found = duplicates.groups(real["Text"].tolist(), "near", 0.5)
    assert real.groupby(found)["Label"].nunique().max() == 1
