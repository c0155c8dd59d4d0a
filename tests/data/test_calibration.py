"""Temperature: what it does to any probabilities, and that it is the one that fits labels best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from spampipe.data import calibration

shares = st.tuples(st.integers(1, 20), st.integers(2, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-30, 30)).map(lambda scores: softmax(scores, axis=1))
)
temperatures = st.floats(0.05, 20)


@given(shares, temperatures)
def test_tempered_probabilities_are_the_softmax_of_divided_logarithms(found: np.ndarray, temperature: float) -> None:
    tempered = calibration.temper(found, temperature)
    np.testing.assert_allclose(tempered, softmax(np.log(found) / temperature, axis=1), rtol=1e-9, atol=1e-12)
    chosen = tempered[np.arange(len(found)), found.argmax(axis=1)]
    np.testing.assert_allclose(chosen, tempered.max(axis=1), rtol=1e-12)


@given(shares)
def test_a_temperature_of_1_changes_no_bit(found: np.ndarray) -> None:
    assert calibration.temper(found, 1.0).tobytes() == found.tobytes()


def test_probabilities_of_0_and_1_stay_numbers() -> None:
    tempered = calibration.temper(np.array([[1.0, 0.0], [0.0, 1.0]]), 2.0)
    assert np.isfinite(tempered).all() and (tempered.argmax(axis=1) == [0, 1]).all()
    assert 0 < tempered[0, 1] < 1e-10


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("classes", [2, 4])
def test_the_temperature_that_probabilities_were_divided_by_is_found_again(true: float, classes: int) -> None:
    """Labels are drawn from the true probabilities; the model's are too sure, or not sure enough, by one factor."""
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(20_000, classes)) * 2
    labels = (generator.random(len(scores))[:, None] > softmax(scores, axis=1).cumsum(axis=1)).sum(axis=1)
    assert calibration.fit_temperature(softmax(scores * true, axis=1), labels) == pytest.approx(true, rel=0.05)


def test_where_all_answers_are_right_the_temperature_stays_finite() -> None:
    found = np.tile([0.9, 0.1], (50, 1))
    assert 0.1 < calibration.fit_temperature(found, np.zeros(50, np.int64)) < 1
