"""Draw the figures of the run."""

from spampipe import figures, params
from spampipe.core import command, files, paths
from spampipe.core.workspace import Workspace
from spampipe.evaluation import metrics, reports
from spampipe.tracking import recording
from spampipe.training import training_log


def main(workspace: Workspace) -> None:
    """Write reports/figures/."""
    settings = params.load(workspace.params)
    with recording.resumed_run(workspace, settings.recorded(), settings.title, "plot") as run:
        size = (settings.plot.width_inches, settings.plot.height_inches)
        steps = files.read_csv(paths.TRAIN_STEPS, training_log.STEP_COLUMNS)
        epochs = files.read_csv(paths.TRAIN_EPOCHS, training_log.EPOCH_COLUMNS)
        confusion = files.read_csv(paths.CONFUSION, reports.CONFUSION_COLUMNS)
        curve = files.read_csv(paths.PRECISION_RECALL, metrics.PRECISION_RECALL_COLUMNS)
        drawn = {
            "loss": figures.against_epochs(steps, "Loss", ("train_loss", "validation_loss"), size),
            "accuracy": figures.against_epochs(epochs, "Accuracy", ("train_accuracy", "validation_accuracy"), size),
            "confusion": figures.confusion_matrix(confusion, size),
            "precision_recall": figures.precision_recall(curve, size),
        }
        for name, figure in drawn.items():
            figures.save(figure, paths.FIGURES / name, settings.plot.dots_per_inch)
        run.log_files([paths.FIGURES], "reports/figures")


if __name__ == "__main__":
    command.run_stage(main)
