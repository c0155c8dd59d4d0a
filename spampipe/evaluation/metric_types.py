"""What a metric is: its name, what it says, which values are better, how exact it is, and how it is computed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from spampipe.data.labels import LabelSet
    from spampipe.evaluation.scored import Evaluation
    from spampipe.evaluation.weighted import Weighted

Better = Literal["higher", "lower", ""]
Given = Literal["always", "positive label", "no positive label"]
Value = float | int | None  # None for a share of no messages

# What may differ between machines, whose products are rounded differently.
# benchmarks/other_hardware.py found losses to differ by 0.0016 at most, and 2 of 5,572 predictions: as many errors
# more or less in one split, and 2 of the 149 validation messages as a share. Twice that is allowed.
LOSS_TOLERANCE, SHARE_TOLERANCE, COUNT_TOLERANCE = 0.0033, 0.027, 4
EXACT = 0

_LABEL = "{label}"  # in a name, stands for the name of each label
_LONGEST_LABEL = 100  # characters of it in a metric's name, which MLflow takes 250 of


@dataclass(frozen=True)
class Quantity:
    """A number that a stage writes into its metrics.json.

    Attributes:
        name: in the file and in MLflow; with `{label}` in it, there is one number a label.
        says: what it tells, in a sentence.
        better: which values are better; empty if neither.
        tolerance: how far it may be off on another machine.
    """

    name: str
    says: str
    better: Better
    tolerance: float

    def is_called(self, name: str) -> bool:
        """Whether it bears this name, or one of its numbers does.

        Args:
            name: the name of one number, in which a label's name has taken the place of `{label}`.
        """
        return re.fullmatch(re.escape(self.name).replace(re.escape(_LABEL), ".+"), name) is not None


@dataclass(frozen=True)
class Metric(Quantity):
    """A quantity of the evaluation.

    Attributes:
        given: the label sets that have it: all, those with a positive label, or those without one.
        compute: its value; a list of one value a label, in their order, if its name has `{label}` in it.
    """

    given: Given
    compute: "Callable[[Evaluation], Value | list[float]]"

    def is_of(self, labels: "LabelSet") -> bool:
        """Whether evaluations with a label set have it.

        Args:
            labels: the label set.
        """
        return _is_given(self.given, labels)

    def values(self, found: "Evaluation") -> dict[str, Value]:
        """Its value in an evaluation that has it, or its values, by name.

        Args:
            found: the scored messages of all splits; `is_of` must hold for its label set.
        """
        value = self.compute(found)
        if not isinstance(value, list):
            return {self.name: value}
        names = [self.name.replace(_LABEL, key) for key in label_keys(found.labels)]
        return dict(zip(names, value, strict=True))


@dataclass(frozen=True)
class FilterMetric:
    """A metric of the answers for all messages of a cross-validation.

    Attributes:
        name: in files and tables.
        says: what it tells, in a sentence.
        better: which values are better.
        given: the label sets that have it: all, those with a positive label, or those without one.
        compute: from answers and (B, N) weights to (B,) values; not a number where it is not defined.
        has_interval: whether its value is shown with one: Wilson's of a rate, of others the bootstrap over groups.
    """

    name: str
    says: str
    better: Better
    given: Given
    compute: "Weighted"
    has_interval: bool = True

    def is_of(self, labels: "LabelSet") -> bool:
        """Whether answers with a label set have it.

        Args:
            labels: the label set.
        """
        return _is_given(self.given, labels)


def _is_given(given: Given, labels: "LabelSet") -> bool:
    return given in ("always", "no positive label" if labels.positive is None else "positive label")


def label_keys(labels: "LabelSet") -> list[str]:
    """What stands for each label in names of metrics.

    Args:
        labels: the label set.

    Returns:
        The labels in their order, cut to 100 characters, with `_` for what is no letter, digit, `_`, `-` or `.`,
        which MLflow may refuse. Labels that become the same, or differ in case only, which not every database of
        MLflow's tells apart, get a number from 2 on.
    """
    keys: list[str] = []
    taken: set[str] = set()
    for name in labels.names:
        plain = key = re.sub(r"[^\w.-]+", "_", name)[:_LONGEST_LABEL]
        number = 2
        while key.casefold() in taken:
            key, number = f"{plain}_{number}", number + 1
        taken.add(key.casefold())
        keys.append(key)
    return keys
