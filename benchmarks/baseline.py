"""What scikit-learn makes of the same splits: TF-IDF of words and character n-grams, and a linear SVM.

Run `python -m benchmarks.baseline` after `dvc repro`. It is what a language model must beat to be worth its cost.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from spampipe.core import command, files
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import labels, messages
from spampipe.data.labels import EVEN, Labels, LabelSet
from spampipe.evaluation import metrics
from spampipe.evaluation.scored import Evaluation, ScoredSplit, judged

RESULT = Path("benchmarks/results/baseline.json")


def main() -> None:
    """Write benchmarks/results/baseline.json, figures named as in reports/evaluate/metrics.json."""
    label_set = labels.load(Workspace().labels)
    names = (*SPLITS, LEFTOVER_SPLIT)
    tables = {name: messages.read(Workspace().split_csv(name), label_set) for name in names}
    model = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
        ),
        LinearSVC(random_state=0),
    )
    model.fit(tables["train"]["Text"], tables["train"]["Label"])
    splits = {name: scored(name, table, model.predict(table["Text"]), label_set) for name, table in tables.items()}
    figures = metrics.compute(Evaluation(label_set, splits))
    files.write_json(RESULT, {"model": "TF-IDF and linear SVM", "figures": figures})


def scored(name: str, table: pd.DataFrame, predicted: Labels, label_set: LabelSet) -> ScoredSplit:
    """The messages of a split with the labels that they were given, each with probability 1."""
    certain = np.eye(len(label_set))[predicted]
    return judged(name, table["Text"].tolist(), table["Label"].to_numpy(), certain, label_set, EVEN)


if __name__ == "__main__":
    command.run(main)
