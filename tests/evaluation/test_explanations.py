"""Explanations of answers: exact where the model is known, and near neighbours by the definition written out."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.data import duplicates
from spampipe.data.labels import LabelSet, Probabilities
from spampipe.evaluation import explanations, neighbours, occlusion
from spampipe.evaluation.neighbours import LabelledTexts
from tests.data.test_duplicates import TEXTS, runs
from tests.support.label_sets import TWO
from tests.support.scored import PETS, evaluation

# Forty words come to log-odds of 51, where probabilities still are numbers that logarithms tell apart.
WEIGHTS = {"free": 0.75, "call": 0.5, "the": 0.0, "lunch": -1.0, "prize": 1.25, "ünïx": -0.125}
BIAS = -1.25
GAPS = st.sampled_from([" ", "  ", "\n", "\t", "\u2003"])
WORDS = st.sampled_from(list(WEIGHTS))


@st.composite
def sentences(draw: st.DrawFn) -> str:
    words = draw(st.lists(WORDS, min_size=1, max_size=40))
    ends = draw(st.sampled_from(["", " ", "\n"]))
    return ends + "".join(word + draw(GAPS) for word in words[:-1]) + words[-1] + ends


class BagOfWords:
    """Log-odds of the last of K labels are a sum of the words' weights; the other labels share the rest."""

    def __init__(self, count: int = 2) -> None:
        self.count = count
        self.asked: list[list[str]] = []

    def __call__(self, texts: list[str]) -> Probabilities:
        assert all(text.strip() for text in texts)
        self.asked.append(texts)
        odds = np.array([BIAS + sum(WEIGHTS[word] for word in text.split()) for text in texts])
        last, others = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))
        return np.column_stack([*([others / (self.count - 1)] * (self.count - 1)), last])


@given(st.lists(sentences(), max_size=4), st.data())
def test_the_effects_of_a_linear_models_words_are_their_weights(texts: list[str], data: st.DataObject) -> None:
    labels = np.array([data.draw(st.integers(0, 1)) for _ in texts], dtype=np.int64)
    ask = BagOfWords()
    found = occlusion.effects(texts, labels, ask)
    assert len(ask.asked) <= 1 and all(len(set(asked)) == len(asked) for asked in ask.asked)
    for text, label, words in zip(texts, labels.tolist(), found, strict=True):
        parts = [text[word.start : word.end] for word in words]
        assert " ".join(parts).split() == (text.split() if len(text.split()) > 1 else [])
        assert len(words) in (0, min(len(text.split()), occlusion.MOST_RUNS))
        sign = 1 if label else -1
        expected = [sign * sum(WEIGHTS[each] for each in part.split()) for part in parts]
        assert [word.effect for word in words] == pytest.approx(expected, abs=1e-6)


@given(sentences(), st.integers(2, 9))
def test_a_long_text_costs_no_more_answers_than_runs_and_one(text: str, most: int) -> None:
    ask = BagOfWords(3)
    (words,) = occlusion.effects([text], np.array([2]), ask, most)
    sizes = [len(text[word.start : word.end].split()) for word in words]
    assert not sizes or (max(sizes) - min(sizes) <= 1 and len(ask.asked[0]) <= most + 1)


def test_what_is_left_out_takes_one_gap_with_it() -> None:
    ask = BagOfWords()
    occlusion.effects([" free  call\nlunch "], np.array([1]), ask)
    assert ask.asked == [[" free  call\nlunch ", " call\nlunch ", " free\nlunch ", " free  call "]]


def test_a_probability_of_one_has_a_finite_effect() -> None:
    (words,) = occlusion.effects(["a b"], np.array([1]), lambda texts: np.array([[0.0, 1.0]] * len(texts)))
    assert [word.effect for word in words] == [0, 0]


def similarity(one: str, other: str) -> float:
    left, right = duplicates.normalised(one), duplicates.normalised(other)
    either = runs(left) | runs(right)
    return 1.0 if left == right else len(runs(left) & runs(right)) / len(either) if either else 0.0


@given(TEXTS, TEXTS, st.integers(1, 4), st.booleans())
def test_neighbours_are_the_most_similar_ones_the_lowest_row_first(
    texts: list[str], others: list[str], count: int, own: bool
) -> None:
    if own:
        others = texts
    known = LabelledTexts(others, np.arange(len(others)) % 2)
    found = neighbours.nearest(texts, known, count, list(range(len(texts))) if own else None)
    assert len(found) == len(texts)
    for place, (text, nearest) in enumerate(zip(texts, found, strict=True)):
        rows = [row for row in range(len(others)) if not (own and row == place)]
        ranked = sorted(rows, key=lambda row: (-similarity(text, others[row]), row))[:count]
        assert [near.row for near in nearest] == ranked
        assert [near.similarity for near in nearest] == pytest.approx(
            [similarity(text, others[row]) for row in ranked]
        )
        assert [(near.text, near.label) for near in nearest] == [(others[row], row % 2) for row in ranked]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"message number {word} of many {word}s" for word in ("one", "two", "three", "four", "five")]
    whole = np.concatenate(list(duplicates.similarities(texts, texts[::-1])))
    monkeypatch.setattr(duplicates, "_ENTRIES", 10)
    blocks = list(duplicates.similarities(texts, texts[::-1]))
    assert [len(block) for block in blocks] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


@pytest.mark.parametrize("labels", [TWO, PETS])
@pytest.mark.parametrize("wrong", [0, 2])
def test_mistakes_of_the_test_split_are_written_and_read(labels: LabelSet, wrong: int, tmp_path: Path) -> None:
    workspace, ask, last = Workspace(tmp_path), BagOfWords(len(labels)), len(labels) - 1
    test = [("the free\nlunch", last, last), ("call", 0, last), ("prize the call", 0, last)]
    train = [("free lunch", 0, 0), ("prize the call", last, last), ('"NA", call', 0, last)]
    rows = test if wrong else test[:1]
    found = evaluation({"train": train, "validation": train, "test": rows, "leftover": []}, labels)
    for path, table in explanations.tables(found, ask, workspace).items():
        files.write_csv(path, table)
    words = files.read_csv(workspace.mistake_words, explanations.WORD_COLUMNS)
    nearest = files.read_csv(workspace.mistake_neighbours, explanations.NEIGHBOUR_COLUMNS)
    known = explanations.read(workspace, labels)
    assert len(known) == wrong and len(ask.asked) == min(wrong, 1)
    if not wrong:
        assert words.empty and nearest.empty
        return
    assert words["row"].tolist() == [2, 2, 2] and words["words"].tolist() == ["prize", "the", "call"]
    assert words["effect"].tolist() == pytest.approx([1.25, 0, 0.5], abs=1e-6)
    assert list(known) == [2, 1] and known[1].words == []  # a word alone has nothing left
    assert nearest["row"].tolist() == [1, 1, 1, 2, 2, 2] and nearest["rank"].tolist() == [1, 2, 3] * 2
    (first, *_) = known[2].nearest
    assert (first.row, first.similarity, first.label, first.text) == (1, 1.0, last, "prize the call")
    assert [(word.start, word.end) for word in known[2].words] == [(0, 5), (6, 9), (10, 14)]
    workspace.mistake_neighbours.write_text(workspace.mistake_neighbours.read_text().replace(labels.names[last], "?"))
    with pytest.raises(
        DataError, match=r"mistake_neighbours\.csv: label '\?' is none of .*; run `dvc repro evaluate`$"
    ):
        explanations.read(workspace, labels)
