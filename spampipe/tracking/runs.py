"""Which MLflow run belongs to which result: a model file, and the settings it was evaluated with."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spampipe.params import Params
from spampipe.tracking import provenance, run_store

MODEL_TAG = "spampipe.model_md5"  # joins a run to the model file's entry in dvc.lock
EVALUATE_TAG = "spampipe.evaluate"  # the settings that the model was evaluated with
CURVES = ("train/", "validation/", "learning_rate")
_BATCH = 1000  # metrics; MLflow's limit


def create(client: Any, experiment: str, params: Params, tags: Mapping[str, str], workspace: Path = Path()) -> str:
    """Open a run that knows its settings, data and origin.

    Args:
        client: of the store.
        experiment: its id.
        params: the settings, recorded as `section.key`.
        tags: where the result comes from.
        workspace: holds the data.

    Returns:
        The run's id.
    """
    from mlflow.entities import Param

    sections = params.model_dump(exclude={"check"})  # it decides no result
    settings = {f"{section}.{key}": value for section, part in sections.items() for key, value in part.items()}
    name = tags.get(provenance.EXPERIMENT_TAG) or (
        f"{params.model.name} {params.model.trainable} lr={params.train.learning_rate:g} seed={params.train.seed}"
    )
    process = {run_store.PROCESS_TAG: run_store.this_process()}
    run_id = str(client.create_run(experiment, run_name=name, tags={**tags, **process}).info.run_id)
    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in settings.items()])
    _log_datasets(client, run_id, workspace)
    if tags.get(provenance.DIRTY_TAG) == "true":
        client.log_text(run_id, provenance.difference(workspace), "provenance/uncommitted.diff")
    return run_id


def find_or_create(
    client: Any,
    experiment: str,
    params: Params,
    md5: str,
    tags: Mapping[str, str],
    workspace: Path = Path(),
) -> str:
    """The newest run that made this model and evaluated it in this way, RUNNING again.

    A model that was evaluated otherwise before gets a sibling of its run, with the same curves; one that the
    store does not know, as after `dvc pull`, a new run.

    Args:
        client: of the store.
        experiment: its id.
        params: the settings.
        md5: of the model file.
        tags: of a run that has to be made.
        workspace: holds the data.

    Returns:
        The run's id.
    """
    run_id = find(client, experiment, params, md5)
    if run_id:
        client.update_run(run_id, status="RUNNING")
        client.set_tag(run_id, run_store.PROCESS_TAG, run_store.this_process())
        client.set_tag(run_id, EVALUATE_TAG, _evaluation(params))
        return run_id
    relatives = of_model(client, experiment, md5)
    run_id = create(
        client, experiment, params, {**tags, MODEL_TAG: md5, EVALUATE_TAG: _evaluation(params)}, workspace
    )
    if relatives:
        _copy_curves(client, relatives[-1], run_id)
    return run_id


def find(client: Any, experiment: str, params: Params, md5: str) -> str | None:
    """The newest run of a model and of the settings it was evaluated with, or of one not evaluated yet."""
    known = of_model(client, experiment, md5)
    for wanted in (_evaluation(params), None):
        for run in known:
            if run.data.tags.get(EVALUATE_TAG) == wanted:
                return str(run.info.run_id)
    return None


def of_model(client: Any, experiment: str, md5: str) -> list[Any]:
    """The runs of one model file, the newest first."""
    return list(client.search_runs([experiment], f"tags.`{MODEL_TAG}` = '{md5}'", order_by=["start_time DESC"]))


def log_metrics(client: Any, run_id: str, points: Sequence[tuple[str, float, float, int]]) -> None:
    """Send metrics, each as its name, its value, the time in seconds since 1970 and its step.

    Values are rounded to five digits, for MLflow shows all that it gets; whole numbers stay as they are.
    """
    from mlflow.entities import Metric

    metrics = [Metric(name, _shown(value), int(1000 * when), step) for name, value, when, step in points]
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + _BATCH])


def _shown(value: float) -> float:
    return value if float(value).is_integer() else float(f"{value:.5g}")


def _log_datasets(client: Any, run_id: str, workspace: Path) -> None:
    """Record the messages as inputs, under DVC's md5 and with their counts by class."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.exceptions import MlflowException

    inputs = []
    for data in provenance.datasets(workspace):
        name = data.path.as_posix()
        profile = json.dumps({"num_rows": sum(data.counts.values()), **data.counts})
        source = json.dumps({"path": name, "md5": data.md5})
        dataset = Dataset(name, data.md5, source_type="dvc", source=source, profile=profile)
        inputs.append(DatasetInput(dataset, [InputTag("mlflow.data.context", data.context)]))
    try:
        client.log_inputs(run_id, inputs)
    except MlflowException:  # another client made the same datasets between MLflow's look and its own insertion
        client.log_inputs(run_id, inputs)


def _evaluation(params: Params) -> str:
    """What a run is tagged with, once its model is evaluated."""
    return json.dumps(params.evaluate.model_dump(), sort_keys=True)


def _copy_curves(client: Any, source: Any, target: str) -> None:
    points = [
        (name, point.value, point.timestamp / 1000, point.step)
        for name in source.data.metrics
        if name.startswith(CURVES)
        for point in client.get_metric_history(source.info.run_id, name)
    ]
    log_metrics(client, target, points)
