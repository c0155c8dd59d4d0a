"""Score all messages with the trained classifier."""

from spampipe import params
from spampipe.classifiers import decision
from spampipe.classifiers.decision import Decision
from spampipe.core import command, files, paths
from spampipe.core.workspace import Workspace
from spampipe.data import messages, tokens
from spampipe.evaluation import reports, scoring
from spampipe.models import checkpoint, compute
from spampipe.models.card import load_card
from spampipe.tracking import recording


def main(workspace: Workspace) -> None:
    """Write models/decision.json and reports/evaluate/."""
    settings = params.load(workspace.params)
    compute.configure_torch()
    device = compute.chosen_device()
    decision.save(workspace.decision, Decision(threshold=settings.evaluate.threshold))
    with recording.resumed_run(workspace, settings.recorded(), settings.title, "evaluate") as run:
        run.log_model(workspace)
        card = load_card()
        classifier = checkpoint.load(card, device)
        predictions = {}
        for name in (*paths.SPLITS, paths.LEFTOVER_SPLIT):
            rows, labelled = tokens.load(paths.split_tokens(name)), messages.read(paths.split_csv(name))
            probabilities = scoring.spam_probabilities(
                classifier, rows, settings.evaluate.batch_size, card.precision, name, reuse_trunk=True
            )
            predictions[name] = reports.tabulate(name, labelled, probabilities, settings.evaluate.threshold)
        summary = reports.summarize(predictions)
        files.write_json(paths.EVALUATE_METRICS, summary)
        for path, table in reports.tables(predictions).items():
            files.write_csv(path, table)
        run.log_metrics(summary)
        run.log_files([paths.EVALUATE_REPORTS], "reports/evaluate")


if __name__ == "__main__":
    command.run_stage(main)
