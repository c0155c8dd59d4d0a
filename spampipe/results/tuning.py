"""Search for settings, trial by trial: earlier trials suggest what is tried next (optuna, by ask and tell)."""

import logging
from typing import TYPE_CHECKING

from spampipe.core.errors import DataError, DivergenceError, ParamsError, one_line
from spampipe.core.workspace import Workspace
from spampipe.results import experiment_runs, trials
from spampipe.results.search import Dimension, Search
from spampipe.results.trial_runs import ByCrossvalidation, ByValidation, Place
from spampipe.results.trials import Outcome, Trial

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

logger = logging.getLogger(__name__)


def run(workspace: Workspace, search: Search, count: int | None = None) -> Outcome:
    """Try as many values as the search says; finished trials are read, and not run again.

    The sampler's seed and the earlier trials decide what is tried, so that a search that was stopped goes on as if
    it had not been, and one of more trials begins with the same. Once one is complete, a trial that fails does not
    stop the search; the same command runs it again.

    Args:
        workspace: the workspace, which stays as it is; its uncommitted changes are part of the experiments.
        search: what is searched.
        count: how many trials; None for the search's own number.

    Raises:
        DataError: before a trial is complete, a stage fails or the metric is not defined; or there is no commit to
            start from.
        DivergenceError: before a trial is complete, training does not converge, by cross-validation.
        FetchError: data or a base model could not be had, by cross-validation.
        ParamsError: values do not go together, there are too few trials, or the labels have no such metric.
    """
    wanted = search.trials if count is None else count
    if wanted < 1:
        raise ParamsError(f"--trials {wanted}: must be 1 or more")
    from optuna.trial import TrialState

    name = trials.PREFIX + experiment_runs.digest(workspace, search.decisive())
    kind = ByValidation if search.by == "validation" else ByCrossvalidation
    runner, study = kind(search, workspace), _study(search)
    distributions = {key: _distribution(each) for key, each in search.dimensions.items()}
    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    found: list[Trial] = []
    for number in range(1, wanted + 1):
        asked = study.ask(distributions)
        place = Place(number, f"{name}-{number}", tuple(found))
        try:
            trial = runner.run(asked, place)
        except (DataError, DivergenceError) as error:
            if not any(each.state == "complete" for each in found):
                raise  # the values may not be what is wrong
            logger.warning("%s: %s; the search goes on without it", place.name, one_line(error))
            trial = Trial(number, place.name, asked.params, "failed", None, ())
        study.tell(asked, trial.objective, state=states[trial.state])
        found.append(trial)
    return Outcome(name, search, tuple(found))


def _study(search: Search) -> "Study":
    import optuna

    startup = search.startup_trials
    return optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=search.seed, n_startup_trials=startup),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=startup) if search.prunes else optuna.pruners.NopPruner(),
        direction=search.direction,
    )


def _distribution(dimension: Dimension) -> "BaseDistribution":
    from optuna import distributions

    if dimension.choices is not None:
        return distributions.CategoricalDistribution(dimension.choices)
    low, high, step = dimension.low, dimension.high, dimension.step
    assert low is not None and high is not None  # the file was refused otherwise
    if isinstance(low, int) and isinstance(high, int):
        return distributions.IntDistribution(low, high, log=dimension.log, step=int(step or 1))
    return distributions.FloatDistribution(low, high, log=dimension.log, step=step)
