"""Intervals, beside formulas and what copying the drawn messages gives."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.evaluation import intervals
from spampipe.evaluation.intervals import Interval

Z = 1.959963984540054  # of the normal distribution, 2.5 % beyond it

counts = st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@given(counts)
def test_wilsons_bounds_are_the_roots_of_his_equation(trials: tuple[int, int]) -> None:
    """A rate p is a bound if the observed one is Z of p's own standard errors away from it."""
    successes, total = trials
    found = intervals.wilson(successes, total)
    rate = successes / total
    middle = (rate + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z / (1 + Z**2 / total) * math.sqrt(rate * (1 - rate) / total + Z**2 / (4 * total**2))
    assert found.value == rate
    assert [found.low, found.high] == pytest.approx([max(0, middle - half), min(1, middle + half)], abs=1e-9)


def test_of_no_trials_there_is_no_rate() -> None:
    assert intervals.wilson(0, 0) == Interval(None, None, None)
    assert intervals.wilson(0, 0).as_json() == {"value": None, "low": None, "high": None}


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 1000))
def test_groups_are_drawn_whole_and_as_many_as_there_are(groups: list[int], seed: int) -> None:
    given_groups = np.array(groups)
    weights = intervals.bootstrap(lambda drawn: drawn, given_groups, seed, 7)
    assert weights.shape == (7, len(groups))
    for row in weights:
        of_group = {name: set(row[given_groups == name].tolist()) for name in set(groups)}
        assert all(len(each) == 1 for each in of_group.values())
        assert sum(each.pop() for each in of_group.values()) == len(set(groups))


def test_the_seed_decides_what_is_drawn_and_blocks_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = np.arange(50) // 2
    first, other = (intervals.bootstrap(lambda drawn: drawn, groups, seed, 20) for seed in (1, 2))
    assert not np.array_equal(first, other)
    monkeypatch.setattr(intervals, "_BLOCK", 150)
    np.testing.assert_array_equal(intervals.bootstrap(lambda drawn: drawn, groups, 1, 20), first)


def test_the_bootstrap_of_a_mean_knows_its_standard_error() -> None:
    """Of 2,000 independent values; of the same in groups of ten equal ones, it is that of a tenth of them."""
    values = np.random.default_rng(0).normal(size=2000)
    alone = intervals.bootstrap(lambda drawn: drawn @ values[:, None] / 2000, np.arange(2000), 0, 1000)
    assert alone.std() == pytest.approx(values.std() / math.sqrt(2000), rel=0.1)
    copies = np.repeat(values[:200], 10)
    together = intervals.bootstrap(
        lambda drawn: drawn @ copies[:, None] / 2000, np.repeat(np.arange(200), 10), 0, 1000
    )
    assert together.std() == pytest.approx(copies.std() / math.sqrt(200), rel=0.1)
    found = intervals.percentile(float(copies.mean()), together[:, 0])
    assert found.high - found.low == pytest.approx(2 * Z * copies.std() / math.sqrt(200), rel=0.1)


def test_bounds_are_the_25th_values_from_both_ends() -> None:
    drawn = np.random.default_rng(0).permutation(1000).astype(float)
    assert intervals.percentile(500.0, drawn) == Interval(500.0, 24.0, 974.0)


def test_what_is_infinite_or_not_defined_is_none() -> None:
    infinite = np.array([1.0] * 500 + [np.inf] * 500)
    assert intervals.percentile(np.inf, infinite) == Interval(None, 1.0, None)
    assert intervals.percentile(2.0, np.array([np.nan] * 5 + [1.0] * 3)) == Interval(2.0, 1.0, 1.0)
    assert intervals.percentile(np.nan, np.array([np.nan])) == Interval(None, None, None)
