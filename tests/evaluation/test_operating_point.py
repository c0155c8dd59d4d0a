"""The threshold and the temperature that settings ask for, chosen on validation messages."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spampipe.core.errors import DataError, ParamsError
from spampipe.data import calibration
from spampipe.data.labels import EVEN
from spampipe.evaluation import operating_point
from spampipe.evaluation.settings import EvaluateParams, ThresholdRule
from tests.support.label_sets import TWO
from tests.support.scored import PETS

messages = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1 - 2**-53, 1.0]) | st.floats(0, 1), st.booleans())
)
rates = st.sampled_from([0.001, 0.1, 0.25, 0.5]) | st.floats(0.001, 0.999)


def settings(threshold: float | ThresholdRule = EVEN, temperature: str = "none") -> EvaluateParams:
    return EvaluateParams.model_validate({"threshold": threshold, "temperature": temperature, "batch_size": 8})


def rule(rate: float) -> ThresholdRule:
    return ThresholdRule(max_false_positive_rate=rate)


def both(positive: list[float]) -> np.ndarray:
    return np.array([[1 - found, found] for found in positive]).reshape(-1, 2)


@given(messages, rates)
def test_no_lower_threshold_holds_the_rate(rows: list[tuple[float, bool]], rate: float) -> None:
    found, negatives = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], bool)
    assume(negatives.any())
    threshold = operating_point.lowest_threshold(found, negatives, rate)
    assert 0 < threshold < 1
    others = found[negatives]
    held = (others >= threshold).mean() <= rate
    assert held or (others >= 1 - 2**-53).mean() > rate  # the highest number below 1
    below = others[others < threshold]
    if held and len(below):
        assert (others >= below.max()).mean() > rate


def test_the_threshold_is_in_the_middle_between_messages() -> None:
    found, negatives = np.array([0.1, 0.4, 0.6, 0.9, 0.95]), np.array([True, True, True, False, False])
    assert operating_point.lowest_threshold(found, negatives, 0.01) == pytest.approx(0.75)
    assert operating_point.lowest_threshold(found, negatives, 0.34) == pytest.approx(0.5)
    assert operating_point.lowest_threshold(found[:3], negatives[:3], 0.01) == pytest.approx(0.8)


@pytest.mark.parametrize(("negatives", "warned"), [(999, True), (1000, False)])
def test_too_few_negatives_are_a_warning_that_says_how_many_are_needed(negatives: int, warned: bool) -> None:
    found = both([*np.linspace(0.001, 0.5, negatives).tolist(), 0.9])
    labels = np.array([0] * negatives + [1])
    point = operating_point.choose(found, labels, TWO, settings(rule(0.001)))
    assert (found[:-1, 1] >= point.threshold).sum() == (0 if warned else 1)
    assert bool(point.warning) == warned and "\n" not in point.warning
    if warned:
        assert (
            "999 validation messages" in point.warning and "1000 are needed to tell a rate of 0.001" in point.warning
        )


def test_negatives_that_are_taken_for_certain_are_a_warning() -> None:
    point = operating_point.choose(both([1.0, 0.2, 1.0]), np.array([0, 0, 1]), TWO, settings(rule(0.1)))
    assert point.threshold < 1
    assert point.warning.endswith("and 1 of them a probability of 1 of it; no threshold holds 0.1")


def test_without_rules_settings_are_taken_as_they_are() -> None:
    for labels in (TWO, PETS):
        found = np.full((3, len(labels)), 1 / len(labels))
        point = operating_point.choose(found, np.zeros(3, np.int64), labels, settings(0.7))
        assert point == operating_point.OperatingPoint(0.7, 1.0, "")


def test_the_threshold_is_one_of_tempered_probabilities() -> None:
    generator = np.random.default_rng(1)
    labels = (np.arange(400) % 2).astype(np.int64)
    scores = generator.normal(size=400) * 4 + np.where(labels == 1, 3, -3)
    found = both((1 / (1 + np.exp(-scores))).tolist())
    given = {"validation": (["a"] * 400, labels), "test": (["b"] * 400, labels)}
    raw = {"validation": found, "test": found}
    evaluation, point = operating_point.decided(given, raw, TWO, settings(rule(0.05), "validation"))
    assert point.temperature == calibration.fit_temperature(found, labels) > 1.2
    tempered = calibration.temper(found, point.temperature)
    for split in evaluation.splits.values():
        np.testing.assert_array_equal(split.probabilities, tempered)
        np.testing.assert_array_equal(split.predicted, (tempered[:, 1] >= point.threshold).astype(int))
    untempered, _ = operating_point.decided(given, raw, TWO, settings(rule(0.05)))
    np.testing.assert_array_equal(untempered.test.predicted, evaluation.test.predicted)  # the order is the same
    assert (evaluation.test.predicted[labels == 0]).mean() == 0.05


def test_what_cannot_be_chosen_is_one_line() -> None:
    uniform = np.full((2, 3), 1 / 3)
    for call in (
        lambda: operating_point.require_positive(settings(rule(0.1)), PETS),
        lambda: operating_point.choose(uniform, np.zeros(2, np.int64), PETS, settings(rule(0.1))),
    ):
        with pytest.raises(
            ParamsError, match=r"^evaluate\.threshold: no label of cat, dog, bird is the [^\n]*; set it"
        ):
            call()
    operating_point.require_positive(settings(0.5), PETS)
    operating_point.require_positive(settings(rule(0.1)), TWO)
    with pytest.raises(
        DataError, match=r"^validation: no message but spam; set evaluate\.threshold to a number[^\n]*$"
    ):
        operating_point.choose(both([0.1]), np.array([1]), TWO, settings(rule(0.1)))
    with pytest.raises(DataError, match=r"^validation: no message to fit the temperature on; [^\n]*$"):
        operating_point.choose(both([]), np.zeros(0, np.int64), TWO, settings(0.5, "validation"))
