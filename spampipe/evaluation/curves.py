"""How a classifier's figures depend on the threshold, for DVC's plots and the figures."""

import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from spampipe.data.labels import LabelSet, Probabilities
from spampipe.evaluation.scored import ScoredSplit

_LABEL = {"label": "str"}
_PRECISION_RECALL = {"threshold": "float64", "recall": "float64", "precision": "float64"}

_Points = Callable[[npt.NDArray[np.bool_], Probabilities, bool], pd.DataFrame]


def precision_recall_columns(labels: LabelSet) -> dict[str, str]:
    """The type of each column of `precision_recall`, for pandas.

    Args:
        labels: the label set of the messages.
    """
    return _PRECISION_RECALL if labels.positive is not None else _LABEL | _PRECISION_RECALL


def roc(split: ScoredSplit, labels: LabelSet) -> pd.DataFrame:
    """The receiver operating characteristic, from the strictest threshold to the laxest.

    Args:
        split: the messages.
        labels: names their labels.

    Returns:
        Columns threshold, false_positive_rate and true_positive_rate of the positive label, one row a distinct
        probability, after a first row where no message gets the label (no threshold). Without a positive label:
        the same of each label against all others, one below the other, after a column `label`; points on a straight
        line between others are left out, as there would be as many points as messages times labels.
    """
    return _of_labels(split, labels, _roc_points)


def precision_recall(split: ScoredSplit, labels: LabelSet) -> pd.DataFrame:
    """Precision against recall, from the strictest threshold to the laxest.

    Args:
        split: the messages.
        labels: names their labels.

    Returns:
        Columns threshold, recall and precision of the positive label, one row a distinct probability. Without a
        positive label: the same of each label against all others, one below the other, after a column `label`; of
        points with the same recall there are the first and the last.
    """
    return _of_labels(split, labels, _precision_recall_points)


def _of_labels(split: ScoredSplit, labels: LabelSet, points: _Points) -> pd.DataFrame:
    positive = labels.positive_index
    if positive is not None:
        return points(split.labels == positive, split.probabilities[:, positive], False)
    tables = []
    for index, name in enumerate(labels.names):
        table = points(split.labels == index, split.probabilities[:, index], True)
        table.insert(0, "label", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _roc_points(positives: npt.NDArray[np.bool_], probabilities: Probabilities, corners_only: bool) -> pd.DataFrame:
    from sklearn.metrics import roc_curve

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a missing class, whose rates are 0 here and not a number there
        false_rates, true_rates, thresholds = roc_curve(positives, probabilities, drop_intermediate=corners_only)
    return pd.DataFrame(
        {
            "threshold": np.concatenate(([np.nan], thresholds[1:])),
            "false_positive_rate": np.nan_to_num(false_rates),
            "true_positive_rate": np.nan_to_num(true_rates),
        }
    )


def _precision_recall_points(
    positives: npt.NDArray[np.bool_], probabilities: Probabilities, corners_only: bool
) -> pd.DataFrame:
    from sklearn.metrics import precision_recall_curve

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without positives recall is 0 here, and 1 there
        precision, recall, thresholds = precision_recall_curve(
            positives, probabilities, drop_intermediate=corners_only
        )
    if not positives.any():
        recall = np.zeros_like(recall)
    # scikit-learn closes the curve with a point without a threshold, and begins with the laxest one
    return pd.DataFrame({"threshold": thresholds, "recall": recall[:-1], "precision": precision[:-1]})[::-1]
