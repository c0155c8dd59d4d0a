"""Error rates before and after changes, and the masks of source cues."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spampipe.core import section
from spampipe.core.errors import DataError, ParamsError
from spampipe.exams import robustness, source_cues
from spampipe.exams.labelled_texts import LabelledTexts
from spampipe.exams.robustness import FALSE_NEGATIVES, FALSE_POSITIVES, Change
from spampipe.exams.source_cues import SourceCues
from tests.support.fixed_classifiers import KeywordClassifier
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT

CUES = SourceCues(numbers="0", words={"local": {"lah": "", "mate": "friend", "£": "¤"}})
GIVEN = LabelledTexts(
    ["win a prize", "free prize 500", "call me", "ok lah", "prize giving at 7", "no"], np.array([1, 1, 1, 0, 0, 0])
)


def rates(classifier: KeywordClassifier, given: LabelledTexts = GIVEN) -> dict[tuple[str, str], Change]:
    found = robustness.examine(classifier, given, CUES, seed=1, batch_size=32)
    return {(change.name, change.rate): change for change in found}


def test_rates_are_of_the_texts_that_a_change_alters() -> None:
    found = rates(KeywordClassifier(TWO, {"prize": 0.9}))
    plain = found["unchanged", FALSE_NEGATIVES], found["unchanged", FALSE_POSITIVES]
    assert [(each.texts, each.before and each.before.value, each.after) for each in plain] == [
        (3, pytest.approx(1 / 3), None),
        (3, pytest.approx(1 / 3), None),
    ]
    spaced = found["spaced_letters", FALSE_NEGATIVES]
    assert spaced.texts == 3 and spaced.before is not None and spaced.after is not None
    assert spaced.after.value >= spaced.before.value
    numbers = found["masked: numbers", FALSE_NEGATIVES]
    assert (numbers.texts, numbers.before and numbers.before.value) == (1, 0.0)
    nothing = found["cut_urls", FALSE_NEGATIVES]
    assert (nothing.texts, nothing.before, nothing.after) == (0, None, None)


def test_each_change_is_made_to_the_texts_that_it_is_for() -> None:
    found = rates(KeywordClassifier(TWO, {}))
    both = {FALSE_NEGATIVES, FALSE_POSITIVES}
    kinds: dict[str, set[str]] = {}
    for name, rate in found:
        kinds.setdefault(name, set()).add(rate)
    evasions = ("leet", "zero_width", "homoglyphs", "spaced_letters", "split_words", "cut_urls")
    masks = ("masked: numbers", "masked: local", "masked: all")
    assert kinds == {
        "unchanged": both,
        **{name: {FALSE_NEGATIVES} for name in evasions},
        **dict.fromkeys(masks, both),
        "padded with others": {FALSE_POSITIVES},
    }


def test_the_same_seed_gives_the_same_texts_and_another_does_not() -> None:
    asked = []
    for seed in (1, 1, 2):
        classifier = KeywordClassifier(TWO, {})
        robustness.examine(classifier, GIVEN, CUES, seed, 32)
        asked.append(classifier.asked)
    assert asked[0] == asked[1] != asked[2]
    assert len(set(asked[0])) == len(asked[0])  # each text once


@pytest.mark.parametrize(
    ("description", "least"),
    [
        ({"max_length": 30}, 30),
        ({"members": [{"scale": 1.0}, {"max_length": 40}]}, 40),
        ({"scale": 1.0}, 4),  # whole texts are read: as many words as the longest of them
    ],
)
def test_texts_are_padded_to_what_the_model_reads_with_their_own_kind(
    description: dict[str, object], least: int
) -> None:
    classifier = KeywordClassifier(TWO, {"prize": 0.9}, description)
    found = rates(classifier)["padded with others", FALSE_POSITIVES]
    long = [text for text in classifier.asked if len(text.split()) >= least and text not in GIVEN.texts]
    assert found.texts >= 2 and all(len(text.split()) < least + 4 for text in long)
    own = {word for text in GIVEN.texts[3:] for word in text.split()}
    padded = [text for text in long if set(text.split()) <= own]
    assert len(padded) == found.texts


def test_labels_without_a_positive_one_are_refused() -> None:
    with pytest.raises(DataError, match="no label of no, perhaps, yes is the positive one"):
        rates(KeywordClassifier(THREE, {}))


@pytest.mark.parametrize(
    ("text", "numbers", "local", "every"),
    [
        ("Ok LAH, pay £1,500 at 7:30", "Ok LAH, pay £0 at 0", "Ok , pay ¤1,500 at 7:30", "Ok , pay ¤0 at 0"),
        ("ok lah mate", "ok lah mate", "ok friend", "ok friend"),
        ("lahore mates", "lahore mates", "lahore mates", "lahore mates"),
        ("lah", "lah", "lah", "lah"),  # nothing would be left
    ],
)
def test_cues_are_masked_as_whole_words(text: str, numbers: str, local: str, every: str) -> None:
    assert CUES.masked(text) == {"numbers": numbers, "local": local, "all": every}


@given(st.text(alphabet="lahmte 0123£.,X", max_size=40))
def test_a_masked_text_keeps_no_cue_and_no_text_becomes_empty(text: str) -> None:
    found = CUES.masked(text)
    assert all(bool(each.strip()) == bool(text.strip()) for each in found.values())
    if any(letter in "mteX" for letter in text):  # something is left
        assert "£" not in found["all"] and not set(found["all"]) & set("123")


def test_the_committed_cues_can_be_used() -> None:
    found = section.read(ROOT / source_cues.FILE, SourceCues, "--cues names the file")
    assert {"currency", "british", "singaporean"} == set(found.words)
    again = [found.masked(other)["all"] for words in found.words.values() for other in words.values() if other]
    assert all(found.masked(each)["all"] == each for each in again)  # what stands for a cue is none


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"words": {}}, "numbers: Field required"),
        ({"numbers": 0, "words": {}}, "numbers: must be a valid string, but is 0; correct it"),
        ({"numbers": "0", "words": {"all": {"a": "b"}}}, "words.all: the name is taken; choose another"),
        ({"numbers": "0", "words": {"own": {" a": "b"}}}, "words.own: ' a' is empty, or begins or ends with white"),
        ({"numbers": "0", "words": {"own": ["a"]}}, "words.own: must be a valid dictionary, but is ['a']"),
    ],
)
def test_wrong_cues_are_one_line(content: dict[str, object], complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "cues.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ParamsError) as caught:
        section.read(path, SourceCues, "--cues names the file")
    assert complaint in str(caught.value) and "\n" not in str(caught.value)
