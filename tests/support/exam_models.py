"""A workspace with a linear model of the real messages, as the pipeline leaves it."""

import shutil
from pathlib import Path

from spampipe import params
from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.text_classifier import Split
from spampipe.core import files
from spampipe.core.workspace import SPLITS, Workspace
from spampipe.data import balancing, labels, messages, splitting
from spampipe.data.labels import EVEN, LabelSet
from spampipe.evaluation import explanations, reports
from spampipe.evaluation.scored import Evaluation, judged
from tests.support.label_sets import TWO
from tests.support.project import ROOT

NAME = "tfidf-logistic"


def build(folder: Path, raw_messages: Path) -> Workspace:
    """Train and evaluate on the messages, split as params.yaml has it.

    Args:
        folder: becomes the workspace.
        raw_messages: the SMS Spam Collection.
    """
    workspace = Workspace(folder)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / "exams", folder / "exams")
    chosen = params.load(workspace.params).changed({"model.name": NAME})
    table = messages.parse(raw_messages.read_bytes(), raw_messages, TWO)
    balanced, leftover = balancing.balance(table, chosen.balance.strategy, chosen.balance.seed)
    tables = splitting.deal(balanced, TWO, chosen.split) | {"leftover": leftover}
    for name, part in tables.items():
        messages.write(workspace.split_csv(name), part)
    splits = {name: Split(name, part["Text"].tolist(), part["Label"].to_numpy()) for name, part in tables.items()}
    save(workspace, splits["train"], splits["validation"], TWO)
    classifier = catalogue.load(workspace)
    scored = {}
    for name in (*SPLITS, "leftover"):
        split, shares = splits[name], classifier.probabilities_of(splits[name], 32)
        scored[name] = judged(name, split.texts, split.labels, shares, TWO, EVEN)
    found = Evaluation(TWO, scored)
    about_mistakes = explanations.tables(found, classifier.probabilities, workspace)
    for path, report in (reports.tables(found, workspace) | about_mistakes).items():
        files.write_csv(path, report)
    return workspace


def save(workspace: Workspace, train: Split, validation: Split, names: LabelSet) -> None:
    """Train a model, and write its files.

    Args:
        workspace: where they are written.
        train: what it learns from.
        validation: what its penalty is chosen by.
        names: the label set.
    """
    chosen = params.load(ROOT / "params.yaml").changed({"model.name": NAME})
    classifier = catalogue.kind_of(NAME).create(chosen.model, chosen.train, names, 0, workspace)
    classifier.fit(train, validation, lambda record: None)
    classifier.save(workspace)
    decision.save(workspace.decision, Decision(threshold=EVEN))
    labels.save(workspace.labels, names)
