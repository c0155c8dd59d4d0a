"""What a linear model makes of the same splits: TF-IDF of words and their pieces, and a support vector machine.

Run `python -m benchmarks.baseline` after `dvc repro`. It is what a language model must beat to be worth its cost.
"""

from pathlib import Path

import numpy as np

from spampipe import params
from spampipe.classifiers.linear import LinearClassifier
from spampipe.classifiers.text_classifier import Split
from spampipe.core import command, files
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import labels, messages
from spampipe.data.labels import EVEN, LabelSet
from spampipe.evaluation import metrics
from spampipe.evaluation.scored import Evaluation, ScoredSplit, judged

RESULT = Path("benchmarks/results/baseline.json")
_KIND = "tfidf-svm"


def main() -> None:
    """Write benchmarks/results/baseline.json, figures named as in reports/evaluate/metrics.json."""
    workspace = Workspace()
    label_set = labels.load(workspace.labels)
    splits = {name: read(workspace, name, label_set) for name in (*SPLITS, LEFTOVER_SPLIT)}
    settings = params.load(workspace.params).changed({"model.name": _KIND})
    model = LinearClassifier.create(settings.model, settings.train, label_set, 0, workspace)
    model.fit(splits["train"], splits["validation"], lambda record: None)
    found = {name: scored(model, split) for name, split in splits.items()}
    figures = metrics.compute(Evaluation(label_set, found))
    files.write_json(RESULT, {"model": "TF-IDF and linear SVM", "figures": figures})


def read(workspace: Workspace, name: str, label_set: LabelSet) -> Split:
    """The messages of a split."""
    table = messages.read(workspace.split_csv(name), label_set)
    return Split(name, table["Text"].tolist(), table["Label"].to_numpy(np.int64))


def scored(model: LinearClassifier, split: Split) -> ScoredSplit:
    """The messages of a split with the labels that they are given."""
    found = model.probabilities_of(split, batch_size=32)
    return judged(split.name, split.texts, split.labels, found, model.labels, EVEN)


if __name__ == "__main__":
    command.run(main)
