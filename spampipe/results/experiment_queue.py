"""DVC's queue of experiments: what stands in it, and the process that works on it, its worker."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from spampipe.core.errors import DataError, one_line
from spampipe.core.workspace import Workspace
from spampipe.results import dvc_command

QUEUED, RUNNING, FAILED, SUCCESS = "Queued", "Running", "Failed", "Success"  # DVC's words
_KILLED = -1  # what DVC notes as the exit status of a process that ended unseen


@dataclass(frozen=True)
class Task:
    """An experiment in the queue.

    Attributes:
        revision: the commit that DVC keeps its settings in, which is its own alone.
        name: the experiment's name; empty if it has none.
        state: QUEUED, RUNNING, FAILED or SUCCESS.
        computing: whether its process is alive. One that is RUNNING without is being set up or collected, or was
            left behind by a worker that was killed.
    """

    revision: str
    name: str
    state: str
    computing: bool


def tasks(workspace: Workspace) -> list[Task]:
    """Everything in the queue: what runs, what waits, then what failed or ended well there.

    Args:
        workspace: the workspace whose clone has the queue.
    """
    from dvc.repo import Repo

    with Repo(str(workspace.root)) as repo:
        queue = repo.experiments.celery_queue
        return [
            Task(task["rev"], task["name"] or "", task["status"], _computes(task, queue.proc.get(task["rev"])))
            for task in queue.status()
        ]


def has_worker(workspace: Workspace) -> bool:
    """Whether a worker answers; one that does not takes a second.

    Args:
        workspace: the workspace whose clone has the queue.
    """
    from dvc.repo import Repo

    with Repo(str(workspace.root)) as repo:
        return bool(repo.experiments.celery_queue.worker_status())


def add(workspace: Workspace, name: str, assignments: Sequence[str]) -> None:
    """Queue an experiment; nothing runs yet, and the workspace stays as it is.

    Args:
        workspace: the workspace, whose settings and uncommitted changes count.
        name: the experiment's name.
        assignments: settings that are changed, such as `train.epochs=1`.

    Raises:
        DataError: DVC cannot.
    """
    options = [word for each in assignments for word in ("-S", each)]
    dvc_command.run("exp", "run", "--queue", "--quiet", "--name", name, *options, folder=workspace.root)


def start(workspace: Workspace) -> None:
    """Have one worker take one experiment after the other; it outlives this process, and ends after the last one.

    Args:
        workspace: the workspace whose clone has the queue.

    Raises:
        DataError: DVC cannot.
    """
    # The worker keeps the streams that it is started with, so that a pipe would stay open.
    dvc_command.run("queue", "start", "--jobs", "1", folder=workspace.root, output=subprocess.DEVNULL)


def give_up(workspace: Workspace, found: Sequence[Task]) -> None:
    """Mark as failed what a worker left behind when it was killed; it stays in the queue, with its log.

    Args:
        workspace: the workspace whose clone has the queue.
        found: RUNNING, none of them computing.

    Raises:
        DataError: DVC cannot.
    """
    if not found:
        return
    with _queue(workspace, found) as queue:
        for task in found:
            if process := queue.proc.get(task.revision):
                process.returncode = _KILLED
                queue.proc[task.revision] = process
        queue.kill([task.revision for task in found], force=True)


def drop(workspace: Workspace, found: Sequence[Task]) -> None:
    """Take tasks out of the queue, also those that a worker left behind when it was killed.

    Args:
        workspace: the workspace whose clone has the queue.
        found: none of them computing.

    Raises:
        DataError: DVC cannot.
    """
    give_up(workspace, [task for task in found if task.state == RUNNING])
    if found:
        with _queue(workspace, found) as queue:
            queue.remove([task.revision for task in found])


@contextmanager
def _queue(workspace: Workspace, found: Sequence[Task]) -> Iterator[Any]:
    """DVC's own queue; what it refuses about the tasks is an error of one line."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with Repo(str(workspace.root)) as repo:
        try:
            yield repo.experiments.celery_queue
        except DvcException as error:
            names = ", ".join(task.name for task in found)
            raise DataError(
                f"{names}: DVC's queue does not give them up ({one_line(error)}); see `dvc queue status`"
            ) from error


def _computes(task: Mapping[str, Any], process: Any) -> bool:
    """Whether a task's process lives, as far as DVC has noted one."""
    import psutil

    if task["status"] != RUNNING or process is None:
        return False
    try:
        return bool(psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
