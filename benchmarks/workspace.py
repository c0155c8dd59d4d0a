"""Temporary copies of the repository in which benchmarks run the pipeline; the workspace stays as it is."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from spampipe.core import yaml12
from spampipe.core.workspace import Workspace

Changes = Mapping[str, Mapping[str, Any]]


def stages() -> tuple[str, ...]:
    """The names of the stages' modules in `stages/`, in the order of dvc.yaml, which is the one they run in."""
    pipeline = yaml12.load(Workspace().pipeline.read_text(encoding="utf-8"))
    return tuple(stage["cmd"].removeprefix("python -m stages.") for stage in pipeline["stages"].values())


@contextmanager
def copy(changes: Changes) -> Iterator[Path]:
    """A temporary folder with the project's files as they are now, these settings changed, and nothing cached.

    Args:
        changes: section, key and new value of settings in params.yaml.
    """
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split("\0")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in filter(os.path.isfile, names):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(name, folder / name)
        change_params(folder, changes)
        yield folder


def change_params(folder: Path, changes: Changes) -> None:
    """Change settings in the params.yaml of a copy."""
    path = Workspace(folder).params
    settings = yaml12.load(path.read_text(encoding="utf-8"))
    for section, values in changes.items():
        settings[section] |= values
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")


def commit(folder: Path) -> None:
    """Make a git repository of a copy: DVC's experiments start from a commit."""
    git = ("git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost", "-c", "commit.gpgsign=false")
    for arguments in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "copy")):
        subprocess.run([*git, *arguments], cwd=folder, check=True)


def run(folder: Path, module: str, *arguments: str, variables: Mapping[str, str] | None = None) -> float:
    """Run a Python module in a copy; its wall time in seconds, from the start of the process to its end."""
    start = time.perf_counter()
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=folder, env=environment(variables or {}), check=True)
    return time.perf_counter() - start


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's variables, without those that would lead a copy to the workspace's own runs and store."""
    leading = ("DVC_", "MLFLOW_", "SPAMPIPE_TRACKING", "SPAMPIPE_TRUNK")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(leading)}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"  # DVC calls `python`
    return {**kept, **variables}
