"""The spread over seeds, beside NumPy's and SciPy's figures."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spampipe.core.errors import DataError
from spampipe.results.spread import MeanDifference, Spread, welch

values = st.lists(st.integers(0, 300).map(lambda right: right / 300), min_size=2, max_size=8).map(tuple)


@given(values)
def test_mean_deviation_and_interval_are_those_of_other_libraries(found: tuple[float, ...]) -> None:
    spread = Spread(found)
    assert spread.mean == pytest.approx(np.mean(found))
    assert spread.deviation == pytest.approx(np.std(found, ddof=1), abs=1e-12)
    if len(set(found)) > 1:
        expected = stats.ttest_1samp(found, 0).confidence_interval(0.95)
        assert spread.interval == pytest.approx((expected.low, expected.high))
    else:
        assert spread.deviation == 0 and spread.interval == (found[0], found[0])


@given(values, values)
def test_welch_is_scipys_and_is_not_defined_where_nothing_varies(
    one: tuple[float, ...], other: tuple[float, ...]
) -> None:
    found = welch(Spread(one), Spread(other))
    if len(set(one)) == len(set(other)) == 1:
        assert found is None
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of constant values
            expected = stats.ttest_ind(one, other, equal_var=False).pvalue
        assert found == pytest.approx(expected)
        assert welch(Spread(other), Spread(one)) == pytest.approx(expected)


def test_one_seed_has_no_spread() -> None:
    with pytest.raises(DataError, match="one seed has no spread; run `spampipe seeds` with 2 or more"):
        Spread((0.9,))


@pytest.mark.parametrize(
    ("metric", "before", "after", "p_value", "direction", "words"),
    [
        ("test_accuracy", (0.9, 0.91), (0.95, 0.96), 0.012, 1, "better beyond chance (Welch's t-test, p = 0.012)"),
        ("test_accuracy", (0.95, 0.96), (0.9, 0.91), 1e-9, -1, "worse beyond chance (Welch's t-test, p < 0.001)"),
        ("test_false_positives", (9, 10), (5, 6), 0.03, 1, "better beyond chance (Welch's t-test, p = 0.030)"),
        ("test_false_positives", (5, 6), (9, 10), 0.03, -1, "worse beyond chance (Welch's t-test, p = 0.030)"),
        ("test_f1", (0.9, 0.91), (0.95, 0.96), 0.05, 0, "no difference beyond chance (Welch's t-test, p = 0.050)"),
        ("test_f1", (0.9, 0.9), (0.95, 0.95), None, 0, "not tested, as neither varies with the seed"),
    ],
)
def test_a_difference_is_put_into_words(metric, before, after, p_value, direction, words) -> None:
    found = MeanDifference(metric, Spread(before), Spread(after), p_value)
    assert found.beyond_chance(0.05) == direction
    line = found.words("main", 0.05)
    assert line.endswith(f": {words}")
    assert line.startswith(f"mean {sum(after) / 2:.5g} of 2 seeds, main {sum(before) / 2:.5g} of 2:")
