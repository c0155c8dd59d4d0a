"""Read what the evaluation has reported."""

import json
from pathlib import Path

import pandas as pd

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.data.labels import LabelSet
from spampipe.evaluation import reports


def read_predictions(path: Path, labels: LabelSet | None = None) -> pd.DataFrame:
    """The answer to every message, as `reports.predictions` makes them.

    Args:
        path: the predictions.csv.
        labels: the label set of its messages; None if it is not known, as of another version's results.

    Returns:
        Columns `reports.prediction_columns(labels)`, or, without `labels`, reports.PREDICTION_COLUMNS.

    Raises:
        DataError: the file is missing, or is not such a table.
    """
    columns = reports.PREDICTION_COLUMNS if labels is None else reports.prediction_columns(labels)
    return files.read_csv(path, columns, others=labels is None)


def read_metrics(path: Path) -> dict[str, float | None]:
    """The numbers of a metrics.json, by name; None for one that is not defined.

    Args:
        path: the file.

    Raises:
        DataError: the file is missing, or is not JSON.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); run `dvc checkout`") from error
