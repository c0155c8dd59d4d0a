"""What every section of params.yaml is made of, and how other YAML files of settings are read."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spampipe.core import yaml12
from spampipe.core.errors import ParamsError
from spampipe.core.yaml12 import YamlError

Real = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # what NumPy accepts as a seed


class Section(BaseModel):
    """Settings that are frozen, complete, and of exactly the types they say."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


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
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; {remedy}") from None
    except (YamlError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ParamsError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}; correct it") from error
