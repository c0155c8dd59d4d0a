"""A team's tracking server, set up by the recipes of docs/teamwork.md, with two clients that log at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import pytest
import requests

from tests.support import daemons
from tests.support.recipes import run_recipe, script_of
from tests.support.repositories import change, copied, run, tracked_runs
from tests.support.servers import closed_port

_ADDRESS = "mlflow.example.org:5000"


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a server with a database and files of its own, in the folder `server`."""
    port = closed_port()
    own = f"127.0.0.1:{port}"
    values = {_ADDRESS: own, "--port 5000": f"--port {port}", "0.0.0.0": "127.0.0.1"}
    values["/srv/mlflow"] = str(tmp_path / "server")
    if request.param == "sqlite":
        with daemons.mlflow_server(script_of("tracking-server", values), port, tmp_path) as address:
            yield address
        assert (tmp_path / "server" / "mlflow.db").is_file()
        return
    with daemons.postgresql() as variables:
        run_recipe("tracking-database", tmp_path, {"your-password": "a secret"}, variables=variables)
        values |= {"your-password": "a%20secret", "db.example.org:5432": f"127.0.0.1:{variables['PGPORT']}"}
        with daemons.mlflow_server(script_of("tracking-server-postgresql", values), port, tmp_path) as address:
            yield address
        count = ("psql", "--dbname", "mlflow", "--tuples-only", "--command", "SELECT count(*) FROM runs")
        assert run(tmp_path, *count, variables=variables).stdout.strip() == "2"


def test_two_clients_log_at_once(server: str, repository: Path, tmp_path: Path) -> None:
    clients = [repository, copied(repository, tmp_path / "other")]
    for epochs, client in enumerate(clients, 1):
        change(client, "train", epochs=epochs)

    def train(client: Path) -> None:
        run_recipe("tracking-client", client, {f"http://{_ADDRESS}": server}, then="python -m stages.train")

    with ThreadPoolExecutor() as pool:
        list(pool.map(train, clients))

    runs = {each.data.params["train.epochs"]: each for each in tracked_runs(repository, server)}
    assert runs.keys() == {"1", "2"}
    store = mlflow.MlflowClient(server)
    for epochs, client in enumerate(clients, 1):
        tracked = runs[str(epochs)]
        assert tracked.info.status == "FINISHED"
        accuracies = store.get_metric_history(tracked.info.run_id, "validation/accuracy")
        assert len(accuracies) == epochs
        fetched = store.download_artifacts(tracked.info.run_id, "params.yaml", str(tmp_path))
        assert Path(fetched).read_bytes() == (client / "params.yaml").read_bytes()
        assert list((tmp_path / "server" / "artifacts").rglob(f"{tracked.info.run_id}/artifacts/params.yaml"))
    assert len(tracked_runs(repository)) == 1  # the one that was there

    stranger = requests.get(f"{server}/api/2.0/mlflow/experiments/get", headers={"Host": _ADDRESS}, timeout=10)
    assert stranger.status_code == 403 and "Invalid Host header" in stranger.text
