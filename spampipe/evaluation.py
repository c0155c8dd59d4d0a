"""What a trained classifier's probabilities say, message by message and in sum."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spampipe import metrics
from spampipe.errors import DataError
from spampipe.messages import LABEL_NAMES
from spampipe.paths import LEFTOVER_SPLIT, SPLITS

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
    """The figures of reports/evaluate/metrics.json.

    Args:
        predictions: of train, validation, test and leftover, as `tabulate` makes them.

    Returns:
        Accuracy, precision, recall and F1 of each split over all its messages; the test errors by kind; the
        accuracy on test messages whose text is in neither train nor validation; the false positive rate
        on the messages that balancing left out (None if it left none).
    """
    summary: dict[str, float | int | None] = {}
    for split in SPLITS:
        labels, predicted = _outcome(predictions[split])
        for name, value in metrics.classification_metrics(labels, predicted).items():
            summary[f"{split}_{name}"] = value
    test = predictions["test"]
    labels, predicted = _outcome(test)
    summary["test_false_positives"] = int(((labels == 0) & (predicted == 1)).sum())
    summary["test_false_negatives"] = int(((labels == 1) & (predicted == 0)).sum())
    unseen = test[~test["text"].isin([*predictions["train"]["text"], *predictions["validation"]["text"]])]
    summary["test_unseen_messages"] = len(unseen)
    summary["test_accuracy_unseen"] = (
        metrics.classification_metrics(*_outcome(unseen))["accuracy"] if len(unseen) else None
    )
    summary["leftover_false_positive_rate"] = metrics.false_positive_rate(*_outcome(predictions[LEFTOVER_SPLIT]))
    return summary


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Columns actual and predicted, names of labels, one row a message: what DVC's confusion plot counts."""
    names = np.array(LABEL_NAMES)
    return pd.DataFrame({"actual": names[predictions["label"]], "predicted": names[predictions["predicted"]]})


def labels_and_probabilities(predictions: pd.DataFrame) -> tuple[metrics.Labels, metrics.Probabilities]:
    """Two columns as arrays."""
    return predictions["label"].to_numpy(), predictions["probability"].to_numpy()


def _outcome(predictions: pd.DataFrame) -> tuple[metrics.Labels, metrics.Labels]:
    return predictions["label"].to_numpy(), predictions["predicted"].to_numpy()
