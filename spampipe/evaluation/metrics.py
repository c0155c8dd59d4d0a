"""What a set of predictions is worth. Class 1 is the positive one, spam."""

import numpy as np
import numpy.typing as npt
import pandas as pd

Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]

PRECISION_RECALL_COLUMNS = {"threshold": "float64", "recall": "float64", "precision": "float64"}


def classification_metrics(labels: Labels, predicted: Labels) -> dict[str, float]:
    """Accuracy, and precision, recall and F1 of the positive class; 0 where nothing was to be divided by."""
    true_positives = int(((labels == 1) & (predicted == 1)).sum())
    positives, predicted_positives = int((labels == 1).sum()), int((predicted == 1).sum())
    return {
        "accuracy": _share(int((labels == predicted).sum()), len(labels)),
        "precision": _share(true_positives, predicted_positives),
        "recall": _share(true_positives, positives),
        "f1": _share(2 * true_positives, positives + predicted_positives),
    }


def false_positive_rate(labels: Labels, predicted: Labels) -> float | None:
    """The share of negatives that were predicted positive; None where there are no negatives."""
    negatives = labels == 0
    return _share(int((predicted[negatives] == 1).sum()), int(negatives.sum())) if negatives.any() else None


def roc_points(labels: Labels, probabilities: Probabilities) -> pd.DataFrame:
    """The receiver operating characteristic, from the strictest threshold to the laxest.

    Returns:
        Columns threshold, false_positive_rate and true_positive_rate, one row a distinct probability, after a
        first row where nothing counts as positive (no threshold).
    """
    thresholds, true_positives, false_positives = _counts_by_threshold(labels, probabilities)
    return pd.DataFrame(
        {
            "threshold": np.concatenate(([np.nan], thresholds)),
            "false_positive_rate": np.concatenate(([0.0], false_positives / max((labels == 0).sum(), 1))),
            "true_positive_rate": np.concatenate(([0.0], true_positives / max((labels == 1).sum(), 1))),
        }
    )


def precision_recall_points(labels: Labels, probabilities: Probabilities) -> pd.DataFrame:
    """Precision against recall, from the strictest threshold to the laxest.

    Returns:
        Columns threshold, recall and precision, one row a distinct probability.
    """
    thresholds, true_positives, false_positives = _counts_by_threshold(labels, probabilities)
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "recall": true_positives / max((labels == 1).sum(), 1),
            "precision": true_positives / (true_positives + false_positives),
        }
    )


def _counts_by_threshold(
    labels: Labels, probabilities: Probabilities
) -> tuple[Probabilities, Probabilities, Probabilities]:
    """For each distinct probability, falling: the positives and the negatives that reach it."""
    order = np.argsort(-probabilities, kind="stable")
    ranked, hits = probabilities[order], labels[order] == 1
    last_of_value = np.append(ranked[1:] != ranked[:-1], True)
    true_positives = hits.cumsum()[last_of_value].astype(float)
    reached = np.flatnonzero(last_of_value) + 1.0
    return ranked[last_of_value], true_positives, reached - true_positives


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
