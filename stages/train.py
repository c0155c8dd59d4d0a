"""Fine-tune the base model on the training messages."""

import time
from collections.abc import Callable

from spampipe import params
from spampipe.core import command, files, paths
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.models import checkpoint, compute
from spampipe.tracking import recording
from spampipe.tracking.run import Run
from spampipe.training import distributed, examples, loop, training_log
from spampipe.training.training_log import Record


def main(workspace: Workspace) -> None:
    """Write models/classifier.* and reports/train/."""
    settings = params.load(workspace.params)
    compute.configure_torch()
    device = compute.chosen_device()
    tables = {name: tokens.load(paths.split_tokens(name)) for name in ("train", "validation")}
    loop.require_steps(len(tables["train"]), settings.train)
    with (
        distributed.processes() as first,
        recording.training_run(workspace, settings.recorded(), settings.title, enabled=first) as run,
    ):
        card = checkpoint.describe(settings.model, tables["train"].max_length, settings.train.precision)
        classifier = checkpoint.create(card, settings.train.seed, settings.model.dropout, device)
        splits = {name: examples.prepare(classifier, table, card.precision, name) for name, table in tables.items()}
        listen = teller(run, classifier.training_flops)
        records = loop.fit(classifier, **splits, settings=settings.train, listen=listen)
        if first:  # of several processes, all of which have trained the same model
            checkpoint.save(classifier, card)
            files.write_csv(paths.TRAIN_STEPS, training_log.steps_table(records))
            files.write_csv(paths.TRAIN_EPOCHS, training_log.epochs_table(records))
            files.write_json(paths.TRAIN_METRICS, training_log.summary(records))
            run.identify(workspace.classifier_weights)
            run.log_files([paths.TRAIN_REPORTS], "reports/train")


def teller(run: Run, flops: Callable[[int, int], int]) -> Callable[[Record], None]:
    """What records each pair of figures at its step, and how fast training has been since the one before.

    Args:
        run: told the figures.
        flops: the operations for so many messages and tokens.
    """
    last: tuple[float, Record | None] = (time.monotonic(), None)

    def tell(record: Record) -> None:
        nonlocal last
        (then, before), now = last, time.monotonic()
        last = (now, record)
        examples = record.examples_seen - (before.examples_seen if before else 0)
        tokens = record.tokens_seen - (before.tokens_seen if before else 0)
        work = {"examples": examples, "tokens": tokens, "flops": flops(examples, tokens)}
        rates = {f"train/{name}_per_second": amount / (now - then) for name, amount in work.items() if examples}
        figures = record.metrics()
        if before and before.step == record.step:  # its learning rate is recorded already
            del figures["learning_rate"]
        run.log_metrics(figures | rates, record.step)

    return tell


if __name__ == "__main__":
    command.run_stage(main)
