"""MLflow's model registry: every registered model is a version, the best one is the champion."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spampipe import params
from spampipe.core import files, paths
from spampipe.core.errors import DataError
from spampipe.evaluation import reports
from spampipe.results import answers, gate, publication
from spampipe.tracking import run_store

CHAMPION = "champion"


@dataclass(frozen=True)
class Registered:
    """A version in the registry.

    Attributes:
        version: its number.
        verdict: whether it is the champion, and why.
    """

    version: int
    verdict: str


def register(name: str, metric: str | None = None) -> Registered:
    """Register the workspace's model, once; make it the champion if it is better than the champion there is.

    Better is: right about so many more test messages that chance would rarely give it (`answers.difference`, at
    `check.significance`); or, if a metric is named, a higher value of it.

    Args:
        name: of the registered model, made if there is none.
        metric: of the run, such as test_f1.

    Raises:
        DataError: there are no results, or the metric is not among theirs.
        StoreError: the MLflow store cannot be reached.
    """
    run_id = publication.publish_workspace().run_id
    client, _ = run_store.require()
    version = _version(client, name, run_id)
    champion = _champion(client, name)
    if champion is None:
        better, verdict = True, "champion: the first"
    elif champion.run_id == run_id:
        return Registered(int(version), "champion already")
    elif metric:
        better, verdict = _higher(client, champion.run_id, run_id, metric)
    else:
        better, verdict = _more_right(client, champion.run_id)
    if better:
        client.set_registered_model_alias(name, CHAMPION, version)
    return Registered(int(version), verdict)


def _version(client: Any, name: str, run_id: str) -> str:
    """The number of this run's version, made if there is none."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description="Tells spam from ham; see the source run.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.run_id == run_id:
            return str(version.version)
    (output, *_) = client.get_run(run_id).outputs.model_outputs
    source = f"models:/{output.model_id}"
    return str(client.create_model_version(name, source, run_id, model_id=output.model_id).version)


def _champion(client: Any, name: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException:
        return None  # the registry knows no such alias yet


def _higher(client: Any, champion: str, challenger: str, metric: str) -> tuple[bool, str]:
    old, new = (_value(client, run_id, metric) for run_id in (champion, challenger))
    if old is None or new is None:
        raise DataError(f"{metric}: not a metric of both runs; take one of {paths.EVALUATE_METRICS}")
    return new > old, f"{'champion' if new > old else 'not champion'}: {metric} {new}, the champion's {old}"


def _value(client: Any, run_id: str, metric: str) -> float | None:
    """A run's metric, None if it has none; from the evaluation's file if it is there, where it is not rounded."""
    recorded: float | None = client.get_run(run_id).data.metrics.get(metric)
    if recorded is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = client.download_artifacts(run_id, paths.EVALUATE_METRICS.as_posix(), folder)
        return gate.read_metrics(Path(path)).get(metric, recorded)


def _more_right(client: Any, champion: str) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = client.download_artifacts(champion, paths.PREDICTIONS.as_posix(), folder)
        before = files.read_csv(Path(path), reports.PREDICTION_COLUMNS)
    after, level = gate.read_predictions(Path()), params.load().check.significance
    found = answers.difference("test", before, after)
    if not found.paired:
        return False, "not champion: its test messages are not the champion's; compare by a metric (--by)"
    better = found.beyond_chance(level) > 0
    return better, f"{'champion' if better else 'not champion'}: {found.words('the champion', level)}"
