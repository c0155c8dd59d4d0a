"""The MLflow store that runs are recorded in: the server the user names, or a database in the repository."""

import os
import socket
from typing import Any

from filelock import FileLock

from spampipe import environment, paths
from spampipe.errors import StoreError

ADDRESS_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT = "spampipe"
PROCESS_TAG = "spampipe.process"  # who writes to a run that is RUNNING
_MOST_RUNS = 1000
_LEAST_PATIENCE_SECONDS, _PATIENCE = 1.0, 0.04  # of a stage's time


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
    from mlflow import MlflowClient

    chosen = os.environ.get(ADDRESS_VARIABLE)
    if chosen:
        client = MlflowClient(chosen)
        experiment = _experiment(client, None)
    else:
        # Stages also run in temporary copies of the repository; the store is the real one's.
        root = paths.repository_root()
        (root / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".dvc" / "tmp" / "mlflow.lock"):  # two runs must not both create its tables
            client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
            experiment = _experiment(client, (root / "mlartifacts").as_uri())
    _bury(client, experiment)
    return client, experiment


def require() -> tuple[Any, str]:
    """`connect`, for commands that are of no use without the store.

    Raises:
        StoreError: it cannot be reached or read.
    """
    chosen, root = os.environ.get(ADDRESS_VARIABLE), paths.repository_root()
    if not chosen and not (root / "dvc.yaml").exists():
        raise StoreError(f"{root} holds no dvc.yaml; go to the top of the repository")
    try:
        return connect()
    except Exception as error:  # MLflow, its database and its HTTP client each raise their own
        where = chosen or root / "mlflow.db"
        remedy = f"check {ADDRESS_VARIABLE}" if chosen else "move it away to begin a new one"
        raise StoreError(f"{where} cannot be used: {' '.join(str(error).split())[:200]}; {remedy}") from error


def this_process() -> str:
    """Host, number and start of this process, which together no other process has."""
    import psutil

    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


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
