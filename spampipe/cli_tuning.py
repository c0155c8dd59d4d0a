"""The part of the `spampipe` command that searches for settings: tune."""

import argparse
from pathlib import Path

from spampipe import params, presets
from spampipe.cli_models import Add


def add_to(add: Add) -> None:
    """Add this subcommand.

    Args:
        add: makes a subcommand of an action and its summary.
    """
    tune = add(_tune, "search for settings, each trial an experiment")
    tune.add_argument("file", type=Path, metavar="FILE", help="what is searched, such as experiments/tune.yaml")
    tune.add_argument("--trials", type=int, metavar="N", help="how many in all; default: what FILE says")
    tune.add_argument("--apply", action="store_true", help="put the best trial's settings into params.yaml")


def _tune(options: argparse.Namespace) -> None:
    """Try settings, each time those that the results so far suggest; print all trials and how to use the best.

    Trials are experiments in temporary copies: the workspace stays as it is. Finished ones are not run again: a
    search that was stopped goes on, and more trials follow those there are.
    """
    import optuna

    from spampipe.core import environment
    from spampipe.models import compute
    from spampipe.results import search, search_runs, trials, tuning

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    here = options.workspace
    wanted = search.load(options.file, params.load(here.params))
    if wanted.by == "crossvalidation":
        compute.configure_torch()
    outcome = tuning.run(here, wanted, options.trials)
    best = outcome.best
    words = presets.assignments({key: (None, value) for key, value in outcome.changes.items()})
    print(
        f"search\t{outcome.name}\n\n{trials.text(outcome)}\n\nbest\t{best.name}\t{wanted.metric} {best.objective:g}"
    )
    print("dvc exp run " + " ".join(f"-S {word}" for word in words))
    if environment.read().tracking:
        search_runs.record(here, outcome)
    if options.apply:
        presets.apply(here, {key: (None, value) for key, value in outcome.changes.items()})
