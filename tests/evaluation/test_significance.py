"""The tests of significance against exact sums, and what the gate makes of them."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.evaluation import significance
from spampipe.results import gate

outcomes = st.lists(st.booleans(), min_size=1, max_size=60).map(np.array)
pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80).map(np.array)


@given(pairs)
def test_paired_is_the_sign_test_on_what_differs(both: np.ndarray) -> None:
    worse, better = both.T
    gained, lost = int((better & ~worse).sum()), int((worse & ~better).sum())
    differing = gained + lost
    expected = sum(math.comb(differing, k) for k in range(gained, differing + 1)) / 2**differing
    assert significance.paired(worse, better) == pytest.approx(expected, abs=1e-12)


@given(outcomes, outcomes)
def test_unpaired_is_fishers_test(worse: np.ndarray, better: np.ndarray) -> None:
    right, total = int(worse.sum() + better.sum()), len(worse) + len(better)
    ways = [
        math.comb(right, k) * math.comb(total - right, len(better) - k)
        for k in range(int(better.sum()), min(right, len(better)) + 1)
    ]
    expected = sum(ways) / math.comb(total, len(better))
    assert significance.unpaired(worse, better) == pytest.approx(expected, abs=1e-12)


def test_as_many_messages_as_balancing_leaves_out_are_compared_exactly() -> None:
    """Single probabilities among them are tiny."""
    worse, better = np.arange(4078) < 3990, np.arange(4078) < 4006
    assert significance.paired(worse, better) == pytest.approx(2.0**-16, rel=1e-9)
    assert significance.unpaired(worse, better) == pytest.approx(exact_fisher(3990, 4006, 4078), rel=1e-9)
    assert significance.paired(worse, worse) == 1.0


def exact_fisher(worse: int, better: int, size: int) -> float:
    """The test of two groups of one size, in whole numbers."""
    right = worse + better
    ways = sum(math.comb(right, k) * math.comb(2 * size - right, size - k) for k in range(better, size + 1))
    return float(Fraction(ways, math.comb(2 * size, size)))


def predictions(right: int, wrong: int, *, name: str = "message") -> pd.DataFrame:
    count = right + wrong
    texts = [f"{name} {number}" for number in range(count)]
    return pd.DataFrame({"split": "test", "text": texts, "label": "a", "predicted": ["a"] * right + ["b"] * wrong})


@pytest.mark.parametrize(
    ("now", "before", "passed"),
    [((97, 3), (98, 2), True), ((90, 10), (98, 2), False), ((98, 2), (90, 10), True), ((0, 0), (0, 0), True)],
)
def test_a_loss_fails_the_gate_only_beyond_noise(now: tuple[int, int], before: tuple[int, int], passed: bool) -> None:
    for name in ("message", "another message"):  # the same messages, and other ones
        finding = gate.compare("test", predictions(*before), predictions(*now, name=name), 0.05, "main")
        assert finding.passed == passed, finding.line()
        assert ("unpaired" in finding.detail) == (name != "message" and sum(now) > 0)
