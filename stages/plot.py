"""Draw the figures of the run, and tell people what it came to."""

from typing import TYPE_CHECKING, Any

from spampipe import figures, params
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.data import labels
from spampipe.data.labels import LabelSet
from spampipe.evaluation import curves, readers, reliability, reports
from spampipe.params import Params
from spampipe.reporting import facts, model_card, page, studies
from spampipe.tracking import provenance, recording
from spampipe.training import tables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def main(workspace: Workspace) -> None:
    """Write reports/figures/, reports/report.html and models/README.md, and record what stands beside the model."""
    settings = params.load(workspace.params)
    with recording.resumed_run(workspace, settings.recorded(), settings.title, "plot") as run:
        size = (settings.plot.width_inches, settings.plot.height_inches)
        known = labels.load(workspace.labels)
        steps = files.read_csv(workspace.train_steps, tables.STEP_COLUMNS)
        epochs = tables.read_epochs(workspace.train_epochs)
        confusion = files.read_csv(workspace.confusion, reports.CONFUSION_COLUMNS)
        curve = files.read_csv(workspace.precision_recall, curves.precision_recall_columns(known))
        drawn = {
            "loss": figures.against_epochs(steps, "Loss", ("train_loss", "validation_loss"), size),
            "accuracy": figures.against_epochs(epochs, "Accuracy", ("train_accuracy", "validation_accuracy"), size),
            "epochs": figures.turning_point(epochs, size),
            "confusion": figures.confusion_matrix(confusion, known, size),
            "precision_recall": figures.precision_recall(curve, size),
        }
        predictions = readers.read_predictions(workspace.predictions, known)
        drawn |= of_probabilities(predictions[predictions["split"] == "test"], known, size)
        for name, figure in drawn.items():
            figures.save(figure, workspace.figures / name, settings.plot.dots_per_inch)
        told = facts.gather(workspace, settings.title, sections_of(settings))
        page.write(told, workspace, studies.of_dataset(workspace.studies, settings))
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


def of_probabilities(test: "pd.DataFrame", known: LabelSet, size: tuple[float, float]) -> "dict[str, Figure]":
    """The figures of what the model finds probable of the test messages, by name."""
    asked = "the message's own label" if known.positive is None else known.positive
    said = "the predicted label" if known.positive is None else known.positive
    shares, bins = reports.probabilities(test, known), reliability.of_predictions(test, known)
    return {
        "probabilities": figures.probabilities(shares, f"Probability of {asked}", size),
        "reliability": figures.reliability(bins, f"Probability of {said}, mean of each bin", size),
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
