"""Behaviour tests: what a file may hold, and which answers fail."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from spampipe.core import section
from spampipe.core.errors import ParamsError
from spampipe.exams import behaviour, behaviour_cases
from spampipe.exams.behaviour_cases import BehaviourCases
from tests.support.fixed_classifiers import KeywordClassifier
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT

MINIMUM = {"name": "scams", "kind": "minimum functionality", "label": "spam", "texts": ["prize", "lunch", "won"]}
INVARIANCE = {"name": "case", "kind": "invariance", "texts": ["a prize", "lunch"], "apply": ["upper_case"]}
DIRECTION = {
    "name": "added",
    "kind": "direction",
    "label": "spam",
    "expect": "not lower",
    "texts": ["prize", "lunch"],
    "append": [" today", " won"],
    "prepend": ["hi"],
}


def cases(*groups: dict[str, Any], **changes: object) -> BehaviourCases:
    return BehaviourCases.model_validate({"seed": 0, "tolerance": 0.05, "groups": list(groups)} | changes)


def examined(classifier: KeywordClassifier, *groups: dict[str, Any]) -> list[behaviour.GroupResult]:
    return behaviour.examine(classifier, cases(*groups), 32)


def test_a_text_that_lacks_its_label_fails() -> None:
    (result,) = examined(KeywordClassifier(TWO, {"prize": 0.9, "won": 0.3}), MINIMUM)
    assert [test.failed for test in result.tests] == [False, True, True]
    assert (result.failures, result.failure_rate.value) == (2, pytest.approx(2 / 3))
    assert [(test.after, test.loss) for test in result.worst(9)] == [
        ("lunch", pytest.approx(0.9)),
        ("won", pytest.approx(0.7)),
    ]
    assert [test.after for test in result.worst(1)] == ["lunch"]


def test_a_changed_label_fails_an_invariance_however_near() -> None:
    (result,) = examined(KeywordClassifier(TWO, {"prize": 0.51, "PRIZE": 0.49, "LUNCH": 0.4}), INVARIANCE)
    prize, lunch = result.tests
    assert (prize.after, prize.judged, prize.label_after, prize.failed) == ("A PRIZE", "spam", "ham", True)
    assert prize.loss == pytest.approx(0.02)
    assert (lunch.judged, lunch.failed) == ("ham", False)  # its probability moved far, its label did not
    assert lunch.loss == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("expect", "failing"), [("not lower", {"prize won", "lunch won"}), ("not higher", {"hi lunch"})]
)
def test_a_probability_may_move_in_one_direction_only(expect: str, failing: set[str]) -> None:
    answers = {"won": 0.02, "prize today": 0.86, "prize": 0.9, "hi lunch": 0.3}
    (result,) = examined(KeywordClassifier(TWO, answers), DIRECTION | {"expect": expect})
    tests = {test.after: test for test in result.tests}
    assert set(tests) == {f"{text}{end}" for text in ("prize", "lunch") for end in (" today", " won")} | {
        "hi prize",
        "hi lunch",
    }
    assert {after for after, test in tests.items() if test.failed} == failing  # 0.04 less is within the tolerance


def test_each_text_is_asked_once_and_labels_may_be_any() -> None:
    classifier = KeywordClassifier(THREE, {"go": 0.9})
    group = {"name": "no", "kind": "direction", "label": "perhaps", "expect": "not higher"}
    (result, again) = examined(
        classifier,
        group | {"texts": ["go", "stay"], "replace": {"stay": ["go", "come"], "go": ["run"]}},
        {"name": "yes", "kind": "minimum functionality", "label": "yes", "texts": ["go"]},
    )
    assert sorted(classifier.asked) == ["come", "go", "run", "stay"]
    assert [test.after for test in result.tests] == ["run", "go", "come"]
    assert [test.failed for test in result.tests] == [True, False, False]
    assert again.failures == 0


def test_words_are_replaced_as_a_whole() -> None:
    (group,) = cases({"name": "a", "kind": "invariance", "texts": ["Al, Alan: Al"], "replace": {"Al": ["Bo"]}}).groups
    assert isinstance(group, behaviour_cases.Invariance)
    assert group.variants("Al, Alan: Al", 0) == ["Bo, Alan: Bo"]


def test_the_committed_cases_can_be_used() -> None:
    found = section.read(ROOT / behaviour_cases.FILE, BehaviourCases, "--cases names the file")
    found.require_labels(TWO, behaviour_cases.FILE)
    assert len(found.groups) >= 12
    assert {group.kind for group in found.groups} == {"minimum functionality", "invariance", "direction"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"seed": -1}, "seed: must be greater than or equal to 0, but is -1"),
        ({"tolerance": 1.5}, "tolerance: must be less than 1, but is 1.5"),
        ({"groups": []}, "groups: List should have at least 1 item"),
        ({"groups": [MINIMUM, MINIMUM]}, "two groups are called scams; rename one"),
        ({"groups": [MINIMUM | {"kind": "maximum"}]}, "groups.0: "),
        ({"groups": [MINIMUM | {"texts": [" "]}]}, "groups.0.minimum functionality.texts.0: "),
        (
            {"groups": [MINIMUM | {"text": "a"}]},
            "groups.0.minimum functionality.text: Extra inputs are not permitted",
        ),
        ({"groups": [INVARIANCE | {"apply": ["uper_case"]}]}, "there is no uper_case; did you mean upper_case?"),
        ({"groups": [INVARIANCE | {"texts": ["A"]}]}, "no change applies to the text 'A'; add to prepend"),
        ({"groups": [DIRECTION | {"expect": "higher"}]}, "must be 'not lower' or 'not higher', but is 'higher'"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_file_is_one_line(change: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(yaml.safe_dump({"seed": 0, "tolerance": 0.05, "groups": [MINIMUM]} | change))
    with pytest.raises(ParamsError) as caught:
        section.read(path, BehaviourCases, "--cases names the file")
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and complaint in message and "\n" not in message


@pytest.mark.parametrize(("content", "complaint"), [("a: [", "cannot be read: line 1"), ("[]", "dictionary")])
def test_what_is_no_such_document_is_one_line(content: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    with pytest.raises(ParamsError, match=r"cases\.yaml: No such file or directory; --cases names the file"):
        section.read(path, BehaviourCases, "--cases names the file")
    path.write_text(content)
    with pytest.raises(ParamsError) as caught:
        section.read(path, BehaviourCases, "--cases names the file")
    assert complaint in str(caught.value) and "\n" not in str(caught.value)


def test_labels_that_the_model_does_not_have_are_refused() -> None:
    cases(INVARIANCE).require_labels(THREE, Path("own.yaml"))
    for group in (MINIMUM, DIRECTION):
        with pytest.raises(
            ParamsError, match=r"own\.yaml: group \w+: the model has no label spam, its labels are no"
        ):
            cases(group).require_labels(THREE, Path("own.yaml"))
