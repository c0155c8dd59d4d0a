"""Commands that only read wait for no other command and change nothing."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pytest

from spampipe import params
from spampipe.core import files
from spampipe.core.workspace import Workspace
from spampipe.results import comparison, gate, history, lookup, publication, result
from spampipe.tracking.connection import ADDRESS_VARIABLE, EXPERIMENT
from spampipe.tracking.runs import MODEL_TAG
from spampipe.tracking.store import PROCESS_TAG
from tests.support.repositories import environment, run, store_of, tracked_runs

HOLDER = """if True:
    import sys
    from dvc.repo import Repo
    with Repo() as repo, repo.lock:
        print("held", flush=True)
        sys.stdin.read()
"""


@contextmanager
def held_lock(repository: Path) -> Iterator[None]:
    """Another process has DVC's lock of the repository."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=repository,
        env=environment(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        yield
        holder.communicate()


def contents(repository: Path) -> dict[Path, str]:
    """The digest of every file but git's own."""
    found = sorted(path for path in repository.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(repository): files.digest(path) for path in found}


def model_of(repository: Path) -> str:
    return files.digest(Workspace(repository).classifier_weights, "md5")


@pytest.fixture
def workspace(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The repository, whose own store is the one that is used."""
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    return Workspace(repository)


def test_readers_need_no_lock_of_dvcs(workspace: Workspace) -> None:
    run(workspace.root, "dvc", "exp", "save", "--name", "kept")
    expected = lookup.where(workspace, "kept")
    with held_lock(workspace.root):
        assert "Unable to acquire lock" in run(workspace.root, "dvc", "exp", "list", check=False).stderr
        kept = history.resolve(workspace, "kept")
        assert lookup.where(workspace, "kept") == expected
        assert "test messages" in [finding.what for finding in gate.check(workspace, kept)]
        level = params.load(workspace.params).check.significance
        both = result.named(workspace, "kept"), result.in_workspace(workspace)
        assert both[0].settings == both[1].settings
        assert both[0].settings["model.name"] == "gpt2-tiny"  # the repository's, wherever this process is
        assert "## Results beside kept" in comparison.markdown(*both, level)
        assert publication.publish_revision(workspace, kept).title == "kept"


def test_where_without_a_store_says_what_git_and_dvc_know_and_makes_none(repository: Path) -> None:
    run(repository, "dvc", "exp", "save", "--name", "kept")
    commit = run(repository, "git", "rev-parse", "main").stdout.strip()
    experiment = run(repository, "git", "for-each-ref", "--format=%(objectname)", "refs/exps/*/*/kept").stdout.strip()
    (repository / "mlflow.db").unlink()
    before = contents(repository)
    answer = run(repository, "spampipe", "where", "kept")
    assert [line.split("\t") for line in answer.stdout.splitlines()] == [
        ["model", model_of(repository)],
        ["experiment", "kept", experiment],
        ["revision", commit, "HEAD main"],
    ]
    assert answer.stderr == "no run is recorded here yet; `spampipe publish` records results\n"
    assert contents(repository) == before


def test_where_leaves_the_run_of_a_dead_process_as_it_is(workspace: Workspace) -> None:
    repository = workspace.root
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    client = mlflow.MlflowClient(store_of(repository))
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    tags = {PROCESS_TAG: f"{socket.gethostname()} {dead.pid} 0.00", MODEL_TAG: model_of(repository)}
    lost = client.create_run(experiment, run_name="lost", tags=tags).info.run_id
    before = contents(repository)
    assert f"run\t{lost}\tlost\tRUNNING" in lookup.where(workspace, lost).lines()
    assert contents(repository) == before
    publication.publish_workspace(workspace)  # which writes
    assert {each.info.run_id: each.info.status for each in tracked_runs(repository)}[lost] == "KILLED"


def test_where_names_a_store_that_cannot_be_read(repository: Path) -> None:
    damage = "this is no database, but long enough to look like one " * 100
    (repository / "mlflow.db").write_text(damage)
    failed = run(repository, "spampipe", "where", "main", check=False)
    assert failed.returncode == 1
    (line,) = failed.stderr.splitlines()
    assert line.startswith(f"error: {repository}/mlflow.db cannot be used: ")
    assert (repository / "mlflow.db").read_text() == damage
