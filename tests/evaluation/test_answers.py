"""What is said about the right answers of two results."""

import re
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.evaluation import answers

probabilities = st.floats(0, 1)


def share(words: str) -> Fraction:
    """The share of the cases that the words name."""
    if "half of all" in words:
        return Fraction(1, 2)
    found = re.search(r"in (\d+) of (\d+) cases$", words)
    return Fraction(int(found[1]), int(found[2])) if found else Fraction(1)


@given(st.floats(0.001, 1))
def test_cases_are_within_a_fifth_of_the_probability(probability: float) -> None:
    assert float(share(answers.cases(probability))) == pytest.approx(probability, rel=0.2)


@given(probabilities, probabilities)
def test_what_is_more_probable_is_never_said_to_be_rarer(one: float, other: float) -> None:
    low, high = sorted((one, other))
    said = [0 if "less than" in words else share(words) for words in map(answers.cases, (low, high))]
    assert said[0] <= said[1]


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "does that in less than 1 of 1000 cases"),
        (0.0009999, "does that in less than 1 of 1000 cases"),
        (0.001, "does that in 1 of 1000 cases"),
        (0.00217, "does that in 1 of 460 cases"),
        (0.05, "does that in 1 of 20 cases"),
        (1 / 3, "does that in 1 of 3 cases"),
        (0.5, "does that in half of all cases"),
        (0.7, "does that in 7 of 10 cases"),
        (0.94, "does that in 9 of 10 cases"),
        (0.99, "nearly always does that"),
        (1.0, "always does that"),
    ],
)
def test_cases_in_words(probability: float, words: str) -> None:
    assert answers.cases(probability) == words


def predictions(right: str, name: str = "message") -> pd.DataFrame:
    """Predictions of test messages, `+` for a right one and `-` for a wrong one."""
    texts = [f"{name} {number}" for number in range(len(right))]
    predicted = [int(sign == "+") for sign in right]
    return pd.DataFrame({"split": "test", "text": texts, "label": 1, "predicted": predicted})


@pytest.mark.parametrize(
    ("before", "after", "words", "beyond"),
    [
        ("++++-", "++---", "2 fewer right of 5 (2, main 4): worse, but chance alone does that in 1 of 4 cases", 0),
        (
            "-++++",
            "+++++",
            "1 more right of 5 (5, main 4): better, but chance alone does that in half of all cases",
            0,
        ),
        ("+" * 9, "-" * 9, "9 fewer right of 9 (0, main 9): worse; chance alone does that in 1 of 510 cases", -1),
        ("-" * 9, "+" * 9, "9 more right of 9 (9, main 0): better; chance alone does that in 1 of 510 cases", 1),
        ("+++-", "+++-", "no difference: 3 of 4 right, as in main", 0),
        ("+++-", "-+++", "no difference: 3 of 4 right, as in main, though not the same ones", 0),
        ("", "", "not compared: 0 messages here, 0 in main", 0),
        ("++", "", "not compared: 0 messages here, 2 in main", 0),
    ],
)
def test_the_same_messages_in_words(before: str, after: str, words: str, beyond: int) -> None:
    found = answers.difference("test", predictions(before), predictions(after))
    assert found.words("main", 0.05) == words
    assert found.beyond_chance(0.05) == beyond


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "+" * 9,
            "+----",
            "a smaller share right (1 of 5, main 9 of 9 other messages; unpaired test): "
            "worse; chance alone does that in 1 of 200 cases",
        ),
        (
            "+-",
            "++-",
            "a larger share right (2 of 3, main 1 of 2 other messages; unpaired test): "
            "better, but chance alone does that in 7 of 10 cases",
        ),
        ("+-", "++--", "no difference: 2 of 4 right, main 1 of 2 other messages"),
    ],
)
def test_other_messages_in_words(before: str, after: str, words: str) -> None:
    found = answers.difference("test", predictions(before), predictions(after, "another"))
    assert found.words("main", 0.05) == words


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_chance_does_no_difference_more_often_than_half_and_has_no_direction(pairs: list[tuple[bool, bool]]) -> None:
    one, other = (
        predictions("".join("+" if right else "-" for right in column)) for column in zip(*pairs, strict=True)
    )
    there, back = answers.difference("test", one, other), answers.difference("test", other, one)
    assert there.direction == -back.direction
    assert there.chance == pytest.approx(back.chance)
    assert there.chance <= 0.5 if there.direction else there.chance == 1
