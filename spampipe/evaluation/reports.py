"""The tables of reports/evaluate/: what a classifier says, message by message and in sum."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from spampipe.core.workspace import SPLITS, Workspace
from spampipe.data.labels import LabelSet
from spampipe.evaluation import curves, scores
from spampipe.evaluation.scored import Evaluation, ScoredSplit

PREDICTION_COLUMNS = {
    "split": "str",
    "row": "int64",
    "text": "str",
    "label": "str",
    "predicted": "str",
    "probability": "float64",
}
MAJORITY = "majority"  # the model of the baseline that knows how frequent labels are, and reads no text
CONFUSION_COLUMNS = {"actual": "str", "predicted": "str"}


def prediction_columns(labels: LabelSet) -> dict[str, str]:
    """The type of each column of predictions.csv, for pandas.

    `probability` is of the positive label, or, without one, of the predicted label. A column `probability_<label>`
    for each label follows, unless there are two and one is positive, so that `probability` says it all.

    Args:
        labels: the label set of the messages.
    """
    if _says_all(labels):
        return PREDICTION_COLUMNS
    return PREDICTION_COLUMNS | {_column(name): "float64" for name in labels.names}


def predictions(name: str, split: ScoredSplit, labels: LabelSet) -> pd.DataFrame:
    """The predictions of one split.

    Args:
        name: the split's name.
        split: its messages.
        labels: names their labels.

    Returns:
        Columns `prediction_columns`, one row a message, in their order.
    """
    rows = np.arange(len(split))
    positive = labels.positive_index
    shown = split.predicted if positive is None else positive
    columns = {
        "split": name,
        "row": rows,
        "text": split.texts,
        "label": labels.names_of(split.labels),
        "predicted": labels.names_of(split.predicted),
        "probability": split.probabilities[rows, shown],
    }
    if not _says_all(labels):
        columns |= {_column(label): split.probabilities[:, index] for index, label in enumerate(labels.names)}
    return pd.DataFrame(columns).astype(prediction_columns(labels))


def tables(found: Evaluation, workspace: Workspace) -> dict[Path, pd.DataFrame]:
    """Every table of reports/evaluate/, by its path: predictions, mistakes, figures by split, and the test curves.

    Args:
        found: the scored messages of all splits.
        workspace: gives the tables' paths; nothing is written.
    """
    together = pd.concat([predictions(name, split, found.labels) for name, split in found.splits.items()])
    return {
        workspace.predictions: together,
        workspace.misclassified: misclassified(together),
        workspace.split_metrics: by_split(found),
        workspace.confusion: confusion(found.test, found.labels),
        workspace.roc: curves.roc(found.test, found.labels),
        workspace.precision_recall: curves.precision_recall(found.test, found.labels),
    }


def side_by_side(models: Mapping[str, Evaluation]) -> pd.DataFrame:
    """The labels that several models give to the same messages, those of train left out.

    Args:
        models: what each made of them, by its name.

    Returns:
        Columns `side_by_side_columns`, one row a message; a model's column holds the label that it gave.
    """
    parts = []
    first = next(iter(models.values()))
    for name, split in first.splits.items():
        if name != "train":
            given = {model: found.labels.names_of(found.splits[name].predicted) for model, found in models.items()}
            rows = {"split": name, "row": np.arange(len(split)), "text": split.texts}
            parts.append(pd.DataFrame(rows | {"label": first.labels.names_of(split.labels)} | given))
    return pd.concat(parts, ignore_index=True).astype(side_by_side_columns(models))


def side_by_side_columns(models: Iterable[str]) -> dict[str, str]:
    """The type of each column of `side_by_side`, for pandas.

    Args:
        models: the models' names.
    """
    shared = {name: PREDICTION_COLUMNS[name] for name in ("split", "row", "text", "label")}
    return shared | dict.fromkeys(models, "str")


def by_split(found: Evaluation) -> pd.DataFrame:
    """Columns split, messages, accuracy, precision, recall and f1; one row each for train, validation and test.

    Without a positive label the last three are means over the labels: macro_precision, macro_recall, macro_f1.

    Args:
        found: the scored messages of all splits.
    """
    positive = found.labels.positive_index
    prefix = "macro_" if positive is None else ""
    rows = []
    for name in SPLITS:
        split = found.splits[name]
        score = scores.macro(split) if positive is None else scores.of_label(split, positive)
        rows.append(
            {
                "split": name,
                "messages": len(split),
                "accuracy": scores.accuracy(split),
                f"{prefix}precision": score.precision,
                f"{prefix}recall": score.recall,
                f"{prefix}f1": score.f1,
            }
        )
    return pd.DataFrame(rows)


def misclassified(table: pd.DataFrame) -> pd.DataFrame:
    """The messages whose predicted label is not theirs.

    Args:
        table: as `predictions` makes it, of any splits.

    Returns:
        The same columns, in the same order.
    """
    return table[table["label"] != table["predicted"]]


def confident_mistakes(table: pd.DataFrame, split: str, labels: LabelSet) -> pd.DataFrame:
    """The misclassified messages of one split, those first whose wrong label is the most probable.

    Args:
        table: as `predictions` makes it, of any splits.
        split: the name of the split.
        labels: the label set.

    Returns:
        As `misclassified`.
    """
    mistakes = misclassified(table[table["split"] == split])
    if _says_all(labels):
        positive = mistakes["predicted"] == labels.positive
        confidence = mistakes["probability"].where(positive, 1 - mistakes["probability"])
    else:
        every = mistakes[[_column(name) for name in labels.names]].to_numpy()
        given = mistakes["predicted"].map(labels.names.index).to_numpy(dtype=int)
        confidence = pd.Series(every[np.arange(len(mistakes)), given], index=mistakes.index)
    return mistakes.loc[confidence.sort_values(ascending=False, kind="stable").index]


def probabilities(table: pd.DataFrame, labels: LabelSet) -> pd.DataFrame:
    """How probable the model finds what is asked of each message: to be positive, or, without that, to be what it is.

    Args:
        table: as `predictions` makes it, of any splits.
        labels: the label set.

    Returns:
        Columns probability, of the positive label, or, if there is none, of the message's own; and right, whether its
        own label was predicted.
    """
    shown = table["probability"].to_numpy(np.float64)
    if labels.positive is None:
        every = table[[_column(name) for name in labels.names]].to_numpy(np.float64)
        shown = every[np.arange(len(table)), table["label"].map(labels.names.index).to_numpy(dtype=int)]
    return pd.DataFrame({"probability": shown, "right": (table["label"] == table["predicted"]).to_numpy(np.bool_)})


def confusion(split: ScoredSplit, labels: LabelSet) -> pd.DataFrame:
    """Columns CONFUSION_COLUMNS, names of labels, one row a message: what DVC's confusion plot counts.

    Args:
        split: the messages.
        labels: names their labels.
    """
    return pd.DataFrame({"actual": labels.names_of(split.labels), "predicted": labels.names_of(split.predicted)})


def _says_all(labels: LabelSet) -> bool:
    """Whether the positive label's probability tells that of every label."""
    return labels.positive is not None and len(labels) == 2


def _column(label: str) -> str:
    return f"probability_{label}"
