"""One MLflow run above those of several experiments, with a table and figures of them all."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spampipe.core.workspace import Workspace
from spampipe.results import publication
from spampipe.results.history import Revision
from spampipe.tracking import provenance
from spampipe.tracking.recorded_runs import Point
from spampipe.tracking.store import Store

PARENT_TAG = "mlflow.parentRunId"  # of the children; MLflow shows them below that run


@dataclass(frozen=True)
class Kind:
    """What the runs below one are.

    Attributes:
        tag: of the parent: its value tells parents of this kind apart.
        table: the name of the file that the parent has.
    """

    tag: str
    table: str


def record(
    workspace: Workspace, kind: Kind, name: str, revisions: Sequence[Revision], text: str, points: Sequence[Point]
) -> str:
    """Record a parent run, and what the store lacks of its children; a store that holds all of it is not changed.

    Args:
        workspace: the workspace whose repository has the experiments, and the store if the user names no other.
        kind: what the children are.
        name: the parent's, and the value of its tag.
        revisions: the experiments, one or more.
        text: the table.
        points: the parent's metrics; they are recorded if the table is another than before.

    Returns:
        The id of the parent run.

    Raises:
        DataError: results of an experiment cannot be had.
        StoreError: the store cannot be reached.
    """
    children = [publication.publish_revision(workspace, revision).run_id for revision in revisions]
    store = Store.open(workspace)
    known = store.runs_tagged(kind.tag, name)
    tags = {kind.tag: name, provenance.COMMIT_TAG: revisions[0].baseline}
    parent = known[0].run_id if known else store.create_run(name, tags, {})
    for child in children:
        store.set_tag(child, PARENT_TAG, parent)
    if table_of(store, kind, parent) != text:
        store.log_metrics(parent, points)
        store.log_text(parent, text, kind.table)
    if store.run(parent).status != "FINISHED":
        store.end_run(parent, "FINISHED")
    return parent


def table_of(store: Store, kind: Kind, run_id: str) -> str:
    """The table that a parent run holds; empty if there is none.

    Args:
        store: the store, which holds the run.
        kind: what its children are.
        run_id: the run's id.
    """
    if kind.table not in store.file_names(run_id):
        return ""
    with tempfile.TemporaryDirectory() as folder:
        return store.download(run_id, kind.table, Path(folder)).read_text(encoding="utf-8")


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
