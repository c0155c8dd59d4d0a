"""Score models that cost next to nothing on the same messages: a language model is worth what it adds to them."""

import numpy as np
import pandas as pd

from spampipe import params
from spampipe.classifiers import tfidf
from spampipe.classifiers.tfidf import Tfidf
from spampipe.core import command, files
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import labels, messages
from spampipe.data.labels import LabelSet, Probabilities
from spampipe.evaluation import metrics, operating_point, reports

# Of the metrics of the evaluation, those that say most; of them, the ones that the label set has.
_SHOWN = (
    *("test_accuracy", "test_f1", "test_macro_f1", "test_accuracy_unseen", "validation_accuracy"),
    "leftover_false_positive_rate",
)


def main(workspace: Workspace) -> None:
    """Write reports/baseline/."""
    settings = params.load(workspace.params)
    known = labels.load(workspace.labels)
    tables = {name: messages.read(workspace.split_csv(name), known) for name in (*SPLITS, LEFTOVER_SPLIT)}
    texts = {name: (table["Text"].tolist(), table["Label"].to_numpy(np.int64)) for name, table in tables.items()}
    found = {  # each with a threshold and a temperature of its own, if they are to be chosen
        model: operating_point.decided(texts, probabilities, known, settings.evaluate)[0]
        for model, probabilities in scored(tables, known, balanced=settings.train.class_weights == "balanced").items()
    }
    figures = {
        model: {name: value for name, value in metrics.compute(evaluation).items() if name in _SHOWN}
        for model, evaluation in found.items()
    }
    files.write_json(workspace.baseline_metrics, figures)
    files.write_csv(workspace.baseline_predictions, reports.side_by_side(found))


def scored(
    tables: dict[str, pd.DataFrame], known: LabelSet, *, balanced: bool
) -> dict[str, dict[str, Probabilities]]:
    """The probabilities that each model gives to the labels, by the model's name and the split's.

    The majority model gives each label the share that it has of the training messages.
    """
    classes = {name: table["Label"].to_numpy(np.int64) for name, table in tables.items()}
    shares = np.bincount(classes["train"], minlength=len(known)) / len(classes["train"])
    found = {reports.MAJORITY: {name: np.tile(shares, (len(table), 1)) for name, table in tables.items()}}
    features = Tfidf.learn(tables["train"]["Text"].tolist())
    rows = {name: features.rows(table["Text"].tolist()) for name, table in tables.items()}
    train, validation = ((rows[name], classes[name]) for name in ("train", "validation"))
    for kind in tfidf.STRENGTHS:
        model = tfidf.solve(kind, train, validation, known, balanced=balanced)
        found[kind] = {name: model.probabilities(rows[name]) for name in tables}
    return found


if __name__ == "__main__":
    command.run_stage(main)
