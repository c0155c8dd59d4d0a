"""Outputs of frozen layers on disk, shared by stages and experiments; only ever copies of what can be computed.

A file is named by the hash of all that its bytes depend on, so it is right or absent: deleting any file at any
moment costs time and nothing else. Files appear whole, by a rename; when the store outgrows its budget, those used
longest ago go.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from spampipe import files, paths
from spampipe.errors import ParamsError

logger = logging.getLogger(__name__)

BUDGET_VARIABLE = "SPAMPIPE_TRUNK_BYTES"
_DEFAULT_BUDGET_BYTES = 8 << 30

FloatArray = npt.NDArray[np.float32]


def budget_bytes() -> int:
    """How large the store may grow, and so the largest output that is kept at all; 0 keeps none.

    Raises:
        ParamsError: the environment variable is not a whole number.
    """
    chosen = os.environ.get(BUDGET_VARIABLE)
    if chosen is None:
        return _DEFAULT_BUDGET_BYTES
    if not chosen.isdecimal():
        raise ParamsError(f"{BUDGET_VARIABLE}: must be a number of bytes, but is {chosen!r}; change or unset it")
    return int(chosen)


def obtain(ingredients: dict[str, Any], shape: tuple[int, int], compute: Callable[[FloatArray], None]) -> FloatArray:
    """An array from the store, or computed and put there.

    Args:
        ingredients: everything the array's bytes depend on, as JSON values.
        shape: of the array.
        compute: fills an array of zeros of this shape.

    Returns:
        A read-only float32 array that is backed by a file, so that memory holds no more of it than there is
        room for. Where the store cannot be written, an array in memory.
    """
    name = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()
    path = paths.trunk_store() / f"{name}.f32"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):  # whoever comes second waits, and reads
            found = _open(path, shape)
            if found is None:
                _make_room(path.parent, _size(shape))
                _write(path, shape, compute)
                found = _open(path, shape)
        if found is not None:
            return found
    except OSError as error:
        logger.warning("warning: frozen layers' output is not kept in %s: %s", path.parent, error.strerror or error)
    array: FloatArray = np.zeros(shape, dtype=np.float32)
    compute(array)
    return array


def fits(shape: tuple[int, int]) -> bool:
    """Whether an array of this shape may be kept."""
    return _size(shape) <= budget_bytes()


def _open(path: Path, shape: tuple[int, int]) -> FloatArray | None:
    try:
        if path.stat().st_size != _size(shape):
            return None
        os.utime(path)  # used just now
        return np.memmap(path, dtype=np.float32, mode="r", shape=shape)
    except FileNotFoundError:
        return None


def _write(path: Path, shape: tuple[int, int], compute: Callable[[FloatArray], None]) -> None:
    with files.replacing(path) as temporary:
        with temporary.open("wb") as stream:
            stream.truncate(_size(shape))
        array = np.memmap(temporary, dtype=np.float32, mode="r+", shape=shape)
        compute(array)
        array.flush()


def _make_room(folder: Path, wanted: int) -> None:
    """Delete what was used longest ago until `wanted` more bytes are within the budget."""
    present = []
    for path in folder.glob("*.f32"):
        try:
            status = path.stat()
        except FileNotFoundError:  # deleted by someone else meanwhile
            continue
        present.append((status.st_mtime_ns, status.st_size, path))
    excess = sum(size for _, size, _ in present) + wanted - budget_bytes()
    for _, size, path in sorted(present):
        if excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess -= size


def _size(shape: tuple[int, int]) -> int:
    return shape[0] * shape[1] * np.dtype(np.float32).itemsize
