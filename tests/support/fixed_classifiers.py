"""Classifiers whose answers a test can work out by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spampipe.classifiers.text_classifier import TextClassifier
from spampipe.data.labels import EVEN, LabelSet, Probabilities
from spampipe.data.tokens import TokenTable


class KeywordClassifier(TextClassifier):
    """Tells by words alone; keeps what it was asked.

    Args:
        labels: the label set; the last label is the one that words speak for.
        shares: the last label's probability by a word, of the first word that a text holds; 0.1 without one.
        description: what `describe` returns.
    """

    def __init__(
        self, labels: LabelSet, shares: Mapping[str, float], description: Mapping[str, Any] | None = None
    ) -> None:
        self.labels, self.threshold = labels, EVEN
        self._shares, self._description = shares, description or {}
        self.asked: list[str] = []

    def describe(self) -> Mapping[str, Any]:
        return self._description

    def probabilities(
        self,
        texts: Sequence[str],
        tokens: TokenTable | None = None,
        *,
        batch_size: int = 32,
        name: str | None = None,
    ) -> Probabilities:
        self.asked += texts
        last = np.array(
            [next((share for word, share in self._shares.items() if word in text), 0.1) for text in texts]
        )
        others = len(self.labels) - 1
        return np.column_stack([*([(1 - last) / others] * others), last])
