"""The threshold and the temperature that the settings ask for, chosen on validation messages."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spampipe.core.errors import DataError, ParamsError
from spampipe.data.calibration import Floats, fit_temperature, temper
from spampipe.data.labels import EVEN, Labels, LabelSet, Probabilities
from spampipe.evaluation.scored import Evaluation, judged
from spampipe.evaluation.settings import EvaluateParams, ThresholdRule

_KEY = "evaluate.threshold"


@dataclass(frozen=True)
class OperatingPoint:
    """How the probabilities of one model become labels.

    Attributes:
        threshold: the positive label is given from this probability on, once it is tempered.
        temperature: what the logarithms of probabilities are divided by; 1 changes nothing.
        warning: what the validation messages could not tell, on one line; empty if nothing.
    """

    threshold: float
    temperature: float = 1.0
    warning: str = ""


def require_positive(settings: EvaluateParams, label_set: LabelSet) -> None:
    """Refuse a rule for the threshold where no label is the positive one; cheap, so that it can come before all work.

    Args:
        settings: what is asked for.
        label_set: the labels.

    Raises:
        ParamsError: the rule has nothing to be about.
    """
    if isinstance(settings.threshold, ThresholdRule) and label_set.positive is None:
        raise _without_positive(label_set)


def decided(
    splits: Mapping[str, tuple[Sequence[str], Labels]],
    raw: Mapping[str, Probabilities],
    label_set: LabelSet,
    settings: EvaluateParams,
) -> tuple[Evaluation, OperatingPoint]:
    """Choose on the validation messages how probabilities become labels, and label the messages of all splits.

    Args:
        splits: texts and class indices of each split, by its name; `validation` among them.
        raw: (N, K) the probabilities of each split's messages, not tempered.
        label_set: names the K labels.
        settings: what is asked for.

    Raises:
        As what `choose` raises.
    """
    point = choose(raw["validation"], splits["validation"][1], label_set, settings)
    scored = {
        name: judged(name, *messages, temper(raw[name], point.temperature), label_set, point.threshold)
        for name, messages in splits.items()
    }
    return Evaluation(label_set, scored), point


def choose(
    probabilities: Probabilities, labels: Labels, label_set: LabelSet, settings: EvaluateParams
) -> OperatingPoint:
    """What the settings ask for; the temperature first, as the threshold is one of tempered probabilities.

    Args:
        probabilities: (N, K) that the model gives to the validation messages, not tempered.
        labels: (N,) their class indices.
        label_set: names the K labels.
        settings: what is asked for.

    Raises:
        DataError: there are no validation messages to choose by.
        ParamsError: a rule for the threshold, but no positive label.
    """
    rule, positive, temperature = settings.threshold, label_set.positive_index, 1.0
    if settings.temperature == "validation":
        if not len(labels):
            raise DataError("validation: no message to fit the temperature on; set evaluate.temperature to none")
        temperature = fit_temperature(probabilities, labels)
    if not isinstance(rule, ThresholdRule):
        return OperatingPoint(rule, temperature)
    if positive is None:
        raise _without_positive(label_set)
    found, negatives = temper(probabilities, temperature)[:, positive], labels != positive
    if not negatives.any():
        name = label_set.names[positive]
        raise DataError(f"validation: no message but {name}; set {_KEY} to a number, such as {EVEN}")
    rate = rule.max_false_positive_rate
    threshold = lowest_threshold(found, negatives, rate)
    return OperatingPoint(threshold, temperature, _warning(found[negatives], threshold, rate))


def lowest_threshold(probabilities: Floats, negatives: npt.NDArray[np.bool_], rate: float) -> float:
    """The lowest threshold whose false positive rate does not exceed a limit.

    Of the thresholds that label these messages alike, the one in the middle is taken, so that digits which depend on
    the machine or on the batch change no label.

    Args:
        probabilities: (N,) of the positive label.
        negatives: (N,) whether a message has another label; at least one has.
        rate: the limit, more than 0 and less than 1.

    Returns:
        More than 0 and less than 1: where a negative that must not be lost has a probability of 1, the highest such
        number, which loses it nevertheless.
    """
    ranked = -np.sort(-probabilities[negatives])
    border = float(ranked[_most(rate, len(ranked))])  # the first negative that must not reach the threshold
    above = float(np.min(probabilities, where=probabilities > border, initial=1.0))
    middle = max((border + above) / 2, math.nextafter(border, 1.0))
    return min(middle, math.nextafter(1.0, 0.0))


def _most(rate: float, count: int) -> int:
    """The largest number of `count` messages whose share is not above a rate below 1."""
    most = math.floor(rate * count) + 1  # the product may be rounded up or down
    while most / count > rate:
        most -= 1
    return most


def _without_positive(label_set: LabelSet) -> ParamsError:
    names = ", ".join(label_set.names)
    return ParamsError(f"{_KEY}: no label of {names} is the positive one, which a rule needs; set it to {EVEN}")


def _warning(found: Floats, threshold: float, rate: float) -> str:
    """What the probabilities of the negatives do not suffice for."""
    lost, most = int((found >= threshold).sum()), _most(rate, len(found))
    begin = f"warning: {_KEY}: {len(found)} validation messages have another label than the positive one"
    if lost > most:
        return f"{begin}, and {lost} of them a probability of 1 of it; no threshold holds {rate:g}"
    if most:
        return ""
    needed = math.ceil(1 / rate)
    return (
        f"{begin}, {needed} are needed to tell a rate of {rate:g}; the threshold {threshold:.6g} loses none of them"
    )
