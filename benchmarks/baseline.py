"""What scikit-learn makes of the same splits: TF-IDF of words and character n-grams, and a linear SVM.

Run `python -m benchmarks.baseline` after `dvc repro`. It is what a language model must beat to be worth its cost.
"""

from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from spampipe.core import command, files
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import labels, messages
from spampipe.evaluation import reports

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
    predictions = {
        name: reports.tabulate(name, table, model.predict(table["Text"]).astype(float), 0.5)
        for name, table in tables.items()
    }
    files.write_json(RESULT, {"model": "TF-IDF and linear SVM", "figures": reports.summarize(predictions)})


if __name__ == "__main__":
    command.run(main)
