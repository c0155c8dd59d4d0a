"""One trial of a search: run as an experiment or fold by fold, and read."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spampipe import presets
from spampipe.core.errors import DataError, ParamsError
from spampipe.core.hints import closest
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import contenders, corpus
from spampipe.crossvalidation.running import CrossValidation
from spampipe.evaluation import filter_metrics, readers
from spampipe.params import Params
from spampipe.results import experiment_runs, history, trials
from spampipe.results.history import Revision
from spampipe.results.search import PRUNE_ABOVE, VALIDATION_LOSS, Search
from spampipe.results.trials import Trial
from spampipe.training import tables

if TYPE_CHECKING:
    from optuna.trial import Trial as Asked

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where a trial stands in its search.

    Attributes:
        number: from 1.
        name: of its experiment.
        earlier: the trials before it.
    """

    number: int
    name: str
    earlier: Sequence[Trial]


class ByValidation:
    """Trials that are told by the pipeline's validation split.

    Args:
        search: what is searched.
        workspace: the workspace, which stays as it is.
    """

    def __init__(self, search: Search, workspace: Workspace) -> None:
        self._search, self._workspace = search, workspace

    def run(self, asked: "Asked", place: Place) -> Trial:
        """Run a trial, or read it if it is finished, and report the losses of its epochs.

        Args:
            asked: optuna's trial, whose values are tried.
            place: where it stands.

        Raises:
            DataError: a stage fails, or the metric is not defined.
            ParamsError: the values do not go together.
        """
        search, values = self._search, asked.params
        params = _settings(search, values)
        limits = trials.limits(place.earlier, search.startup_trials) if search.prunes else None
        limits = limits[: params.train.epochs] if limits else None
        revision = _experiment(self._workspace, place, {**search.settings, **values, PRUNE_ABOVE: limits})
        objective, course = _read(self._workspace, revision, search.metric)
        for epoch, loss in enumerate(course):  # optuna takes lower ones for better only if it minimizes
            asked.report(loss if search.direction == "minimize" else -loss, epoch)
        if _is_pruned(course, params.train.epochs, limits):
            return Trial(place.number, place.name, values, "pruned", None, course, revision)
        if objective is None:
            raise DataError(f"{place.name}: {search.metric} is not defined; choose another objective.metric")
        return Trial(place.number, place.name, values, "complete", objective, course, revision)


class ByCrossvalidation:
    """Trials that are told by the answers for all distinct messages, each from the fold that tests it.

    Args:
        search: what is searched.
        workspace: holds the stores of frozen layers' outputs and of finished folds; it stays as it is.

    Raises:
        DataError: the data cannot be read.
        FetchError: the data could not be had.
        ParamsError: the label set has no such metric.
    """

    def __init__(self, search: Search, workspace: Workspace) -> None:
        self._search, self._workspace = search, workspace
        self._corpus = corpus.load(search.common, workspace.root)
        known = filter_metrics.of_labels(self._corpus.label_set)
        if search.metric not in known:
            raise ParamsError(
                f"objective.metric: {search.metric}: not of these labels; {closest(search.metric, known)}"
            )
        self._metric = known[search.metric]

    def run(self, asked: "Asked", place: Place) -> Trial:
        """Train a trial's folds, those that are not kept; then run its experiment unless it was pruned.

        Args:
            asked: optuna's trial, whose values are tried.
            place: where it stands.

        Raises:
            DataError: there are too few texts, a stage fails, or the metric is not defined.
            DivergenceError: training does not converge.
            FetchError: a base model could not be had.
            ParamsError: the values do not go together.
        """
        study = contenders.of_params(_settings(self._search, asked.params))
        (contender,) = study.contenders
        validation, folds = CrossValidation(study, self._corpus, self._workspace), self._corpus.folds
        found: list[float] = []
        course: list[float] = []
        for fold in range(folds):
            logger.info("%s: fold %d of %d", place.name, fold + 1, folds)
            found.append(self._value(validation, contender, [fold]))
            course.append(sum(found) / len(found))
            asked.report(course[-1], fold)
            if fold + 1 < folds and asked.should_prune():
                return Trial(place.number, place.name, asked.params, "pruned", None, tuple(course))
        objective = self._value(validation, contender, range(folds))
        revision = _experiment(self._workspace, place, {**self._search.settings, **asked.params, PRUNE_ABOVE: None})
        return Trial(place.number, place.name, asked.params, "complete", objective, tuple(course), revision)

    def _value(self, validation: CrossValidation, contender: str, folds: Sequence[int]) -> float:
        value = filter_metrics.value(validation.of_folds(contender, folds), self._metric)
        if not math.isfinite(value):
            raise DataError(f"{self._metric.name} is not defined in every fold; choose another objective.metric")
        return value


def _settings(search: Search, values: Mapping[str, Any]) -> Params:
    try:
        return search.common.changed(values)
    except ParamsError as error:
        raise ParamsError(f"{error}; trials have it with {values}, so change what is searched") from error


def _experiment(workspace: Workspace, place: Place, changes: Mapping[str, Any]) -> Revision:
    """The experiment of a trial, which is run if it is not there."""
    for revision in history.experiments(workspace):
        if revision.experiment == place.name:
            logger.info("%s is there already", place.name)
            return revision
    logger.info("%s: trial %d", place.name, place.number)
    assignments = presets.assignments({key: (None, value) for key, value in changes.items()})
    experiment_runs.run(workspace, place.name, assignments)
    return history.resolve(workspace, place.name)


def _read(workspace: Workspace, revision: Revision, metric: str) -> tuple[float | None, tuple[float, ...]]:
    """The metric of an experiment, and the validation loss after each epoch, if training has any."""
    names = Workspace()
    with history.files_of(
        workspace, revision, [names.train_metrics, names.train_epochs, names.evaluate_metrics]
    ) as found:
        epochs = tables.read_epochs(found.train_epochs)
        known = readers.read_metrics(found.train_metrics) | readers.read_metrics(found.evaluate_metrics)
    losses = epochs["validation_loss"]
    if metric == VALIDATION_LOSS:  # of all messages; that of training's metrics is an estimate
        kept = losses[epochs["kept"] == 1].dropna()
        return (float(kept.iloc[0]) if len(kept) else None), tuple(losses.dropna().tolist())
    return known.get(metric), tuple(losses.dropna().tolist())


def _is_pruned(course: Sequence[float], epochs: int, limits: Sequence[float] | None) -> bool:
    """Whether a training ended before its last epoch for a loss above its limit."""
    last = len(course) - 1
    return bool(limits) and 0 <= last < min(epochs - 1, len(limits or [])) and course[last] > (limits or [])[last]
