"""A split as the loop sees it: labels, and logits for any of its messages."""

from typing import Protocol

import torch
from torch import Tensor

from spampipe.classifier import Classifier
from spampipe.compute import Precision, autocast
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
    """Runs only the tail: the frozen trunk's output is computed once, when this is made.

    The stored output of each message is as long as the message's effective length; all lie end to end.
    """

    def __init__(self, classifier: Classifier, table: TokenTable, precision: Precision, name: str) -> None:
        self._classifier = classifier
        device = classifier.head.weight.device
        self._lengths = torch.from_numpy(table.lengths).long()
        self._effective = classifier.effective_lengths(self._lengths, table.max_length)
        self._starts = self._effective.cumsum(0) - self._effective
        self.labels = torch.from_numpy(table.labels).long().to(device)
        width = classifier.decoder.config.hidden_size
        # One row more than there are tokens: a row of zeros, which padding points to.
        self._hidden_states = torch.zeros(int(self._effective.sum()) + 1, width, device=device)
        self._fill(table, precision, name)

    def logits(self, indices: Tensor) -> Tensor:
        """Score the rows from their stored trunk output."""
        effective = self._effective[indices]
        columns = torch.arange(int(effective.max()))
        places = self._starts[indices][:, None] + columns
        places[columns >= effective[:, None]] = len(self._hidden_states) - 1
        device = self._hidden_states.device
        return self._classifier.tail(self._hidden_states[places.to(device)], self._lengths[indices].to(device))

    @torch.no_grad()
    def _fill(self, table: TokenTable, precision: Precision, name: str) -> None:
        """Run the trunk over all messages, the longest first, messages of like length together."""
        device = self._hidden_states.device
        input_ids = torch.from_numpy(table.input_ids)
        with Progress(f"frozen layers, {name}", len(table), "messages") as progress:
            for rows in batches_by_length(self._effective, _TRUNK_BATCH_TOKENS):
                effective = self._effective[rows]
                columns = int(effective.max())
                with autocast(device, precision):
                    output = self._classifier.trunk(input_ids[rows, :columns].long().to(device)).float()
                real = torch.arange(columns) < effective[:, None]
                places = (self._starts[rows][:, None] + torch.arange(columns))[real]
                self._hidden_states[places.to(device)] = output[real.to(device)]
                progress.advance(len(rows))


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
    """The cheapest exact kind of examples to train on.

    Args:
        classifier: frozen as it will be trained.
        table: the split's tokens.
        precision: of the trunk.
        name: of the split, for progress.
    """
    if classifier.trunk_depth > 0 and classifier.decoder.dropout.p == 0:
        return TrunkExamples(classifier, table, precision, name)
    return TokenExamples(classifier, table)  # no trunk, or dropout in it: its output is never the same twice
