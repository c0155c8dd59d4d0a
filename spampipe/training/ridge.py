"""Logistic regression with a ridge whose strength is chosen on validation texts, solved to convergence."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spampipe.core.errors import DataError, DivergenceError
from spampipe.data.labels import Labels, LabelSet
from spampipe.training.settings import TrainParams

Numbers = npt.NDArray[np.float64]

STRENGTHS = (1e4, 1e3, 1e2, 1e1, 1.0)  # the ridge beside the sum of the texts' losses, the strongest first
_TOLERANCE = 1e-5  # of the gradient of the mean loss; probabilities are then exact to about 1e-3
_MOST_ITERATIONS = 10_000


@dataclass(frozen=True)
class Solution:
    """Scores of D features: `features @ weights.T + bias`.

    Attributes:
        weights: (K, D), of features as they came.
        bias: (K,) what is added.
        strength: of the ridge.
    """

    weights: Numbers
    bias: Numbers
    strength: float


def solve(
    train: tuple[Numbers, Labels], validation: tuple[Numbers, Labels], labels: LabelSet, settings: TrainParams
) -> Solution:
    """The regression whose log loss on validation is least, of those with a ridge among STRENGTHS.

    Features are standardized by their mean and standard deviation on train, so that the ridge weighs on all alike.
    The ridge grows weaker step by step, each solution the start of the next, until the loss on validation rises. Of
    equal losses the stronger ridge is taken.

    Args:
        train: (N, D) features, and (N,) class indices.
        validation: (M, D) features, and (M,) class indices.
        labels: the K classes.
        settings: `class_weights` says whether texts of rarer classes count for more, here and in the choice.

    Raises:
        DataError: a class has no text in train.
        DivergenceError: a feature is not a number, or the solver does not converge.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.utils.class_weight import compute_class_weight

    _require_usable(train, validation, labels)
    classes = np.arange(len(labels))
    weighting = None if settings.class_weights == "none" else settings.class_weights
    weight_of = compute_class_weight(weighting, classes=classes, y=train[1])
    mean, scale = train[0].mean(axis=0), train[0].std(axis=0)
    scale[scale == 0] = 1
    standardized = [(features - mean) / scale for features in (train[0], validation[0])]
    model = LogisticRegression(class_weight=weighting, tol=_TOLERANCE, max_iter=_MOST_ITERATIONS, warm_start=True)
    best, least = None, np.inf
    for strength in STRENGTHS:
        _fit(model.set_params(C=1 / strength), standardized[0], train[1])
        found = model.predict_proba(standardized[1])
        loss = log_loss(validation[1], found, labels=classes, sample_weight=weight_of[validation[1]])
        if loss >= least:
            break
        best, least = _of_raw_features(model, mean, scale, strength), loss
    assert best is not None
    return best


def _require_usable(train: tuple[Numbers, Labels], validation: tuple[Numbers, Labels], labels: LabelSet) -> None:
    """Insist on features that are numbers, and on a text of each class."""
    if not all(np.isfinite(features).all() for features, _ in (train, validation)):
        raise DivergenceError("a state of the base model is not a number; set train.precision to fp32")
    for index, name in enumerate(labels.names):
        if index not in train[1]:
            raise DataError(f"the train split has no text with the label {name}; add some, or leave the label out")


def _fit(model: Any, features: Numbers, classes: Labels) -> None:
    """Solve, from the solution before if there is one."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(features, classes)
        except ConvergenceWarning as warning:
            raise DivergenceError(f"the head does not converge within {_MOST_ITERATIONS} iterations") from warning


def _of_raw_features(model: Any, mean: Numbers, scale: Numbers, strength: float) -> Solution:
    """The model's scores as those of features that are not standardized; of two classes it holds one score."""
    weights, bias = model.coef_.copy(), model.intercept_.copy()
    if len(weights) == 1:
        weights, bias = np.vstack([-weights, weights]) / 2, np.hstack([-bias, bias]) / 2
    weights /= scale
    return Solution(weights, bias - weights @ mean, strength)
