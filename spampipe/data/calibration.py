"""How sure probabilities are: the one factor of their logarithms that labelled texts ask for."""

import numpy as np
import numpy.typing as npt

from spampipe.data.labels import Labels, Probabilities

Floats = npt.NDArray[np.float64]

LEAST = 1e-30  # stands for a probability of 0, whose logarithm is no number
_SCALES = (-7.0, 7.0)  # logarithms of the least and the largest factor


def temper(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Divide the logarithms of probabilities by a temperature (Guo et al. 2017); nothing else in the library does.

    Args:
        probabilities: (N, K), a column for each label.
        temperature: more than 0; above 1, probabilities come closer to each other, and 1 leaves them as they are.

    Returns:
        (N, K), each row adds up to 1; its most probable label stays the same.
    """
    if temperature == 1:
        return probabilities
    return np.exp(log_shares(_logarithms(probabilities) / temperature))


def fit_temperature(probabilities: Probabilities, labels: Labels) -> float:
    """The temperature under which labels are most probable, as `fit_scale` finds it.

    Args:
        probabilities: (N, K) of N texts that the classifier was not trained on, at least one.
        labels: (N,) their class indices.

    Returns:
        More than 0.
    """
    return 1 / fit_scale(_logarithms(probabilities), labels)[1]


def fit_scale(scores: Floats, labels: Labels) -> tuple[float, float]:
    """The factor of scores under which labels are most probable: the one with the lowest log loss.

    Targets are softened as in Platt 1999, so that the factor is finite where all answers are right.

    Args:
        scores: (N, K) logarithms of probabilities, of any sum; N at least 1.
        labels: (N,) class indices.

    Returns:
        The loss that it comes to, and the factor.
    """
    from scipy.optimize import minimize_scalar

    classes = scores.shape[1]
    counts = np.bincount(labels, minlength=classes)
    own = ((counts + 1) / (counts + 2))[labels]
    targets = np.repeat((1 - own)[:, None] / (classes - 1), classes, axis=1)
    targets[np.arange(len(labels)), labels] = own

    def loss(logarithm: float) -> float:
        return -float((targets * log_shares(np.exp(logarithm) * scores)).sum()) / len(labels)

    best = minimize_scalar(loss, bounds=_SCALES, method="bounded")
    return float(best.fun), float(np.exp(best.x))


def log_shares(scores: Floats) -> Floats:
    """The logarithms of the shares that exponentials have in the sum of their row.

    Args:
        scores: (N, K) of any size.

    Returns:
        (N, K), none above 0.
    """
    below = scores - scores.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))


def _logarithms(probabilities: Probabilities) -> Floats:
    return np.log(np.maximum(probabilities, LEAST))
