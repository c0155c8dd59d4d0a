"""The settings of params.yaml as flat names and values, and how two sets of them differ."""

from collections.abc import Mapping
from typing import Any


def flat(nested: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested sections as one level of `section.key`.

    Args:
        nested: names and values; a value that is a dictionary is a section.
        above: what every name begins with, such as `train.`; empty at the top.

    Returns:
        Full names and values.
    """
    found: dict[str, Any] = {}
    for name, value in nested.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return found


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """How one set of settings differs from another.

    Args:
        before: flat names and values.
        after: likewise.

    Returns:
        The values of `after` that differ, by name; None for settings that only `before` has.
    """
    names = dict.fromkeys([*after, *before])
    return {name: after.get(name) for name in names if after.get(name) != before.get(name)}


def written(value: object) -> str:
    """A setting's value as text.

    Args:
        value: what YAML can hold; None where there is no such setting.

    Returns:
        The value as params.yaml has it; `-` for None.
    """
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
