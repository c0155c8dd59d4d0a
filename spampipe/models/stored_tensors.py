"""Published safetensors files: several joined into one, and tensors under this project's names."""

import json
import shutil
import struct
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spampipe.core import files
from spampipe.core.errors import WeightsError

if TYPE_CHECKING:
    from spampipe.models.weights import State

_LENGTH = struct.Struct("<Q")  # of the header in bytes, at the file's begin
_ALIGNMENT = 8  # bytes: a header ends at a multiple of it
_LONGEST_HEADER = 100_000_000  # bytes, the format's own limit
_CHUNK_BYTES = 1 << 24
_KINDS = ("torch.float32", "torch.float16", "torch.bfloat16", "torch.float64")


@dataclass(frozen=True)
class Place:
    """Where a stored tensor goes.

    Attributes:
        names: this project's name for it; several if it is cut, along its outputs, into as many equal parts.
        transposed: whether it is stored (inputs, outputs) and not, as torch's linear layers are, (outputs, inputs).
    """

    names: tuple[str, ...]
    transposed: bool = False


def read(path: Path, place: Callable[[str], Place | None], leave_out: Container[str]) -> "State":
    """Read a safetensors file into float32 tensors.

    Args:
        path: the file.
        place: where a tensor of this stored name goes; None for what is no weight, which is left out.
        leave_out: this project's names of the tensors that are not needed, and not read.

    Returns:
        The tensors by this project's names.

    Raises:
        FileNotFoundError: there is no such file.
        SafetensorError: the file is damaged.
        ValueError: a tensor is stored as something else than floating-point numbers.
    """
    from safetensors import safe_open

    state: State = {}
    with safe_open(path, framework="pt") as stored:
        for key in stored.keys():  # noqa: SIM118 - not a dict
            found = place(key)
            if found is None or all(name in leave_out for name in found.names):
                continue
            tensor = stored.get_tensor(key)
            if str(tensor.dtype) not in _KINDS:
                raise ValueError(f"tensor {key} is stored as {tensor.dtype}")
            tensor = tensor.float().T if found.transposed else tensor.float()
            for name, part in zip(found.names, tensor.chunk(len(found.names)), strict=True):
                state[name] = part.contiguous()
    return state


def join(shards: Sequence[Path], path: Path) -> None:
    """Write the tensors of several safetensors files to one, as they are; the same shards give the same bytes.

    Args:
        shards: the files.
        path: the file to write.

    Raises:
        WeightsError: a shard is no such file, or two have a tensor of the same name.
    """
    header: dict[str, Any] = {}
    lengths, written = [], 0
    for shard in shards:
        length, entries = _header(shard)
        for name, entry in entries.items():
            if name in header:
                raise WeightsError(f"{shard}: tensor {name} stands in two shards; the repository is damaged")
            header[name] = entry | {"data_offsets": [written + offset for offset in entry["data_offsets"]]}
        lengths.append(length)
        written += shard.stat().st_size - length
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % _ALIGNMENT)
    with files.replacing(path) as temporary, temporary.open("wb") as out:
        out.write(_LENGTH.pack(len(encoded)) + encoded)
        for shard, length in zip(shards, lengths, strict=True):
            with shard.open("rb") as stream:
                stream.seek(length)
                shutil.copyfileobj(stream, out, _CHUNK_BYTES)


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    """Where the numbers begin, in bytes, and the entry of each tensor (safetensors, "Format")."""
    try:
        with path.open("rb") as stream:
            (length,) = _LENGTH.unpack(stream.read(_LENGTH.size))
            if length > _LONGEST_HEADER:
                raise ValueError(f"a header of {length} bytes")
            header: dict[str, Any] = json.loads(stream.read(length))
        return _LENGTH.size + length, {name: entry for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, struct.error, AttributeError) as error:
        raise WeightsError(f"{path}: not a safetensors file ({error})") from error
