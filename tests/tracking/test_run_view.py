"""The description and the saved view that MLflow's page of the runs opens with."""

import fnmatch
import json
import logging
import re
import shutil
import socket
from pathlib import Path

import mlflow
import pytest

from spampipe.core.errors import StoreError
from spampipe.core.workspace import Workspace
from spampipe.tracking import connection, run_ui, run_view
from spampipe.tracking.store import Store
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT
from tests.support.repositories import run, store_of, tracked_runs
from tests.support.servers import closed_port


def test_preparing_again_changes_nothing_of_the_users(finished: Path, tmp_path: Path) -> None:
    shutil.copyfile(finished / "mlflow.db", tmp_path / "mlflow.db")
    client = mlflow.MlflowClient(store_of(tmp_path))
    experiment = client.get_experiment_by_name(connection.EXPERIMENT).experiment_id
    run_view.prepare(Store(client, experiment), TWO)
    before = client.get_experiment(experiment)
    assert before.tags[run_view.DESCRIPTION_TAG] == run_view.description(TWO)
    run_view.prepare(Store(client, experiment), TWO)
    assert client.get_experiment(experiment).tags == before.tags
    client.set_experiment_tag(experiment, run_view.DESCRIPTION_TAG, "ours")
    run_view.prepare(Store(client, experiment), TWO)
    assert client.get_experiment(experiment).tags == before.tags | {run_view.DESCRIPTION_TAG: "ours"}


def test_description_and_columns_name_what_a_run_holds(finished: Path) -> None:
    (tracked, *_) = tracked_runs(finished)
    rows = [line for line in run_view.description(TWO).splitlines() if line.startswith("| `")]
    metrics = {name for row in rows for name in re.findall(r"`([\w/*]+)`", row)}
    assert metrics >= set(json.loads(Workspace(finished).evaluate_metrics.read_text()))
    for metric in metrics:
        assert fnmatch.filter(tracked.data.metrics, metric), metric
    for column in run_view.columns(TWO):
        kind, _, name = column.replace("`", "").partition(".")
        if kind in ("metrics", "params"):
            assert name in getattr(tracked.data, kind), column


def test_runs_of_three_labels_have_other_columns_and_descriptions() -> None:
    assert "metrics.`test_macro_f1`" in run_view.columns(THREE) and "metrics.`test_recall`" not in run_view.columns(
        THREE
    )
    assert "metrics.`test_macro_f1`" not in run_view.columns(TWO)
    assert "`test_recall_{label}`" in run_view.description(THREE) and "positive label" not in run_view.description(
        THREE
    )


def test_what_a_server_says_is_shown_only_if_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(connection.ADDRESS_VARIABLE, f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setattr(run_ui, "_command", lambda store, port: ["sh", "-c", "echo why; echo because >&2; exit 3"])
    monkeypatch.setattr(logging.getLogger("spampipe"), "propagate", True)
    with caplog.at_level(logging.INFO), pytest.raises(StoreError, match="ended with exit code 3; the lines above"):
        run_ui.show(Workspace(tmp_path), closed_port(), pytest.fail)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("spampipe")]
    assert ours == ["why\nbecause"]


def test_a_port_in_use_is_one_line() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        failed = run(ROOT, "python", "-m", "spampipe", "ui", "--no-browser", "--port", port, check=False)
    assert failed.returncode == 1
    assert re.fullmatch(rf"error: port {port} cannot be used: .*; choose another: .*--port.*\n", failed.stderr)
