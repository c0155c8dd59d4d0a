"""Workspaces with small results of made-up models, as all stages but the last leave them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spampipe.classifiers import decision
from spampipe.classifiers.decision import UNDECIDED
from spampipe.core import files
from spampipe.core.workspace import LEFTOVER_SPLIT, Workspace
from spampipe.data import labels, leakage
from spampipe.data.labels import LabelSet, Probabilities
from spampipe.evaluation import explanations, metrics, reports
from spampipe.evaluation.intervals import wilson
from spampipe.evaluation.occlusion import Ask
from spampipe.exams import tables as exam_tables
from spampipe.figures import drawing
from spampipe.reporting import facts, page
from spampipe.reporting.facts import Facts
from spampipe.training import tables
from tests.support.project import committed
from tests.support.scored import evaluation

FINE_TUNED = {"base": "smollm2-135m", "base_sha256": "0" * 64, "trainable": "last_block"}
BEHAVIOUR = [("first <group>", "invariance", 2, 0), ("second", "direction", 4, 3)]  # name, kind, tests, failures
SECTIONS = ("download", "balance", "split", "tokenize_pad", "model", "train", "evaluate")


def longer_is_later(count: int) -> Ask:
    """Probabilities that rise for the last of so many labels with a text's characters."""

    def ask(texts: list[str]) -> Probabilities:
        last = np.array([1 / (1 + np.exp(-len(text) / 50)) for text in texts])
        return np.column_stack([*([(1 - last) / (count - 1)] * (count - 1)), last])

    return ask


def result(
    folder: Path,
    known: LabelSet,
    *,
    size: int = 40,
    wrong: int = 3,
    beside: Mapping[str, int] | None = None,
    card: Mapping[str, Any] | None = None,
    texts: Sequence[str] = (),
    copied: int = 0,
    **download: object,
) -> Facts:
    """Write the files of a result, and read what is told of it.

    Args:
        folder: becomes the workspace.
        known: the label set, whose labels take turns.
        size: how many test messages there are.
        wrong: how many of them the model gets wrong, the first ones.
        beside: how many each model of the baseline gets wrong, the last ones; None for two of them and `majority`.
        card: of the model; None for FINE_TUNED.
        texts: of the first test messages.
        copied: how many test messages stand in train too, the last ones.
        download: settings of `download` that are not the committed ones.
    """
    workspace = Workspace(folder)
    answers = {"model": range(wrong)}
    others = {"majority": size // 2, "tfidf-logistic": 4, "tfidf-svm": 3} if beside is None else beside
    answers |= {name: range(size - count, size) for name, count in others.items()}
    messages = [*texts, *(f"test message {number} {'abcdefg'[number % 7] * 9}" for number in range(len(texts), size))]
    found = {}
    for name, mistaken in answers.items():
        rows = [(text, n % len(known), (n + (n in mistaken)) % len(known)) for n, text in enumerate(messages)]
        train = [(text, label, label) for text, label, _ in rows[size - copied :]] + [
            (f"quite another one {number}", number % len(known), number % len(known)) for number in range(9)
        ]
        splits = {"train": train, "validation": train[-3:], "test": rows, LEFTOVER_SPLIT: [("left over", 0, 0)]}
        found[name] = evaluation(splits, known)
    model = found.pop("model")
    behaviour = pd.DataFrame(
        [("m", *group, *vars(wilson(group[-1], group[-2])).values()) for group in BEHAVIOUR],
        columns=list(exam_tables.BEHAVIOUR_COLUMNS),
    )
    labels.save(workspace.labels, known)
    files.write_json(workspace.classifier_card, dict(FINE_TUNED if card is None else card))
    files.write_bytes(workspace.classifier_weights, b"0" * 1_234_567)
    decision.save(workspace.decision, UNDECIDED)
    files.write_json(workspace.parameters, tables.parameters((134_516_160, 3_541_824)))
    files.write_json(workspace.evaluate_metrics, metrics.compute(model))
    about_mistakes = explanations.tables(model, longer_is_later(len(known)), workspace)
    for path, table in (reports.tables(model, workspace) | about_mistakes).items():
        files.write_csv(path, table)
    files.write_csv(workspace.behaviour, behaviour.head(0) if known.positive is None else behaviour)
    files.write_json(workspace.baseline_metrics, {name: metrics.compute(each) for name, each in found.items()})
    files.write_csv(workspace.baseline_predictions, reports.side_by_side(found))
    dealt = {name: pd.DataFrame({"Label": split.labels, "Text": split.texts}) for name, split in model.splits.items()}
    files.write_csv(workspace.leakage, leakage.count(dealt, known, 0.9))
    for name in page.FIGURES:
        drawing.save(Figure(figsize=(1, 1)), workspace.figures / name, 20)
    sections = {name: committed(name) for name in SECTIONS}
    sections["download"] |= download
    return facts.gather(workspace, "smollm2-135m last_block", sections)
