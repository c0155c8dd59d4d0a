"""Which MLflow run belongs to which result: a model file, and the settings it was evaluated with."""

import json
from collections.abc import Mapping
from typing import Any

from spampipe.core.workspace import Workspace
from spampipe.tracking import provenance
from spampipe.tracking.recorded_runs import RecordedRun
from spampipe.tracking.store import Store

Settings = Mapping[str, Any]  # values by `section.key`

MODEL_TAG = "spampipe.model_md5"  # joins a run to the model file's entry in dvc.lock
EVALUATE_TAG = "spampipe.evaluate"  # the settings that the model was evaluated with
CURVES = ("train/", "validation/", "learning_rate")
_EVALUATION = "evaluate."  # what the names of those settings begin with


def create(store: Store, settings: Settings, title: str, tags: Mapping[str, str], workspace: Workspace) -> str:
    """Begin a run that knows its settings, data and origin.

    Args:
        store: the store that the run is recorded in.
        settings: the values that decide the run's result.
        title: the run's name, unless it is a DVC experiment, which has a name.
        tags: where the result comes from, as `provenance` finds it.
        workspace: the workspace, which holds the data, and the code that may differ from the commit's.

    Returns:
        The run's id.
    """
    run_id = store.create_run(tags.get(provenance.EXPERIMENT_TAG) or title, tags, settings)
    store.log_datasets(run_id, provenance.datasets(workspace))
    if tags.get(provenance.DIRTY_TAG) == "true":
        store.log_text(run_id, provenance.difference(workspace), "provenance/uncommitted.diff")
    return run_id


def find_or_create(
    store: Store, settings: Settings, title: str, md5: str, tags: Mapping[str, str], workspace: Workspace
) -> str:
    """The newest run that made this model and evaluated it in this way, RUNNING again.

    A model that was evaluated otherwise before gets a sibling of its run, with the same curves; one that the
    store does not know, as after `dvc pull`, gets a new run.

    Args:
        store: the store that the run is recorded in.
        settings: the values that decide the run's result; those under `evaluate.` tell evaluations of one
            model apart.
        title: the name of a run that has to be made; see `create`.
        md5: the md5 of the model file.
        tags: where the result comes from, for a run that has to be made.
        workspace: the workspace, which holds the data.

    Returns:
        The run's id.
    """
    run_id = find(store, settings, md5)
    if run_id:
        store.reopen_run(run_id)
        store.set_tag(run_id, EVALUATE_TAG, _evaluation(settings))
        return run_id
    relatives = of_model(store, md5)
    known = {**tags, MODEL_TAG: md5, EVALUATE_TAG: _evaluation(settings)}
    run_id = create(store, settings, title, known, workspace)
    if relatives:
        _copy_curves(store, relatives[-1], run_id)
    return run_id


def find(store: Store, settings: Settings, md5: str) -> str | None:
    """The id of the newest run of a model that was evaluated with these settings, or of one not evaluated yet.

    Args:
        store: the store that is searched.
        settings: the values by `section.key`, of which those under `evaluate.` count.
        md5: the md5 of the model file.

    Returns:
        None if there is no such run.
    """
    known = of_model(store, md5)
    for wanted in (_evaluation(settings), None):
        for run in known:
            if run.tags.get(EVALUATE_TAG) == wanted:
                return run.run_id
    return None


def of_model(store: Store, md5: str) -> list[RecordedRun]:
    """The runs of the model file that has this md5, the newest first.

    Args:
        store: the store that is searched.
        md5: the md5 of the model file.
    """
    return store.runs_tagged(MODEL_TAG, md5)


def _evaluation(settings: Settings) -> str:
    """What a run is tagged with, once its model is evaluated."""
    chosen = {name.removeprefix(_EVALUATION): v for name, v in settings.items() if name.startswith(_EVALUATION)}
    return json.dumps(chosen, sort_keys=True)


def _copy_curves(store: Store, source: RecordedRun, target: str) -> None:
    names = [name for name in source.metrics if name.startswith(CURVES)]
    store.log_metrics(target, [point for name in names for point in store.points(source.run_id, name)])
