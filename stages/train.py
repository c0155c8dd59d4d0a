"""Train the classifier."""

from spampipe import params
from spampipe.classifiers import catalogue
from spampipe.classifiers.splits import load_split
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.data import labels
from spampipe.models import compute
from spampipe.tracking import recording
from spampipe.training import distributed, tables
from spampipe.training.training_log import TrainingLog


def main(workspace: Workspace) -> None:
    """Write models/classifier.* and reports/train/."""
    settings = params.load(workspace.params)
    compute.configure_torch()
    known = labels.load(workspace.labels)
    train, validation = (load_split(workspace, name, known) for name in ("train", "validation"))
    kind = catalogue.kind_of(settings.model.name, settings.model.trainable)
    kind.require_enough(len(train), settings.train)
    with (
        distributed.processes() as first,
        recording.training_run(workspace, settings.recorded(), settings.title, enabled=first) as run,
    ):
        truncate = settings.tokenize_pad.truncate
        classifier = kind.create(settings.model, settings.train, known, train.max_length, workspace, truncate)
        log = workspace.train_log if first else None  # of several processes, all of which train the same model
        with TrainingLog(
            log, classifier.training_flops, lambda point: run.log_metrics(point.metrics, point.step)
        ) as training:
            records = classifier.fit(train, validation, training.add)
        if first:
            classifier.save(workspace)
            files.write_csv(workspace.train_steps, tables.steps_table(records))
            files.write_csv(workspace.train_epochs, tables.epochs_table(records, settings.train.keep))
            files.write_json(workspace.train_metrics, tables.summary(records, settings.train.keep))
            files.write_json(workspace.parameters, tables.parameters(classifier.parameters()))
            run.identify(workspace.classifier_weights)
            run.log_files([workspace.train_reports], "reports/train")


if __name__ == "__main__":
    command.run_stage(main)
