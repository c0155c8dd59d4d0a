"""Read what a user declares in a YAML file, with one line for what is wrong with it."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from spampipe.core import yaml12
from spampipe.core.errors import ParamsError, one_line
from spampipe.core.section import Section
from spampipe.core.yaml12 import YamlError

Declared = TypeVar("Declared", bound=Section)

_LONGEST_VALUE = 60  # characters of a wrong value


def load(path: Path, kind: type[Declared], option: str) -> Declared:
    """Read a YAML file.

    Args:
        path: the file.
        kind: what it must hold.
        option: the option of the command that names the file, for errors.

    Raises:
        ParamsError: the file is missing, or holds something else; the error names the key.
    """
    try:
        return kind.model_validate(yaml12.load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ParamsError(f"{path}: {error.strerror}; {option} names the file") from None
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "value_error":
            reason = problem["msg"].removeprefix("Value error, ")
        else:
            shown = one_line(repr(problem["input"]), _LONGEST_VALUE)
            reason = f"{problem['msg'].replace('Input should be', 'must be')}, but is {shown}; correct it"
        raise ParamsError(f"{path}: {f'{key}: ' if key else ''}{one_line(reason)}") from error
    except (YamlError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: cannot be read: {one_line(error)}; correct the file") from error
