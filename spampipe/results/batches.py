"""Run the pipeline with several sets of settings through DVC's queue; what is finished is not run again."""

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence

from spampipe import params, presets
from spampipe.core import settings, yaml12
from spampipe.core.errors import DataError
from spampipe.core.git import git_output
from spampipe.core.workspace import Workspace
from spampipe.params import Params
from spampipe.results import experiment_queue, history
from spampipe.results.experiment_queue import QUEUED, RUNNING, Task
from spampipe.results.history import Revision

logger = logging.getLogger(__name__)

_DIGITS = 8  # of the digest in an experiment's name
_SECONDS = 2.0  # between two looks at the queue
_PATIENCE = 5  # looks at a queue in which nothing computes, before its worker is asked whether it lives


def name_of(workspace: Workspace, beginning: str, wanted: Params) -> str:
    """The name of the experiment that settings and code give: the same for the same, whatever else was committed.

    Args:
        workspace: the workspace; of its files, those that the stages depend on count, with their uncommitted changes.
        beginning: what the name begins with.
        wanted: the settings.

    Raises:
        DataError: the workspace's repository has no commit.
    """
    stages = yaml12.load(workspace.pipeline.read_text(encoding="utf-8")).get("stages", {}).values()
    read = sorted({name for stage in stages for name in stage.get("deps", []) if not name.startswith("${")})
    named = [wanted.download.dataset, wanted.balance.corrections, wanted.model.prompt_template]
    files = [workspace.name_of(workspace.pipeline), *read, *named]
    committed = git_output("ls-tree", "-r", "HEAD", "--", *files, folder=workspace.root)
    if committed is None:
        raise DataError(f"{workspace.root}: no commit to start experiments from; run `git commit` first")
    changed = git_output("diff", "HEAD", "--", *files, folder=workspace.root)
    decisive = json.dumps([committed, changed, wanted.recorded()], sort_keys=True)
    return f"{beginning}-{hashlib.sha256(decisive.encode()).hexdigest()[:_DIGITS]}"


def finished(workspace: Workspace, names: Iterable[str]) -> dict[str, Revision]:
    """Those experiments that have results, by name.

    Args:
        workspace: the workspace whose clone has them.
        names: of experiments.
    """
    known = {revision.experiment: revision for revision in history.experiments(workspace)}
    return {name: known[name] for name in names if name in known}


def run(workspace: Workspace, wanted: Mapping[str, Params]) -> list[str]:
    """Queue the experiments that are not finished, and wait for them.

    They run one after the other in temporary copies: the workspace stays as it is. One that fails does not stop the
    others. DVC's worker goes on if this process ends; a later call waits for what still runs, and queues again what
    failed or was left behind. What others have queued runs as well.

    Args:
        workspace: the workspace, whose uncommitted changes are part of the experiments.
        wanted: settings by the experiment's name, as `name_of` makes it.

    Returns:
        The names of those that failed.

    Raises:
        DataError: DVC cannot queue them.
    """
    there = finished(workspace, wanted)
    for name in there:
        logger.info("%s is there already", name)
    missing = [name for name in wanted if name not in there]
    if not missing:
        return []
    known = [task for task in experiment_queue.tasks(workspace) if task.name in missing]
    working = experiment_queue.has_worker(workspace)
    alive = [
        task for task in known if task.state == QUEUED or (task.state == RUNNING and (working or task.computing))
    ]
    experiment_queue.drop(workspace, [task for task in known if task not in alive])
    now = params.load(workspace.params)
    for name in missing:
        if name not in {task.name for task in alive}:
            experiment_queue.add(workspace, name, assignments(now, wanted[name]))
    experiment_queue.start(workspace)
    others = sum(task.state == QUEUED and task.name not in missing for task in experiment_queue.tasks(workspace))
    if others:
        logger.info("%d more in DVC's queue run as well", others)
    try:
        return _followed(workspace, missing)
    except KeyboardInterrupt:
        logger.info("DVC's queue goes on by itself; `dvc queue stop --kill` ends it")
        raise


def assignments(before: Params, after: Params) -> list[str]:
    """The settings that differ, as `dvc exp run -S` takes them.

    Args:
        before: the settings that are changed.
        after: what they become.
    """
    changed = settings.changed(before.recorded(), after.recorded())
    return presets.assignments({name: (None, value) for name, value in changed.items()})


def _followed(workspace: Workspace, names: Sequence[str]) -> list[str]:
    """Wait until none of the experiments stands in the queue; the names of those that failed."""
    failed: list[str] = []
    waiting, began, quiet = list(names), set[str](), 0
    while waiting:
        ours = _by_name(experiment_queue.tasks(workspace), waiting)
        done = [name for name in waiting if name not in ours or ours[name].state not in (QUEUED, RUNNING)]
        there = finished(workspace, done)
        for name in waiting:
            if name in ours and ours[name].state == RUNNING and name not in began:
                began.add(name)
                logger.info("%s runs, %d of %d", name, names.index(name) + 1, len(names))
        quiet = 0 if any(task.computing for task in ours.values()) else quiet + 1
        if quiet < _PATIENCE:  # a task is in no list for a moment, where one worker's step ends and the next begins
            done = [name for name in done if name in there or name in ours]
        for name in done:
            logger.info("%s %s", name, "is finished" if name in there else "failed")
            waiting.remove(name)
        failed += [name for name in done if name not in there]
        experiment_queue.drop(workspace, [ours[name] for name in done if name in there and name in ours])
        if quiet >= _PATIENCE and waiting:
            quiet = 0
            _revive(workspace, waiting)
        if waiting:
            time.sleep(_SECONDS)
    return failed


def _revive(workspace: Workspace, names: Sequence[str]) -> None:
    """Where no worker lives, mark what it left behind as failed, and start another one for the rest."""
    if experiment_queue.has_worker(workspace):
        return
    found = [task for task in experiment_queue.tasks(workspace) if task.name in names]
    experiment_queue.give_up(workspace, [task for task in found if task.state == RUNNING and not task.computing])
    experiment_queue.start(workspace)


def _by_name(found: Iterable[Task], names: Sequence[str]) -> dict[str, Task]:
    """The task of each name; of several, the one that is alive, which DVC lists first."""
    tasks: dict[str, Task] = {}
    for task in found:
        if task.name in names:
            tasks.setdefault(task.name, task)
    return tasks
