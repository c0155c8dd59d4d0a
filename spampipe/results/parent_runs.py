"""Runs of MLflow that stand above others: those of a group of seeds, of a search, of variants."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spampipe.core.workspace import Workspace
from spampipe.tracking import provenance
from spampipe.tracking.recorded_runs import Point
from spampipe.tracking.store import Store

PARENT_TAG = "mlflow.parentRunId"  # of the children; MLflow shows them below that run


@dataclass(frozen=True)
class Parent:
    """What is recorded of a group of runs.

    Attributes:
        tag: the tag that holds the group's name.
        name: the group's name.
        commit: the hash of the commit that the group's experiments start from.
        file: the name of the table among the run's files.
        table: the text of it; what the run holds is changed only if this is another.
        metrics: figures of the group, by name.
        step: the step that they are recorded at: how many members the group has.
    """

    tag: str
    name: str
    commit: str
    file: str
    table: str
    metrics: Mapping[str, float]
    step: int


def record(store: Store, parent: Parent, children: Sequence[str], tags: Mapping[str, str] | None = None) -> str:
    """Record a group above its runs; a store that holds all of it is not changed.

    Args:
        store: holds the children.
        parent: the group.
        children: the ids of the runs of its members.
        tags: more tags of the group's run; they are set whenever its table changes.

    Returns:
        The id of the group's run.
    """
    run_id = begin(store, parent.tag, parent.name, parent.commit)
    for child in children:
        store.set_tag(child, PARENT_TAG, run_id)
    if text_of(store, run_id, parent.file) != parent.table:
        now = time.time()
        store.log_metrics(run_id, [Point(name, value, now, parent.step) for name, value in parent.metrics.items()])
        for name, value in (tags or {}).items():
            store.set_tag(run_id, name, value)
        store.log_text(run_id, parent.table, parent.file)
    if store.run(run_id).status != "FINISHED":
        store.end_run(run_id, "FINISHED")
    return run_id


def begin(store: Store, tag: str, name: str, commit: str) -> str:
    """The id of a group's run, which is made if it is not there.

    Args:
        store: the store.
        tag: the tag that holds the group's name.
        name: the group's name.
        commit: the hash of the commit that the group's experiments start from.
    """
    known = store.runs_tagged(tag, name)
    return known[0].run_id if known else store.create_run(name, {tag: name, provenance.COMMIT_TAG: commit}, {})


def text_of(store: Store, run_id: str, file: str) -> str:
    """A text that a run holds; empty if there is none.

    Args:
        store: the store.
        run_id: the run's id.
        file: the text's name among the run's files.
    """
    if file not in store.file_names(run_id):
        return ""
    with tempfile.TemporaryDirectory() as folder:
        return store.download(run_id, file, Path(folder)).read_text(encoding="utf-8")


def measured(workspace: Workspace, metric: str, names: Mapping[str, str]) -> dict[str, float]:
    """A metric that only the store holds, such as a time, of the newest run of each experiment.

    Args:
        workspace: the workspace whose repository has the store, if the user names no other.
        metric: its name.
        names: the experiments by any key.

    Returns:
        The values by key, of those that have one.

    Raises:
        StoreError: the store cannot be reached.
    """
    store = Store.existing(workspace)
    if store is None:
        return {}
    runs = {key: store.runs_tagged(provenance.EXPERIMENT_TAG, name) for key, name in names.items()}
    values = {key: [run.metrics[metric] for run in found if metric in run.metrics] for key, found in runs.items()}
    return {key: found[0] for key, found in values.items() if found}
