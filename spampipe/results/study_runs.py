"""What MLflow holds of a cross-validation: a run with the answers, metrics and costs of every contender."""

import hashlib
import time
from pathlib import Path

from spampipe.core import files
from spampipe.core.git import git_output
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import outputs
from spampipe.crossvalidation.contenders import Study
from spampipe.tracking import provenance
from spampipe.tracking.recorded_runs import Point
from spampipe.tracking.store import Store

STUDY_TAG = "spampipe.study"  # the study's name
ANSWERS_TAG = "spampipe.study_answers"  # stands for the answers of all contenders
FOLDER = "study"  # of the run's files


def record(workspace: Workspace, study: Study, folder: Path) -> str:
    """Record what lies in the folder of a cross-validation; nothing if a run has the same answers.

    Args:
        workspace: the workspace whose repository has the store, if the user names no other.
        study: the contenders.
        folder: that `outputs.write` and `outputs.judge` wrote to.

    Returns:
        The id of the run.

    Raises:
        DataError: a file of the folder is damaged.
        StoreError: the store cannot be reached.
    """
    store, answers = Store.open(workspace), _digest(folder)
    known = [run for run in store.runs_tagged(STUDY_TAG, study.name) if run.tags.get(ANSWERS_TAG) == answers]
    if known:
        return known[0].run_id
    tags = {STUDY_TAG: study.name, ANSWERS_TAG: answers}
    if commit := git_output("rev-parse", "HEAD", folder=workspace.root):
        tags[provenance.COMMIT_TAG] = commit
    run_id = store.create_run(f"study {study.name}", tags, study.common.recorded())
    store.log_metrics(run_id, _points(folder))
    store.log_file(run_id, folder, FOLDER)
    store.end_run(run_id, "FINISHED")
    return run_id


def _points(folder: Path) -> list[Point]:
    """The metrics and costs of every contender, as `CONTENDER/METRIC`; MLflow takes no plus sign."""
    now = time.time()
    found = {
        f"{contender}/{name}": figure["value"]
        for contender, figures in outputs.read_json(folder / outputs.METRICS).items()
        for name, figure in figures.items()
    }
    for contender, figures in outputs.read_json(folder / outputs.COSTS).items():
        found |= {f"{contender}/{name}": value for name, value in figures.items()}
    return [Point(name.replace("+", " and "), value, now, 0) for name, value in found.items() if value is not None]


def _digest(folder: Path) -> str:
    """Stands for the answers of all contenders."""
    named = [f"{path.name} {files.digest(path, 'md5')}" for path in sorted(folder.glob("*.csv"))]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()
