"""The MLflow store that runs are recorded in: the server the user names, or a database in the repository."""

import os
import socket
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from spampipe.core import environment, paths
from spampipe.core.errors import StoreError, one_line

ADDRESS_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT = "spampipe"
PROCESS_TAG = "spampipe.process"  # who writes to a run that is RUNNING
_SQLITE = "sqlite:///"
_MOST_RUNS = 1000
_LEAST_PATIENCE_SECONDS, _PATIENCE = 1.0, 0.04  # of a stage's time
_Store = TypeVar("_Store")


def patience(elapsed: float) -> float | None:
    """Seconds to wait for what is still to be recorded once a stage's work is done; None: as long as it takes.

    A store of this machine is waited for; a server may be far away, slow or stuck.

    Args:
        elapsed: seconds that the stage took.
    """
    chosen = environment.read().tracking_patience
    if chosen is not None:
        return chosen
    is_server = os.environ.get(ADDRESS_VARIABLE, "").startswith(("http://", "https://"))
    return max(_LEAST_PATIENCE_SECONDS, _PATIENCE * elapsed) if is_server else None


def connect() -> tuple[Any, str]:
    """A client of the store and the id of this project's experiment in it, made if it is not there.

    Runs that a process of this machine left RUNNING when it was killed are marked KILLED.

    Raises:
        Exception: whatever MLflow raises where the store cannot be reached or read.
    """
    chosen = os.environ.get(ADDRESS_VARIABLE)
    if chosen:
        client = _client(chosen)
        experiment = _experiment(client, None)
    else:
        with _creation():
            client = _client(_own_address())
            experiment = _experiment(client, (paths.repository_root() / "mlartifacts").as_uri())
    _bury(client, experiment)
    return client, experiment


def require() -> tuple[Any, str]:
    """`connect`, for commands that are of no use without the store.

    Raises:
        StoreError: it cannot be reached or read.
    """
    return _reach(connect)


def existing() -> tuple[Any, str] | None:
    """What `connect` gives, for commands that only read: the store stays as it is.

    Returns:
        None where nothing has been recorded yet.

    Raises:
        StoreError: the store cannot be reached or read.
    """
    return _reach(_find)


def this_process() -> str:
    """Host, number and start of this process, which together no other process has."""
    import psutil

    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def _find() -> tuple[Any, str] | None:
    chosen = os.environ.get(ADDRESS_VARIABLE)
    address = chosen or _own_address()
    if address.startswith(_SQLITE):
        file = Path(address.removeprefix(_SQLITE))
        if not file.exists() or file.stat().st_size == 0:  # MLflow would make the database
            return None
    with nullcontext() if chosen else _creation():
        client = _client(address)
    found = client.get_experiment_by_name(EXPERIMENT)
    return (client, str(found.experiment_id)) if found else None


def _reach(action: Callable[[], _Store]) -> _Store:
    try:
        return action()
    except Exception as error:  # MLflow, its database and its HTTP client each raise their own
        chosen = os.environ.get(ADDRESS_VARIABLE)
        where = chosen or _own_address().removeprefix(_SQLITE)
        remedy = f"check {ADDRESS_VARIABLE}" if chosen else "move it away to begin a new one"
        raise StoreError(f"{where} cannot be used: {one_line(error, 200)}; {remedy}") from error


def _client(address: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(address)


def _own_address() -> str:
    """Of the store in the repository; stages also run in temporary copies of it, the store is the real one's."""
    return f"{_SQLITE}{paths.repository_root() / 'mlflow.db'}"


def _creation() -> FileLock:
    """Two processes must not both create the tables of the repository's store, nor one read them half made."""
    folder = paths.repository_root() / ".dvc" / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / "mlflow.lock")


def _experiment(client: Any, artifact_location: str | None) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found:
        return str(found.experiment_id)
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location))
    except MlflowException:
        found = client.get_experiment_by_name(EXPERIMENT)  # another client was faster
        if not found:
            raise
        return str(found.experiment_id)


def _bury(client: Any, experiment: str) -> None:
    """Mark as KILLED the runs whose process was on this machine and is no more."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'", max_results=_MOST_RUNS):
        if _is_gone(run.data.tags.get(PROCESS_TAG, "")):
            client.set_terminated(run.info.run_id, "KILLED")


def _is_gone(process: str) -> bool:
    import psutil

    host, _, rest = process.partition(" ")
    if host != socket.gethostname():
        return False  # of another machine: nobody here can tell
    number, started = rest.split(" ")
    try:
        return f"{psutil.Process(int(number)).create_time():.2f}" != started
    except psutil.NoSuchProcess:
        return True
