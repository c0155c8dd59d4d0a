"""Corrected labels go through the pipeline, and stay visible in the run."""

import json
from pathlib import Path

import mlflow
import pytest

from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.results import publication
from spampipe.tracking.connection import ADDRESS_VARIABLE
from tests.support.repositories import run, store_of, tracked_runs

ROW = '"WIN 1000 pounds now, text 1 to claim your prize",spam,remove,ann,a test\n'


def test_corrections_are_watched_and_recorded_and_published(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)  # another test of this process may have named a store
    workspace, path = Workspace(repository), repository / "data" / "corrections.csv"
    assert "data/corrections.csv" in run(repository, "git", "ls-files", "data").stdout
    (first,) = tracked_runs(repository)
    assert stored(repository, first.info.run_id) == []
    balanced = workspace.balanced.read_bytes()

    path.write_text(path.read_text() + ROW)
    status = json.loads(run(repository, "dvc", "status", "--json").stdout)
    assert set(status) == {"balance", "plot"}
    with pytest.raises(DataError, match=r"^data/corrections\.csv: not the one that dvc\.lock names; run"):
        publication.publish_workspace(workspace)
    printed = run(repository, "dvc", "repro")
    assert "data/corrections.csv: 0 labels changed, 1 messages removed" in printed.stdout + printed.stderr
    assert workspace.balanced.read_bytes() != balanced
    latest = tracked_runs(repository)[-1]
    assert stored(repository, latest.info.run_id) == ["data/corrections.csv"]
    local = mlflow.artifacts.download_artifacts(
        run_id=latest.info.run_id, artifact_path="data/corrections.csv", tracking_uri=store_of(repository)
    )
    assert Path(local).read_text() == path.read_text()
    assert publication.publish_workspace(workspace).added == ()

    run(repository, "git", "commit", "-qam", "corrected")
    workspace.mlflow_store.rename(repository / "lost.db")
    run(repository, "spampipe", "publish", "HEAD")
    workspace.mlflow_store.rename(repository / "restored.db")  # by the old name, MLflow here still has the lost
    (restored,) = tracked_runs(repository, f"sqlite:///{repository / 'restored.db'}")
    client = mlflow.MlflowClient(f"sqlite:///{repository / 'restored.db'}")
    assert [each.path for each in client.list_artifacts(restored.info.run_id, "data")] == ["data/corrections.csv"]


def stored(repository: Path, run_id: str) -> list[str]:
    """The paths of a run's files in its folder of data."""
    return [each.path for each in mlflow.MlflowClient(store_of(repository)).list_artifacts(run_id, "data")]
