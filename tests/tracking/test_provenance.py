"""What is said of where a result comes from."""

import json
from pathlib import Path

import pytest

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.data import labels
from spampipe.data.labels import LabelSet
from spampipe.tracking import dvc_lock, provenance, runs
from spampipe.tracking.connection import ADDRESS_VARIABLE
from spampipe.tracking.store import Store
from tests.support import stores

THREE = LabelSet(names=("news", "offer", "other"), positive=None)
LOCK = """schema: '2.0'
stages:
  download:
    params:
      params.yaml:
        download: {dataset: own.tsv, quoting: true}
        model.name: gpt2-tiny
    outs:
    - {path: data/raw/messages.tsv, md5: aaaa, size: 1}
  split:
    outs:
    - {path: data/splits, md5: bbbb.dir, size: 2}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A folder with a store, and a split whose messages have three labels."""
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    made = stores.empty(tmp_path)
    labels.save(made.labels, THREE)
    files.write_bytes(made.split_csv("test"), b"Label,Text\n2,one\n0,two\n2,three\n")
    return made


def test_messages_are_counted_by_the_names_of_their_labels(workspace: Workspace) -> None:
    (found,) = provenance.datasets(workspace)  # the other files are not there
    assert (found.context, found.name) == ("test", "data/splits/test.csv")
    assert found.md5 == files.digest(workspace.split_csv("test"), "md5")
    assert list(found.counts.items()) == [("news", 1), ("offer", 0), ("other", 2)]
    store = Store.open(workspace)
    run_id = runs.create(store, {}, "title", {}, workspace)
    (given,) = store.client.get_run(run_id).inputs.dataset_inputs
    assert json.loads(given.dataset.profile) == {"num_rows": 3, "news": 1, "offer": 0, "other": 2}
    assert (given.dataset.name, given.dataset.digest) == (found.name, found.md5)


def test_without_a_label_set_nothing_is_counted(workspace: Workspace) -> None:
    workspace.labels.unlink()
    assert list(provenance.datasets(workspace)) == []


def test_a_lock_says_what_came_out_with_which_settings(workspace: Workspace) -> None:
    assert dvc_lock.outputs(LOCK) == {Workspace().raw_messages: "aaaa", Workspace().splits: "bbbb.dir"}
    assert dvc_lock.settings(LOCK) == {"download": {"dataset": "own.tsv", "quoting": True}, "model.name": "gpt2-tiny"}
    workspace.lock.write_text(LOCK)
    digest = files.digest(workspace.lock, "md5")
    assert provenance.data(workspace) == {
        provenance.LOCK_TAG: digest,
        "dvc.raw_md5": "aaaa",
        "dvc.splits_md5": "bbbb.dir",
    }
    with pytest.raises(DataError, match=r"dvc\.lock: .*git checkout dvc\.lock"):
        dvc_lock.outputs("stages: [")


def test_evaluations_of_one_model_differ_by_what_begins_with_evaluate(workspace: Workspace) -> None:
    store = Store.open(workspace)
    settings = {"train.epochs": 1, "evaluate.threshold": 0.5, "evaluate.batch_size": 8}
    first = runs.find_or_create(store, settings, "title", "a" * 32, {}, workspace)
    assert store.run(first).tags[runs.EVALUATE_TAG] == '{"batch_size": 8, "threshold": 0.5}'
    assert runs.find_or_create(store, settings | {"train.epochs": 2}, "title", "a" * 32, {}, workspace) == first
    assert runs.find(store, settings | {"evaluate.threshold": 0.9}, "a" * 32) is None
    assert runs.find(store, settings, "b" * 32) is None
