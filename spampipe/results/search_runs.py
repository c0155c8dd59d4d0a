"""What MLflow holds of a search: one parent run with the best trial and a table, above the trials' own runs."""

import time

from spampipe import presets
from spampipe.core.workspace import Workspace
from spampipe.results import parent_runs, publication, trials
from spampipe.results.parent_runs import Parent
from spampipe.results.trials import Outcome, Trial
from spampipe.tracking import provenance
from spampipe.tracking.recorded_runs import Point
from spampipe.tracking.store import Store

SEARCH_TAG = "spampipe.search"  # of the parent: the search's name
TRIAL_TAG = "spampipe.trial"  # of a trial without experiment: its name
BEST_TAG = "spampipe.best."  # of the parent, before the name of a setting: the best trial's value of it
TABLE = "trials.csv"


def record(workspace: Workspace, outcome: Outcome) -> str:
    """Record a search, and what the store lacks of its trials; a store that holds all of it is not changed.

    Args:
        workspace: the workspace whose repository has the experiments, and the store if the user names no other.
        outcome: of the search.

    Returns:
        The id of the parent run.

    Raises:
        DataError: results of a trial cannot be had.
        StoreError: the store cannot be reached.
    """
    best = outcome.best
    experiments = [trial.revision for trial in outcome.trials if trial.revision]
    children = [publication.publish_revision(workspace, revision).run_id for revision in experiments]
    store, start = Store.open(workspace), experiments[0].baseline
    children += [_unseen(store, outcome, trial, start) for trial in outcome.trials if trial.revision is None]
    figures = {f"best/{outcome.search.metric}": best.objective or 0.0, "best/trial": best.number}
    table, count = trials.as_csv(outcome), len(outcome.trials)
    parent = Parent(SEARCH_TAG, outcome.name, start, TABLE, table, figures, count)
    tags = {BEST_TAG + key: presets.written(value) for key, value in outcome.changes.items()}
    return parent_runs.record(store, parent, children, tags)


def _unseen(store: Store, outcome: Outcome, trial: Trial, commit: str) -> str:
    """The run of a trial without experiment, which is made if it is not there."""
    known = store.runs_tagged(TRIAL_TAG, trial.name)
    if known:
        return known[0].run_id
    tags = {TRIAL_TAG: trial.name, provenance.COMMIT_TAG: commit}
    values = outcome.search.common.changed(trial.values).recorded()
    run_id = store.create_run(trial.name, tags, values)
    now, name = time.time(), f"folds/{outcome.search.metric}"
    store.log_metrics(run_id, [Point(name, value, now, fold) for fold, value in enumerate(trial.course)])
    store.end_run(run_id, "FAILED" if trial.state == "failed" else "FINISHED")
    return run_id
