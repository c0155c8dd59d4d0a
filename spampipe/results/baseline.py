"""What a result is worth beside models that cost next to nothing, which the baseline stage has scored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from spampipe.core.workspace import Workspace
from spampipe.evaluation import answers, readers, reports

FILES = (Workspace().baseline_metrics, Workspace().baseline_predictions)


@dataclass(frozen=True)
class Baseline:
    """What such models make of a result's messages; nothing in a result of a version that had none.

    Attributes:
        metrics: their figures, by the model's name and the metric's.
        predictions: what each of them answers, by its name; columns split, row, text, label and predicted.
    """

    metrics: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    predictions: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def beside(self, predictions: pd.DataFrame, level: float) -> dict[str, str]:
        """A line for each of them that was trained: how the right answers about test messages differ from its.

        Args:
            predictions: of the result, as `reports.predictions` makes them.
            level: the probability under which a difference counts as beyond chance.

        Returns:
            The lines, by the models' names.
        """
        return {
            model: answers.difference("test", given, predictions).words(model, level)
            for model, given in self.predictions.items()
            if model != reports.MAJORITY
        }


def present(outputs: set[Path]) -> list[Path]:
    """The files that a result has of it: both, or none if it was made by an older version.

    Args:
        outputs: what the result's dvc.lock names, by the paths from a workspace's top.
    """
    return [path for path in FILES if path in outputs]


def read(workspace: Workspace) -> Baseline:
    """The baseline that lies in a workspace, if it has one.

    Args:
        workspace: the workspace, which holds reports/.

    Raises:
        DataError: a file is damaged, or one of the two is missing.
    """
    if not workspace.baseline_metrics.exists():
        return Baseline()
    metrics = readers.read_baseline_metrics(workspace.baseline_metrics)
    return Baseline(metrics, readers.read_baseline_predictions(workspace.baseline_predictions, metrics))
