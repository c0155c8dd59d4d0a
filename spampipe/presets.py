"""Named settings, which the files of presets/ hold, put into params.yaml.

A preset holds the values in which it differs from the preset `default`, and that one every setting that a preset may
change. So a preset gives the same settings whatever was there before; others, such as the data set, stay as they are.
"""

import json
import shutil
from collections.abc import Mapping
from typing import Any

from spampipe.core import files, settings, yaml12
from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest
from spampipe.core.workspace import Workspace
from spampipe.core.yaml12 import YamlError
from spampipe.params import Params

DEFAULT = "default"
_SUFFIX = ".yaml"


def summaries(workspace: Workspace) -> dict[str, str]:
    """What each preset is, by its name: the comment that its file begins with.

    Args:
        workspace: holds presets/.
    """
    paths = sorted(workspace.presets.glob(f"*{_SUFFIX}"))
    first = {path.stem: path.read_text(encoding="utf-8", errors="replace").partition("\n")[0] for path in paths}
    return {name: line.removeprefix("#").strip() if line.startswith("#") else "" for name, line in first.items()}


def changes(workspace: Workspace, name: str) -> dict[str, tuple[Any, Any]]:
    """What a preset would change in params.yaml.

    Args:
        workspace: holds params.yaml and presets/.
        name: of the preset.

    Returns:
        The value there is and the one that comes instead, by `section.key`; none for a setting that stays.

    Raises:
        ParamsError: there is no such preset, or the settings cannot be used with it.
    """
    known = summaries(workspace)
    if name not in known:
        raise ParamsError(f"{name}: no such preset; {closest(name, known)}")
    before = Params.load(workspace.params)
    usual, own = _read(workspace, DEFAULT), _read(workspace, name)
    path = f"{workspace.name_of(workspace.presets)}/{name}{_SUFFIX}"
    for key in own:
        if key not in usual:
            raise ParamsError(f"{path}: {key}: not in the preset {DEFAULT}; {closest(key, usual)}")
    values = {**usual, **own}
    try:
        after = before.changed(values)
    except ParamsError as error:
        raise ParamsError(f"{path}: {error}") from error
    old, new = (settings.flat(each.model_dump()) for each in (before, after))
    return {key: (old[key], new[key]) for key in values if old[key] != new[key]}


def apply(workspace: Workspace, changed: Mapping[str, tuple[Any, Any]]) -> None:
    """Write settings into params.yaml as `dvc exp run -S` does, which keeps comments.

    Args:
        workspace: holds params.yaml.
        changed: as `changes` returns it.
    """
    from dvc.utils.hydra import apply_overrides  # takes long to import

    with files.replacing(workspace.params) as temporary:
        shutil.copyfile(workspace.params, temporary)
        apply_overrides(temporary, assignments(changed))


def assignments(changed: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """`section.key=value` for each new value, as `dvc exp run -S` takes it.

    Args:
        changed: as `changes` returns it.
    """
    return [f"{key}={written(value)}" for key, (_, value) in changed.items()]


def written(value: Any) -> str:
    """A value in DVC's notation, without white space, so that a shell takes it for one word.

    Args:
        value: of a setting.
    """
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _read(workspace: Workspace, name: str) -> dict[str, Any]:
    """The values of one file, by `section.key`."""
    path = workspace.presets / f"{name}{_SUFFIX}"
    try:
        document = yaml12.load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; run `git restore {path}`") from None
    except (YamlError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: cannot be read: {error}") from error
    if not isinstance(document, dict) or not all(isinstance(values, dict) for values in document.values()):
        raise ParamsError(f"{path}: expected sections with settings, as in {workspace.params.name}")
    return {f"{section}.{key}": value for section, values in document.items() for key, value in values.items()}
