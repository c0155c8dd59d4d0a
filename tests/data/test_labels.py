"""The one rule that turns probabilities into labels, by a plain loop; and label sets that survive their files."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydantic import ValidationError

from spampipe.core.errors import DataError, ParamsError
from spampipe.data import labels
from spampipe.data.labels import LabelSet
from tests.support.label_sets import THREE, TWO

NAMES = st.lists(st.text(min_size=1).filter(str.strip), min_size=2, max_size=6, unique=True)
LABEL_SETS = NAMES.flatmap(
    lambda names: st.builds(LabelSet, names=st.just(tuple(names)), positive=st.none() | st.sampled_from(names))
)
# Few different values, so that ties are frequent, also with the threshold.
VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]) | st.floats(0, 1)


def _decided_by_hand(row: list[float], positive: int | None, threshold: float) -> int:
    """The positive label if it is probable enough; else the first of the most probable others."""
    if positive is not None and row[positive] >= threshold:
        return positive
    best = None
    for index, probability in enumerate(row):
        if index != positive and (best is None or probability > row[best]):
            best = index
    assert best is not None
    return best


@given(LABEL_SETS, st.data(), st.sampled_from([0.25, 0.5, 0.75]) | st.floats(0.001, 0.999))
def test_decisions_are_those_of_a_plain_loop(label_set, data, threshold):
    shape = st.tuples(st.integers(0, 5), st.just(len(label_set)))
    probabilities = data.draw(arrays.arrays(np.float64, shape, elements=VALUES))
    before = probabilities.copy()
    decided = labels.decide(probabilities, label_set, threshold)
    expected = [_decided_by_hand(row, label_set.positive_index, threshold) for row in probabilities.tolist()]
    assert decided.tolist() == expected
    assert np.issubdtype(decided.dtype, np.integer)
    np.testing.assert_array_equal(probabilities, before)


@pytest.mark.parametrize(
    ("label_set", "row", "threshold", "label"),
    [
        (TWO, [0.5, 0.5], 0.5, "spam"),  # from the threshold on
        (TWO, [0.500001, 0.499999], 0.5, "ham"),
        (TWO, [0.1, 0.9], 0.95, "ham"),
        (TWO, [0.9, 0.1], 0.05, "spam"),
        (THREE, [0.2, 0.5, 0.3], 0.9, "perhaps"),  # without a positive label the threshold has no effect
        (THREE, [0.4, 0.2, 0.4], 0.1, "no"),  # of equals the first
        (LabelSet(names=("a", "b", "c"), positive="b"), [0.3, 0.4, 0.3], 0.4, "b"),
        (LabelSet(names=("a", "b", "c"), positive="b"), [0.2, 0.5, 0.3], 0.6, "c"),  # the best of the others
        (LabelSet(names=("a", "b", "c"), positive="b"), [0.0, 0.5, 0.0], 0.6, "a"),
    ],
)
def test_the_rule_at_its_limits(label_set, row, threshold, label):
    decided = labels.decide(np.array([row]), label_set, threshold)
    assert label_set.names_of(decided).tolist() == [label]


@given(LABEL_SETS)
def test_label_sets_survive_their_files(tmp_path_factory, label_set):
    assume(all("\0" not in name for name in label_set.names))
    path = tmp_path_factory.getbasetemp() / "labels.json"
    labels.save(path, label_set)
    assert labels.load(path) == label_set == labels.parse(labels.unparse(label_set))
    assert "\n" not in labels.unparse(label_set)
    indices = np.arange(len(label_set))
    assert label_set.names_of(indices).tolist() == list(label_set.names)


def test_labels_found_are_sorted_and_labels_named_keep_their_order():
    assert labels.found_in({"yes", "no"}) == LabelSet(names=("no", "yes"), positive="yes")
    assert labels.found_in({"yes", "no", "perhaps"}) == THREE
    assert labels.in_order(["yes", "no"]) == LabelSet(names=("yes", "no"), positive="no")
    assert labels.in_order(["b", "c", "a"]) == LabelSet(names=("b", "c", "a"), positive=None)


@pytest.mark.parametrize(
    ("names", "positive"),
    [((), None), (("a",), "a"), (("a", "a"), None), (("a", " "), None), (("a", "b"), "c"), (["a", "b"], None)],
)
def test_what_is_no_label_set_is_refused(names, positive):
    with pytest.raises(ValidationError):
        LabelSet(names=names, positive=positive)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("ham", None),
        ("not spam", None),
        ("\N{ZERO WIDTH JOINER}x", None),
        ("", "is empty"),
        (" \t", "is empty"),
        ("ham ", "begins or ends with white space"),
        ("\tham", "begins or ends with white space"),
        ("a\tb", "holds a tab or a line end"),
        ("a\rb", "holds a tab or a line end"),
    ],
)
def test_what_cannot_be_a_label_of_an_own_file(name, problem):
    assert labels.problem_of_name(name) == problem


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"names": ["a", "b"]}',
        '{"names": ["a"], "positive": null}',
        '{"names": [0, 1], "positive": 1}',
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "labels.json"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        labels.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: damaged (") and "dvc repro --force download" in message
    assert len(message.splitlines()) == 1


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"labels\.json: no such file; run `dvc repro download`"):
        labels.load(tmp_path / "labels.json")


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, 1.5, float("nan"), float("inf")])
def test_a_threshold_that_is_no_share_is_refused(threshold):
    with pytest.raises(ParamsError, match="must be more than 0 and less than 1"):
        labels.checked_threshold(threshold)


def test_a_threshold_that_is_one_is_itself():
    assert labels.checked_threshold(0.9) == 0.9
