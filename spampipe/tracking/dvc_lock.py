"""What a dvc.lock says: what went into every stage and came out, and with which settings."""

from pathlib import Path
from typing import Any

from spampipe.core import yaml12
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.core.yaml12 import YamlError


def outputs(text: str) -> dict[Path, str]:
    """The md5 of every output, in the order of the stages.

    Args:
        text: the text of a dvc.lock.

    Returns:
        By the output's path from the workspace's top, as dvc.lock names it.

    Raises:
        DataError: the text is no YAML.
    """
    return _digests(text, "outs")


def dependencies(text: str) -> dict[Path, str]:
    """The md5 of every file and folder that a stage has read.

    Args:
        text: the text of a dvc.lock.

    Returns:
        By its path from the workspace's top, as dvc.lock names it.

    Raises:
        DataError: the text is no YAML.
    """
    return _digests(text, "deps")


def settings(text: str) -> dict[str, Any]:
    """The values of params.yaml that the outputs come from.

    Args:
        text: the text of a dvc.lock.

    Returns:
        By section, where a stage reads a whole one, or by `section.key`.

    Raises:
        DataError: the text is no YAML.
    """
    found: dict[str, Any] = {}
    for stage in _stages(text).values():
        found |= stage.get("params", {}).get(Workspace().params.as_posix(), {})
    return found


def _digests(text: str, kind: str) -> dict[Path, str]:
    return {Path(each["path"]): each["md5"] for stage in _stages(text).values() for each in stage.get(kind, [])}


def _stages(text: str) -> dict[str, Any]:
    try:
        return dict((yaml12.load(text) or {}).get("stages", {}))
    except YamlError as error:
        name = Workspace().lock
        raise DataError(f"{name}: {error}; run `dvc repro`, or `git checkout {name}`") from error
