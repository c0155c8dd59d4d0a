"""What `import spampipe` offers: load a trained classifier, or train one, in one call."""

import base64
import io
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.core.errors import DataError, RepositoryError
from spampipe.core.workspace import LEFTOVER_SPLIT, Workspace
from spampipe.data import balancing, messages, splitting
from spampipe.data import labels as label_sets
from spampipe.data.labels import LabelSet
from spampipe.downloads.fetch import cache_directory
from spampipe.evaluation import metrics, operating_point, reports
from spampipe.evaluation.scored import Evaluation
from spampipe.evaluation.settings import EvaluateParams
from spampipe.inference import prediction
from spampipe.models import bases, encoding
from spampipe.params import Params
from spampipe.training import tables as run_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

_MLFLOW = "models:/"  # how the address of a model in an MLflow store begins; tracking/mlflow_model.py
_SIZE_INCHES, _DOTS_PER_INCH = (5.0, 3.3), 100


def load(source: str | Path = ".", *, threshold: float | None = None, repository: str | Path = ".") -> TextClassifier:
    """Load a trained classifier.

    Args:
        source: the classifier's place: a folder that holds models/classifier.*, as the pipeline's; a DVC experiment
            or any git revision of `repository`; or MLflow's address of a logged or registered model, such as
            `models:/NAME@champion`.
        threshold: the positive label is given from this probability on; None for the classifier's own.
        repository: a folder of the repository that revisions are looked up in, and whose MLflow store is used.

    Raises:
        CheckpointError: a file is missing, damaged, or not the one that the classifier was trained with.
        DataError: `source` is no folder and no revision, or the revision's files cannot be had.
        FetchError: the base model could not be had.
        ParamsError: the threshold is not between 0 and 1, or the classifier has no positive label.
        StoreError: MLflow's store has no such model, or cannot be reached.
    """
    name = str(source)
    if not name.startswith(_MLFLOW) and (isinstance(source, Path) or Path(name).is_dir()):
        return prediction.load(Workspace(Path(name)), threshold=threshold)
    if name.startswith(_MLFLOW):
        from spampipe.tracking import mlflow_model

        workspace = Workspace.containing(Path(repository).resolve()) or Workspace(Path(repository).resolve())
        with tempfile.TemporaryDirectory() as folder:
            return prediction.load(mlflow_model.download(workspace, name, Path(folder)), threshold=threshold)
    from spampipe.results import history

    workspace = _repository(Path(repository).resolve(), name)
    wanted = [Workspace().classifier_card, Workspace().classifier_weights, Workspace().decision]
    with history.files_of(workspace, history.resolve(workspace, name), wanted) as found:
        return prediction.load(found, threshold=threshold)


def train(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    params: Params | str | Path = "params.yaml",
    positive: str | None = None,
) -> "TrainedRun":
    """Fine-tune a classifier on texts of one's own, as the pipeline does, without files or a repository.

    The texts are balanced, split, tokenized and trained on as `params` says, and the classifier is evaluated on the
    part that it was not trained on.

    Args:
        texts: N of them, none empty.
        labels: the N names of their labels; at least two different ones.
        params: the settings, or the file that holds them.
        positive: the label that precision, recall and the threshold are about; None for the second in alphabetical
            order of two labels, and for none of more.

    Raises:
        DataError: there are too few texts, or an empty one, or a label is not usable.
        DivergenceError: training does not converge.
        FetchError: the base model could not be had.
        ParamsError: the settings cannot be used.
    """
    settings = params if isinstance(params, Params) else Params.load(Path(params))
    if len(texts) != len(labels):
        raise DataError(f"{len(texts)} texts but {len(labels)} labels; give one label for each text")
    known = _label_set(labels, positive)
    operating_point.require_positive(settings.evaluate, known)
    tables = _dealt(_table(texts, labels, known), known, settings)
    choice = settings.model.base
    base = bases.cached_base(choice) if choice else Path()
    rows = encoding.tokenize(tables, known, choice, base, settings.tokenize_pad).tables
    splits = {
        split: Split(split, table["Text"].tolist(), table["Label"].to_numpy(), rows[split])
        for split, table in tables.items()
    }
    workspace = Workspace(cache_directory() / "python")  # holds nothing but the frozen layers' output
    kind = catalogue.kind_of(settings.model.name, settings.model.trainable)
    max_length, truncate = splits["train"].max_length, settings.tokenize_pad.truncate
    classifier = kind.create(settings.model, settings.train, known, max_length, workspace, truncate)
    records = classifier.fit(splits["train"], splits["validation"], lambda record: None)
    evaluation = _evaluated(classifier, splits, settings.evaluate)
    return TrainedRun(
        classifier,
        metrics.compute(evaluation),
        run_tables.steps_table(records),
        run_tables.epochs_table(records, settings.train.keep),
        pd.concat([reports.predictions(split, scored, known) for split, scored in evaluation.splits.items()]),
    )


@dataclass(frozen=True)
class TrainedRun:
    """What training has come to. A notebook shows it as its curves and metrics.

    Attributes:
        classifier: the trained classifier.
        metrics: what `dvc metrics show` would show of its evaluation.
        steps: the losses, one row an estimate.
        epochs: the accuracies, and the losses over whole sets, one row an epoch.
        predictions: the label that each text was given, with its split and probability.
    """

    classifier: TextClassifier
    metrics: Mapping[str, float | int | None]
    steps: pd.DataFrame
    epochs: pd.DataFrame
    predictions: pd.DataFrame

    def save(self, folder: str | Path) -> None:
        """Write the classifier to a folder, which `load` reads.

        Args:
            folder: the folder, which is made if it is missing; what lies in its models/ is replaced.
        """
        workspace = Workspace(Path(folder))
        self.classifier.save(workspace)
        found = self.classifier
        decision.save(workspace.decision, Decision(threshold=found.threshold, temperature=found.temperature))

    def curves(self) -> "list[Figure]":
        """The losses and the accuracies against epochs, as matplotlib figures."""
        from spampipe.figures import training

        drawn = (
            (self.steps, "Loss", ("train_loss", "validation_loss")),
            (self.epochs, "Accuracy", ("train_accuracy", "validation_accuracy")),
        )
        return [training.against_epochs(*each, _SIZE_INCHES) for each in drawn if len(each[0])]

    def _repr_html_(self) -> str:
        pictures = []
        for figure in self.curves():
            image = io.BytesIO()
            figure.savefig(image, format="png", dpi=_DOTS_PER_INCH)
            encoded = base64.b64encode(image.getvalue()).decode()
            pictures.append(f'<img src="data:image/png;base64,{encoded}">')
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{'-' if value is None else f'{value:.5g}'}</td></tr>"
            for name, value in self.metrics.items()
        )
        return f"<div>{''.join(pictures)}</div><table>{rows}</table>"


def _repository(folder: Path, name: str) -> Workspace:
    found = Workspace.containing(folder)
    if found is None:
        raise RepositoryError(
            f"{name}: no such folder; and no revision, as {folder} is in no repository of a pipeline"
        )
    return found


def _label_set(names: Sequence[str], positive: str | None) -> LabelSet:
    if len(set(names)) < 2:
        raise DataError(f"labels: {len(set(names))} different ones; a classifier needs two or more")
    try:
        found = label_sets.found_in(set(names))
        return found if positive is None else LabelSet(names=found.names, positive=positive)
    except ValueError as error:
        raise DataError(f"labels: {label_sets.explain(error)}") from error


def _table(texts: Sequence[str], names: Sequence[str], known: LabelSet) -> pd.DataFrame:
    """Columns Label (class indices) and Text."""
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"text {number} of {len(texts)} is empty or not a text: {text!r}; leave it out")
    classes = [known.names.index(name) for name in names]
    return pd.DataFrame({"Label": classes, "Text": list(texts)}).astype(messages.COLUMNS)


def _dealt(table: pd.DataFrame, known: LabelSet, settings: Params) -> dict[str, pd.DataFrame]:
    """The splits, and what balancing left out."""
    balancing.require_enough(table, known, settings.balance.strategy)
    balanced, leftover = balancing.balance(table, settings.balance.strategy, settings.balance.seed)
    return splitting.deal(balanced, known, settings.split) | {LEFTOVER_SPLIT: leftover}


def _evaluated(classifier: TextClassifier, splits: Mapping[str, Split], settings: EvaluateParams) -> Evaluation:
    """What the classifier makes of the splits, once its threshold and temperature are chosen."""
    raw = {name: classifier.probabilities_of(split, settings.batch_size) for name, split in splits.items()}
    known = {name: (split.texts, split.labels) for name, split in splits.items()}
    evaluation, point = operating_point.decided(known, raw, classifier.labels, settings)
    if point.warning:
        logger.warning("%s", point.warning)
    classifier.decide_by(Decision(threshold=point.threshold, temperature=point.temperature))
    return evaluation
