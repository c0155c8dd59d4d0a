"""Score all messages with the trained classifier."""

from spampipe import params
from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.splits import load_split
from spampipe.core import command, files
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.evaluation import metrics, reports
from spampipe.evaluation.scored import Evaluation, judged
from spampipe.models import compute
from spampipe.tracking import recording


def main(workspace: Workspace) -> None:
    """Write models/decision.json and reports/evaluate/."""
    settings = params.load(workspace.params)
    compute.configure_torch()
    threshold = settings.evaluate.threshold
    decision.save(workspace.decision, Decision(threshold=threshold))  # part of the classifier that is loaded
    with recording.resumed_run(workspace, settings.recorded(), settings.title, "evaluate") as run:
        run.log_model(workspace)
        classifier = catalogue.load(workspace)
        known = classifier.labels
        splits = {}
        for name in (*SPLITS, LEFTOVER_SPLIT):
            split = load_split(workspace, name, known)
            found = classifier.probabilities_of(split, settings.evaluate.batch_size)
            splits[name] = judged(name, split.texts, split.labels, found, known, threshold)
        evaluation = Evaluation(known, splits)
        summary = metrics.compute(evaluation)
        files.write_json(workspace.evaluate_metrics, summary)
        for path, table in reports.tables(evaluation, workspace).items():
            files.write_csv(path, table)
        run.log_metrics(summary)
        run.log_files([workspace.evaluate_reports], "reports/evaluate")


if __name__ == "__main__":
    command.run_stage(main)
