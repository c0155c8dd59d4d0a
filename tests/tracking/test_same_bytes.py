"""What MLflow is told, and whether it hears it, decides no byte of a result."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spampipe.core import environment
from spampipe.core.workspace import Workspace
from spampipe.tracking import connection
from tests.support.project import STAGES
from tests.support.repositories import run, tracked_runs


@contextmanager
def unreachable(*, listening: bool) -> Iterator[dict[str, str]]:
    """The variables that name a server which is down; or, if it is listening, takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listening:
            server.listen()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        yield {connection.ADDRESS_VARIABLE: address, environment.TRACKING_PATIENCE: "0.5"}


def forced(repository: Path, *stages: str, variables: dict[str, str] | None = None) -> str:
    """Run these stages, or all, although nothing has changed; what was printed."""
    before = Workspace(repository).lock.read_bytes()
    chosen = ("--single-item", *stages) if stages else ()
    printed = run(repository, "dvc", "repro", "--force", *chosen, variables=variables).stdout
    ran = [line.split("'")[1] for line in printed.splitlines() if line.startswith("Running stage")]
    assert ran == list(stages or STAGES)
    assert Workspace(repository).lock.read_bytes() == before
    return printed


def test_dvc_lock_is_byte_identical_with_tracking_on(repository: Path) -> None:
    before = tracked_runs(repository)
    assert "not recorded" not in forced(repository)
    assert len(tracked_runs(repository)) == len(before) + 1  # the training's own


def test_dvc_lock_is_byte_identical_with_tracking_off_which_imports_no_mlflow(
    repository: Path, tmp_path: Path
) -> None:
    before = tracked_runs(repository)
    forbidden = tmp_path / "forbidden" / "mlflow.py"
    forbidden.parent.mkdir()
    forbidden.write_text("raise AssertionError('mlflow is imported')")
    path = os.pathsep.join([str(forbidden.parent), os.environ.get("PYTHONPATH", "")])
    forced(repository, "train", "evaluate", "plot", variables={environment.TRACKING: "off", "PYTHONPATH": path})
    assert [each.info.run_id for each in tracked_runs(repository)] == [each.info.run_id for each in before]


@pytest.mark.parametrize(
    ("listening", "stages"), [(False, ("train", "evaluate")), (True, ("train", "plot"))], ids=["down", "stuck"]
)
def test_dvc_lock_is_byte_identical_with_tracking_failing_which_costs_a_stage_one_warning(
    repository: Path, listening: bool, stages: tuple[str, ...]
) -> None:
    before = tracked_runs(repository)
    with unreachable(listening=listening) as variables:
        printed = forced(repository, *stages, variables=variables)
    assert printed.count("not recorded further") == len(stages)
    assert [each.info.run_id for each in tracked_runs(repository)] == [each.info.run_id for each in before]
