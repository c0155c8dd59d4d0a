"""Real git and DVC repositories of the pipeline, with a tiny model and few messages."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
import yaml
from mlflow.entities import Run

from spampipe.data.catalogue import DATASETS
from spampipe.tracking.connection import EXPERIMENT
from tests.support import warm
from tests.support.project import ROOT

_COPIED = (
    *("stages", "spampipe", "prompts", "exams", "studies", "dvc.yaml", "examples", "data/corrections.csv", *DATASETS),
    *(".dvcignore", ".gitignore", "requirements.lock"),
)
_ARTIFACT_FOLDERS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
)
_CHANGES = {
    "download": {"dataset": "own.tsv", "labels": ["ham", "spam"]},
    "model": {"name": "gpt2-tiny", "weights": "random"},
    "train": {"epochs": 2, "eval_every_steps": 4, "learning_rate": 0.003},
    "check": {"minimum": {"test_accuracy": 0.9}, "maximum": {"leftover_false_positive_rate": 0.5}},
}


def run(
    repository: Path, *command: str, check: bool = True, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command with this interpreter's programs first on the path, and no settings of the user's.

    Args:
        repository: where it runs.
        command: the program and its arguments.
        check: whether the test fails if the command does.
        variables: more of the environment.
    """
    finished = subprocess.run(
        command, cwd=repository, env=environment(variables), capture_output=True, text=True, check=False
    )
    if check and finished.returncode != 0:
        pytest.fail(f"{' '.join(command)}\n{finished.stdout}\n{finished.stderr}")
    return finished


def environment(variables: dict[str, str] | None = None) -> dict[str, str]:
    """What commands of a test see: this interpreter's programs, and no settings of the user's."""
    others = ("DVC_", "MLFLOW_", "SPAMPIPE_SCREENSHOTS")  # the last are the tests' own, and unknown to the commands
    found = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    programs = [found[warm.PROGRAMS]] if warm.PROGRAMS in found else []
    found["PATH"] = os.pathsep.join([*programs, str(Path(sys.executable).parent), found["PATH"]])
    found["SPAMPIPE_TRACKING_PATIENCE"] = "120"  # tests wait for their servers, however busy the machine is
    found |= {"DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return found | (variables or {})


def own_messages() -> str:
    """Two easily told classes, with repeated texts among them."""
    ham = [f"ham\tsee you at {n % 12} for lunch, {n % 7} of us" for n in range(110)]
    spam = [f"spam\tWIN {n}000 pounds now, text {n % 9} to claim your prize" for n in range(60)]
    return "\n".join([*ham, *spam]) + "\n"


def three_classes() -> str:
    """Three easily told classes of different sizes, which stand in no order."""
    texts = {"yes": "that is right, see you at", "no": "I can not come at", "perhaps": "let me ask them about"}
    counts = {"yes": 60, "no": 90, "perhaps": 40}
    lines = [(number, f"{label}\t{texts[label]} {number}") for label in texts for number in range(counts[label])]
    return "".join(f"{line}\n" for _, line in sorted(lines))


def build(repository: Path) -> None:
    """Make a repository at this path, run its pipeline and commit."""
    repository.mkdir(parents=True)
    for name in _COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (repository / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, repository / name)
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, values in _CHANGES.items():
        settings[section] |= values
    (repository / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    (repository / "own.tsv").write_text(own_messages())
    run(repository, "git", "init", "-q", "-b", "main")
    identify(repository)
    run(repository, "dvc", "init", "-q")
    shutil.copyfile(ROOT / ".dvc" / "config", repository / ".dvc" / "config")
    shutil.copytree(ROOT / ".dvc" / "plots", repository / ".dvc" / "plots")
    run(repository, "git", "add", "-A")
    run(repository, "git", "commit", "-qm", "code")
    run(repository, "dvc", "repro")
    run(repository, "git", "add", "-A")
    run(repository, "git", "commit", "-qm", "baseline")


def copied(original: Path, place: Path) -> Path:
    """Copy a repository to `place`, with runs whose artifacts are its own: the store has absolute paths of them."""
    shutil.copytree(original, place, symlinks=True)
    store = place / "mlflow.db"
    if store.exists():
        with closing(sqlite3.connect(store)) as database, database:
            for table, column in _ARTIFACT_FOLDERS:
                change = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"  # noqa: S608 - names from above
                database.execute(change, (f"{original}/", f"{place}/"))
    return place


def identify(repository: Path) -> None:
    """Give a clone an author for its commits."""
    run(repository, "git", "config", "user.name", "tester")
    run(repository, "git", "config", "user.email", "tester@example.org")


def change(repository: Path, section: str, **values: object) -> None:
    """Rewrite settings of one section of params.yaml."""
    path = repository / "params.yaml"
    settings = yaml.safe_load(path.read_text())
    settings[section] |= values
    path.write_text(yaml.safe_dump(settings, sort_keys=False))


def tracked_runs(repository: Path, store: str | None = None) -> list[Run]:
    """All runs of a store, by default the repository's own, the oldest first."""
    client = mlflow.MlflowClient(store or store_of(repository))
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], order_by=["start_time ASC"]))


def store_of(repository: Path) -> str:
    """The address of the repository's own MLflow store."""
    return f"sqlite:///{repository / 'mlflow.db'}"
