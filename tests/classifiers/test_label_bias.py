"""What is added to each label's score makes the labels as probable as it can."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special
from sklearn.metrics import log_loss

from spampipe.classifiers import label_bias


def drawn(count: int, kinds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores that favour the first label wrongly, and class indices that they tell something of."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, kinds, count)
    scores = random.normal(size=(count, kinds)) + 2.0 * np.eye(kinds)[labels]
    scores[:, 0] += 3.0
    return scores - 20.0, labels


@pytest.mark.parametrize("kinds", [2, 3, 6])
def test_no_other_biases_give_a_lower_loss(kinds: int) -> None:
    scores, labels = drawn(200, kinds, kinds)
    bias = label_bias.fit(scores, labels)
    best = log_loss(labels, label_bias.softmax(scores + bias))
    assert best < log_loss(labels, label_bias.softmax(scores)) - 0.1
    assert bias.sum() == pytest.approx(0, abs=1e-9)
    for change in 0.05 * np.vstack([np.eye(kinds), -np.eye(kinds)]):
        assert log_loss(labels, label_bias.softmax(scores + bias + change)) > best


def test_of_two_labels_the_difference_is_scipys_best_intercept() -> None:
    scores, labels = drawn(300, 2, 5)
    difference = scores[:, 1] - scores[:, 0]
    best = optimize.minimize_scalar(lambda shift: log_loss(labels, special.expit(difference + shift)))
    first, second = label_bias.fit(scores, labels)
    assert second - first == pytest.approx(best.x, abs=0.01) and best.x > 1


def test_a_label_without_texts_gets_a_finite_bias() -> None:
    scores, labels = drawn(50, 3, 2)
    bias = label_bias.fit(scores, labels % 2)
    assert np.isfinite(bias).all() and bias[2] < bias[:2].min()


@given(st.lists(st.lists(st.floats(-1000, 1000), min_size=3, max_size=3), min_size=1, max_size=5))
def test_probabilities_add_up_to_one(rows: list[list[float]]) -> None:
    scores = np.array(rows)
    found = label_bias.softmax(scores)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(found, special.softmax(scores, axis=1), atol=1e-12)
    np.testing.assert_allclose(label_bias.log_softmax(scores), special.log_softmax(scores, axis=1), atol=1e-9)
