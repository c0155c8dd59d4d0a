"""The base models' published files, laid out in the workspace and in the user's cache."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from spampipe.core import files
from spampipe.core.errors import CheckpointError, ParamsError
from spampipe.data.catalogue import DATASETS
from spampipe.downloads.fetch import Pin, cache_directory, fetch
from spampipe.models import hub
from spampipe.models.architectures import BaseChoice, BaseModel, PublishedFiles
from spampipe.models.catalogue import BASE_MODELS

_LAYOUT = 1  # to be raised when a family lays other bytes out, so that folders in the cache are made anew
_MANIFEST = "complete.json"

PINS: tuple[Pin, ...] = (
    *dict.fromkeys(dataset.pin for dataset in DATASETS.values()),
    *dict.fromkeys(
        pin
        for base in BASE_MODELS.values()
        for pin in (base.published.tokenizer, base.published.weights)
        if pin is not None
    ),
)


def base_model(choice: BaseChoice, folder: Path) -> BaseModel:
    """What is known of a base model.

    Args:
        choice: which one.
        folder: where it is laid out.

    Raises:
        CheckpointError: what the folder itself says of the model is missing or damaged.
    """
    repository = hub.repository_of(choice)
    return BASE_MODELS[choice.name] if repository is None else hub.laid_out_base(repository, folder)


def fetch_base(choice: BaseChoice | None, folder: Path) -> None:
    """Lay out a base model: its tokenizer's file, and its weights unless they are to be random.

    Args:
        choice: which one; None for a classifier that has none, whose folder is then empty.
        folder: made if missing; files of an earlier model are removed.

    Raises:
        CheckpointError: it is a model of a kind that this project has not.
        FetchError: a file could not be had.
        ParamsError: there are no pretrained weights, or model.revision is not the hash of a commit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept: list[Path] = []
    if choice is not None:
        repository = hub.repository_of(choice)
        base = BASE_MODELS[choice.name] if repository is None else hub.published_base(repository)
        base.family.lay_out(_published(choice, base), folder, partial(fetch, known=PINS))
        kept = _files(choice, folder)
    for present in (*folder.glob("tokenizer.*"), *folder.glob("weights.*"), *folder.glob("config.*")):
        if present not in kept:
            present.unlink()


def cached_base(choice: BaseChoice) -> Path:
    """A base model in the user's cache, laid out once for all clones and models, by one process at a time.

    Args:
        choice: which one.

    Returns:
        The folder, laid out as `fetch_base` does.

    Raises:
        CheckpointError: it is a model of a kind that this project has not.
        FetchError: a file could not be had.
        ParamsError: there are no pretrained weights, or model.revision is not the hash of a commit.
    """
    folder = cache_directory() / "bases" / f"{_cache_name(choice)}-{choice.weights}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not _is_complete(choice, folder):
            (folder / _MANIFEST).unlink(missing_ok=True)
            fetch_base(choice, folder)
            files.write_json(folder / _MANIFEST, _manifest(choice, folder))
    return folder


def _cache_name(choice: BaseChoice) -> str:
    """What tells a base model from all others, as a relative path."""
    repository = hub.repository_of(choice)
    if repository is None:
        return choice.name
    return f"hub/{repository.path}/{hub.require_commit(repository)}"


def _published(choice: BaseChoice, base: BaseModel) -> PublishedFiles:
    """The published files that are needed."""
    if choice.weights == "random":
        return replace(base.published, weights=None)
    if base.published.weights is None:
        raise ParamsError(f"{choice.name} has no pretrained weights; choose another model")
    return base.published


def _files(choice: BaseChoice, folder: Path) -> list[Path]:
    """The files that a folder has once it is laid out."""
    family = base_model(choice, folder).family
    weights = [family.weights_path(folder)] if choice.weights == "pretrained" else []
    return [family.tokenizer_path(folder), *weights, *hub.other_files(hub.repository_of(choice), folder)]


def _is_complete(choice: BaseChoice, folder: Path) -> bool:
    """Whether all files are there, as they were left and from what is pinned now; without reading them."""
    try:
        found = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return bool(found == _manifest(choice, folder))
    except (FileNotFoundError, ValueError, CheckpointError):
        return False


def _manifest(choice: BaseChoice, folder: Path) -> dict[str, Any]:
    """Where the files came from, and the size in bytes and the time in ns of the last change of each."""
    published = _published(choice, base_model(choice, folder))
    pins = [pin for pin in (published.tokenizer, published.weights) if pin is not None]
    states = {path.name: path.stat() for path in _files(choice, folder)}
    return {
        "layout": _LAYOUT,
        "pins": [pin.sha256 or str(pin.sources) for pin in pins],
        "files": {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()},
    }
