"""How many texts of the other splits stand in train, too; and what the split stage says of it."""

import json
import logging
import shutil
from pathlib import Path

import pandas as pd
import pytest

from spampipe.core import files
from spampipe.core.workspace import Workspace
from spampipe.data import balancing, labels, leakage, messages
from spampipe.data.labels import LabelSet
from stages import split as split_stage
from tests.support import repositories
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT

TEMPLATE = "You have won a prize of {} pounds, call {} to claim it"
# md5 of train, validation and test, by group_duplicates and stratify
REAL_MD5 = {
    ("exact", False): (
        "012e881eef28324798d8216279c5ebea",
        "473c0d8b9a81d1a71efb955462f987e3",
        "acd298ff6c56c68c198d808ce8db732c",
    ),
    ("exact", True): (
        "5e26dcc6b68e3cd45737989e980023fb",
        "d7302c23c610627ee61d4b7e94b55cf3",
        "4506ad91fdaa2c1c90512bb881dd6af3",
    ),
}


def table_of(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(messages.COLUMNS)).astype(messages.COLUMNS)


SPLITS = {
    "train": table_of((0, "see you at lunch"), (1, TEMPLATE.format(100, 123)), (0, "ok"), (1, "ok ")),
    "validation": table_of((0, "what is this"), (1, "Ok!")),
    "test": table_of(
        (0, "see you at lunch"),
        (0, "nothing like the others"),
        (1, TEMPLATE.format(2000, 99)),
        (1, TEMPLATE.format(5, 7).replace("claim it", "get it")),
        (1, TEMPLATE.format(100, 123)),
    ),
}
COUNTS = [
    ("validation", "", 2, 0, 1, 1),
    ("validation", "ham", 1, 0, 0, 0),
    ("validation", "spam", 1, 0, 1, 1),
    ("test", "", 5, 2, 3, 4),
    ("test", "ham", 2, 1, 1, 1),
    ("test", "spam", 3, 1, 2, 3),
]


def test_each_kind_of_sibling_is_counted() -> None:
    counts = leakage.count(SPLITS, TWO, 0.5)
    assert list(counts.itertuples(index=False, name=None)) == COUNTS
    assert leakage.shares(counts, TWO) == {
        "validation_exact_copies": 0.0,
        "validation_near_copies": 0.5,
        "test_exact_copies": 0.4,
        "test_near_copies": 0.8,
        "test_positive_exact_copies": 1 / 3,
        "test_positive_near_copies": 1.0,
    }


def test_labels_without_a_positive_one_have_no_share_of_their_own() -> None:
    counts = leakage.count(SPLITS, THREE, 0.99)
    assert len(counts) == 8
    assert counts["label"].tolist()[:4] == ["", *THREE.names]
    assert leakage.shares(counts, THREE) == {
        "validation_exact_copies": 0.0,
        "validation_near_copies": 0.5,
        "test_exact_copies": 0.4,
        "test_near_copies": 0.6,
    }


def test_the_share_of_no_texts_is_undefined() -> None:
    known = LabelSet(names=("ham", "spam", "other"), positive="other")
    shares = leakage.shares(leakage.count(SPLITS, known, 0.5), known)
    assert shares["test_positive_near_copies"] is None and shares["test_near_copies"] == 0.8


@pytest.fixture
def workspace(tmp_path: Path, raw_messages: Path) -> Workspace:
    """The balanced SMS Spam Collection with the committed settings."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    found = Workspace(tmp_path)
    labels.save(found.labels, TWO)
    real = messages.parse(raw_messages.read_bytes(), raw_messages, TWO)
    messages.write(found.balanced, balancing.balance(real, "undersample", 123)[0])
    return found


def test_the_books_split_is_reported_and_warned_of(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="spampipe"):
        split_stage.main(workspace)
    assert workspace.leakage.read_text() == (
        "split,label,texts,exact,normalised,near\n"
        "validation,,149,13,18,44\n"
        "validation,ham,70,3,3,4\n"
        "validation,spam,79,10,15,40\n"
        "test,,300,37,50,79\n"
        "test,ham,149,4,4,4\n"
        "test,spam,151,33,46,75\n"
    )
    test, train = (messages.read(workspace.split_csv(name), TWO)["Text"] for name in ("test", "train"))
    assert test.isin(train).sum() == 37
    assert json.loads(workspace.leakage_metrics.read_text())["test_near_copies"] == 79 / 300
    assert [record.getMessage() for record in caplog.records] == [
        "warning: 26.3% of the test texts have a near-duplicate in train, so tests say less of new texts; "
        "see reports/split/leakage.csv, and set split.group_duplicates: near in params.yaml"
    ]


@pytest.mark.parametrize("stratify", [False, True])
def test_near_grouping_leaves_no_copy_in_the_test_split(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, stratify: bool
) -> None:
    repositories.change(workspace.root, "split", group_duplicates="near", stratify=stratify)
    with caplog.at_level(logging.WARNING, logger="spampipe"):
        split_stage.main(workspace)
    assert set(json.loads(workspace.leakage_metrics.read_text()).values()) == {0.0}
    assert not caplog.records
    sizes = [len(messages.read(workspace.split_csv(name), TWO)) for name in ("train", "validation", "test")]
    assert sum(sizes) == 1494 and all(
        abs(size - wanted) < 15 for size, wanted in zip(sizes, (1045, 149, 300), strict=True)
    )
    before = {path: path.read_bytes() for path in (*workspace.splits.iterdir(), workspace.leakage)}
    split_stage.main(workspace)
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize(("how", "md5"), REAL_MD5.items())
def test_exact_grouping_keeps_its_bytes(workspace: Workspace, how: tuple[str, bool], md5: tuple[str, ...]) -> None:
    repositories.change(workspace.root, "split", group_duplicates=how[0], stratify=how[1])
    split_stage.main(workspace)
    names = ("train", "validation", "test")
    assert tuple(files.digest(workspace.split_csv(name), "md5") for name in names) == md5
