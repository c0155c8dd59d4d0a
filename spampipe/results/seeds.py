"""Run the pipeline with several seeds, as DVC experiments in temporary copies of the repository."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from spampipe import params
from spampipe.core import yaml12
from spampipe.core.errors import ParamsError
from spampipe.core.workspace import Workspace
from spampipe.core.yaml12 import YamlError
from spampipe.results import experiment_runs, history, seed_groups
from spampipe.results.seed_groups import Group

logger = logging.getLogger(__name__)

_TRAIN, _SPLIT = "train.seed", "split.seed"
_FEWEST = 2


def run(workspace: Workspace, count: int, assignments: Sequence[str], *, split: bool = False) -> Group:
    """Run the pipeline with the seeds 1, 2, ..., one after the other; those that are finished are not run again.

    The workspace stays as it is. As with `dvc exp run`, its uncommitted changes are part of the experiments.

    Args:
        workspace: the workspace, whose params.yaml has all other settings.
        count: how many seeds, two or more.
        assignments: settings that are changed, such as `train.epochs=1`.
        split: whether the seed decides the split as well.

    Returns:
        All seeds of the group, those of earlier commands included.

    Raises:
        DataError: a stage fails, or there is no commit to start from.
        ParamsError: a setting cannot be used, or there are too few seeds.
    """
    if count < _FEWEST:
        raise ParamsError(f"seeds {count}: must be {_FEWEST} or more, for one has no spread")
    seeded = (_TRAIN, _SPLIT) if split else (_TRAIN,)
    changes = _changes(assignments, seeded)
    group = group_name(workspace, changes, seeded)
    finished = {revision.experiment for revision in history.experiments(workspace)}
    for seed in range(1, count + 1):
        name = f"{group}-{seed}"
        if name in finished:
            logger.info("%s is there already", name)
            continue
        logger.info("%s: seed %d of %d", name, seed, count)
        experiment_runs.run(workspace, name, [*assignments, *(f"{key}={seed}" for key in seeded)])
    return seed_groups.find(workspace, group)


def group_name(workspace: Workspace, changes: Mapping[str, Any], seeded: Sequence[str]) -> str:
    """The name of the group of seeds that code and settings give: the same for the same.

    Args:
        workspace: the workspace, whose commit, uncommitted changes and settings count.
        changes: settings that are changed, by `section.key`.
        seeded: the settings that are seeds, which do not count.

    Raises:
        DataError: the workspace's repository has no commit.
        ParamsError: a setting cannot be used.
    """
    values = params.load(workspace.params).changed(changes).recorded()
    decisive = {"settings": {name: value for name, value in values.items() if name not in seeded}}
    return seed_groups.PREFIX + experiment_runs.digest(workspace, decisive)


def _changes(assignments: Sequence[str], seeded: Sequence[str]) -> dict[str, Any]:
    """The changed settings by `section.key`.

    Raises:
        ParamsError: a text is no assignment, or is about a seed that the command chooses.
    """
    changes: dict[str, Any] = {}
    for each in assignments:
        key, equals, value = each.partition("=")
        if not equals:
            raise ParamsError(f"-S {each}: must be section.key=value, such as train.epochs=1")
        if key in seeded:
            raise ParamsError(f"-S {each}: `spampipe seeds` chooses {key} itself; leave it out")
        try:
            changes[key] = yaml12.load(value)
        except YamlError as error:
            raise ParamsError(f"-S {each}: the value cannot be read ({error}); quote it") from error
    return changes
