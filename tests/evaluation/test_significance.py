"""The tests of significance against SciPy's, and what the gate makes of them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact

from spampipe.evaluation import significance
from spampipe.results import gate

outcomes = st.lists(st.booleans(), min_size=1, max_size=60).map(np.array)
pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80).map(np.array)


@given(pairs)
def test_paired_is_the_sign_test_on_what_differs(both: np.ndarray) -> None:
    worse, better = both.T
    gained, lost = int((better & ~worse).sum()), int((worse & ~better).sum())
    expected = binomtest(gained, gained + lost, alternative="greater").pvalue if gained + lost else 1.0
    assert significance.paired(worse, better) == pytest.approx(expected, abs=1e-12)


@given(outcomes, outcomes)
def test_unpaired_is_fishers_test(worse: np.ndarray, better: np.ndarray) -> None:
    table = [[better.sum(), (~better).sum()], [worse.sum(), (~worse).sum()]]
    expected = fisher_exact(table, alternative="greater").pvalue
    assert significance.unpaired(worse, better) == pytest.approx(expected, abs=1e-9)


def predictions(right: int, wrong: int, *, name: str = "message") -> pd.DataFrame:
    count = right + wrong
    texts = [f"{name} {number}" for number in range(count)]
    return pd.DataFrame({"split": "test", "text": texts, "label": 1, "predicted": [1] * right + [0] * wrong})


@pytest.mark.parametrize(
    ("now", "before", "passed"),
    [((97, 3), (98, 2), True), ((90, 10), (98, 2), False), ((98, 2), (90, 10), True), ((0, 0), (0, 0), True)],
)
def test_a_loss_fails_the_gate_only_beyond_noise(now: tuple[int, int], before: tuple[int, int], passed: bool) -> None:
    for name in ("message", "another message"):  # the same messages, and other ones
        finding = gate.compare("test", predictions(*before), predictions(*now, name=name), 0.05, "main")
        assert finding.passed == passed, finding.line()
        assert ("unpaired" in finding.detail) == (name != "message" and sum(now) > 0)
