"""How often a trained model's answers change to wrong ones when test texts are changed, at its own threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spampipe.classifiers.text_classifier import TextClassifier
from spampipe.core.errors import DataError
from spampipe.data.labels import decide
from spampipe.evaluation.intervals import Interval
from spampipe.exams import perturbations
from spampipe.exams.labelled_texts import LabelledTexts
from spampipe.exams.measures import share
from spampipe.exams.source_cues import SourceCues

FALSE_NEGATIVES, FALSE_POSITIVES = "false negatives", "false positives"
UNCHANGED, LONG = "unchanged", "padded with others"

_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Change:
    """What a change does to the texts of one kind.

    Attributes:
        name: of the change.
        rate: FALSE_NEGATIVES among texts that have the positive label, or FALSE_POSITIVES among the others.
        texts: how many of them the change alters; both rates are about these.
        before: the rate without the change; None if there are no such texts.
        after: the rate with it; also None where nothing was changed.
    """

    name: str
    rate: str
    texts: int
    before: Interval | None
    after: Interval | None


def examine(
    classifier: TextClassifier, given: LabelledTexts, cues: SourceCues, seed: int, batch_size: int
) -> list[Change]:
    """Compare the error rates of texts before and after each change.

    Args:
        classifier: the trained model.
        given: the test texts.
        cues: what is masked in all of them.
        seed: of the perturbations.
        batch_size: texts that are computed together; changes speed only.

    Returns:
        First the rates of all texts as they are; then what evades filters, on texts with the positive label; the
        masks, on all texts; and texts of other labels padded with others of them.

    Raises:
        DataError: no label is the positive one.
    """
    labels = classifier.labels
    if labels.positive_index is None:
        raise DataError(
            f"no label of {', '.join(labels.names)} is the positive one, whose errors robustness is about; "
            "`spampipe evaluate` and `spampipe behaviour` take any labels"
        )
    positive = given.labels == labels.positive_index
    least = words_read(classifier.describe()) or max((len(text.split()) for text in given.texts), default=0)
    changed = _changed(given.texts, positive, cues, seed, least)
    texts = list(dict.fromkeys([*given.texts, *(text for part in changed.values() for text in part.values())]))
    found = decide(classifier.probabilities(texts, batch_size=batch_size, name="texts"), labels, classifier.threshold)
    called = dict(zip(texts, (found == labels.positive_index).tolist(), strict=True))
    rates = []
    for wanted, rate in ((True, FALSE_NEGATIVES), (False, FALSE_POSITIVES)):
        own = [
            text for text, is_positive in zip(given.texts, positive.tolist(), strict=True) if is_positive == wanted
        ]
        rates.append(Change(UNCHANGED, rate, len(own), _error_rate(own, called, wanted), None))
    for name, part in changed.items():
        for wanted, rate in ((True, FALSE_NEGATIVES), (False, FALSE_POSITIVES)):
            if _concerns(name, wanted):
                rows = [row for row in part if positive[row] == wanted]
                before = _error_rate([given.texts[row] for row in rows], called, wanted)
                after = _error_rate([part[row] for row in rows], called, wanted)
                rates.append(Change(name, rate, len(rows), before, after))
    return rates


def words_read(description: Mapping[str, Any]) -> int | None:
    """So many words fill all that a classifier reads of a text, as every word is at least one token.

    Args:
        description: what `TextClassifier.describe` returns; that of an ensemble holds its members'.

    Returns:
        The largest `max_length` in it; None if there is none, as of a classifier that reads whole texts.
    """
    found = [value for key, value in description.items() if key == "max_length" and isinstance(value, int)]
    for value in description.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Mapping):
                found.append(words_read(part) or 0)
    return max(found, default=0) or None


def _changed(
    texts: Sequence[str], positive: _Mask, cues: SourceCues, seed: int, least: int
) -> dict[str, dict[int, str]]:
    """By the name of each change, the texts that it alters, by their place."""
    found: dict[str, dict[int, str]] = {
        name: {row: change(texts[row], seed) for row in np.flatnonzero(positive).tolist()}
        for name, change in perturbations.EVASIONS.items()
    }
    masked = [cues.masked(text) for text in texts]
    for name in ("numbers", *cues.words, "all"):
        found[_mask(name)] = {row: each[name] for row, each in enumerate(masked)}
    rows = perturbations.shuffled(np.flatnonzero(~positive).tolist(), seed)
    found[LONG] = {
        row: perturbations.padded(texts[row], [texts[other] for other in (*rows[at + 1 :], *rows[:at])], least)
        for at, row in enumerate(rows)
    }
    return {
        name: {row: text for row, text in sorted(part.items()) if text != texts[row]} for name, part in found.items()
    }


def _mask(name: str) -> str:
    return f"masked: {name}"


def _concerns(name: str, positive: bool) -> bool:
    """Whether a change is made to texts with the positive label, or to the others."""
    if name in perturbations.EVASIONS:
        return positive
    return not positive if name == LONG else True


def _error_rate(texts: Sequence[str], called: Mapping[str, bool], positive: bool) -> Interval | None:
    """The share of texts that are called otherwise than they are."""
    return share(sum(called[text] != positive for text in texts), len(texts))
