"""The trained classifier as MLflow loads it: `mlflow.pyfunc.load_model`, `mlflow models serve`."""

from pathlib import Path
from typing import Any

import pandas as pd

from spampipe import bases, fetch, paths
from spampipe.card import load_card
from spampipe.prediction import SpamClassifier


class SpamModel:
    """Turns a table of texts into a table of answers."""

    def __init__(self, folder: Path) -> None:
        """Load, with the base model from the user's cache or where it is published.

        Args:
            folder: holds models/classifier.*.
        """
        card = load_card(folder / paths.CLASSIFIER_CARD)
        weights = "random" if card.base_sha256 is None else "pretrained"
        base = fetch.cache_directory() / "bases" / f"{card.base}-{weights}"
        bases.fetch_base(card.base, weights, base)
        self._classifier = SpamClassifier.load(folder, base)

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Label messages.

        Args:
            model_input: column text.
            params: threshold, the probability from which on a message is spam.

        Returns:
            Columns label and probability, in the order of the messages.
        """
        found = self._classifier.classify(list(model_input["text"]), **(params or {}))
        return pd.DataFrame({"label": [p.label for p in found], "probability": [p.probability for p in found]})


def _load_pyfunc(data_path: str) -> SpamModel:
    """MLflow's way in."""
    return SpamModel(Path(data_path))
