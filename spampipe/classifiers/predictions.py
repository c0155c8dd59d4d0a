"""The answers to texts, made of the probabilities of their labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spampipe.data.labels import LabelSet, Probabilities, decide


@dataclass(frozen=True)
class Prediction:
    """The answer for one text.

    Attributes:
        text: the text.
        label: its label's name.
        probability: of the positive label if the label set has one, else of the predicted label.
        ranked: every label's name and its own probability: the predicted label first, then the most probable of the
            others.
    """

    text: str
    label: str
    probability: float
    ranked: tuple[tuple[str, float], ...]


def answers(
    texts: Sequence[str], probabilities: Probabilities, labels: LabelSet, threshold: float
) -> list[Prediction]:
    """The answer for each text.

    Args:
        texts: N of them.
        probabilities: (N, K), a column for each label.
        labels: names the K labels.
        threshold: the positive label is given from this probability on.
    """
    chosen = decide(probabilities, labels, threshold)
    shown = chosen if labels.positive_index is None else [labels.positive_index] * len(texts)
    order = np.argsort(-probabilities, axis=1, kind="stable").tolist()
    names = labels.names
    predictions = []
    for text, label, row, column, ranks in zip(texts, chosen.tolist(), probabilities, shown, order, strict=True):
        first = [label, *(rank for rank in ranks if rank != label)]
        ranked = tuple((names[rank], float(row[rank])) for rank in first)
        predictions.append(Prediction(text, names[label], float(row[column]), ranked))
    return predictions
