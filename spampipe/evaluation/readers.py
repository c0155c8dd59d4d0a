"""Read what the evaluation has reported."""

import json
from pathlib import Path

import pandas as pd

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.evaluation import reports


def read_predictions(path: Path) -> pd.DataFrame:
    """The answer to every message, as `reports.tabulate` makes them.

    Args:
        path: the path of a predictions.csv.

    Returns:
        Columns reports.PREDICTION_COLUMNS.

    Raises:
        DataError: it is missing, or is not such a table.
    """
    return files.read_csv(path, reports.PREDICTION_COLUMNS)


def read_metrics(path: Path) -> dict[str, float | None]:
    """The figures of a metrics.json, by name; None for one that is not defined.

    Args:
        path: the file's path.

    Raises:
        DataError: it is missing, or is not JSON.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); run `dvc checkout`") from error
