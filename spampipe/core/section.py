"""What every section of params.yaml is made of, and how other YAML files of settings are read."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spampipe.core import yaml12
from spampipe.core.errors import ParamsError, one_line
from spampipe.core.yaml12 import YamlError

Real = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # what NumPy accepts as a seed


class Section(BaseModel):
    """Settings that are frozen, complete, and of exactly the types they say."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_LONGEST_VALUE = 60  # characters of a wrong value

_Document = TypeVar("_Document", bound=Section)


def read(path: Path, kind: type[_Document], remedy: str) -> _Document:
    """A YAML file as a section of this kind, such as a study.

    Args:
        path: the YAML file.
        kind: what the file has to hold.
        remedy: what to do if there is no such file.

    Raises:
        ParamsError: one line that names the file, the key and the remedy.
    """
    try:
        return kind.model_validate(yaml12.load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ParamsError(f"{path}: {error.strerror}; {remedy}") from None
    except (YamlError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: cannot be read: {one_line(error)}; correct the file") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        if first["type"] not in ("value_error", "missing"):
            reason += f", but is {one_line(repr(first['input']), _LONGEST_VALUE)}"
        correction = "" if ";" in reason else "; correct it"  # a section's own complaint may say what to do
        raise ParamsError(f"{path}: {f'{key}: ' if key else ''}{one_line(reason)}{correction}") from error
