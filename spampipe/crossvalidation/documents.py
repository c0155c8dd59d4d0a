"""Read the YAML files that declare what is compared, with one line for what is wrong with one."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from spampipe.core import yaml12
from spampipe.core.errors import ParamsError
from spampipe.core.section import Section
from spampipe.core.yaml12 import YamlError

Document = TypeVar("Document", bound=Section)


def read(path: Path, kind: type[Document]) -> Document:
    """Read a YAML file.

    Args:
        path: the file.
        kind: what it must hold.

    Raises:
        ParamsError: naming the file, the key and the remedy.
    """
    try:
        return kind.model_validate(yaml12.load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; the studies of this repository lie in studies/") from None
    except (YamlError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ParamsError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}; correct it") from error
