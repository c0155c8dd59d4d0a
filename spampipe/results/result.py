"""One result, read whole: its settings, metrics and predictions, wherever it lies."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from spampipe import params
from spampipe.core import files, settings
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.evaluation import metrics, readers
from spampipe.params import Params
from spampipe.results import baseline, history
from spampipe.results.baseline import Baseline
from spampipe.results.history import Revision
from spampipe.tracking import dvc_lock
from spampipe.training import tables

WORKSPACE = "workspace"  # what DVC calls it, too
_TRAINING = "train: "  # before the names of training's own metrics; both files have a validation_accuracy
# Of the losses: those that results of every version have.
STEP_COLUMNS = {name: tables.STEP_COLUMNS[name] for name in ("step", "examples_seen", "validation_loss")}


@dataclass(frozen=True)
class Result:
    """What a pipeline's run came to.

    Attributes:
        title: what to call it.
        settings: the values of params.yaml by `section.key`.
        metrics: the figures of the evaluation, then those of training with `train: ` before their names.
        predictions: columns reports.PREDICTION_COLUMNS.
        steps: the losses, columns STEP_COLUMNS.
        baseline: what models that cost next to nothing make of the messages.
    """

    title: str
    settings: dict[str, Any]
    metrics: dict[str, float | None]
    predictions: pd.DataFrame
    steps: pd.DataFrame
    baseline: Baseline = field(default_factory=Baseline)


def named(workspace: Workspace, name: str) -> Result:
    """The result of an experiment, a revision or, as `workspace`, the workspace.

    Args:
        workspace: the workspace whose clone has it.
        name: the experiment's name, any name git has for a commit, or `workspace`.

    Raises:
        DataError: there is none of that name, or it has no results.
        ParamsError: the workspace's params.yaml cannot be read.
    """
    if name == WORKSPACE:
        return in_workspace(workspace)
    return of_revision(workspace, history.resolve(workspace, name), name)


def of_revision(workspace: Workspace, revision: Revision, title: str) -> Result:
    """The result of a commit or an experiment.

    Args:
        workspace: the workspace whose clone has it.
        revision: the commit or experiment.
        title: the result's name in texts.

    Raises:
        DataError: it has none, or its files cannot be had.
    """
    names = Workspace()
    wanted = [names.evaluate_metrics, names.train_metrics, names.predictions, names.train_steps]
    wanted += baseline.present(history.outputs_of(workspace, revision.commit))
    with history.files_of(workspace, revision, wanted) as files_of_it:
        return _read(files_of_it, title, _settings(workspace, revision.commit))


def in_workspace(workspace: Workspace) -> Result:
    """The result that lies in the workspace.

    Args:
        workspace: the workspace, which holds params.yaml, dvc.lock and reports/.

    Raises:
        DataError: there is none, or it was made with other settings than params.yaml holds.
        ParamsError: params.yaml cannot be read.
    """
    current = params.load(workspace.params)
    if workspace.lock.exists():
        fail_if_outdated(workspace.lock.read_text(encoding="utf-8"), current)
    return _read(workspace, WORKSPACE, _settings(workspace, None))


def fail_if_outdated(lock_text: str, current: Params) -> None:
    """Fail if results were made with other settings than the current ones.

    Args:
        lock_text: the text of the results' dvc.lock.
        current: the settings that lie beside it.

    Raises:
        DataError: naming a section that differs.
    """
    for section, values in dvc_lock.settings(lock_text).items():
        now = current.model_dump().get(section)
        if isinstance(values, dict) and now is not None and values != now:
            name = Workspace().params
            raise DataError(f"{name}: {section} is not what dvc.lock holds results of; run `dvc repro`")


def better(metric: str) -> str:
    """Which values of a result's metric are better: higher, lower, or neither (empty).

    Args:
        metric: the metric's name, with `train: ` before it if it is one of training.
    """
    return metrics.better(metric.removeprefix(_TRAINING))


def _read(workspace: Workspace, title: str, values: dict[str, Any]) -> Result:
    training = readers.read_metrics(workspace.train_metrics)
    return Result(
        title,
        values,
        readers.read_metrics(workspace.evaluate_metrics) | {_TRAINING + k: v for k, v in training.items()},
        readers.read_predictions(workspace.predictions),
        files.read_csv(workspace.train_steps, STEP_COLUMNS, others=True),
        baseline.read(workspace),
    )


def _settings(workspace: Workspace, commit: str | None) -> dict[str, Any]:
    """A commit's settings as DVC reads them; None: those that lie in the workspace."""
    from dvc.api import params_show
    from dvc.exceptions import DvcException

    name = workspace.name_of(workspace.params)
    try:
        return settings.flat(params_show(name, repo=str(workspace.root), rev=commit))
    except (DvcException, OSError) as error:
        raise DataError(f"{name} of {commit or WORKSPACE}: {error}; run `git status`") from error
