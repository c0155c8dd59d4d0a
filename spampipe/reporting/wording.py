"""Sentences about a result, and numbers as people read them."""

from collections.abc import Mapping, Sequence
from typing import Any

from spampipe.classifiers import catalogue
from spampipe.data import leakage
from spampipe.evaluation.intervals import LEVEL, Interval
from spampipe.evaluation.reports import MAJORITY
from spampipe.reporting.contenders import Contender
from spampipe.reporting.facts import Facts

UNDEFINED = "-"  # in the place of a number
SIGNIFICANCE = 1 - LEVEL  # chance explains what it gives as often as this

_TRAINED = {
    "last_layer": "its head trained",
    "last_block": "its last block, final norm and head trained",
    "last_two_blocks": "its last two blocks, final norm and head trained",
    "last_blocks": "its last {trained_blocks} blocks, final norm and head trained",
    "all": "all layers trained",
    "lora": "LoRA adapters and its head trained",
    "probe": "frozen, with a linear head on features of some blocks",
    "prompt": "asked by a prompt, without training",
}
_MEGABYTE = 10**6


def percent(value: float | None) -> str:
    """A share, such as `97.7 %`.

    Args:
        value: from 0 to 1; None if it is not defined.
    """
    return UNDEFINED if value is None else f"{100 * value:.1f} %"


def interval(found: Interval) -> str:
    """A share with its bounds, such as `97.7 % (95.2 to 98.9)`.

    Args:
        found: the share.
    """
    if found.value is None or found.low is None or found.high is None:
        return percent(found.value)
    return f"{percent(found.value)} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def count(value: float | None) -> str:
    """A number of things, such as `3,540,674`.

    Args:
        value: a whole number; None if it is not known.
    """
    return UNDEFINED if value is None else f"{value:,.0f}"


def megabytes(size: int) -> str:
    """The size of a file, such as `14.2 MB`.

    Args:
        size: bytes.
    """
    return f"{size / _MEGABYTE:.1f} MB"


def listed(names: Sequence[str], word: str) -> str:
    """Names in a sentence, such as `a, b or c`.

    Args:
        names: one or more.
        word: between the last two, such as `or`.
    """
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


def kind(card: Mapping[str, Any]) -> str:
    """What a model is, in a few words.

    Args:
        card: the entries of its models/classifier.json, or of a member's.
    """
    base = str(card["base"])
    if base == catalogue.ENSEMBLE:
        return f"the mean of {listed([kind(member) for member in card['members']], 'and')}"
    if not catalogue.is_base(base):
        return f"{base}, a linear model on TF-IDF of {card['features']}" if "features" in card else base
    weights = "" if card.get("base_sha256") else " with random weights"
    trained = _TRAINED.get(str(card.get("trainable")), "fine-tuned").format_map(card)
    return f"{base}{weights}, {trained}"


def verdict(facts: Facts, contenders: Sequence[Contender]) -> list[str]:
    """What the result comes to: sentences that make a paragraph.

    Args:
        facts: the result.
        contenders: the model, and those of the baseline.
    """
    model, *others = contenders
    right, total = int((facts.test["label"] == facts.test["predicted"]).sum()), len(facts.test)
    return [
        f"The model ({kind(facts.card)}) tells {listed(facts.labels.names, 'and')} apart.",
        f"It is right about {right} of {total} test messages: accuracy {interval(model.rates['accuracy'])}, "
        f"{_f1_words(facts)} {percent(model.f1)}.",
        *(_beside(other) for other in others if other.name != MAJORITY),
        leaked(facts),
    ]


def leaked(facts: Facts) -> str:
    """A sentence about the test messages that stand in train, too.

    Args:
        facts: the result.
    """
    rows = facts.leakage[(facts.leakage["split"] == "test") & (facts.leakage["label"] == leakage.ALL)]
    texts, near, exact = (int(rows[name].sum()) for name in ("texts", "near", "exact"))
    if not near:
        return f"None of the {texts} test messages has a near-duplicate among those trained on."
    unseen = facts.metrics.get("test_accuracy_unseen")
    return (
        f"Of the {texts} test messages, {near} ({percent(near / texts)}) have a near-duplicate among those trained "
        f"on, {exact} of them word for word; on the {count(facts.metrics.get('test_unseen_messages'))} whose exact "
        f"text is in neither train nor validation, accuracy is {percent(unseen)}."
    )


def threshold(facts: Facts) -> str:
    """A sentence about how probabilities become labels.

    Args:
        facts: the result.
    """
    if facts.labels.positive is None:
        return "A message is given the label that is most probable."
    return (
        f"A message is given the label {facts.labels.positive} from a probability of {facts.decision.threshold:g} on."
    )


def _f1_words(facts: Facts) -> str:
    return "macro F1" if facts.labels.positive is None else f"F1 of {facts.labels.positive}"


def _beside(other: Contender) -> str:
    assert other.difference is not None  # only the model itself has none
    words = other.difference.words(other.name, SIGNIFICANCE)
    if not other.difference.direction:
        return f"Beside {other.name}: {words}."
    verdicts = {
        1: f"It is better than {other.name} beyond chance",
        0: f"That it differs from {other.name} may be chance",
        -1: f"It is worse than {other.name} beyond chance",
    }
    return f"{verdicts[other.difference.beyond_chance(SIGNIFICANCE)]}: {words}."
