"""What a trained classifier's probabilities say, message by message and in sum."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from spampipe.core import paths
from spampipe.core.errors import DataError
from spampipe.core.paths import LEFTOVER_SPLIT, SPLITS
from spampipe.data.messages import LABELS, SPAM
from spampipe.evaluation import metrics

PREDICTION_COLUMNS = {
    "split": "str",
    "row": "int64",
    "text": "str",
    "label": "int64",
    "predicted": "int64",
    "probability": "float64",
}
CONFUSION_COLUMNS = {"actual": "str", "predicted": "str"}


def tabulate(
    split: str, messages: pd.DataFrame, probabilities: metrics.Probabilities, threshold: float
) -> pd.DataFrame:
    """The predictions of one split.

    Args:
        split: its name.
        messages: its texts and labels.
        probabilities: (messages,) of being spam.
        threshold: a message counts as spam from this probability on.

    Returns:
        Columns PREDICTION_COLUMNS, in the order of the messages.

    Raises:
        DataError: the probabilities are not those of these messages.
    """
    if len(messages) != len(probabilities):
        raise DataError(f"{split}: {len(messages)} messages but {len(probabilities)} rows of tokens; run `dvc repro`")
    return pd.DataFrame(
        {
            "split": split,
            "row": np.arange(len(messages)),
            "text": messages["Text"].to_numpy(),
            "label": messages["Label"].to_numpy(),
            "predicted": (probabilities >= threshold).astype(np.int64),
            "probability": probabilities,
        }
    )


def summarize(predictions: Mapping[str, pd.DataFrame]) -> dict[str, float | int | None]:
    """The figures of reports/evaluate/metrics.json: those to compare experiments by.

    Args:
        predictions: of train, validation, test and leftover, as `tabulate` makes them.

    Returns:
        Accuracy, precision, recall and F1 of the test messages, and their errors by kind; the accuracy on test
        messages whose text is in neither train nor validation, and how many those are; the validation accuracy;
        the false positive rate on the messages that balancing left out (None if it left none).
    """
    test = predictions["test"]
    labels, predicted = _outcome(test)
    unseen = test[~test["text"].isin([*predictions["train"]["text"], *predictions["validation"]["text"]])]
    return {
        **{f"test_{name}": value for name, value in metrics.classification_metrics(labels, predicted).items()},
        "test_false_positives": int(((labels == 0) & (predicted == 1)).sum()),
        "test_false_negatives": int(((labels == 1) & (predicted == 0)).sum()),
        "test_unseen_messages": len(unseen),
        "test_accuracy_unseen": _accuracy(unseen) if len(unseen) else None,
        "validation_accuracy": _accuracy(predictions["validation"]),
        "leftover_false_positive_rate": metrics.false_positive_rate(*_outcome(predictions[LEFTOVER_SPLIT])),
    }


def by_split(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Messages, accuracy, precision, recall and F1 of train, validation and test, one row each."""
    rows = []
    for split in SPLITS:
        found = metrics.classification_metrics(*_outcome(predictions[split]))
        rows.append({"split": split, "messages": len(predictions[split]), **found})
    return pd.DataFrame(rows)


def tables(predictions: Mapping[str, pd.DataFrame]) -> dict[Path, pd.DataFrame]:
    """Every table of reports/evaluate/, by its path: predictions, mistakes, figures by split, and the test curves."""
    labels, probabilities = labels_and_probabilities(predictions["test"])
    together = pd.concat(predictions.values())
    return {
        paths.PREDICTIONS: together,
        paths.MISCLASSIFIED: misclassified(together),
        paths.SPLIT_METRICS: by_split(predictions),
        paths.CONFUSION: confusion(predictions["test"]),
        paths.ROC: metrics.roc_points(labels, probabilities),
        paths.PRECISION_RECALL: metrics.precision_recall_points(labels, probabilities),
    }


def misclassified(predictions: pd.DataFrame) -> pd.DataFrame:
    """The messages whose predicted label is not theirs, with names for labels, in the order of the predictions."""
    mistakes = predictions[predictions["label"] != predictions["predicted"]]
    return mistakes.assign(label=_names(mistakes["label"]), predicted=_names(mistakes["predicted"]))


def confident_mistakes(predictions: pd.DataFrame, split: str) -> pd.DataFrame:
    """The misclassified messages of one split, those first whose wrong label is the most probable.

    Args:
        predictions: of all splits, as `tabulate` makes them.
        split: its name.

    Returns:
        As `misclassified`.
    """
    mistakes = misclassified(predictions[predictions["split"] == split])
    confidence = mistakes["probability"].where(mistakes["predicted"] == LABELS[SPAM], 1 - mistakes["probability"])
    return mistakes.loc[confidence.sort_values(ascending=False, kind="stable").index]


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Columns actual and predicted, names of labels, one row a message: what DVC's confusion plot counts."""
    return pd.DataFrame({"actual": _names(predictions["label"]), "predicted": _names(predictions["predicted"])})


def labels_and_probabilities(predictions: pd.DataFrame) -> tuple[metrics.Labels, metrics.Probabilities]:
    """Two columns as arrays."""
    return predictions["label"].to_numpy(), predictions["probability"].to_numpy()


def _names(labels: pd.Series) -> npt.NDArray[np.str_]:
    """(N,) class indices to what users call the classes."""
    return np.array(LABELS)[labels]


def _accuracy(table: pd.DataFrame) -> float:
    return metrics.classification_metrics(*_outcome(table))["accuracy"]


def _outcome(predictions: pd.DataFrame) -> tuple[metrics.Labels, metrics.Labels]:
    return predictions["label"].to_numpy(), predictions["predicted"].to_numpy()
