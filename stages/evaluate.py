"""Score all messages with the trained classifier."""

import logging
from functools import partial
from typing import TYPE_CHECKING

from spampipe import params
from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.decision import UNDECIDED, Decision
from spampipe.classifiers.splits import load_split
from spampipe.classifiers.text_classifier import TextClassifier
from spampipe.core import command, files, section
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.evaluation import explanations, metrics, operating_point, reports
from spampipe.exams import behaviour, behaviour_cases, tables
from spampipe.exams.behaviour_cases import BehaviourCases
from spampipe.models import compute
from spampipe.tracking import recording

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


def main(workspace: Workspace) -> None:
    """Write models/decision.json and reports/evaluate/."""
    settings = params.load(workspace.params)
    compute.configure_torch()
    with recording.resumed_run(workspace, settings.recorded(), settings.title, "evaluate") as run:
        classifier = catalogue.load(workspace, decided=UNDECIDED)
        known = classifier.labels
        operating_point.require_positive(settings.evaluate, known)
        splits = {name: load_split(workspace, name, known) for name in (*SPLITS, LEFTOVER_SPLIT)}
        raw = {
            name: classifier.probabilities_of(split, settings.evaluate.batch_size) for name, split in splits.items()
        }
        messages = {name: (split.texts, split.labels) for name, split in splits.items()}
        evaluation, point = operating_point.decided(messages, raw, known, settings.evaluate)
        if point.warning:
            logger.warning("%s", point.warning)
        chosen = Decision(threshold=point.threshold, temperature=point.temperature)
        decision.save(workspace.decision, chosen)
        classifier.decide_by(chosen)
        run.log_model(workspace)
        summary = metrics.compute(evaluation)
        files.write_json(workspace.evaluate_metrics, summary)
        for path, table in reports.tables(evaluation, workspace).items():
            files.write_csv(path, table)
        ask = partial(classifier.probabilities, batch_size=settings.evaluate.batch_size, name="mistakes")
        files.write_csv(workspace.behaviour, behaviour_of(workspace, classifier, settings.evaluate.batch_size))
        for path, table in explanations.tables(evaluation, ask, workspace).items():
            files.write_csv(path, table)
        run.log_metrics(summary)
        run.log_files([workspace.evaluate_reports], "reports/evaluate")


def behaviour_of(workspace: Workspace, classifier: TextClassifier, batch_size: int) -> "pd.DataFrame":
    """What the classifier makes of the written cases; no rows if they are about other labels."""
    cases = section.read(workspace.root / behaviour_cases.FILE, BehaviourCases, "restore it from git")
    unknown = cases.unknown_label(classifier.labels)
    if unknown:
        logger.info("%s: about other labels, such as %s; left out", behaviour_cases.FILE, unknown[1])
    found = {} if unknown else {"model": behaviour.examine(classifier, cases, batch_size)}
    return tables.behaviour_groups(found)


if __name__ == "__main__":
    command.run_stage(main)
