"""What a base model knows of the labels before any fine-tuning, as an experiment of DVC's like any other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spampipe import params
from spampipe.core import settings
from spampipe.core.errors import ParamsError
from spampipe.core.workspace import Workspace
from spampipe.evaluation import readers
from spampipe.results import dvc_command, history


@dataclass(frozen=True)
class Asked:
    """An experiment with a prompt.

    Attributes:
        name: the experiment's name.
        metrics: the figures of its evaluation by name.
    """

    name: str
    metrics: dict[str, float | None]


def ask(workspace: Workspace, changes: Mapping[str, Any]) -> Asked:
    """Run the pipeline with `model.trainable: prompt`; what it leaves lies in the workspace, as with `dvc exp run`.

    Args:
        workspace: the workspace, whose params.yaml has all other settings.
        changes: settings that are changed, by `section.key`; a template's path begins at the workspace's top.

    Raises:
        DataError: a stage fails.
        ParamsError: a setting cannot be used, or there is no such template.
    """
    wanted = {"model.trainable": "prompt", "model.causal": True, **changes}
    asked = params.load(workspace.params).changed(wanted)
    if not (workspace.root / asked.model.prompt_template).is_file():
        raise ParamsError(f"{asked.model.prompt_template}: no such file; model.prompt_template names the question's")
    before = {revision.experiment for revision in history.experiments(workspace)}
    options = [word for name, value in wanted.items() for word in ("-S", f"{name}={settings.written(value)}")]
    dvc_command.run("exp", "run", *options, folder=workspace.root)
    names = [found.experiment for found in history.experiments(workspace) if found.experiment not in before]
    return Asked(names[-1] if names else "", readers.read_metrics(workspace.evaluate_metrics))
