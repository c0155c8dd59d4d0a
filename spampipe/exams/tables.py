"""What exams have found, as the tables that the commands write: one row a model and a change, group or test."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from spampipe.evaluation.intervals import Interval
from spampipe.exams.behaviour import GroupResult
from spampipe.exams.robustness import Change

if TYPE_CHECKING:
    import pandas as pd

BEHAVIOUR_COLUMNS = {
    "model": "str",
    "group": "str",
    "kind": "str",
    "tests": "int64",
    "failures": "int64",
} | dict.fromkeys(("failure_rate", "failure_rate_low", "failure_rate_high"), "float64")

_Part = TypeVar("_Part")


def side_by_side(found: Mapping[str, Sequence[_Part]]) -> list[tuple[str, _Part]]:
    """The models' results with the model's name, those of one change or group together.

    Args:
        found: what the same exam has found, by the model's name.
    """
    names = list(found)
    return [pair for parts in zip(*found.values(), strict=True) for pair in zip(names, parts, strict=True)]


def robustness(found: Mapping[str, Sequence[Change]]) -> "pd.DataFrame":
    """The error rates before and after each change.

    Args:
        found: what `robustness.examine` has found, by the model's name.

    Returns:
        Columns model, change, rate, texts; before and after, each with the ends of its interval, `_low` and `_high`.
    """
    import pandas as pd

    rows = [
        {"model": model, "change": change.name, "rate": change.rate, "texts": change.texts}
        | _numbers("before", change.before)
        | _numbers("after", change.after)
        for model, change in side_by_side(found)
    ]
    return pd.DataFrame(rows)


def behaviour_groups(found: Mapping[str, Sequence[GroupResult]]) -> "pd.DataFrame":
    """The failure rate of each group.

    Args:
        found: what `behaviour.examine` has found, by the model's name.

    Returns:
        Columns model, group, kind, tests, failures; failure_rate, with the ends of its interval, `_low` and `_high`.
    """
    import pandas as pd

    rows = [
        {"model": model, "group": group.name, "kind": group.kind, "tests": len(group.tests)}
        | {"failures": group.failures}
        | _numbers("failure_rate", group.failure_rate)
        for model, group in side_by_side(found)
    ]
    return pd.DataFrame(rows, columns=list(BEHAVIOUR_COLUMNS)).astype(BEHAVIOUR_COLUMNS)


def behaviour_tests(found: Mapping[str, Sequence[GroupResult]]) -> "pd.DataFrame":
    """Every test.

    Args:
        found: what `behaviour.examine` has found, by the model's name.

    Returns:
        Columns model, group, and the attributes of `behaviour.Outcome`.
    """
    import pandas as pd

    rows = [
        {"model": model, "group": group.name, **vars(test)}
        for model, group in side_by_side(found)
        for test in group.tests
    ]
    return pd.DataFrame(rows)


def _numbers(name: str, share: Interval | None) -> dict[str, float | None]:
    """A share and the ends of its interval as columns."""
    ends = (None, None, None) if share is None else (share.value, share.low, share.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
