"""Read what the evaluation has reported."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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
    return _read_json(path)


def read_baseline_metrics(path: Path) -> dict[str, dict[str, float | None]]:
    """The numbers of the simple models' metrics.json, by the model's name and the metric's.

    Args:
        path: the file.

    Raises:
        DataError: the file is missing, or is not JSON.
    """
    return _read_json(path)


def baseline_for_tracker(path: Path) -> dict[str, float | None]:
    """The numbers of the simple models' metrics.json under the names that a tracker shows: `versus/MODEL/METRIC`.

    Args:
        path: the file.

    Raises:
        DataError: the file is missing, or is not JSON.
    """
    found = read_baseline_metrics(path)
    return {f"versus/{model}/{name}": value for model, values in found.items() for name, value in values.items()}


def read_baseline_predictions(path: Path, models: Iterable[str]) -> dict[str, pd.DataFrame]:
    """What each simple model answers to the messages, by its name.

    Args:
        path: the predictions.csv, as `reports.side_by_side` makes it.
        models: the models' names.

    Returns:
        Tables of columns split, row, text, label and predicted.

    Raises:
        DataError: the file is missing, or is not such a table.
    """
    columns = reports.side_by_side_columns(models)
    table = files.read_csv(path, columns)
    shared = list(reports.side_by_side_columns(()))
    return {
        name: table[[*shared, name]].rename(columns={name: "predicted"}) for name in columns if name not in shared
    }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); run `dvc checkout`") from error
