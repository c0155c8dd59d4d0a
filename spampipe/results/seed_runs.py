"""What MLflow holds of a group of seeds: one parent run with means and spreads, above the seeds' own runs."""

import tempfile
import time
from pathlib import Path

from spampipe.core.workspace import Workspace
from spampipe.results import publication, seed_groups
from spampipe.results.seed_groups import Group
from spampipe.tracking import provenance
from spampipe.tracking.recorded_runs import Point
from spampipe.tracking.store import Store

GROUP_TAG = "spampipe.seeds"  # of the parent: the group's name
PARENT_TAG = "mlflow.parentRunId"  # of the children; MLflow shows them below that run
TABLE = "seeds.csv"


def record(workspace: Workspace, group: Group) -> str:
    """Record a group, and what the store lacks of its seeds; a store that holds all of it is not changed.

    The last point of each metric is that of all seeds, at the step that is their number.

    Args:
        workspace: the workspace whose repository has the experiments, and the store if the user names no other.
        group: of two seeds or more.

    Returns:
        The id of the parent run.

    Raises:
        DataError: results of a seed cannot be had.
        StoreError: the store cannot be reached.
    """
    children = [publication.publish_revision(workspace, revision).run_id for revision in group.revisions]
    store = Store.open(workspace)
    known = store.runs_tagged(GROUP_TAG, group.name)
    tags = {GROUP_TAG: group.name, provenance.COMMIT_TAG: group.revisions[0].baseline}
    parent = known[0].run_id if known else store.create_run(group.name, tags, {})
    for child in children:
        store.set_tag(child, PARENT_TAG, parent)
    table = seed_groups.as_csv(group)
    if _table(store, parent) != table:
        store.log_metrics(parent, _points(group))
        store.log_text(parent, table, TABLE)
    if store.run(parent).status != "FINISHED":
        store.end_run(parent, "FINISHED")
    return parent


def of_run(store: Store, run_id: str) -> Group | None:
    """The group of seeds that a run belongs to, as it was recorded.

    Args:
        store: the store, which holds the run.
        run_id: the run's id.

    Returns:
        None if it is of no group.

    Raises:
        DataError: the recorded table is damaged.
    """
    parent = store.find_run(store.run(run_id).tags.get(PARENT_TAG, ""))
    if parent is None or GROUP_TAG not in parent.tags:
        return None
    table = _table(store, parent.run_id)
    return seed_groups.of_csv(parent.tags[GROUP_TAG], table) if table else None


def _points(group: Group) -> list[Point]:
    now, count = time.time(), len(group.seeds)
    points = []
    for name, found in group.spreads().items():
        low, high = found.interval
        figures = {"mean": found.mean, "deviation": found.deviation, "interval_low": low, "interval_high": high}
        points += [Point(f"{figure}/{name}", value, now, count) for figure, value in figures.items()]
    return points


def _table(store: Store, run_id: str) -> str:
    """The table that a run holds; empty if there is none."""
    if TABLE not in store.file_names(run_id):
        return ""
    with tempfile.TemporaryDirectory() as folder:
        return store.download(run_id, TABLE, Path(folder)).read_text(encoding="utf-8")
