"""What MLflow holds of a group of seeds: one parent run with means and spreads, above the seeds' own runs."""

import time

from spampipe.core.workspace import Workspace
from spampipe.results import parent_runs, seed_groups
from spampipe.results.parent_runs import Kind
from spampipe.results.seed_groups import Group
from spampipe.tracking.recorded_runs import Point
from spampipe.tracking.store import Store

GROUP_TAG = "spampipe.seeds"  # of the parent: the group's name
KIND = Kind(GROUP_TAG, "seeds.csv")


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
    return parent_runs.record(workspace, KIND, group.name, group.revisions, seed_groups.as_csv(group), _points(group))


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
    parent = store.find_run(store.run(run_id).tags.get(parent_runs.PARENT_TAG, ""))
    if parent is None or GROUP_TAG not in parent.tags:
        return None
    table = parent_runs.table_of(store, KIND, parent.run_id)
    return seed_groups.of_csv(parent.tags[GROUP_TAG], table) if table else None


def _points(group: Group) -> list[Point]:
    now, count = time.time(), len(group.seeds)
    points = []
    for name, found in group.spreads().items():
        low, high = found.interval
        figures = {"mean": found.mean, "deviation": found.deviation, "interval_low": low, "interval_high": high}
        points += [Point(f"{figure}/{name}", value, now, count) for figure, value in figures.items()]
    return points
