"""Where every file of the pipeline lies; nobody else knows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from spampipe.core import environment
from spampipe.core.data_files import LEFTOVER_SPLIT, SPLITS, DataFiles

__all__ = ["LEFTOVER_SPLIT", "SPLITS", "Workspace"]


@dataclass(frozen=True)
class Workspace(DataFiles):
    """A folder that the pipeline runs in, and the repository that it belongs to.

    Attributes:
        root: holds params.yaml, dvc.yaml and all that stages write. An empty path is the current folder, so that
            the properties of `Workspace()` are also the names that dvc.yaml and dvc.lock have for the files.
        shared: the repository whose MLflow store and kept outputs of frozen layers are used; None if it is `root`
            itself. They differ where DVC runs an experiment in a temporary copy of the repository.
    """

    root: Path = Path()
    shared: Path | None = None

    @classmethod
    def here(cls) -> Self:
        """The workspace of a stage, which DVC starts in its top folder."""
        return cls(Path(), environment.dvc_root())

    @classmethod
    def containing(cls, folder: Path) -> Self | None:
        """The workspace that a folder belongs to: the nearest folder, from it upward, that holds a pipeline.

        Args:
            folder: any absolute path.

        Returns:
            None if there is no such folder.
        """
        for candidate in (folder, *folder.parents):
            found = cls(candidate, environment.dvc_root())
            if found.pipeline.exists() and found.params.exists():
                return found
        return None

    def name_of(self, path: Path) -> str:
        """What dvc.yaml, dvc.lock and MLflow call a file of this workspace: its path from `root`, with slashes.

        Args:
            path: a file or folder below `root`.
        """
        return path.relative_to(self.root).as_posix()

    @property
    def params(self) -> Path:
        """The settings."""
        return self.root / "params.yaml"

    @property
    def presets(self) -> Path:
        """The folder of named settings, a YAML file each."""
        return self.root / "presets"

    @property
    def studies(self) -> Path:
        """The folder of studies, a YAML file each, and beside each the folder of its results."""
        return self.root / "studies"

    @property
    def pipeline(self) -> Path:
        """The stages, for DVC."""
        return self.root / "dvc.yaml"

    @property
    def lock(self) -> Path:
        """DVC's record of what each stage read and wrote."""
        return self.root / "dvc.lock"

    @property
    def requirements(self) -> Path:
        """The pinned packages."""
        return self.root / "requirements.lock"

    @property
    def trunk_store(self) -> Path:
        """Where outputs of frozen layers are kept for all stages and experiments; not part of any result."""
        return self._shared / ".spampipe" / "trunk"

    @property
    def fold_store(self) -> Path:
        """Where the answers of finished folds of a cross-validation are kept; not part of any result."""
        return self._shared / ".spampipe" / "folds"

    @property
    def mlflow_store(self) -> Path:
        """The database of the repository's own MLflow store."""
        return self._shared / "mlflow.db"

    @property
    def mlflow_artifacts(self) -> Path:
        """The folder of its artifacts."""
        return self._shared / "mlartifacts"

    @property
    def dvc_temporary(self) -> Path:
        """DVC's folder for temporary files, which git does not see."""
        return self._shared / ".dvc" / "tmp"

    @property
    def base(self) -> Path:
        """The folder of the base model; what lies in it is its family's business."""
        return self.root / "models/base"

    @property
    def classifier_weights(self) -> Path:
        """The trained tensors; its md5 is the name of a result."""
        return self.root / "models/classifier.safetensors"

    @property
    def classifier_card(self) -> Path:
        """What the classifier is."""
        return self.root / "models/classifier.json"

    @property
    def decision(self) -> Path:
        """How the classifier's probabilities become labels."""
        return self.root / "models/decision.json"

    @property
    def train_reports(self) -> Path:
        """The folder of what training reports."""
        return self.root / "reports/train"

    @property
    def train_steps(self) -> Path:
        """Losses, one row an estimate."""
        return self.train_reports / "steps.csv"

    @property
    def train_epochs(self) -> Path:
        """Accuracies, one row an epoch."""
        return self.train_reports / "epochs.csv"

    @property
    def train_metrics(self) -> Path:
        """The last figures of training."""
        return self.train_reports / "metrics.json"

    @property
    def parameters(self) -> Path:
        """How many parameters the classifier has, and how many of them were trained."""
        return self.train_reports / "parameters.json"

    @property
    def train_log(self) -> Path:
        """Every figure of training as it arose, with times and speeds; no output of DVC's."""
        return self.train_reports / "log.jsonl"

    @property
    def evaluate_reports(self) -> Path:
        """The folder of what the evaluation reports."""
        return self.root / "reports/evaluate"

    @property
    def evaluate_metrics(self) -> Path:
        """The figures to compare results by."""
        return self.evaluate_reports / "metrics.json"

    @property
    def split_metrics(self) -> Path:
        """Figures of each split."""
        return self.evaluate_reports / "splits.csv"

    @property
    def predictions(self) -> Path:
        """The answer to every message."""
        return self.evaluate_reports / "predictions.csv"

    @property
    def misclassified(self) -> Path:
        """The wrong ones among them."""
        return self.evaluate_reports / "misclassified.csv"

    @property
    def mistake_words(self) -> Path:
        """What the words of each misclassified test message do to its predicted label."""
        return self.evaluate_reports / "mistake_words.csv"

    @property
    def behaviour(self) -> Path:
        """How many written cases of each group the model fails."""
        return self.evaluate_reports / "behaviour.csv"

    @property
    def mistake_neighbours(self) -> Path:
        """The training messages that are most like each of them."""
        return self.evaluate_reports / "mistake_neighbours.csv"

    @property
    def confusion(self) -> Path:
        """Actual and predicted label of each test message."""
        return self.evaluate_reports / "confusion.csv"

    @property
    def roc(self) -> Path:
        """The receiver operating characteristic on the test messages."""
        return self.evaluate_reports / "roc.csv"

    @property
    def precision_recall(self) -> Path:
        """Precision against recall on the test messages."""
        return self.evaluate_reports / "precision_recall.csv"

    @property
    def baseline_metrics(self) -> Path:
        """Figures of models that cost next to nothing, by the model's name and the metric's."""
        return self.root / "reports/baseline/metrics.json"

    @property
    def baseline_predictions(self) -> Path:
        """The label that each of them gives to every message, side by side."""
        return self.root / "reports/baseline/predictions.csv"

    @property
    def crossvalidation(self) -> Path:
        """The folder of what a cross-validation of the settings reports."""
        return self.root / "reports/crossvalidation"

    @property
    def figures(self) -> Path:
        """The folder of the figures."""
        return self.root / "reports/figures"

    @property
    def report(self) -> Path:
        """The result on one page, for people."""
        return self.root / "reports/report.html"

    @property
    def model_card(self) -> Path:
        """The result as a card of the model, in the form that model hubs show."""
        return self.root / "models/README.md"

    @property
    def _shared(self) -> Path:
        return (self.shared or self.root).resolve()
