"""Models on the same messages: tests of significance beside SciPy's, and corrections beside an example by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from spampipe.core.errors import DataError
from spampipe.evaluation import filter_metrics, paired
from spampipe.evaluation.intervals import Interval
from tests.support.cross_validated import noisy
from tests.support.label_sets import THREE, TWO

p_values = st.dictionaries(st.text(max_size=3), st.floats(0, 1), min_size=1, max_size=8)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_mcnemar_is_the_two_sided_sign_test(one: int, other: int) -> None:
    first, second = noisy(60, one, 1.0), noisy(60, other, 1.0)
    gained, lost = int((second.right & ~first.right).sum()), int((first.right & ~second.right).sum())
    expected = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert paired.mcnemar(first, second) == pytest.approx(expected)
    assert paired.mcnemar(second, first) == pytest.approx(expected)


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
def test_a_difference_is_that_of_the_values_and_turns_its_sign(labels) -> None:
    first, second = (noisy(300, seed, signal, labels) for seed, signal in ((1, 1.0), (2, 3.0)))
    shown = paired.differences(first, second, repeats=200)
    assert list(shown) == list(filter_metrics.of_labels(labels))
    values = [filter_metrics.compute(each, repeats=1) for each in (first, second)]
    for name, found in shown.items():
        assert found.interval.value == pytest.approx(values[1][name].value - values[0][name].value)
    better = shown["accuracy"]
    assert better.interval.low > 0 and better.p_value == 2 * 1 / 201
    back = paired.differences(second, first, ["accuracy"], repeats=200)["accuracy"]
    assert back.p_value == better.p_value and back.interval.value == -better.interval.value


def test_equal_models_do_not_differ() -> None:
    found = noisy(90, 3)
    assert paired.mcnemar(found, found) == 1
    for name, each in paired.differences(found, found, repeats=50).items():
        assert each.interval == Interval(0.0, 0.0, 0.0) and each.p_value == 1, name


def test_pairing_takes_out_what_both_models_find_hard() -> None:
    """Two models that share their errors differ by less than chance moves either."""
    first = noisy(600, 5, 1.0)
    changed = first.predicted.copy()
    changed[np.flatnonzero(~first.right)[:5]] = first.labels[np.flatnonzero(~first.right)[:5]]
    second = replace(first, predicted=changed)
    found = paired.differences(first, second, ["errors"], repeats=300)["errors"]
    alone = filter_metrics.compute(first, repeats=10)["accuracy"]
    assert found.interval.value == -5
    assert found.interval.high - found.interval.low < (alone.high - alone.low) * 600 / 2


def test_the_level_is_kept_where_there_is_no_difference() -> None:
    """Of pairs of equally good models, about one in twenty is called different at 0.05."""
    called = [
        paired.differences(noisy(120, 2 * n, 1.5), noisy(120, 2 * n + 1, 1.5), ["accuracy"], repeats=200)
        for n in range(100)
    ]
    assert sum(found["accuracy"].p_value <= 0.05 for found in called) <= 13


def test_infinite_values_have_no_difference() -> None:
    perfect, other = noisy(60, 0, 20.0), noisy(60, 1, 20.0)
    found = paired.differences(perfect, other, ["total_cost_ratio_lambda_50"], repeats=20)
    assert found["total_cost_ratio_lambda_50"] == paired.Difference(Interval(None, None, None), None)


def test_answers_for_other_messages_are_refused() -> None:
    found = noisy(30, 0)
    for other, reason in (
        (noisy(33, 0), "differ in the rows of"),
        (replace(found, labels=1 - found.labels), "differ in the labels of"),
        (replace(found, groups=found.rows), "differ in the groups of"),
        (noisy(30, 0, label_set=THREE), "have different label sets"),
    ):
        for call in (paired.mcnemar, paired.differences):
            with pytest.raises(DataError, match=rf"^the two models {reason}[^\n]*; [^\n]*$"):
                call(found, other)
    with pytest.raises(DataError, match=r"^acuracy: no metric of these labels; did you mean accuracy\?$"):
        paired.differences(found, found, ["acuracy"])


def test_holms_correction_by_hand() -> None:
    given_values = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert paired.holm(given_values) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(paired.holm(given_values)) == ["a", "b", "c", "d"]
    assert paired.holm({}) == {}


@given(p_values)
def test_corrected_values_are_in_the_same_order_and_no_smaller(given_values: dict[str, float]) -> None:
    corrected = paired.holm(given_values)
    names = sorted(given_values, key=lambda name: given_values[name])
    assert all(given_values[name] <= corrected[name] <= 1 for name in names)
    ranked = [corrected[name] for name in names]
    assert ranked == sorted(ranked)
    assert corrected[names[0]] == min(1.0, len(names) * given_values[names[0]])
    assert all(corrected[name] <= min(1.0, len(names) * given_values[name]) for name in names)  # Bonferroni's
