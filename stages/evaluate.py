"""Score all messages with the trained classifier."""

from functools import partial

from spampipe import params
from spampipe.core import command, files, paths
from spampipe.core.workspace import Workspace
from spampipe.data import messages, tokens
from spampipe.evaluation import reports
from spampipe.inference import mlflow_model
from spampipe.models import checkpoint, compute
from spampipe.models.card import load_card
from spampipe.tracking import recording
from spampipe.training import scoring


def main(workspace: Workspace) -> None:
    """Write reports/evaluate/."""
    settings = params.load(workspace.params)
    compute.configure_torch()
    device = compute.chosen_device()
    with recording.resumed_run(settings, "evaluate") as run:
        run.record(partial(mlflow_model.log, threshold=settings.evaluate.threshold))
        card = load_card(workspace.classifier_card)
        model = checkpoint.load(card, device, workspace.classifier_weights, workspace.base)
        predictions = {}
        for name in (*paths.SPLITS, paths.LEFTOVER_SPLIT):
            rows = tokens.load(workspace.split_tokens(name))
            labelled = messages.read(workspace.split_csv(name), rows.label_set)
            found = scoring.class_probabilities(
                model, rows, settings.evaluate.batch_size, card.precision, name, workspace.trunk_store
            )
            probabilities = found[:, card.labels.names.index(str(card.labels.positive))]
            predictions[name] = reports.tabulate(name, labelled, probabilities, settings.evaluate.threshold)
        summary = reports.summarize(predictions)
        files.write_json(paths.EVALUATE_METRICS, summary)
        for path, table in reports.tables(predictions).items():
            files.write_csv(path, table)
        run.log_metrics(summary)
        run.log_files([paths.EVALUATE_REPORTS], "reports/evaluate")


if __name__ == "__main__":
    command.run_stage(main)
