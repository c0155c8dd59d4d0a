"""Tables of how fast training and prediction are, beside other code."""

from collections.abc import Callable
from functools import partial

from benchmarks.tables import NotMeasuredError


def _not_measured(name: str) -> str:
    raise NotMeasuredError(f"not measured yet; run `python -m benchmarks.{name}`")


NAMES = ("against_the_book", "same_accuracy", "against_trainer", "prediction_speed")

TABLES: dict[str, Callable[[], str]] = {name: partial(_not_measured, name) for name in NAMES}
