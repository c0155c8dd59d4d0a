"""Groups of seeds: DVC experiments that differ in their seeds only, and how two groups differ."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spampipe.core.errors import DataError
from spampipe.core.hints import closest
from spampipe.core.workspace import Workspace
from spampipe.evaluation import paired, readers
from spampipe.results import history, result, spread, tables
from spampipe.results.history import Revision
from spampipe.results.spread import MeanDifference, Spread

PREFIX = "seeds-"
JUDGED = ("test_accuracy", "test_f1", "test_macro_f1")  # those that both groups have decide
_NAME = re.compile(r"(?P<group>seeds-[0-9a-f]{8})-(?P<seed>\d+)")
_FIGURES = ("mean", "standard deviation", "low", "high")  # headings of a table, before the seeds


@dataclass(frozen=True)
class Group:
    """The results of one group.

    Attributes:
        name: such as seeds-1a2b3c4d.
        seeds: the seeds, ascending.
        values: the evaluation's metrics, one value a seed; those that are not defined for each seed are left out.
        revisions: the experiments, one a seed; empty where only the store knows the group.
    """

    name: str
    seeds: tuple[int, ...]
    values: Mapping[str, tuple[float, ...]]
    revisions: tuple[Revision, ...] = ()

    def spreads(self) -> dict[str, Spread]:
        """How each metric spreads.

        Raises:
            DataError: there is one seed only.
        """
        return {name: Spread(values) for name, values in self.values.items()}


def find(workspace: Workspace, name: str) -> Group:
    """The finished experiments of a group.

    Args:
        workspace: the workspace whose clone has them.
        name: the group's name, with or without `seeds-`.

    Raises:
        DataError: there is no such group, or its results cannot be had.
    """
    wanted = name if name.startswith(PREFIX) else PREFIX + name
    known: dict[str, dict[int, Revision]] = {}
    for revision in history.experiments(workspace):
        if match := _NAME.fullmatch(revision.experiment):
            known.setdefault(match["group"], {})[int(match["seed"])] = revision
    if wanted not in known:
        hint = closest(wanted, known) if known else "there is none; `spampipe seeds 5` makes one"
        raise DataError(f"{name}: no group of seeds here; {hint}")
    members = dict(sorted(known[wanted].items()))
    found = [_metrics(workspace, revision) for revision in members.values()]
    values = {metric: [each.get(metric) for each in found] for metric in found[0]}
    defined = {metric: tuple(v for v in given if v is not None) for metric, given in values.items()}
    whole = {metric: given for metric, given in defined.items() if len(given) == len(found)}
    return Group(wanted, tuple(members), whole, tuple(members.values()))


def compare(before: Group, after: Group, metrics: Sequence[str] = JUDGED) -> list[MeanDifference]:
    """How the means of two groups differ, by Welch's t-test; corrected by Holm for the number of metrics.

    Args:
        before: the group that is compared with.
        after: the group that may be better or worse.
        metrics: their names; those that a group lacks are left out.

    Raises:
        DataError: both have none of the metrics, or a group has one seed only.
    """
    shared = [name for name in metrics if name in before.values and name in after.values]
    if not shared:
        known = [name for name in after.values if name in before.values]
        raise DataError(f"{', '.join(metrics)}: not of both groups; {closest(metrics[0], known)}")
    spreads = {name: (Spread(before.values[name]), Spread(after.values[name])) for name in shared}
    tested = {name: spread.welch(*each) for name, each in spreads.items()}
    corrected = paired.holm({name: value for name, value in tested.items() if value is not None})
    return [MeanDifference(name, *each, corrected.get(name)) for name, each in spreads.items()]


def text(group: Group) -> str:
    """A table of a group: each metric's mean, standard deviation, 95 % interval and values.

    Args:
        group: of two seeds or more.

    Raises:
        DataError: there is one seed only.
    """
    return tables.aligned(*_table(group))


def markdown(group: Group) -> str:
    """The table of `text` in Markdown.

    Args:
        group: of two seeds or more.

    Raises:
        DataError: there is one seed only.
    """
    return tables.markdown(*_table(group))


def report(before: Group, after: Group, level: float) -> str:
    """Compare two groups in Markdown, for a pull request.

    Args:
        before: the group that is compared with.
        after: the group that may be better or worse.
        level: the probability under which a difference counts as beyond chance.

    Returns:
        The tests of the main metrics in words, and every metric's mean and standard deviation in both.

    Raises:
        DataError: a group has one seed only, or they share no main metric.
    """
    tests = [f"- {found.metric}: {found.words(before.name, level)}" for found in compare(before, after)]
    old, new = before.spreads(), after.spreads()
    rows = [
        [name, *(f"{tables.number(each.mean)} ± {tables.number(each.deviation)}" for each in (old[name], new[name]))]
        for name in new
        if name in old
    ]
    rows = [[*row, result.better(row[0])] for row in rows]
    headings = ["metric: mean ± sd", before.name, after.name, "better is"]
    title = f"## {after.name} beside {before.name}"
    return "\n".join([title, "", *tests, "", tables.markdown(headings, rows, "lrrl")])


def as_csv(group: Group) -> str:
    """A group as a file: one row a metric, with all digits.

    Args:
        group: of two seeds or more.

    Raises:
        DataError: there is one seed only.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["metric", *_FIGURES, *group.seeds])
    for name, found in group.spreads().items():
        writer.writerow([name, found.mean, found.deviation, *found.interval, *found.values])
    return stream.getvalue()


def of_csv(name: str, lines: str) -> Group:
    """Read what `as_csv` made.

    Args:
        name: the group's name.
        lines: the file's text.

    Raises:
        DataError: it is no such table.
    """
    first = 1 + len(_FIGURES)
    try:
        heading, *rows = csv.reader(io.StringIO(lines))
        values = {row[0]: tuple(map(float, row[first:])) for row in rows}
        return Group(name, tuple(map(int, heading[first:])), values)
    except (ValueError, IndexError, csv.Error) as error:
        raise DataError(f"{name}: its recorded table is damaged ({error}); run `spampipe seeds` again") from error


def _metrics(workspace: Workspace, revision: Revision) -> dict[str, float | None]:
    with history.files_of(workspace, revision, [Workspace().evaluate_metrics]) as found:
        return readers.read_metrics(found.evaluate_metrics)


def _table(group: Group) -> tuple[list[str], list[list[str]], str]:
    """Headings, rows and sides."""
    headings = ["metric", "mean", "sd", "95 % interval", *(f"seed {seed}" for seed in group.seeds), "better is"]
    rows = []
    for name, found in group.spreads().items():
        interval = " to ".join(map(tables.number, found.interval))
        figures = [*map(tables.number, (found.mean, found.deviation)), interval]
        rows.append([name, *figures, *map(tables.number, found.values), result.better(name)])
    return headings, rows, "l" + "r" * (3 + len(group.seeds)) + "l"
