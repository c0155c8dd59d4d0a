"""Balancing and splitting: the book's tables to the byte, and what must hold for any messages."""

import shutil
from collections import Counter

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from llms_from_scratch.ch06 import create_balanced_dataset, random_split

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.core.workspace import SPLITS, Workspace
from spampipe.data import balancing, duplicates, labels, messages, splitting, tokens
from spampipe.data.duplicates import Grouping, Groups
from stages import balance as balance_stage
from stages import download as download_stage
from stages import split as split_stage
from stages import tokenize_pad as tokenize_stage
from tests.support import repositories
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT, place_inputs

BOOK_SHA256 = {
    "train": "c89a1156b8476e6f4c0bfa4bc944f3d934e3db2942c5dc2a1456a65a795afcde",
    "validation": "0ac7a07215729476975e070029ced8452a3d4e49fcdd8b17c167a317150b5439",
    "test": "a5764d4eed041dada859601e1715bc68885aa5e74713e127968ead8ddf6a9e04",
}


@pytest.fixture(scope="module")
def real(raw_messages) -> pd.DataFrame:
    return messages.parse(raw_messages.read_bytes(), raw_messages, TWO)


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """An empty workspace with the committed settings and the label set of the SMS Spam Collection."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    place_inputs(tmp_path)
    labels.save(Workspace(tmp_path).labels, TWO)
    return Workspace(tmp_path)


def _table(rows: list[tuple[int, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(messages.COLUMNS)).astype(messages.COLUMNS)


def _groups(table: pd.DataFrame, how: Grouping) -> Groups:
    return duplicates.groups(table["Text"].tolist(), how, 0.5)


def _rows(*tables: pd.DataFrame) -> Counter:
    return Counter(pair for table in tables for pair in zip(table["Label"], table["Text"], strict=True))


def test_stages_write_the_books_splits(workspace, raw_messages):
    shutil.copy(raw_messages, workspace.raw_messages)
    balance_stage.main(workspace)
    split_stage.main(workspace)
    assert {split: files.digest(workspace.split_csv(split)) for split in SPLITS} == BOOK_SHA256
    assert [len(messages.read(workspace.split_csv(split), TWO)) for split in SPLITS] == [1045, 149, 300]
    leftover = messages.read(workspace.leftover, TWO)
    assert len(leftover) == 4078
    assert set(leftover["Label"]) == {0}


def test_split_stage_refuses_a_split_of_one_class(workspace):
    messages.write(workspace.balanced, _table([(0, f"ham {n}") for n in range(19)] + [(1, "spam")]))
    with pytest.raises(DataError, match=r"^the \w+ split: \d+ messages, none of them labelled spam; "):
        split_stage.main(workspace)


def test_stages_prepare_an_own_file_of_three_classes(workspace, gpt2_base):
    settings = yaml.safe_load(workspace.params.read_text())
    settings["download"]["dataset"] = "own.tsv"
    settings["model"] |= {"name": "gpt2-tiny", "weights": "random"}
    workspace.params.write_text(yaml.safe_dump(settings))
    (workspace.root / "own.tsv").write_text(repositories.three_classes())
    for stage in (download_stage, balance_stage, split_stage, tokenize_stage):
        stage.main(workspace)
    assert labels.load(workspace.labels) == THREE
    assert workspace.raw_messages.read_text() == repositories.three_classes()
    balanced, leftover = (messages.read(path, THREE) for path in (workspace.balanced, workspace.leftover))
    assert balanced["Label"].value_counts().to_dict() == {0: 40, 1: 40, 2: 40}
    assert leftover["Label"].value_counts().to_dict() == {0: 50, 2: 20}
    tables = {split: tokens.load(workspace.split_tokens(split)) for split in SPLITS}
    assert {split: len(table) for split, table in tables.items()} == {"train": 84, "validation": 12, "test": 24}
    for split, table in tables.items():
        assert table.label_set == THREE
        assert table.labels.tolist() == messages.read(workspace.split_csv(split), THREE)["Label"].tolist()
        assert set(table.labels.tolist()) == {0, 1, 2}


def _as_the_book_has_them(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(Label=table["Label"].map(dict(enumerate(TWO.names))))


def test_undersampling_is_the_books(real):
    ours, _ = balancing.balance(real, "undersample", 123)
    pd.testing.assert_frame_equal(_as_the_book_has_them(ours), create_balanced_dataset(_as_the_book_has_them(real)))


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 85), st.data())
def test_splitting_is_the_books_for_any_fractions(real, train_percent, data):
    validation_percent = data.draw(st.integers(1, 99 - train_percent))
    fractions = train_percent / 100, validation_percent / 100
    ours = splitting.split(real, *fractions, seed=123)
    for part, expected in zip(ours.values(), random_split(real, *fractions), strict=True):
        pd.testing.assert_frame_equal(part, expected)


@pytest.mark.parametrize("strategy", ["undersample", "oversample"])
def test_another_seed_draws_other_messages(real, strategy):
    first, again, other = (balancing.balance(real, strategy, seed)[0] for seed in (1, 1, 2))
    assert first.equals(again)
    assert _rows(first) != _rows(other)


def test_another_seed_deals_otherwise(real):
    first, again, other = (splitting.split(real, 0.7, 0.1, seed)["train"] for seed in (1, 1, 2))
    assert first.equals(again)
    assert _rows(first) != _rows(other)


# Few different texts, so that copies are frequent.
ROWS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcdefgh")), max_size=40)
TWO_CLASSES = st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abcdefgh")), max_size=40).map(
    lambda rows: [(0, "some ham"), (1, "some spam"), *rows]
)
THREE_CLASSES = ROWS.map(lambda rows: [(0, "a no"), (1, "a perhaps"), (2, "a yes"), *rows])
SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(TWO_CLASSES | THREE_CLASSES, st.sampled_from(["undersample", "none", "oversample"]), SEEDS)
def test_balancing_evens_out_and_loses_nothing(rows, strategy, seed):
    table = _table(rows)
    before = table.copy()
    balanced, leftover = balancing.balance(table, strategy, seed)
    pd.testing.assert_frame_equal(table, before)
    classes = sorted({label for label, _ in rows})
    sizes = [int((balanced["Label"] == label).sum()) for label in classes]
    sizes_before = [int((table["Label"] == label).sum()) for label in classes]
    if strategy == "oversample":
        assert sizes == [max(sizes_before)] * len(classes)
        assert leftover.empty
        assert _rows(balanced) >= _rows(table)
        assert set(balanced.index) == set(table.index)
    else:
        assert sizes == ([min(sizes_before)] * len(classes) if strategy == "undersample" else sizes_before)
        assert _rows(balanced, leftover) == _rows(table)
        assert sorted([*balanced.index, *leftover.index]) == list(table.index)
        assert leftover.index.is_monotonic_increasing


FRACTIONS = st.sampled_from([(0.7, 0.1), (0.5, 0.25), (0.1, 0.8), (0.34, 0.33), (0.05, 0.05)])


@settings(deadline=None)
@given(ROWS, FRACTIONS, SEEDS, st.sampled_from(["none", "exact"]))
def test_splits_are_a_partition_of_the_wanted_sizes(rows, fractions, seed, how):
    table = _table(rows)
    wanted = [int(len(table) * fraction) for fraction in fractions]
    wanted.append(len(table) - sum(wanted))
    try:
        splits = splitting.split(table, *fractions, seed, _groups(table, how))
    except DataError as error:
        # Without grouping, only a size of nothing is refused; with it, groups may also leave nothing for a split.
        assert 0 in wanted or how == "exact"
        assert str(error).startswith(f"{len(table)} messages are too few: the ")
        return
    assert tuple(splits) == SPLITS
    assert _rows(*splits.values()) == _rows(table)
    sizes = [len(part) for part in splits.values()]
    assert min(sizes) > 0
    copies = Counter(text for _, text in rows)
    slack = max(copies.values()) - 1 if how == "exact" else 0
    assert all(abs(size - size_wanted) <= slack for size, size_wanted in zip(sizes, wanted, strict=True))
    if how == "exact":
        homes = [set(part["Text"]) for part in splits.values()]
        assert sum(map(len, homes)) == len(copies)


def test_grouping_keeps_copies_together_in_the_real_messages(real):
    balanced, _ = balancing.balance(real, "undersample", 123)
    plain = splitting.split(balanced, 0.7, 0.1, 123)
    grouped = splitting.split(balanced, 0.7, 0.1, 123, _groups(balanced, "exact"))
    assert set(plain["train"]["Text"]) & set(plain["test"]["Text"])
    assert sum(part["Text"].nunique() for part in grouped.values()) == balanced["Text"].nunique()
    assert _rows(*grouped.values()) == _rows(balanced)


def test_grouping_without_copies_changes_nothing():
    table = _table([(n % 2, f"text {n}") for n in range(30)])
    plain = splitting.split(table, 0.7, 0.1, 5)
    grouped = splitting.split(table, 0.7, 0.1, 5, _groups(table, "exact"))
    for split in SPLITS:
        pd.testing.assert_frame_equal(grouped[split], plain[split])


@pytest.mark.parametrize("how", ["none", "exact"])
@pytest.mark.parametrize(
    ("count", "fractions", "empty"),
    [(0, (0.7, 0.1), "train"), (1, (0.7, 0.1), "train"), (9, (0.7, 0.1), "validation"), (2, (0.5, 0.5), "test")],
)
def test_too_few_messages_are_refused(count, fractions, empty, how):
    table = _table([(n % 2, f"text {n}") for n in range(count)])
    with pytest.raises(DataError) as caught:
        splitting.split(table, *fractions, 123, _groups(table, how))
    assert str(caught.value).startswith(f"{count} messages are too few: the {empty} split would be empty; ")


def test_copies_of_one_text_cannot_be_split():
    table = _table([(0, "same")] * 50)
    with pytest.raises(DataError, match="the validation split would be empty"):
        splitting.split(table, 0.7, 0.1, 123, _groups(table, "exact"))
