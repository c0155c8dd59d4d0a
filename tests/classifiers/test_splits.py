"""A split is its texts, labels and tokens, or an error that says which file is wrong."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spampipe.classifiers.splits import load_split
from spampipe.core.errors import DataError
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import messages, tokens
from spampipe.data.labels import LabelSet
from tests.support.tiny_models import LABELS

TEXTS, CLASSES = ["see you at home", "you won", '"NA", she said'], [0, 1, 0]


def write(workspace: Workspace, name: str, max_length: int = 4, labels: LabelSet = LABELS, classes=CLASSES) -> None:
    messages.write(workspace.split_csv(name), pd.DataFrame({"Label": CLASSES, "Text": TEXTS}))
    table = tokens.pad([[1, 2, 3], [4], [5, 6, 7, 8, 9]], classes, max_length, 0, labels)
    tokens.save(workspace.split_tokens(name), table)


@pytest.mark.parametrize("name", [*SPLITS, LEFTOVER_SPLIT])
def test_a_split_has_what_its_files_hold(tmp_path: Path, name: str) -> None:
    workspace = Workspace(tmp_path)
    write(workspace, name)
    split = load_split(workspace, name, LABELS)
    assert (split.name, list(split.texts), split.labels.tolist()) == (name, TEXTS, CLASSES)
    assert split.labels.dtype == np.int64 and len(split) == 3 and split.max_length == 4
    assert split.tokens is not None and split.tokens.lengths.tolist() == [3, 1, 4]


def test_rows_without_columns_are_no_tokens(tmp_path: Path) -> None:
    write(Workspace(tmp_path), "train", max_length=0)
    split = load_split(Workspace(tmp_path), "train", LABELS)
    assert split.tokens is None and split.max_length == 0 and len(split) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": [1, 1, 0]},
        {"labels": LabelSet(names=("no", "yes"), positive="yes")},
        {"labels": LabelSet(names=("ham", "spam"), positive="ham")},
    ],
    ids=["classes", "names", "positive"],
)
def test_tokens_of_other_texts_are_refused(tmp_path: Path, changes: dict) -> None:
    workspace = Workspace(tmp_path)
    write(workspace, "test", **changes)
    with pytest.raises(DataError) as caught:
        load_split(workspace, "test", LABELS)
    texts, rows = workspace.split_csv("test"), workspace.split_tokens("test")
    assert str(caught.value) == f"{rows}: not of the texts in {texts}; run `dvc repro tokenize-pad`"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write(workspace, "train")
    for path in (workspace.split_tokens("train"), workspace.split_csv("train")):
        path.unlink()
        with pytest.raises(DataError, match="no such file") as caught:
            load_split(workspace, "train", LABELS)
        assert str(caught.value).startswith(f"{path}: ")
