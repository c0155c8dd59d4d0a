"""A split as the loop sees it: labels, and what the classifier takes for any of its messages."""

import functools
import hashlib
import warnings
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

import spampipe
from spampipe.core.progress import Progress
from spampipe.data.tokens import TokenTable
from spampipe.models.classifier import Classifier
from spampipe.models.compute import describe, send
from spampipe.models.precision import Precision, autocast, has_bf16_units, rounded_weights
from spampipe.training import trunk_store

# Enough for full-speed matrix products; on a CPU, few enough that activations stay in its caches.
_TRUNK_BATCH_TOKENS = {"cpu": 1024, "cuda": 32_768, "mps": 8_192}
# The modules and packages that decide the trunk's output: after a change in one of them, it is computed anew.
_COMPUTING = (
    "models/architectures",
    "models/classifier",
    "models/decoder",
    "models/families",
    "models/linear",
    "models/precision",
    "models/weights",
    "training/examples",
)


class Examples(Protocol):
    """Messages that a classifier can be run on: `classifier(*examples.inputs(indices))`.

    Attributes:
        labels: (N,) the right answers, on the classifier's device.
        lengths: (N,) tokens that the classifier reads of each message, on the CPU.
    """

    labels: Tensor
    lengths: Tensor

    def inputs(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """(B,) row numbers, on the CPU, to the arguments of Classifier.forward."""


class TokenExamples:
    """Gives token ids, so that the whole classifier runs at every call."""

    def __init__(self, classifier: Classifier, table: TokenTable) -> None:
        classifier.complete()
        self._device = classifier.head.weight.device
        self._input_ids = torch.from_numpy(table.input_ids)
        self._real_lengths = torch.from_numpy(table.lengths).long()
        self.lengths = classifier.effective_lengths(self._real_lengths, table.max_length)
        self.labels = torch.from_numpy(table.labels).long().to(self._device)

    def inputs(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The rows' token ids, cut to the longest effective length among them."""
        columns = int(self.lengths[indices].max())
        input_ids = self._input_ids[indices, :columns].long()
        return send(input_ids, self._device), send(self._real_lengths[indices], self._device)


class TrunkExamples:
    """Gives the frozen trunk's output, so that only the tail runs; from the store, or computed once and put there.

    The output of each message is as long as the message's effective length; all lie end to end. Messages with
    the same tokens share one.
    """

    def __init__(self, classifier: Classifier, table: TokenTable, precision: Precision, name: str) -> None:
        self._classifier, self._precision, self._name = classifier, precision, name
        self._device = classifier.head.weight.device
        self._batch_tokens = _TRUNK_BATCH_TOKENS[self._device.type]
        self._input_ids = torch.from_numpy(table.input_ids)
        self._real_lengths = torch.from_numpy(table.lengths).long()
        self.lengths = classifier.effective_lengths(self._real_lengths, table.max_length)
        self.labels = torch.from_numpy(table.labels).long().to(self._device)
        self._rows, copy_of = distinct_rows(self._input_ids, self.lengths)
        lengths = self.lengths[self._rows]
        self._row_starts = lengths.cumsum(0) - lengths
        self._starts = self._row_starts[copy_of]
        shape = (int(lengths.sum()), classifier.decoder.config.hidden_size)
        outputs = trunk_store.obtain(self._ingredients(), shape, self._compute)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # nor is it written to
            self._hidden_states = torch.from_numpy(outputs)

    def inputs(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The rows' trunk output, cut to the longest effective length among them."""
        lengths = self.lengths[indices]
        columns = torch.arange(int(lengths.max()))
        padding = columns >= lengths[:, None]
        places = (self._starts[indices][:, None] + columns).masked_fill(padding, 0)
        hidden_states = self._hidden_states[places].masked_fill_(padding[..., None], 0)
        return send(hidden_states, self._device), send(self._real_lengths[indices], self._device)

    def _ingredients(self) -> dict[str, str | int]:
        """All that the bytes of the trunk's output depend on."""
        ids = hashlib.sha256()
        for row in self._rows.tolist():
            ids.update(self.lengths[row].numpy().tobytes())
            ids.update(self._input_ids[row, : self.lengths[row]].numpy().tobytes())
        return {
            "trunk": self._classifier.trunk_digest(),
            "depth": self._classifier.trunk_depth,
            "input_ids": ids.hexdigest(),
            "precision": self._precision,
            "bf16_units": has_bf16_units(self._device),
            "machine": describe(self._device),
            "code": _code_digest(),
            "batch_tokens": self._batch_tokens,
        }

    @torch.no_grad()
    def _compute(self, outputs: trunk_store.FloatArray) -> None:
        """Run the trunk over all distinct messages, the longest first, messages of like length together."""
        rows_of_outputs = torch.from_numpy(outputs)
        was_training = self._classifier.training
        self._classifier.eval()
        self._classifier.complete()
        with (
            Progress(f"frozen layers, {self._name}", len(self._rows), "messages") as progress,
            rounded_weights(self._classifier, self._precision),
        ):
            for batch in batches_by_length(self.lengths[self._rows], self._batch_tokens):
                lengths = self.lengths[self._rows[batch]]
                columns = int(lengths.max())
                input_ids = self._input_ids[self._rows[batch], :columns].long()
                with autocast(self._device, self._precision):
                    output = self._classifier.trunk(send(input_ids, self._device))
                real = torch.arange(columns) < lengths[:, None]
                places = (self._row_starts[batch][:, None] + torch.arange(columns))[real]
                rows_of_outputs[places] = output.float().cpu()[real]
                progress.advance(len(batch))
        self._classifier.train(was_training)


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


def distinct_rows(input_ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Find rows that repeat an earlier one.

    Args:
        input_ids: (N, T).
        lengths: (N,) how much of each row counts.

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


def trunk_shape(classifier: Classifier, table: TokenTable) -> tuple[int, int]:
    """Rows and columns of the trunk's output at most: effective tokens by hidden size."""
    effective = classifier.effective_lengths(torch.from_numpy(table.lengths), table.max_length)
    return int(effective.sum()), classifier.decoder.config.hidden_size


def batches_by_length(lengths: Tensor, batch_tokens: int) -> list[Tensor]:
    """Group rows of like length so that no batch, padded to its longest, exceeds `batch_tokens`.

    A single row may. The order depends on the lengths alone.
    """
    order = lengths.argsort(descending=True, stable=True)
    batches, start = [], 0
    while start < len(order):
        longest = int(lengths[order[start]])
        stop = start + max(1, batch_tokens // longest)
        batches.append(order[start:stop])
        start = stop
    return batches


def prepare(classifier: Classifier, table: TokenTable, precision: Precision, name: str) -> Examples:
    """The cheapest exact kind of examples, for messages that will be scored again in this run or the next.

    Args:
        classifier: frozen as it will be trained, or was.
        table: the split's tokens.
        precision: of the trunk.
        name: of the split, for progress.

    Returns:
        TrunkExamples, unless there is no trunk, or dropout in it (its output is never the same twice), or its
        output is larger than the store may grow.
    """
    reusable = classifier.trunk_depth > 0 and classifier.decoder.dropout.p == 0 and len(table) > 0
    if reusable and trunk_store.fits(trunk_shape(classifier, table)):
        return TrunkExamples(classifier, table, precision, name)
    return TokenExamples(classifier, table)
