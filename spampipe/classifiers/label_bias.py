"""Calibration of a classifier that was never trained: what is added to each label's score."""

import numpy as np
import numpy.typing as npt

from spampipe.data.labels import Labels, Probabilities

_RIDGE = 1e-4  # of the squared biases, so that a label without texts gets a finite one

Scores = npt.NDArray[np.float64]  # (N, K) logarithms, of any sum


def fit(scores: Scores, labels: Labels) -> npt.NDArray[np.float64]:
    """The biases under which the labels are most probable.

    A base model prefers answers that are frequent, or that stood in the last example (Zhao et al. 2021, "Calibrate
    Before Use"). As there, each label's probability is multiplied by a factor of its own, exp(bias), and all are
    divided by their sum. There the factors come from texts without content; here they are those of the least log
    loss on labelled texts, which is the bias correction of Alexandari et al. 2020, "Maximum likelihood with
    bias-corrected calibration is hard-to-beat at label shift adaptation". The problem is convex.

    Args:
        scores: (N, K) the labels' scores.
        labels: (N,) class indices, N at least 1.

    Returns:
        (K,) what is to be added to the scores; the sum is 0.
    """
    from scipy.optimize import minimize  # who only uses a classifier does without

    chosen = np.eye(scores.shape[1])[labels]

    def loss(bias: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        found = log_softmax(scores + bias)
        gradient = (np.exp(found) - chosen).mean(axis=0) + _RIDGE * bias
        return float(-(found * chosen).sum(axis=1).mean() + _RIDGE / 2 * bias @ bias), gradient

    bias: npt.NDArray[np.float64] = minimize(loss, np.zeros(scores.shape[1]), jac=True, method="L-BFGS-B").x
    return bias - bias.mean()


def log_softmax(scores: Scores) -> Scores:
    """The logarithms of the probabilities.

    Args:
        scores: (N, K) scores.

    Returns:
        (N, K); the exponentials of each row add up to 1.
    """
    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)


def softmax(scores: Scores) -> Probabilities:
    """The probabilities.

    Args:
        scores: (N, K) scores.

    Returns:
        (N, K); each row adds up to 1.
    """
    exact = np.exp(log_softmax(scores))
    return exact / exact.sum(axis=1, keepdims=True)
