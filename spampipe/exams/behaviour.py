"""Hold a trained model against behaviour tests."""

from collections.abc import Sequence
from dataclasses import dataclass

from spampipe.classifiers.text_classifier import Prediction, TextClassifier
from spampipe.evaluation.intervals import Interval, wilson
from spampipe.exams.behaviour_cases import BehaviourCases, Direction, Group, MinimumFunctionality


@dataclass(frozen=True)
class Outcome:
    """What a model makes of one test.

    Attributes:
        before: the text as the file has it.
        after: what a change has made of it; the same text for minimum functionality.
        label_before: the label that `before` was given.
        label_after: the label that `after` was given.
        judged: the label whose probability is meant: the group's, or, for an invariance, `label_before`.
        probability_before: of that label, for `before`.
        probability_after: of that label, for `after`.
        loss: how far that probability is from what is expected, from -1 to 1; the larger, the worse.
        failed: whether the model fails the test.
    """

    before: str
    after: str
    label_before: str
    label_after: str
    judged: str
    probability_before: float
    probability_after: float
    loss: float
    failed: bool


@dataclass(frozen=True)
class GroupResult:
    """What a model makes of a group.

    Attributes:
        name: of the group.
        kind: of its tests.
        tests: all of them, in the file's order.
    """

    name: str
    kind: str
    tests: Sequence[Outcome]

    @property
    def failures(self) -> int:
        """How many tests the model fails."""
        return sum(test.failed for test in self.tests)

    @property
    def failure_rate(self) -> Interval:
        """The share of them."""
        return wilson(self.failures, len(self.tests))

    def worst(self, count: int) -> list[Outcome]:
        """The failed tests that are furthest from what is expected.

        Args:
            count: how many at most.
        """
        failed = [test for test in self.tests if test.failed]
        return sorted(failed, key=lambda test: -test.loss)[:count]


def examine(classifier: TextClassifier, cases: BehaviourCases, batch_size: int) -> list[GroupResult]:
    """Make all tests, each different text being classified once.

    Args:
        classifier: the trained model; `cases.require_labels` must hold for its labels.
        cases: the tests.
        batch_size: texts that are computed together; changes speed only.
    """
    pairs = {group.name: _pairs(group, cases.seed) for group in cases.groups}
    texts = list(dict.fromkeys(text for group in pairs.values() for pair in group for text in pair))
    answers = dict(zip(texts, classifier.classify(texts, batch_size=batch_size), strict=True))
    return [
        GroupResult(
            group.name,
            group.kind,
            [_test(group, answers[before], answers[after], cases.tolerance) for before, after in pairs[group.name]],
        )
        for group in cases.groups
    ]


def _pairs(group: Group, seed: int) -> list[tuple[str, str]]:
    """The text before and after the change, of each test."""
    if isinstance(group, MinimumFunctionality):
        return [(text, text) for text in group.texts]
    return [(text, variant) for text in group.texts for variant in group.variants(text, seed)]


def _test(group: Group, before: Prediction, after: Prediction, tolerance: float) -> Outcome:
    if isinstance(group, MinimumFunctionality):
        judged = group.label
        shares = dict(before.ranked)[judged], dict(after.ranked)[judged]
        loss, failed = 1 - shares[1], after.label != judged
    elif isinstance(group, Direction):
        judged = group.label
        shares = dict(before.ranked)[judged], dict(after.ranked)[judged]
        loss = shares[0] - shares[1] if group.expect == "not lower" else shares[1] - shares[0]
        failed = loss > tolerance
    else:
        judged = before.label
        shares = dict(before.ranked)[judged], dict(after.ranked)[judged]
        loss, failed = shares[0] - shares[1], after.label != judged
    return Outcome(before.text, after.text, before.label, after.label, judged, *shares, loss, failed)
