"""Which store, how long it is waited for, and whose runs are buried."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from spampipe import params
from spampipe.core import environment, paths
from spampipe.core.errors import StoreError
from spampipe.tracking import recording, run_store
from tests.support.project import ROOT


@pytest.mark.parametrize(
    ("address", "chosen", "elapsed", "expected"),
    [
        ("", None, 100.0, None),
        ("sqlite:////somewhere/mlflow.db", None, 100.0, None),
        ("http://localhost:5000", None, 2.0, 1.0),
        ("https://mlflow.example.org", None, 100.0, 4.0),
        ("https://mlflow.example.org", "30", 100.0, 30.0),
    ],
)
def test_only_servers_are_not_waited_for_forever(
    monkeypatch: pytest.MonkeyPatch, address: str, chosen: str | None, elapsed: float, expected: float | None
) -> None:
    monkeypatch.setenv(run_store.ADDRESS_VARIABLE, address)
    monkeypatch.delenv(environment.TRACKING_PATIENCE, raising=False)
    if chosen:
        monkeypatch.setenv(environment.TRACKING_PATIENCE, chosen)
    assert run_store.patience(elapsed) == expected


def test_a_store_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(run_store.ADDRESS_VARIABLE, raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "mlflow.db").write_text("this is no database, but long enough to look like one " * 100)
    with pytest.raises(StoreError, match=r"mlflow\.db cannot be used"):
        run_store.require()


def test_two_processes_may_start_the_store_at_once_and_the_dead_ones_run_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(run_store.ADDRESS_VARIABLE, raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    program = (
        "from spampipe.tracking import run_store; client, experiment = run_store.connect();"
        "client.create_run(experiment, tags={run_store.PROCESS_TAG: run_store.this_process()})"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    client, experiment = run_store.connect()
    elsewhere = client.create_run(experiment, tags={run_store.PROCESS_TAG: f"another-host {os.getpid()} 0.00"})
    alive = client.create_run(experiment, tags={run_store.PROCESS_TAG: run_store.this_process()})
    run_store.connect()
    found = {run.info.run_id: run.info.status for run in client.search_runs([experiment])}
    assert found.pop(elsewhere.info.run_id) == found.pop(alive.info.run_id) == "RUNNING"
    assert list(found.values()) == ["KILLED", "KILLED"]
    assert len(mlflow.MlflowClient(client.tracking_uri).search_experiments(filter_string="name = 'spampipe'")) == 1


def test_a_run_that_cannot_be_recorded_further_is_not_left_running(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(run_store.ADDRESS_VARIABLE, raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(ROOT)
    with recording.training_run(params.load()) as run:
        run.log_files([tmp_path / "no such file"])
        run.log_files([paths.PARAMS], "never")
    client, experiment = run_store.connect()
    (recorded,) = client.search_runs([experiment])
    assert recorded.info.status == "KILLED"
    assert [artifact.path for artifact in client.list_artifacts(recorded.info.run_id, "never")] == []
