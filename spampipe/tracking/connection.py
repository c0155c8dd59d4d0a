"""Where the MLflow store is, and how to reach it: the server that the user names, or a database in the repository."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from spampipe.core import environment
from spampipe.core.errors import StoreError, one_line
from spampipe.core.workspace import Workspace

ADDRESS_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT = "spampipe"
_SQLITE = "sqlite:///"
_LEAST_PATIENCE_SECONDS, _PATIENCE = 1.0, 0.04  # the latter is a share of the stage's time
_Found = TypeVar("_Found")


def server() -> str | None:
    """The address of the web server that the user names; None if they name none, or another kind of store."""
    chosen = os.environ.get(ADDRESS_VARIABLE, "")
    return chosen if chosen.startswith(("http://", "https://")) else None


def patience(elapsed: float) -> float | None:
    """Seconds to wait for what is still to be recorded after a stage's work; None to wait as long as it takes.

    A store of this machine is waited for; a server may be far away, slow or stuck.

    Args:
        elapsed: seconds that the stage took.
    """
    chosen = environment.read().tracking_patience
    if chosen is not None:
        return chosen
    return max(_LEAST_PATIENCE_SECONDS, _PATIENCE * elapsed) if server() else None


def create(workspace: Workspace) -> tuple[Any, str]:
    """Reach the store; the database and the project's experiment are made if they are not there.

    Args:
        workspace: the workspace whose repository has the database, if the user names no other store.

    Returns:
        MLflow's client, and the id of the experiment.

    Raises:
        StoreError: the store cannot be reached or read.
    """
    return _explained(workspace, lambda: _create(workspace))


def find(workspace: Workspace) -> tuple[Any, str] | None:
    """Reach the store as it is; nothing in it is made or changed.

    Args:
        workspace: the workspace whose repository has the database, if the user names no other store.

    Returns:
        MLflow's client, and the id of the experiment; None where nothing has been recorded yet.

    Raises:
        StoreError: the store cannot be reached or read.
    """
    return _explained(workspace, lambda: _find(workspace))


def _create(workspace: Workspace) -> tuple[Any, str]:
    chosen = os.environ.get(ADDRESS_VARIABLE)
    if chosen:
        client = _client(chosen)
        return client, _experiment(client, None)
    with _creation(workspace):
        client = _client(_own_address(workspace))
        return client, _experiment(client, workspace.mlflow_artifacts.as_uri())


def _find(workspace: Workspace) -> tuple[Any, str] | None:
    chosen = os.environ.get(ADDRESS_VARIABLE)
    address = chosen or _own_address(workspace)
    if address.startswith(_SQLITE):
        file = Path(address.removeprefix(_SQLITE))
        if not file.exists() or file.stat().st_size == 0:  # MLflow would make the database
            return None
    with nullcontext() if chosen else _creation(workspace):
        client = _client(address)
    found = client.get_experiment_by_name(EXPERIMENT)
    return (client, str(found.experiment_id)) if found else None


def _explained(workspace: Workspace, action: Callable[[], _Found]) -> _Found:
    try:
        return action()
    except Exception as error:  # MLflow, its database and its HTTP client each raise their own
        chosen = os.environ.get(ADDRESS_VARIABLE)
        where = chosen or workspace.mlflow_store
        remedy = f"check {ADDRESS_VARIABLE}" if chosen else "move it away to begin a new one"
        raise StoreError(f"{where} cannot be used: {one_line(error, 200)}; {remedy}") from error


def _client(address: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(address)


def _own_address(workspace: Workspace) -> str:
    return f"{_SQLITE}{workspace.mlflow_store}"


def _creation(workspace: Workspace) -> FileLock:
    """Two processes must not both create the tables of the repository's store, nor one read them half made."""
    workspace.dvc_temporary.mkdir(parents=True, exist_ok=True)
    return FileLock(workspace.dvc_temporary / "mlflow.lock")


def _experiment(client: Any, artifact_location: str | None) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found:
        return str(found.experiment_id)
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location))
    except MlflowException:
        found = client.get_experiment_by_name(EXPERIMENT)  # another client has made it meanwhile
        if not found:
            raise
        return str(found.experiment_id)
