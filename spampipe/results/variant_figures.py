"""What the variants of a group come to here: kept as files beside their YAML file, and recorded in MLflow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from spampipe.core import files
from spampipe.core.workspace import SPLITS, Workspace
from spampipe.evaluation import intervals
from spampipe.evaluation.intervals import Interval
from spampipe.results import history, parent_runs, publication
from spampipe.results.history import Revision
from spampipe.results.parent_runs import Parent
from spampipe.results.variants import Group
from spampipe.tracking.store import Store

GROUP_TAG = "spampipe.variants"  # of the parent: the name of file and group
TABLE = "variants.csv"
_SECONDS = "time/train_seconds"  # a metric of each run, in the store
_READ = {"split": "str", "messages": "int64", "accuracy": "float64"}


@dataclass(frozen=True)
class Figures:
    """How many messages of each split a variant got right, and how many there are."""

    train_right: int
    train_messages: int
    validation_right: int
    validation_messages: int
    test_right: int
    test_messages: int

    def rate(self, split: str) -> Interval:
        """The accuracy on a split, with Wilson's interval of 95 %.

        Args:
            split: train, validation or test.
        """
        return intervals.wilson(getattr(self, f"{split}_right"), getattr(self, f"{split}_messages"))


_COLUMNS = {"variant": "str", **{field.name: "int64" for field in fields(Figures)}}


def places(path: Path, group: str) -> tuple[Path, Path]:
    """Where the figures of a group lie, and the seconds that its variants trained.

    Args:
        path: the YAML file; the folder of its name beside it holds both.
        group: the group's name.
    """
    folder = path.with_suffix("")
    return folder / f"{group}.csv", folder / f"{group}_seconds.json"


def read(path: Path) -> dict[str, Figures]:
    """The figures by variant; none if there is no such file.

    Args:
        path: that `keep` wrote.

    Raises:
        DataError: the file is damaged.
    """
    if not path.exists():
        return {}
    rows = files.read_csv(path, _COLUMNS).to_dict("records")
    return {
        str(row.pop("variant")): Figures(**{str(name): int(value) for name, value in row.items()}) for row in rows
    }


def read_seconds(path: Path) -> dict[str, float]:
    """The seconds of training by variant; none if there is no such file.

    Args:
        path: that `keep` wrote.

    Raises:
        DataError: the file is damaged.
    """
    return files.read_json(path, "delete it")


def keep(path: Path, group: Group, found: Mapping[str, Figures], seconds: Mapping[str, float]) -> None:
    """Write figures and seconds beside those of other variants of the group.

    Args:
        path: the YAML file.
        group: decides the order; what is no longer one of its variants is left out.
        found: by variant.
        seconds: by variant; measured, so another run has others.

    Raises:
        DataError: a file that is there is damaged.
    """
    import pandas as pd

    figures, times = places(path, group.name)
    all_figures, all_seconds = read(figures) | dict(found), read_seconds(times) | dict(seconds)
    rows = [{"variant": name, **asdict(all_figures[name])} for name in group.params if name in all_figures]
    files.write_csv(figures, pd.DataFrame(rows, columns=list(_COLUMNS)))
    if all_seconds:
        files.write_json(times, {name: round(all_seconds[name], 1) for name in group.params if name in all_seconds})


def of_revision(workspace: Workspace, revision: Revision) -> Figures:
    """The figures of an experiment.

    Args:
        workspace: the workspace whose clone has it.
        revision: the experiment.

    Raises:
        DataError: its results cannot be had.
    """
    with history.files_of(workspace, revision, [Workspace().split_metrics]) as place:
        table = files.read_csv(place.split_metrics, _READ, others=True)
    counts: dict[str, int] = {}
    for split, messages, accuracy in table.itertuples(index=False):
        if split in SPLITS:
            counts |= {f"{split}_messages": int(messages), f"{split}_right": round(float(accuracy) * int(messages))}
    return Figures(**counts)


def record(workspace: Workspace, group: Group, revisions: Mapping[str, Revision], path: Path) -> dict[str, float]:
    """Record a run in MLflow above those of the variants.

    Args:
        workspace: the workspace whose repository has the experiments, and the store if the user names no other.
        group: whose variants they are.
        revisions: the experiments by variant, one or more.
        path: the YAML file, beside which the figures lie.

    Returns:
        The seconds of training that the store knows, by variant.

    Raises:
        DataError: results of an experiment cannot be had.
        StoreError: the store cannot be reached.
    """
    place, _ = places(path, group.name)
    metrics = {
        f"{split}_accuracy/{name}": value
        for name, each in read(place).items()
        for split in SPLITS
        if (value := each.rate(split).value) is not None
    }
    children = [publication.publish_revision(workspace, revision).run_id for revision in revisions.values()]
    start, table = next(iter(revisions.values())).baseline, place.read_text(encoding="utf-8")
    parent = Parent(GROUP_TAG, f"{group.file}-{group.name}", start, TABLE, table, metrics, 0)
    parent_runs.record(Store.open(workspace), parent, children)
    names = {name: revision.experiment for name, revision in revisions.items()}
    return parent_runs.measured(workspace, _SECONDS, names)
