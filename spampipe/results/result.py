"""One result, read whole: its settings, metrics and predictions, wherever it lies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from spampipe import params
from spampipe.core import files, paths, settings
from spampipe.core.errors import DataError
from spampipe.params import Params
from spampipe.results import gate, history
from spampipe.results.history import Revision
from spampipe.tracking import provenance
from spampipe.training import training_log

WORKSPACE = "workspace"  # what DVC calls it, too
_TRAINING = "train: "  # before the names of training's own metrics; both files have a validation_accuracy
# Of the losses: those that results of every version have.
STEP_COLUMNS = {name: training_log.STEP_COLUMNS[name] for name in ("step", "examples_seen", "validation_loss")}
_HIGHER, _LOWER = ("accuracy", "precision", "recall", "f1"), ("loss", "false_positive", "false_negative")


@dataclass(frozen=True)
class Result:
    """What a pipeline's run came to.

    Attributes:
        title: what to call it.
        settings: the values of params.yaml by `section.key`.
        metrics: the figures of the evaluation, then those of training with `train: ` before their names.
        predictions: columns reports.PREDICTION_COLUMNS.
        steps: the losses, columns STEP_COLUMNS.
    """

    title: str
    settings: dict[str, Any]
    metrics: dict[str, float | None]
    predictions: pd.DataFrame
    steps: pd.DataFrame


def named(name: str) -> Result:
    """The result of an experiment, a revision or, as `workspace`, the workspace.

    Raises:
        DataError: there is none of that name, or it has no results.
        ParamsError: the workspace's params.yaml cannot be read.
    """
    return workspace() if name == WORKSPACE else of(history.resolve(name), name)


def of(revision: Revision, title: str) -> Result:
    """The result of a commit or an experiment.

    Raises:
        DataError: it has none, or its files cannot be had.
    """
    wanted = [paths.EVALUATE_METRICS, paths.TRAIN_METRICS, paths.PREDICTIONS, paths.TRAIN_STEPS]
    with history.files_of(revision, wanted) as folder:
        return _read(folder, title, _settings(revision.commit))


def workspace() -> Result:
    """The result that lies in the workspace.

    Raises:
        DataError: there is none, or it was made with other settings than params.yaml holds.
        ParamsError: params.yaml cannot be read.
    """
    current = params.load()
    if paths.LOCK.exists():
        require_current(paths.LOCK.read_text(encoding="utf-8"), current, paths.PARAMS)
    return _read(Path(), WORKSPACE, _settings(None))


def require_current(lock: str, current: Params, path: Path) -> None:
    """Insist that results were made with the current settings.

    Args:
        lock: the text of their dvc.lock.
        current: the current ones.
        path: of the file that holds them, for the error.

    Raises:
        DataError: naming a section that differs.
    """
    for section, values in provenance.locked_params(lock).items():
        now = current.model_dump().get(section)
        if isinstance(values, dict) and now is not None and values != now:
            raise DataError(f"{path}: {section} is not what dvc.lock holds results of; run `dvc repro`")


def better(metric: str) -> str:
    """Which values of a metric are better: higher, lower, or neither (empty)."""
    if any(part in metric for part in _LOWER):
        return "lower"
    return "higher" if any(part in metric for part in _HIGHER) else ""


def _read(folder: Path, title: str, values: dict[str, Any]) -> Result:
    training = gate.read_metrics(folder / paths.TRAIN_METRICS)
    return Result(
        title,
        values,
        gate.read_metrics(folder / paths.EVALUATE_METRICS) | {_TRAINING + k: v for k, v in training.items()},
        gate.read_predictions(folder),
        files.read_csv(folder / paths.TRAIN_STEPS, STEP_COLUMNS, others=True),
    )


def _settings(commit: str | None) -> dict[str, Any]:
    """As DVC reads them; None: those of the workspace."""
    from dvc.api import params_show
    from dvc.exceptions import DvcException

    try:
        return settings.flat(params_show(str(paths.PARAMS), rev=commit))
    except (DvcException, OSError) as error:
        raise DataError(f"{paths.PARAMS} of {commit or WORKSPACE}: {error}; run `git status`") from error
