"""The one pass of the frozen layers over a split, which may take minutes and gigabytes, or is found in the store."""

import functools
import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import spampipe
from spampipe.core.progress import Progress
from spampipe.models.choices import Precision
from spampipe.models.compute import describe, send
from spampipe.models.frozen_trunk import Model
from spampipe.models.precision import autocast, has_bf16_units, rounded_weights
from spampipe.training import trunk_store

# Enough for full-speed matrix products; on a CPU, few enough that activations stay in its caches.
_BATCH_TOKENS = {"cpu": 1024, "cuda": 32_768, "mps": 8_192}
# The modules and packages that decide the trunk's output: after a change in one of them, it is computed anew.
_COMPUTING = (
    "models/architectures",
    "models/attention",
    "models/backbone",
    "models/choices",
    "models/classifier",
    "models/decoder",
    "models/encoder",
    "models/families",
    "models/layers",
    "models/precision",
    "models/weights",
    "training/trunk_pass",
)


@dataclass(frozen=True)
class Rows:
    """The distinct rows of a split, which are what the trunk is run on.

    Attributes:
        input_ids: (M, T) int32 token ids, padded on the right.
        lengths: (M,) real tokens of each row.
        effective: (M,) leading tokens of each row that count.
    """

    input_ids: Tensor
    lengths: Tensor
    effective: Tensor

    @property
    def starts(self) -> Tensor:
        """(M,) where each row begins once the effective tokens of all lie end to end."""
        return self.effective.cumsum(0) - self.effective


def trunk_outputs(model: Model, rows: Rows, precision: Precision, name: str, store: Path | None) -> Tensor:
    """What the trunk makes of each row.

    Args:
        model: frozen as it will be trained, or was.
        rows: what it reads.
        precision: what matrix products are computed in, `fp32` or `bf16`.
        name: the split's name, for the progress line.
        store: the folder in which outputs are kept; None to keep this one in memory only.

    Returns:
        (sum of the effective lengths, C) float32 on the CPU, row after row; not to be written to.
    """
    shape = (int(rows.effective.sum()), model.network.decoder.config.hidden_size)
    if store is None:
        outputs: trunk_store.FloatArray = np.zeros(shape, dtype=np.float32)
        _run(model, rows, precision, name, outputs)
    else:
        ingredients = _ingredients(model, rows, precision)
        outputs = trunk_store.obtain(
            store, ingredients, shape, lambda array: _run(model, rows, precision, name, array)
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(outputs)


def distinct_rows(input_ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Find rows that repeat an earlier one.

    Args:
        input_ids: (N, T) token ids.
        lengths: (N,) how many leading tokens of each row count.

    Returns:
        (M,) the number of each distinct row where it stands first, and (N,) for each row, which of the M it equals.
    """
    seen: dict[bytes, int] = {}
    first: list[int] = []
    copy_of = []
    for number, (row, length) in enumerate(zip(input_ids.numpy(), lengths.tolist(), strict=True)):
        place = seen.setdefault(row[:length].tobytes(), len(first))
        if place == len(first):
            first.append(number)
        copy_of.append(place)
    return torch.tensor(first, dtype=torch.long), torch.tensor(copy_of, dtype=torch.long)


def batches_by_length(lengths: Tensor, batch_tokens: int) -> list[Tensor]:
    """Group rows of like length, the longest first; the order depends on the lengths alone.

    Args:
        lengths: (M,) tokens of each row.
        batch_tokens: the most tokens in a batch whose rows are padded to its longest; a single row may have more.

    Returns:
        Row numbers, one tensor a batch.
    """
    order = lengths.argsort(descending=True, stable=True)
    batches, start = [], 0
    while start < len(order):
        longest = int(lengths[order[start]])
        stop = start + max(1, batch_tokens // longest)
        batches.append(order[start:stop])
        start = stop
    return batches


@torch.no_grad()
def _run(model: Model, rows: Rows, precision: Precision, name: str, outputs: trunk_store.FloatArray) -> None:
    """Run the trunk over all rows, those of like length together, and fill `outputs`."""
    network, rows_of_outputs, starts = model.network, torch.from_numpy(outputs), rows.starts
    device = network.head.weight.device
    was_training = network.training
    network.eval()
    model.trunk.complete()
    with (
        Progress(f"frozen layers, {name}", len(rows.lengths), "messages") as progress,
        rounded_weights(network, precision),
    ):
        for batch in batches_by_length(rows.effective, _BATCH_TOKENS[device.type]):
            lengths = rows.effective[batch]
            columns = int(lengths.max())
            input_ids = rows.input_ids[batch, :columns].long()
            with autocast(device, precision):
                output = network.trunk(send(input_ids, device), send(rows.lengths[batch], device))
            real = torch.arange(columns) < lengths[:, None]
            places = (starts[batch][:, None] + torch.arange(columns))[real]
            rows_of_outputs[places] = output.float().cpu()[real]
            progress.advance(len(batch))
    network.train(was_training)


def _ingredients(model: Model, rows: Rows, precision: Precision) -> dict[str, str | int]:
    """All that the bytes of the trunk's output depend on."""
    device = model.network.head.weight.device
    ids = hashlib.sha256()
    for row, length in zip(rows.input_ids, rows.effective, strict=True):
        ids.update(length.numpy().tobytes())
        ids.update(row[:length].numpy().tobytes())
    return {
        "trunk": model.trunk.digest(),
        "depth": model.network.trunk_depth,
        "input_ids": ids.hexdigest(),
        "precision": precision,
        "bf16_units": has_bf16_units(device),
        "machine": describe(device),
        "code": _code_digest(),
        "batch_tokens": _BATCH_TOKENS[device.type],
    }


@functools.cache
def _code_digest() -> str:
    """Stands for the source of the modules that decide the trunk's output."""
    hasher = hashlib.sha256()
    for path in computing_modules():
        hasher.update(path.read_bytes())
    return hasher.hexdigest()


def computing_modules() -> list[Path]:
    """The files of the modules that decide the trunk's output, those of each package in the order of their names."""
    package = Path(spampipe.__file__).parent
    return [path for name in _COMPUTING for path in sorted((package / name).glob("*.py")) or [package / f"{name}.py"]]
