"""Confident learning: an example worked out by hand, the definition word for word, and what holds for any answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.evaluation import suspects
from spampipe.evaluation.out_of_fold import OutOfFold
from tests.support.cross_validated import any_answers
from tests.support.label_sets import THREE, TWO

ANSWERS = any_answers(TWO) | any_answers(THREE)


def found_in(answers: OutOfFold) -> suspects.Suspects:
    return suspects.find(answers.labels, answers.probabilities)


def test_an_example_worked_out_by_hand() -> None:
    """Thresholds: of class 0 (0.9 + 0.8 + 0.1 + 0.6) / 4 = 0.6, of class 1 (0.9 + 0.7 + 0.2) / 3 = 0.6.

    The third message reaches that of class 1 only, the last that of class 0 only. The fourth reaches the one of its
    own class, which is enough.
    """
    labels = np.array([0, 0, 0, 0, 1, 1, 1])
    first = np.array([0.9, 0.8, 0.1, 0.6, 0.1, 0.3, 0.8])
    found = suspects.find(labels, np.stack([first, 1 - first], axis=1))
    assert found.positions.tolist() == [2, 6]
    assert found.suggested.tolist() == [1, 0]
    np.testing.assert_allclose(found.self_confidence, [0.1, 0.2])


def test_of_several_classes_that_reach_their_thresholds_the_most_probable_counts() -> None:
    """Thresholds: (0.7 + 0.1) / 2 = 0.4, (0.6 + 0.25) / 2 = 0.425, 0.4.

    The second message, of class 0, reaches those of classes 1 and 2, and the latter is more probable. The fourth, of
    class 1, is most probably of class 0, but reaches no threshold.
    """
    labels = np.array([0, 0, 1, 1, 2])
    probabilities = [[0.7, 0.2, 0.1], [0.1, 0.43, 0.47], [0.2, 0.6, 0.2], [0.39, 0.25, 0.36], [0.3, 0.3, 0.4]]
    found = suspects.find(labels, np.array(probabilities))
    assert found.positions.tolist() == [1] and found.suggested.tolist() == [2]


@given(ANSWERS)
def test_suspects_are_those_of_the_definition(answers: OutOfFold) -> None:
    classes = range(len(answers.label_set))
    probabilities = answers.probabilities.tolist()
    own = [[row[k] for row, label in zip(probabilities, answers.labels, strict=True) if label == k] for k in classes]
    thresholds = [sum(values) / len(values) for values in own]
    expected = {}
    for position, (row, label) in enumerate(zip(probabilities, answers.labels, strict=True)):
        reaching = [k for k in classes if row[k] >= thresholds[k] - 1e-9]
        best = max(reaching, key=lambda k: row[k], default=label)  # the first of equals
        if label not in reaching or row[label] < row[best]:
            expected[position] = best
    expected = {position: best for position, best in expected.items() if best != answers.labels[position]}
    found = found_in(answers)
    assert dict(zip(found.positions.tolist(), found.suggested.tolist(), strict=True)) == expected


@given(ANSWERS)
def test_the_least_probable_label_comes_first_and_equals_in_their_order(answers: OutOfFold) -> None:
    found = found_in(answers)
    ranks = list(zip(found.self_confidence.tolist(), found.positions.tolist(), strict=True))
    assert ranks == sorted(ranks)
    own = answers.probabilities[found.positions, answers.labels[found.positions]]
    np.testing.assert_array_equal(found.self_confidence, own)
    assert (found.suggested != answers.labels[found.positions]).all()


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_messages_decides_nothing(answers: OutOfFold, random) -> None:
    order = np.array(random.sample(range(len(answers)), len(answers)))
    moved = suspects.find(answers.labels[order], answers.probabilities[order])
    found = found_in(answers)
    pairs = [(each.positions.tolist(), each.suggested.tolist()) for each in (found, moved)]
    assert set(zip(*pairs[0], strict=True)) == {(order[place], to) for place, to in zip(*pairs[1], strict=True)}


@given(st.floats(0.01, 0.99), st.integers(2, 40))
def test_answers_that_are_all_the_same_accuse_nobody_of_the_likelier_label(share: float, count: int) -> None:
    """A mean of equal numbers may be rounded to more than these."""
    labels = np.arange(count) % 2
    found = suspects.find(labels, np.tile([share, 1 - share], (count, 1)))
    assert set(labels[found.positions]) <= {int(share > 0.5)}


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_class_without_messages_is_suggested_to_nobody(missing: int) -> None:
    labels = np.array([k for k in range(3) if k != missing])
    found = suspects.find(labels, np.full((2, 3), 0.1) + 0.7 * np.eye(3)[missing])
    assert missing not in found.suggested


@given(ANSWERS)
def test_those_labelled_otherwise_are_counted_by_group(answers: OutOfFold) -> None:
    pairs = list(zip(answers.groups, answers.labels, strict=True))
    expected = [sum(group == g and label != k for g, k in pairs) for group, label in pairs]
    assert suspects.labelled_otherwise(answers.labels, answers.groups).tolist() == expected
    assert suspects.labelled_otherwise(answers.labels, 7 * answers.groups - 3).tolist() == expected
