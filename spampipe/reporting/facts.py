"""What is told of a result, read from the files that the stages wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.decision import Decision
from spampipe.core import files
from spampipe.core.errors import CheckpointError
from spampipe.core.workspace import Workspace
from spampipe.data import labels, leakage
from spampipe.data.labels import LabelSet
from spampipe.evaluation import explanations, readers
from spampipe.evaluation.explanations import Explanation
from spampipe.exams import tables

if TYPE_CHECKING:
    import pandas as pd

Figures = Mapping[str, float | None]  # by name; None for one that is not defined


@dataclass(frozen=True)
class Facts:
    """A result.

    Attributes:
        title: what to call it, in a few words.
        settings: the sections of params.yaml that decide it, by name and key.
        labels: the label set.
        card: the entries of models/classifier.json.
        decision: how probabilities become labels.
        metrics: the figures of the evaluation.
        predictions: the answer to every message, as `reports.predictions` makes them.
        behaviour: how many written cases of each group the model fails, as `tables.behaviour_groups` makes it.
        explanations: why test messages may have been misclassified, by their row in the split.
        baseline_metrics: figures of the models of the baseline, by the model's name.
        baseline_predictions: their answers, by the model's name.
        leakage: as `leakage.count` makes it.
        parameters: `parameters` and `trained_parameters`, None where they are not counted.
        weights_bytes: the size of models/classifier.safetensors.
    """

    title: str
    settings: Mapping[str, Mapping[str, Any]]
    labels: LabelSet
    card: Mapping[str, Any]
    decision: Decision
    metrics: Figures
    predictions: "pd.DataFrame"
    behaviour: "pd.DataFrame"
    explanations: Mapping[int, Explanation]
    baseline_metrics: Mapping[str, Figures]
    baseline_predictions: Mapping[str, "pd.DataFrame"]
    leakage: "pd.DataFrame"
    parameters: Figures
    weights_bytes: int

    @property
    def test(self) -> "pd.DataFrame":
        """The answers to the test messages."""
        return self.predictions[self.predictions["split"] == "test"]


def gather(workspace: Workspace, title: str, settings: Mapping[str, Mapping[str, Any]]) -> Facts:
    """Read what is told of the result in a workspace.

    Args:
        workspace: the workspace, whose stages before `plot` have run.
        title: what to call the result.
        settings: the sections of params.yaml that decide it, by name and key.

    Raises:
        DataError: a report is missing or damaged.
        CheckpointError: a file of the classifier is missing or damaged.
    """
    known = labels.load(workspace.labels)
    beside = readers.read_baseline_metrics(workspace.baseline_metrics)
    return Facts(
        title=title,
        settings=settings,
        labels=known,
        card=catalogue.card_entries(workspace.classifier_card),
        decision=decision.load(workspace.decision),
        metrics=readers.read_metrics(workspace.evaluate_metrics),
        predictions=readers.read_predictions(workspace.predictions, known),
        behaviour=files.read_csv(workspace.behaviour, tables.BEHAVIOUR_COLUMNS),
        explanations=explanations.read(workspace, known),
        baseline_metrics=beside,
        baseline_predictions=readers.read_baseline_predictions(workspace.baseline_predictions, beside),
        leakage=files.read_csv(workspace.leakage, leakage.COLUMNS),
        parameters=readers.read_metrics(workspace.parameters),
        weights_bytes=_size(workspace.classifier_weights),
    )


def _size(path: Path) -> int:
    """Of a file, in bytes."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
