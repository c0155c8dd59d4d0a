"""Cards as JSON files whose last entry is their own hash, and the tensors that belong to them."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from safetensors import SafetensorError

from spampipe.core import files
from spampipe.core.errors import CheckpointError

_SEAL = "sha256"  # the card's own hash, over all its other entries
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def seal(content: dict[str, Any], path: Path) -> None:
    """Write the entries of a card as JSON, with their hash as the last one, so that a later edit is noticed.

    Args:
        content: JSON values, the version of the format under `format`.
        path: the file, which is replaced in one step.
    """
    files.write_json(path, content | {_SEAL: _digest(content)})


def unsealed(path: Path, version: int) -> dict[str, Any]:
    """The entries that `seal` wrote, without the format and the hash.

    Args:
        path: the JSON file.
        version: the version of the format that is understood.

    Raises:
        CheckpointError: it is missing, damaged, edited, or of another version.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != version:
            raise CheckpointError(f"{path}: written by another version of spampipe; run `dvc repro train`")
        if content.pop(_SEAL, None) != _digest(content):
            raise CheckpointError(f"{path}: edited or damaged, its hash is another; run `dvc checkout {path}`")
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a classifier's card ({error!r}); run `dvc checkout {path}`") from error
    del content["format"]
    return content


@contextmanager
def checked_weights(path: Path, sha256: str) -> Iterator[None]:
    """Insist that a file of tensors is the one that a card was written with, for the block that reads it.

    Args:
        path: the safetensors file.
        sha256: what the card has for it.

    Raises:
        CheckpointError: it is missing, damaged or another one.
    """
    try:
        if files.digest(path) != sha256:
            raise CheckpointError(f"{path}: damaged, or not the tensors of its card; run `dvc checkout`")
        yield
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except SafetensorError as error:
        raise CheckpointError(f"{path}: damaged ({error}); run `dvc checkout`") from error


def _digest(content: dict[str, Any]) -> str:
    """Of the content, whatever the order and the layout of its file."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
