"""A split as the loop sees it: labels, and logits for any of its messages."""

import hashlib
import warnings
from typing import Protocol

import torch
from torch import Tensor

from spampipe import trunk_store
from spampipe.classifier import Classifier
from spampipe.compute import Precision, autocast, describe
from spampipe.progress import Progress
from spampipe.tokens import TokenTable

_TRUNK_BATCH_TOKENS = 4096  # enough for full-speed matrix products, little enough for the processor's caches


class Examples(Protocol):
    """Messages that a classifier can be run on."""

    labels: Tensor

    def logits(self, indices: Tensor) -> Tensor:
        """(B,) row numbers, on the CPU, to (B, labels) logits."""


class TokenExamples:
    """Runs the whole classifier at every call."""

    def __init__(self, classifier: Classifier, table: TokenTable) -> None:
        self._classifier = classifier
        self._device = classifier.head.weight.device
        self._input_ids = torch.from_numpy(table.input_ids)
        self._lengths = torch.from_numpy(table.lengths).long()
        self._effective = classifier.effective_lengths(self._lengths, table.max_length)
        self.labels = torch.from_numpy(table.labels).long().to(self._device)

    def logits(self, indices: Tensor) -> Tensor:
        """Score the rows, cut to the longest effective length among them."""
        columns = int(self._effective[indices].max())
        input_ids = self._input_ids[indices, :columns].long().to(self._device)
        return self._classifier(input_ids, self._lengths[indices].to(self._device))


class TrunkExamples:
    """Runs only the tail: the frozen trunk's output comes from the store, or is computed once and put there.

    The output of each message is as long as the message's effective length; all lie end to end.
    """

    def __init__(self, classifier: Classifier, table: TokenTable, precision: Precision, name: str) -> None:
        self._classifier, self._precision, self._name = classifier, precision, name
        self._device = classifier.head.weight.device
        self._input_ids = torch.from_numpy(table.input_ids)
        self._lengths = torch.from_numpy(table.lengths).long()
        self._effective = classifier.effective_lengths(self._lengths, table.max_length)
        self._starts = self._effective.cumsum(0) - self._effective
        self.labels = torch.from_numpy(table.labels).long().to(self._device)
        outputs = trunk_store.obtain(self._ingredients(), trunk_shape(classifier, table), self._compute)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # nor is it written to
            self._hidden_states = torch.from_numpy(outputs)

    def logits(self, indices: Tensor) -> Tensor:
        """Score the rows from their trunk output."""
        effective = self._effective[indices]
        columns = torch.arange(int(effective.max()))
        padding = columns >= effective[:, None]
        places = (self._starts[indices][:, None] + columns).masked_fill(padding, 0)
        hidden_states = self._hidden_states[places].masked_fill(padding[..., None], 0)
        return self._classifier.tail(hidden_states.to(self._device), self._lengths[indices].to(self._device))

    def _ingredients(self) -> dict[str, str | int]:
        """All that the bytes of the trunk's output depend on."""
        ids = hashlib.sha256(self._effective.numpy().tobytes())
        for row, length in zip(self._input_ids, self._effective.tolist(), strict=True):
            ids.update(row[:length].numpy().tobytes())
        return {
            "trunk": self._classifier.trunk_digest(),
            "depth": self._classifier.trunk_depth,
            "input_ids": ids.hexdigest(),
            "precision": self._precision,
            "machine": describe(self._device),
            "batch_tokens": _TRUNK_BATCH_TOKENS,
        }

    @torch.no_grad()
    def _compute(self, outputs: trunk_store.FloatArray) -> None:
        """Run the trunk over all messages, the longest first, messages of like length together."""
        rows_of_outputs = torch.from_numpy(outputs)
        was_training = self._classifier.training
        self._classifier.eval()
        with Progress(f"frozen layers, {self._name}", len(self._effective), "messages") as progress:
            for rows in batches_by_length(self._effective, _TRUNK_BATCH_TOKENS):
                effective = self._effective[rows]
                columns = int(effective.max())
                with autocast(self._device, self._precision):
                    output = self._classifier.trunk(self._input_ids[rows, :columns].long().to(self._device))
                real = torch.arange(columns) < effective[:, None]
                places = (self._starts[rows][:, None] + torch.arange(columns))[real]
                rows_of_outputs[places] = output.float().cpu()[real]
                progress.advance(len(rows))
        self._classifier.train(was_training)


def trunk_shape(classifier: Classifier, table: TokenTable) -> tuple[int, int]:
    """Rows and columns of the trunk's output for all messages: effective tokens by hidden size."""
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
