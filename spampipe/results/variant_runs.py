"""Run the variants of a group as experiments, and keep what they come to."""

import logging
from collections.abc import Sequence
from pathlib import Path

from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.results import batches, variant_figures
from spampipe.results.variants import Group

logger = logging.getLogger(__name__)


def run(workspace: Workspace, group: Group, names: Sequence[str]) -> list[str]:
    """Run variants that are not finished, as `batches.run` does.

    Args:
        workspace: the workspace, whose code counts.
        group: whose variants they are.
        names: of the variants, as `Group.chosen` returns them.

    Returns:
        The experiments that failed.

    Raises:
        DataError: there is no commit to start from, or DVC cannot queue them.
    """
    known = experiments(workspace, group)
    for name in names:
        if minutes := group.estimated_minutes.get(name):
            logger.info("%s: about %g minutes on two cores", name, minutes)
    return batches.run(workspace, {known[name]: group.params[name] for name in names})


def experiments(workspace: Workspace, group: Group) -> dict[str, str]:
    """The name of each variant's experiment: that of the file, the group and the variant, and a digest.

    Args:
        workspace: the workspace, whose code counts.
        group: the variants.

    Raises:
        DataError: there is no commit to start from.
    """
    return {
        name: batches.name_of(workspace, f"{group.file}-{group.name}-{name}", params)
        for name, params in group.params.items()
    }


def keep(workspace: Workspace, group: Group, path: Path, *, record: bool) -> None:
    """Write the figures of all finished variants beside the file, as `variant_figures.keep` does.

    Args:
        workspace: the workspace whose clone has the experiments.
        group: the variants.
        path: the YAML file.
        record: whether MLflow is told, too.

    Raises:
        DataError: results of an experiment cannot be had.
        StoreError: MLflow's store cannot be reached.
    """
    names = experiments(workspace, group)
    finished = batches.finished(workspace, names.values())
    revisions = {name: finished[each] for name, each in names.items() if each in finished}
    if not revisions:
        return
    found = {name: variant_figures.of_revision(workspace, revision) for name, revision in revisions.items()}
    variant_figures.keep(path, group, found, {})
    if record:
        variant_figures.keep(path, group, {}, variant_figures.record(workspace, group, revisions, path))


def fail_if_any(failed: Sequence[str]) -> None:
    """Raise if an experiment failed.

    Args:
        failed: the experiments.

    Raises:
        DataError: there is one.
    """
    if failed:
        raise DataError(
            f"{', '.join(failed)}: failed; `dvc queue logs {failed[0]}` shows why, and the same command tries again"
        )
