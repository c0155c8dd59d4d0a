"""The trials of a search: what each came to, which one is the best, and above which losses a later one ends."""

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from spampipe import presets
from spampipe.results import tables
from spampipe.results.history import Revision
from spampipe.results.search import Search

PREFIX = "tune-"
State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One set of values, tried.

    Attributes:
        number: its place in the search, from 1.
        name: of its experiment, such as tune-1a2b3c4d-1.
        values: those of the searched settings, by `section.key`.
        state: complete, pruned where it ended early, or failed, as where training does not converge.
        objective: the metric; None unless the trial is complete.
        course: the validation loss after each epoch; by cross-validation, the mean of the metric over folds so far.
        revision: its experiment; None of a trial that was pruned between folds, or failed.
    """

    number: int
    name: str
    values: Mapping[str, Any]
    state: State
    objective: float | None
    course: tuple[float, ...]
    revision: Revision | None = None


@dataclass(frozen=True)
class Outcome:
    """What a search came to.

    Attributes:
        name: such as tune-1a2b3c4d, the same for the same search.
        search: what was searched.
        trials: in their order, one or more.
    """

    name: str
    search: Search
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial:
        """The complete trial with the best objective, the first of several."""
        sign = 1 if self.search.direction == "minimize" else -1
        complete = [(sign * trial.objective, trial) for trial in self.trials if trial.objective is not None]
        return min(complete, key=lambda pair: pair[0])[1]

    @property
    def changes(self) -> dict[str, Any]:
        """The settings of the best trial that are those of the search's file, by `section.key`."""
        return {**self.search.settings, **self.best.values}


def limits(trials: Sequence[Trial], startup: int) -> list[float] | None:
    """The loss after each epoch above which a trial ends: the median of the complete trials (Golovin et al., 2017).

    Args:
        trials: those that have ended, with the losses of their epochs.
        startup: how many of them must be complete before one is pruned.

    Returns:
        One loss for each epoch that a complete trial has; None if nothing is to be pruned.
    """
    courses = [trial.course for trial in trials if trial.state == "complete"]
    if len(courses) < startup:
        return None
    epochs = zip_longest(*courses)
    return [statistics.median(loss for loss in losses if loss is not None) for losses in epochs] or None


def text(outcome: Outcome) -> str:
    """A table of the trials: number, values, objective and state.

    Args:
        outcome: of a search.
    """
    names = list(outcome.search.dimensions)
    rows = [
        [str(trial.number), *_cells(trial, names), tables.number(trial.objective), trial.state]
        for trial in outcome.trials
    ]
    return tables.aligned(
        ["trial", *names, outcome.search.metric, "state"], rows, "r" + "l" * len(names) + "rl", None
    )


def as_csv(outcome: Outcome) -> str:
    """The trials as a file: one row each, with all digits and the course of the loss.

    Args:
        outcome: of a search.
    """
    names = list(outcome.search.dimensions)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["trial", "experiment", "state", outcome.search.metric, "course", *names])
    for trial in outcome.trials:
        experiment = trial.name if trial.revision else ""
        course = " ".join(map(str, trial.course))
        values = [presets.written(trial.values[name]) for name in names]
        writer.writerow([trial.number, experiment, trial.state, trial.objective, course, *values])
    return stream.getvalue()


def _cells(trial: Trial, names: Sequence[str]) -> list[str]:
    values = [trial.values[name] for name in names]
    return [tables.number(value) if isinstance(value, float) else presets.written(value) for value in values]
