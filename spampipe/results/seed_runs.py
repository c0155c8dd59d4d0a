"""What MLflow holds of a group of seeds: one parent run with means and spreads, above the seeds' own runs."""

from spampipe.core.workspace import Workspace
from spampipe.results import parent_runs, publication, seed_groups
from spampipe.results.parent_runs import PARENT_TAG, Parent
from spampipe.results.seed_groups import Group
from spampipe.tracking.store import Store

__all__ = ["GROUP_TAG", "PARENT_TAG", "TABLE", "of_run", "record"]

GROUP_TAG = "spampipe.seeds"  # of the parent: the group's name
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
    start, table = group.revisions[0].baseline, seed_groups.as_csv(group)
    parent = Parent(GROUP_TAG, group.name, start, TABLE, table, _metrics(group), len(group.seeds))
    return parent_runs.record(Store.open(workspace), parent, children)


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
    table = parent_runs.text_of(store, parent.run_id, TABLE)
    return seed_groups.of_csv(parent.tags[GROUP_TAG], table) if table else None


def _metrics(group: Group) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, each in group.spreads().items():
        low, high = each.interval
        figures = {"mean": each.mean, "deviation": each.deviation, "interval_low": low, "interval_high": high}
        found |= {f"{figure}/{name}": value for figure, value in figures.items()}
    return found
