"""The trained classifier as MLflow loads it: `mlflow.pyfunc.load_model`, `mlflow models serve`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from mlflow.exceptions import MlflowException

from spampipe.core.errors import DataError, SpampipeError
from spampipe.core.workspace import Workspace
from spampipe.inference import prediction

COLUMN = "text"

ModelInput = pd.DataFrame | pd.Series | npt.NDArray[Any] | Sequence[Any] | Mapping[str, Any]


class ServedModel:
    """Turns texts into a table of answers."""

    def __init__(self, workspace: Workspace) -> None:
        """Load the classifier, with the base model from the user's cache or from where it is published.

        Args:
            workspace: the workspace, which holds models/classifier.*, and models/decision.json with the threshold.

        Raises:
            CheckpointError: a file is missing or damaged.
            FetchError: a file of the base model could not be had.
        """
        self._classifier = prediction.load(workspace)

    def predict(self, model_input: ModelInput, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Label texts.

        Args:
            model_input: the texts: a list, a series, an array, a table of one column, or one with a column text.
            params: `threshold`, the probability from which on a text gets the positive label.

        Returns:
            Columns label, and probability: of the positive label, or of the given one where no label is positive. In
            the order of the texts.

        Raises:
            MlflowException: the input holds something else than texts, or the threshold is not between 0 and 1;
                a server answers with status 400.
        """
        try:
            found = self._classifier.classify(texts_of(model_input), **(params or {}))
        except SpampipeError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        return pd.DataFrame(
            {"label": [p.label for p in found], "probability": np.array([p.probability for p in found], float)}
        )


def texts_of(model_input: ModelInput) -> list[str]:
    """The texts of any input that holds one column of them.

    Args:
        model_input: a list, a series, an array, a table of one column, or one with a column text.

    Raises:
        DataError: it holds none, or several columns and none of them called text.
    """
    column = _column(model_input)
    for number, text in enumerate(column, 1):
        if not isinstance(text, str):
            raise DataError(f"text {number} of {len(column)} is missing, or not text: {text!r}; leave it out")
    return list(column)


def _column(model_input: ModelInput) -> pd.Series:
    """The column of texts, unchecked."""
    if isinstance(model_input, pd.Series):
        return model_input
    if isinstance(model_input, Sequence) and not isinstance(model_input, str):
        if not any(isinstance(row, Mapping) for row in model_input):
            return pd.Series(list(model_input), dtype=object)
    elif not isinstance(model_input, (pd.DataFrame, Mapping)) and np.ndim(model_input) not in (1, 2):
        raise DataError("the input is not a list of texts; give a list, even for one text")
    try:
        table = pd.DataFrame(model_input)
    except ValueError as error:
        raise DataError(f"the input is not a table ({error}); give a list of texts") from error
    found = [place for place, name in enumerate(table.columns) if len(table.columns) == 1 or name == COLUMN]
    if len(found) != 1:
        names = ", ".join(map(str, table.columns))
        raise DataError(f"the input has the columns {names or 'none'}; call one of them {COLUMN}")
    return table.iloc[:, found[0]]


def _load_pyfunc(data_path: str) -> ServedModel:
    """The function that MLflow calls to load the model that `mlflow_model` has stored."""
    return ServedModel(Workspace(Path(data_path)))
