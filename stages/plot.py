"""Draw the figures of the run, and tell people what it came to."""

from typing import TYPE_CHECKING, Any

from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.data import labels
from spampipe.data.labels import LabelSet
from spampipe.evaluation import curves, readers, reliability, reports
from spampipe.figures import answers, drawing, training
from spampipe.params import Params
from spampipe.reporting import facts, model_card, page, studies
from spampipe.tracking import provenance, recording
from spampipe.training import tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def main(workspace: Workspace) -> None:
    """Write reports/figures/, reports/report.html and models/README.md, and record what stands beside the model."""
    settings = params.load(workspace.params)
    with recording.resumed_run(workspace, settings.recorded(), settings.title, "plot") as run:
        size = (settings.plot.width_inches, settings.plot.height_inches)
        known = labels.load(workspace.labels)
        for name, figure in (of_training(workspace, size) | of_answers(workspace, known, size)).items():
            drawing.save(figure, workspace.figures / name, settings.plot.dots_per_inch)
        told = facts.gather(workspace, settings.title, sections_of(settings))
        page.write(told, workspace, studies.of_dataset(workspace.studies, settings.download.dataset))
        model_card.write(told, workspace)
        run.log_files([workspace.figures], "reports/figures")
        run.log_files([workspace.report], "reports")
        run.log_files([workspace.model_card], "models")
        corrected = provenance.corrections(workspace, settings.balance.corrections)
        run.log_files(corrected, provenance.CORRECTIONS_FOLDER)
        run.log_metrics(readers.read_metrics(workspace.leakage_metrics))
        run.log_files([workspace.leakage, workspace.leakage_metrics], "reports/split")
        run.log_metrics(readers.baseline_for_tracker(workspace.baseline_metrics))
        run.log_files([workspace.baseline_metrics, workspace.baseline_predictions], "reports/baseline")


def of_training(workspace: Workspace, size: tuple[float, float]) -> "dict[str, Figure]":
    """The figures of the training, by name."""
    steps = files.read_csv(workspace.train_steps, tables.STEP_COLUMNS)
    epochs = tables.read_epochs(workspace.train_epochs)
    return {
        "loss": training.against_epochs(steps, "Loss", ("train_loss", "validation_loss"), size),
        "accuracy": training.against_epochs(epochs, "Accuracy", ("train_accuracy", "validation_accuracy"), size),
        "epochs": training.turning_point(epochs, size),
    }


def of_answers(workspace: Workspace, known: LabelSet, size: tuple[float, float]) -> "dict[str, Figure]":
    """The figures of what the model says of the test messages, by name."""
    confusion = files.read_csv(workspace.confusion, reports.CONFUSION_COLUMNS)
    curve = files.read_csv(workspace.precision_recall, curves.precision_recall_columns(known))
    predictions = readers.read_predictions(workspace.predictions, known)
    test = predictions[predictions["split"] == "test"]
    asked = "the message's own label" if known.positive is None else known.positive
    said = "the predicted label" if known.positive is None else known.positive
    shares, bins = reports.probabilities(test, known), reliability.of_predictions(test, known)
    return {
        "confusion": answers.confusion_matrix(confusion, known, size),
        "precision_recall": answers.precision_recall(curve, size),
        "probabilities": answers.probabilities(shares, f"Probability of {asked}", size),
        "reliability": answers.reliability(bins, f"Probability of {said}, mean of each bin", size),
    }


def sections_of(settings: Params) -> dict[str, dict[str, Any]]:
    """The settings that decide the result, which the report shows, by section."""
    sections = {
        "download": settings.download,
        "balance": settings.balance,
        "split": settings.split,
        "tokenize_pad": settings.tokenize_pad,
        "model": settings.model,
        "train": settings.train,
        "evaluate": settings.evaluate,
    }
    return {name: section.model_dump(mode="json") for name, section in sections.items()}


if __name__ == "__main__":
    command.run_stage(main)
