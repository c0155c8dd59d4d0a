"""Which store, how long it is waited for, and which runs are marked as killed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spampipe import params
from spampipe.core import environment
from spampipe.core.errors import StoreError
from spampipe.core.workspace import Workspace
from spampipe.tracking import connection, processes, recording
from spampipe.tracking.store import PROCESS_TAG, Store
from tests.support import stores
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
    monkeypatch.setenv(connection.ADDRESS_VARIABLE, address)
    monkeypatch.delenv(environment.TRACKING_PATIENCE, raising=False)
    if chosen:
        monkeypatch.setenv(environment.TRACKING_PATIENCE, chosen)
    assert connection.patience(elapsed) == expected


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workspace:
    """A folder with settings, and a store in which nothing is recorded."""
    monkeypatch.delenv(connection.ADDRESS_VARIABLE, raising=False)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return stores.empty(tmp_path)


def test_a_store_that_cannot_be_used_is_named(workspace: Workspace) -> None:
    workspace.mlflow_store.write_text("this is no database, but long enough to look like one " * 100)
    with pytest.raises(StoreError, match=r"mlflow\.db cannot be used"):
        Store.open(workspace)


def test_two_processes_may_start_the_store_at_once_and_the_dead_ones_run_is_killed(workspace: Workspace) -> None:
    program = (
        "import sys; from pathlib import Path; from spampipe.core.workspace import Workspace;"
        "from spampipe.tracking.store import Store;"
        "Store.open(Workspace(Path(sys.argv[1]))).create_run('lost', {}, {})"
    )
    workspace.mlflow_store.unlink()
    started = [subprocess.Popen([sys.executable, "-c", program, workspace.root]) for _ in range(2)]
    assert [process.wait() for process in started] == [0, 0]
    store = Store.open(workspace)
    alive, elsewhere = (store.create_run(name, {}, {}) for name in ("alive", "elsewhere"))
    store.set_tag(elsewhere, PROCESS_TAG, f"another-host {os.getpid()} 0.00")
    Store.open(workspace)
    found = {run.info.run_id: run.info.status for run in store.client.search_runs([store.experiment])}
    assert found.pop(elsewhere) == found.pop(alive) == "RUNNING"
    assert list(found.values()) == ["KILLED", "KILLED"]
    assert len(store.client.search_experiments(filter_string="name = 'spampipe'")) == 1


def test_a_process_of_this_machine_is_known_by_its_number_and_start() -> None:
    mine = processes.this_process()
    host, number, _ = mine.split(" ")
    assert not processes.has_ended(mine)
    assert processes.has_ended(f"{host} {number} 0.00")  # another process had this number before
    assert not processes.has_ended(f"another-host {number} 0.00")


def test_what_is_recorded_of_a_run_can_be_read(workspace: Workspace) -> None:
    assert Store.existing(workspace) is None
    store = Store.open(workspace)
    run_id = store.create_run("title", {"tag": "text"}, {"train.epochs": 3})
    store.log_text(run_id, "words", "logs/train.log")
    store.end_run(run_id, "FINISHED")
    reader = Store.existing(workspace)
    assert reader is not None
    (found,) = reader.runs_tagged("tag", "text")
    assert reader.find_run(run_id) == found == reader.run(run_id)
    assert (found.name, found.status, found.metrics, found.model_id) == ("title", "FINISHED", {}, None)
    assert reader.client.get_run(run_id).data.params == {"train.epochs": "3"}
    assert (reader.find_run("0" * 32), reader.runs_tagged("tag", "other")) == (None, [])
    assert (reader.file_names(run_id), reader.file_names(run_id, "logs")) == ({"logs"}, {"train.log"})
    assert reader.download(run_id, "logs/train.log", workspace.root).read_text() == "words"


def test_a_run_that_cannot_be_recorded_further_is_not_left_running(workspace: Workspace) -> None:
    settings = params.load(workspace.params)
    with recording.training_run(workspace, settings.recorded(), settings.title) as run:
        run.log_files([workspace.root / "no such file"])
        run.log_files([workspace.params], "never")
    store = Store.open(workspace)
    (recorded,) = store.client.search_runs([store.experiment])
    assert (recorded.info.run_name, recorded.info.status) == (settings.title, "KILLED")
    assert recorded.data.params == {name: str(value) for name, value in settings.recorded().items()}
    assert store.file_names(recorded.info.run_id, "never") == set()
