"""Fine-tune the base model on the training messages."""

from functools import partial

from spampipe import params
from spampipe.core import command, files, paths
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.models import checkpoint, compute
from spampipe.tracking import recording
from spampipe.training import distributed, examples, loop, training_log


def main(workspace: Workspace) -> None:
    """Write models/classifier.* and reports/train/."""
    settings = params.load(workspace.params)
    compute.configure_torch()
    device = compute.chosen_device()
    tables = {name: tokens.load(paths.split_tokens(name)) for name in ("train", "validation")}
    loop.require_steps(len(tables["train"]), settings.train)
    with distributed.processes() as first, recording.training_run(settings, record=first) as run:
        card = checkpoint.describe(settings.model, tables["train"].max_length, settings.train.precision)
        classifier = checkpoint.create(card, settings.train.seed, settings.model.dropout, device)
        splits = {name: examples.prepare(classifier, table, card.precision, name) for name, table in tables.items()}
        listen = partial(run.log_record, flops=classifier.training_flops)
        records = loop.fit(classifier, **splits, settings=settings.train, listen=listen)
        if first:  # of several processes, all of which have trained the same model
            checkpoint.save(classifier, card)
            files.write_csv(paths.TRAIN_STEPS, training_log.steps_table(records))
            files.write_csv(paths.TRAIN_EPOCHS, training_log.epochs_table(records))
            files.write_json(paths.TRAIN_METRICS, training_log.summary(records))
            run.identify()
            run.log_files([paths.TRAIN_REPORTS], "reports/train")


if __name__ == "__main__":
    command.run_stage(main)
