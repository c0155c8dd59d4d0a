"""How far probabilities can be taken at their word: a reliability table, as a reliability diagram is drawn from."""

import numpy as np
import pandas as pd

from spampipe.data.labels import LabelSet
from spampipe.evaluation import weighted
from spampipe.evaluation.out_of_fold import OutOfFold

COLUMNS = {"bin": "int64", "mean_probability": "float64", "share": "float64", "count": "int64"}


def table(found: OutOfFold) -> pd.DataFrame:
    """What the expected calibration error is the mean of.

    Args:
        found: the answers.

    Returns:
        Columns bin (from 1 to 15, of equal width), mean_probability and share of the messages in it, and their count:
        with a positive label, its probability and the share of positives; else the highest probability and the share
        of right answers. A bin without messages is left out.
    """
    if found.label_set.positive is None:
        probabilities, hits = weighted.top_of(found)
    else:
        probabilities, hits = weighted.positive_of(found)
    return _binned(probabilities, hits)


def of_predictions(predictions: pd.DataFrame, labels: LabelSet) -> pd.DataFrame:
    """The same of messages that one model was not trained on, such as those of the test split.

    Args:
        predictions: as `reports.predictions` makes them.
        labels: the label set.

    Returns:
        As of `table`, but that without a positive label the probability is the predicted label's.
    """
    hits = predictions["label"] == (predictions["predicted"] if labels.positive is None else labels.positive)
    return _binned(predictions["probability"].to_numpy(np.float64), hits.to_numpy(np.bool_))


def _binned(probabilities: weighted.Floats, hits: weighted.Mask) -> pd.DataFrame:
    place = weighted.bins(probabilities)
    rows = pd.DataFrame({"bin": place + 1, "mean_probability": probabilities, "share": hits.astype(np.float64)})
    means = rows.groupby("bin", as_index=False).mean()
    means["count"] = np.bincount(place)[means["bin"] - 1]
    return means.astype(COLUMNS)
