"""What an answer consists of, wherever it is written."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spampipe.classifiers.predictions import Prediction

_LABEL, _PROBABILITY = "label", "probability"


def names(top: int | None) -> list[str]:
    """What the parts of an answer are called.

    Args:
        top: how many labels an answer has, each with its own probability: the predicted one, then the most probable
            of the others; at most as many as there are. None for the predicted one alone, with the probability that
            `Prediction.probability` is.

    Returns:
        label, probability, label_2, probability_2 and so on.
    """
    more = [f"{name}_{rank}" for rank in range(2, (top or 1) + 1) for name in (_LABEL, _PROBABILITY)]
    return [_LABEL, _PROBABILITY, *more]


def values(found: "Prediction", top: int | None) -> list[str | float]:
    """The values of these parts.

    Args:
        found: the answer.
        top: as for `names`.
    """
    if top is None:
        return [found.label, found.probability]
    return [value for pair in found.ranked[:top] for value in pair]
