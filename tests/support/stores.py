"""MLflow stores for tests: MLflow takes seconds to make a database, so it makes one for all of them."""

import functools
import tempfile
from pathlib import Path

import mlflow

from spampipe.core.workspace import Workspace


def empty(folder: Path) -> Workspace:
    """A workspace in this folder, whose own store holds nothing yet."""
    workspace = Workspace(folder)
    workspace.mlflow_store.write_bytes(_database())
    return workspace


@functools.cache
def _database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
        return path.read_bytes()
