"""Run DVC experiments under names that say what decides their results, so that finished ones are found again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from spampipe.core.errors import DataError
from spampipe.core.git import git_output
from spampipe.core.workspace import Workspace
from spampipe.results import dvc_command
from spampipe.tracking import provenance

_DIGITS = 8


def digest(workspace: Workspace, decisive: Mapping[str, Any]) -> str:
    """Stands for the code that experiments start from, and for what else decides their results.

    Args:
        workspace: the workspace, whose commit and uncommitted changes count.
        decisive: the rest, such as settings, as JSON values; `commit` and `difference` are no names of it.

    Returns:
        Eight hexadecimal digits.

    Raises:
        DataError: the workspace's repository has no commit.
    """
    commit = git_output("rev-parse", "HEAD", folder=workspace.root)
    if not commit:
        raise DataError(f"{workspace.root}: no commit to start experiments from; run `git commit` first")
    text = json.dumps({**decisive, "commit": commit, "difference": provenance.difference(workspace)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def run(workspace: Workspace, name: str, assignments: Sequence[str]) -> None:
    """Run the pipeline as a DVC experiment in a temporary copy of the repository.

    Args:
        workspace: the workspace, which stays as it is.
        name: of the experiment.
        assignments: settings that are changed, such as `train.epochs=1`.

    Raises:
        DataError: a stage fails.
    """
    options = [word for each in assignments for word in ("-S", each)]
    dvc_command.run("exp", "run", "--temp", "--name", name, *options, folder=workspace.root)
