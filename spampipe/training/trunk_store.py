"""Outputs of frozen layers on disk, shared by stages and experiments; only ever copies of what can be computed.

A file is named by the hash of all that its bytes depend on, and holds a checksum of its content, so it is right or
counts as absent: deleting or damaging any file at any moment costs time and nothing else. Files appear whole, by a
rename; when the store outgrows its budget, those used longest ago go.
"""

import hashlib
import json
import logging
import mmap
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from spampipe.core import environment, files

logger = logging.getLogger(__name__)

_SUFFIX, _DAMAGED_SUFFIX = ".f32", ".damaged"
_KEPT = re.compile(rf"[0-9a-f]{{64}}({re.escape(_SUFFIX)}|{re.escape(_DAMAGED_SUFFIX)})")  # no temporaries, no locks
_CHECKSUM_BYTES = 64  # of BLAKE2b; it stands before the array

FloatArray = npt.NDArray[np.float32]


def obtain(
    folder: Path, ingredients: dict[str, Any], shape: tuple[int, int], compute: Callable[[FloatArray], None]
) -> FloatArray:
    """An array from the store, or computed and put there.

    Args:
        folder: the store's; made if missing.
        ingredients: everything the array's bytes depend on, as JSON values.
        shape: rows and columns of the array.
        compute: fills an array of zeros of this shape.

    Returns:
        A read-only float32 array that is backed by a file, so that memory holds no more of it than there is
        room for. Where the store cannot be read or written, an array in memory.
    """
    name = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()
    path = folder / f"{name}{_SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):  # whoever comes second waits, and reads
            found = _open(path, shape)
            if found is None:
                _make_room(path, _size(shape))
                _write(path, shape, compute)
                found = _open(path, shape)
        if found is not None:
            return found
    except OSError as error:
        logger.warning("warning: frozen layers' output is not kept in %s: %s", folder, error.strerror or error)
    array: FloatArray = np.zeros(shape, dtype=np.float32)
    compute(array)
    return array


def fits(shape: tuple[int, int]) -> bool:
    """Whether an array of this many rows and columns may be kept.

    Args:
        shape: the array's rows and columns.
    """
    return _size(shape) <= environment.read().trunk_bytes


def _open(path: Path, shape: tuple[int, int]) -> FloatArray | None:
    """The array, once its checksum is found right; what is wrong is put aside, with one warning."""
    try:
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size == _size(shape):
                content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
                if content[:_CHECKSUM_BYTES] == _checksum(path, shape, memoryview(content)[_CHECKSUM_BYTES:]):
                    os.utime(path)  # used just now
                    return np.frombuffer(content, dtype=np.float32, offset=_CHECKSUM_BYTES).reshape(shape)
    except FileNotFoundError:
        return None
    except (IsADirectoryError, PermissionError):
        pass  # as useless as a damaged one
    damaged = path.with_suffix(_DAMAGED_SUFFIX)
    _delete(damaged)
    path.replace(damaged)
    logger.warning("warning: %s is damaged, and now called %s; its content is computed again", path, damaged.name)
    return None


def _write(path: Path, shape: tuple[int, int], compute: Callable[[FloatArray], None]) -> None:
    with files.replacing(path) as temporary:
        with temporary.open("wb") as stream:
            stream.truncate(_size(shape))
            if hasattr(os, "posix_fallocate"):  # a full disk is an error now, and not a crash in the middle
                os.posix_fallocate(stream.fileno(), 0, _size(shape))
        array = np.memmap(temporary, dtype=np.float32, mode="r+", offset=_CHECKSUM_BYTES, shape=shape)
        compute(array)
        array.flush()
        with temporary.open("r+b") as stream:
            stream.write(_checksum(path, shape, array.data))


def _checksum(path: Path, shape: tuple[int, int], content: memoryview) -> bytes:
    """Of the content, its shape and the name it is kept under: another array's file is as wrong as a damaged one."""
    hasher = hashlib.blake2b(f"{path.stem} {shape}".encode())
    hasher.update(content)
    return hasher.digest()


def _make_room(path: Path, wanted: int) -> None:
    """Delete what was used longest ago until `wanted` more bytes are within the budget.

    What other processes are writing is left alone; an earlier, killed writer of `path` has left what none needs.
    """
    for abandoned in path.parent.glob(f".{path.name}.*"):
        _delete(abandoned)
    present = []
    for other in path.parent.iterdir():
        try:
            status = other.stat()
        except FileNotFoundError:  # deleted by someone else meanwhile
            continue
        if _KEPT.fullmatch(other.name):
            present.append((status.st_mtime_ns, status.st_size, other))
    excess = sum(size for _, size, _ in present) + wanted - environment.read().trunk_bytes
    for _, size, other in sorted(present):
        if excess <= 0:
            break
        _delete(other)
        excess -= size


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _size(shape: tuple[int, int]) -> int:
    """Bytes of the file that holds an array of this shape."""
    return _CHECKSUM_BYTES + shape[0] * shape[1] * np.dtype(np.float32).itemsize
