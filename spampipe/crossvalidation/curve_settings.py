"""The section `learning_curve` of a study's file, and what few training messages change in settings."""

import math
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from spampipe.core.section import Count, Section
from spampipe.params import Params

ALL = "all"
NO_MESSAGES = 0  # the size at which a contender stands that learns from no message
_NOT_IN_STEPS = ("probe", "prompt")  # model.trainable of base models that are not trained in steps


def _known_size(size: Any) -> Any:
    if size != ALL and (not isinstance(size, int) or size < 1):
        raise ValueError(f"{size!r} must be a number of messages from 1 on, or {ALL}")
    return size


class CurveSettings(Section):
    """What a learning curve shows.

    Attributes:
        sizes: numbers of training messages, ascending; `all`, for those that a fold has, comes last.
        least_steps: of a classifier that is trained in steps, how many a training has at least.
        contenders: of the study's.
    """

    sizes: Annotated[list[Annotated[int | str, AfterValidator(_known_size)]], Field(min_length=1)]
    least_steps: Count
    contenders: Annotated[list[str], Field(min_length=1)]

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        ranks = [math.inf if size == ALL else float(size) for size in self.sizes]
        if any(first >= second for first, second in pairwise(ranks)):
            raise ValueError(f"sizes: must ascend, each number once, {ALL} last")
        for name in self.contenders:
            if self.contenders.count(name) > 1:
                raise ValueError(f"contenders: {name} stands twice; remove one of the two")
        return self


def common(contender: str) -> CurveSettings:
    """The learning curve of settings that no study is about.

    Args:
        contender: its name.
    """
    return CurveSettings(sizes=[16, 64, 256, 1024, ALL], least_steps=100, contenders=[contender])


def asks_only(settings: Params) -> bool:
    """Whether a base model is only asked for the label, so that training reads few messages or none.

    Args:
        settings: a contender's.
    """
    model = settings.model
    return model.base is not None and model.members is None and model.trainable == "prompt"


def for_few(settings: Params, messages: int, least_steps: int) -> Params:
    """Settings under which few messages train a classifier; those of a classifier that has no steps stay.

    No batch is larger than all messages, and epochs are added until there are enough steps.

    Args:
        settings: a contender's.
        messages: to train on.
        least_steps: how many steps a training has at least.
    """
    if settings.model.base is None or settings.model.trainable in _NOT_IN_STEPS:
        return settings
    train = settings.train
    batch = min(train.batch_size, messages)
    steps = messages // batch
    changes = {
        "train.batch_size": batch,
        "train.accumulation_steps": min(train.accumulation_steps, steps),
        "train.epochs": max(train.epochs, math.ceil(least_steps / steps)),
    }
    return settings.changed(changes)
