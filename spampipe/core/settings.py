"""The settings of params.yaml as flat names and values, and how two sets of them differ."""

from collections.abc import Mapping
from typing import Any


def flat(nested: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested sections as one level of `section.key`.

    Args:
        nested: the sections.
        above: the beginning of every name, with its dot.
    """
    found: dict[str, Any] = {}
    for name, value in nested.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return found


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `after` that differ; None for settings that only `before` has. Both are flat."""
    names = dict.fromkeys([*after, *before])
    return {name: after.get(name) for name in names if after.get(name) != before.get(name)}


def written(value: object) -> str:
    """A value as in params.yaml; None, where there is no such setting, as `-`."""
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
