"""Each way to change a text: the same every time, only what it says, and undone by what a reader would do."""

import itertools
import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.exams import perturbations
from spampipe.exams.perturbations import ALL, EVASIONS, HOMOGLYPHS, LEET, ZERO_WIDTH
from tests.support.project import ROOT

texts = st.text() | st.text(alphabet="abeiostxyzBEWT 0123.,!'£\n", max_size=60)
seeds = st.integers(0, 2**32 - 1)
words = st.lists(st.text(alphabet="abcdefgt", min_size=4, max_size=9), min_size=1, max_size=12)


def changed(before: str, after: str) -> list[tuple[str, str]]:
    """The characters that differ between two texts of one length."""
    return [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]


@pytest.mark.parametrize("name", ALL)
@given(text=texts, seed=seeds)
def test_a_text_and_a_seed_decide_the_result(name: str, text: str, seed: int) -> None:
    assert ALL[name](text, seed) == ALL[name](text, seed)
    assert bool(ALL[name](text, seed).strip()) == bool(text.strip())


def test_another_process_gives_the_same_result() -> None:
    text = "Win a free prize today, visit http://www.example.com/win now"
    program = (
        f"from spampipe.exams.perturbations import ALL\nfor change in ALL.values(): print(ascii(change({text!r}, 7)))"
    )
    printed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout.splitlines() == [ascii(change(text, 7)) for change in ALL.values()]


@given(texts, seeds)
def test_half_of_the_letters_with_a_like_digit_become_it(text: str, seed: int) -> None:
    pairs = changed(text, perturbations.leet(text, seed))
    assert all(LEET[before] == after for before, after in pairs)
    possible = sum(letter in LEET for letter in text)
    assert len(pairs) == (possible + 1) // 2


@given(texts, seeds)
def test_homoglyphs_look_like_what_they_replace_and_map_back(text: str, seed: int) -> None:
    result = perturbations.homoglyphs(text, seed)
    back = {other: letter for letter, other in HOMOGLYPHS.items()}
    assert len(back) == len(HOMOGLYPHS)
    assert [back.get(letter, letter) for letter in result] == [back.get(letter, letter) for letter in text]
    assert len(changed(text, result)) == (sum(letter in HOMOGLYPHS for letter in text) + 1) // 2
    assert all(unicodedata.name(other).startswith("CYRILLIC") for other in HOMOGLYPHS.values())
    assert all(letter.isupper() == other.isupper() for letter, other in HOMOGLYPHS.items())


@given(texts, seeds)
def test_without_zero_width_characters_the_text_is_the_original(text: str, seed: int) -> None:
    result = perturbations.zero_width(text, seed)
    assert result.replace(ZERO_WIDTH, "") == text.replace(ZERO_WIDTH, "")
    gaps = sum(a.isalnum() and b.isalnum() for a, b in itertools.pairwise(text))
    assert len(result) - len(text) == (gaps + 1) // 2


@pytest.mark.parametrize("name", ["spaced_letters", "split_words"])
@given(text=texts, seed=seeds)
def test_without_spaces_the_letters_are_the_original_ones(name: str, text: str, seed: int) -> None:
    assert ALL[name](text, seed).replace(" ", "") == text.replace(" ", "")


@given(words, seeds)
def test_half_of_the_words_are_taken_apart(parts: list[str], seed: int) -> None:
    text, half = ".".join(parts), (len(parts) + 1) // 2
    spaced = perturbations.spaced_letters(text, seed).split(".")
    assert sum(part == " ".join(word) for word, part in zip(parts, spaced, strict=True)) == half
    split = perturbations.split_words(text, seed).split(".")
    lengths = [[len(piece) for piece in part.split()] for part in split if " " in part]
    assert len(lengths) == half
    assert all(0 <= first - second <= 1 for first, second in lengths)


@given(words, seeds)
def test_a_typo_keeps_a_words_letters_and_its_ends(parts: list[str], seed: int) -> None:
    result = perturbations.typos(" ".join(parts), seed).split(" ")
    possible = sum(len(set(word[1:-1])) > 1 for word in parts)
    assert sum(word != other for word, other in zip(parts, result, strict=True)) == (possible + 1) // 2
    for word, other in zip(parts, result, strict=True):
        assert sorted(word) == sorted(other) and (word[0], word[-1]) == (other[0], other[-1])
        assert len(changed(word, other)) in (0, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("visit http://www.example.com/win?id=1 now", "visit example now"),
        ("see www.prize-draw.co.uk", "see prize-draw"),
        ("txt WIN at Example.COM/a", "txt WIN at Example"),
        ("https://x.y", "x"),
        ("mail me@example.com. ok", "mail me@example.com. ok"),
        ("back.come home.tvs", "back.come home.tvs"),
        ("www. is no address", "www. is no address"),
    ],
)
def test_an_address_is_cut_to_its_first_name(text: str, expected: str) -> None:
    assert perturbations.cut_urls(text, 0) == expected


def test_a_message_that_can_be_changed_is() -> None:
    text = "Claim your free prize at www.example.com today"
    results = {change(text, 3) for change in EVASIONS.values()}
    assert len(results | {text}) == len(EVASIONS) + 1
    assert perturbations.leet(text, 1) != perturbations.leet(text, 2)


@given(texts, st.lists(words.map(" ".join), max_size=4), st.integers(0, 80))
def test_a_padded_text_begins_as_before_and_is_just_long_enough(text: str, others: list[str], least: int) -> None:
    result = perturbations.padded(text, others, least)
    assert result.startswith(text)
    if not others or len(text.split()) >= least:
        assert result == text
    else:
        longest = max(len(other.split()) for other in others)
        assert least <= len(result.split()) < least + longest
        assert set(re.findall(r"\w+", result[len(text) :])) <= set(re.findall(r"\w+", " ".join(others)))


@given(st.lists(st.integers()), seeds)
def test_shuffling_keeps_every_number(numbers: list[int], seed: int) -> None:
    assert sorted(perturbations.shuffled(numbers, seed)) == sorted(numbers)
    assert perturbations.shuffled(numbers, seed) == perturbations.shuffled(numbers, seed)


def test_another_seed_shuffles_otherwise() -> None:
    assert perturbations.shuffled(range(20), 1) != perturbations.shuffled(range(20), 2)
