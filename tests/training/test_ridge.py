"""The head's regression, held against scikit-learn's own parts put together by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from spampipe.core.errors import DataError, DivergenceError
from spampipe.data.labels import LabelSet
from spampipe.training import ridge
from tests.support.label_sets import THREE, TWO
from tests.support.tiny_training import settings


def drawn(count: int, labels: LabelSet, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of which some tell, of very different sizes, one of them constant; the classes are not even."""
    random = np.random.default_rng(seed)
    shares = np.array([6, 3, 1][: len(labels)]) / sum([6, 3, 1][: len(labels)])
    classes = random.choice(len(labels), count, p=shares)
    classes[: len(labels)] = np.arange(len(labels))
    features = random.normal(size=(count, 20))
    features[:, :3] += np.eye(3)[classes] * 1.5
    features = features * np.geomspace(1e-3, 1e3, 20) + 100
    features[:, 7] = 5.0
    return features, classes


def scores(features: np.ndarray, solution: ridge.Solution) -> np.ndarray:
    raised = np.exp(features @ solution.weights.T + solution.bias)
    return raised / raised.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("weighting", ["none", "balanced"])
def test_the_best_of_scikit_learns_solutions_is_found(labels, weighting):
    train, validation = drawn(200, labels, 1), drawn(60, labels, 2)
    solution = ridge.solve(train, validation, labels, settings(class_weights=weighting))
    class_weight = None if weighting == "none" else "balanced"
    candidates = {}
    for strength in ridge.STRENGTHS:
        model = LogisticRegression(C=1 / strength, class_weight=class_weight, tol=1e-9, max_iter=10_000)
        pipeline = make_pipeline(StandardScaler(), model).fit(*train)
        weights = None if class_weight is None else balanced(train[1])[validation[1]]
        loss = log_loss(validation[1], pipeline.predict_proba(validation[0]), sample_weight=weights)
        candidates[strength] = (loss, pipeline)
    best = min(candidates, key=lambda strength: candidates[strength][0])
    assert solution.strength == best and best not in (ridge.STRENGTHS[0], ridge.STRENGTHS[-1])
    expected = candidates[best][1].predict_proba(validation[0])
    np.testing.assert_allclose(scores(validation[0], solution), expected, atol=1e-3)
    assert solution.weights.shape == (len(labels), 20)


def balanced(classes: np.ndarray) -> np.ndarray:
    """(K,) the weight of a text of each class."""
    weights = compute_sample_weight("balanced", classes)
    return np.array([weights[classes == label][0] for label in range(classes.max() + 1)])


def test_balanced_weights_answer_the_rarer_label_more_often():
    train, validation = drawn(200, TWO, 1), drawn(400, TWO, 2)
    shares = [
        scores(validation[0], ridge.solve(train, validation, TWO, settings(class_weights=weighting))).argmax(1).mean()
        for weighting in ("none", "balanced")
    ]
    assert shares[0] < shares[1]


def test_of_equal_losses_the_stronger_ridge_is_taken():
    nothing = np.ones((8, 3))
    solution = ridge.solve((nothing, np.arange(8) % 2), (nothing, np.arange(8) % 2), TWO, settings())
    assert solution.strength == ridge.STRENGTHS[0]
    np.testing.assert_allclose(scores(nothing, solution), 0.5)


def test_a_label_without_texts_is_refused():
    features, classes = drawn(30, THREE, 1)
    kept = classes != 1
    with pytest.raises(DataError, match="the train split has no text with the label perhaps; add some, or leave"):
        ridge.solve((features[kept], classes[kept]), (features, classes), THREE, settings())


def test_what_is_no_number_is_refused():
    train, validation = drawn(30, TWO, 1), drawn(30, TWO, 2)
    train[0][3, 4] = np.nan
    with pytest.raises(DivergenceError, match="not a number"):
        ridge.solve(train, validation, TWO, settings())


def test_a_solver_that_does_not_end_is_an_error(monkeypatch):
    monkeypatch.setattr(ridge, "_MOST_ITERATIONS", 1)
    with pytest.raises(DivergenceError, match="does not converge within 1 iterations"):
        ridge.solve(drawn(200, TWO, 1), drawn(60, TWO, 2), TWO, settings())
