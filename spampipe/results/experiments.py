"""The experiments beside their baselines: what each changed, and what came out."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spampipe.core import settings
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.results import result, tables

# Those that any result of the table has; which, its labels decide.
_METRICS = ("test_accuracy", "test_recall", "test_macro_f1", "leftover_false_positive_rate", "validation_accuracy")
_NARROWEST_NAME, _NARROWEST_CHANGE = 12, 26  # characters; train.learning_rate=0.0004 has 26
_NO_RESULTS = ("queued", "running", "failed")  # DVC may give a failed one the metrics of its baseline


@dataclass(frozen=True)
class Row:
    """The workspace, a baseline or an experiment.

    Attributes:
        name: the experiment's name, or what git calls the commit.
        state: what it is or how far it is; empty for an experiment that has results.
        changed: the settings in which it differs from its baseline, and their values.
        metrics: the figures of the evaluation by name; empty where there are no results.
    """

    name: str
    state: str
    changed: dict[str, Any]
    metrics: dict[str, float | None]

    @property
    def title(self) -> str:
        """Name and state."""
        return f"{self.name} ({self.state})" if self.state else self.name


def collect(workspace: Workspace, *, all_commits: bool = False) -> list[Row]:
    """The workspace, HEAD and its experiments.

    Args:
        workspace: the workspace whose clone has them.
        all_commits: whether other commits that experiments started from follow, with those.

    Raises:
        DataError: DVC cannot list them.
    """
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json", *(["--all-commits"] if all_commits else [])]
    asked = subprocess.run(command, cwd=workspace.root, capture_output=True, text=True, check=False)
    if asked.returncode:
        raise DataError(f"`dvc exp show` failed: {asked.stderr.strip()}")
    current, *baselines = json.loads(asked.stdout)
    committed = _settings(baselines[0])
    rows = [_row(result.WORKSPACE, "", current, committed)]
    for place, baseline in enumerate(baselines):
        experiments = baseline["experiments"] or []
        if place == 0 or experiments:
            rows.append(_row(baseline["name"] or baseline["rev"][:7], "baseline", baseline, _settings(baseline)))
            rows += _experiments(experiments, _settings(baseline))
    return rows


def text(rows: Sequence[Row], width: int) -> str:
    """An aligned table, each changed setting on a line of its own.

    Args:
        rows: the rows of the table, from the top down.
        width: how many characters fit a line of the terminal; the table may need up to 80.
    """
    metrics = _shown(rows)
    headings = ["experiment", "changed", *(metric.replace("_", "\n") for metric in metrics)]
    free = width - sum(2 + max(len(line) for line in heading.split("\n")) for heading in headings[2:]) - 2
    longest = max(len(row.title) for row in rows)
    name = min(longest, max(_NARROWEST_NAME, free - _NARROWEST_CHANGE))
    widths = [name, max(_NARROWEST_CHANGE, free - name), *[None] * len(metrics)]
    return tables.aligned(headings, [_cells(row, "\n", metrics) for row in rows], "ll" + "r" * len(metrics), widths)


def markdown(rows: Sequence[Row]) -> str:
    """The table of `text` in Markdown.

    Args:
        rows: the rows of the table, from the top down.
    """
    metrics = _shown(rows)
    headings = ["experiment", "changed", *metrics]
    return tables.markdown(headings, [_cells(row, ", ", metrics) for row in rows], "ll" + "r" * len(metrics))


def _shown(rows: Sequence[Row]) -> list[str]:
    return [metric for metric in _METRICS if any(metric in row.metrics for row in rows)]


def _cells(row: Row, separator: str, metrics: Sequence[str]) -> list[str]:
    changes = separator.join(f"{name}={settings.written(value)}" for name, value in row.changed.items())
    return [row.title, changes, *(tables.number(row.metrics.get(metric)) for metric in metrics)]


def _experiments(ranges: Sequence[Mapping[str, Any]], baseline: dict[str, Any]) -> Iterator[Row]:
    for each in ranges:
        state = (each["executor"] or {}).get("state") or ""
        newest = each["revs"][0]
        name = newest["name"] or newest["rev"][:7]
        yield _row(name, state if state in _NO_RESULTS else "", newest, baseline)


def _row(name: str, state: str, shown: Mapping[str, Any], baseline: dict[str, Any]) -> Row:
    changed = settings.changed(baseline, _settings(shown))
    metrics = {} if state in _NO_RESULTS else _data(shown, "metrics", Workspace().evaluate_metrics.as_posix())
    return Row(name, state, changed, metrics)


def _settings(shown: Mapping[str, Any]) -> dict[str, Any]:
    return settings.flat(_data(shown, "params", Workspace().params.as_posix()))


def _data(shown: Mapping[str, Any], kind: str, path: str) -> dict[str, Any]:
    """What a file of params or metrics holds; empty where DVC could not read it."""
    files = (shown.get("data") or {}).get(kind) or {}
    return dict((files.get(path) or {}).get("data") or {})
