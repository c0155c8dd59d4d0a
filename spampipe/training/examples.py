"""A split as the loop sees it: labels, and what the network takes for any of its texts."""

from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from spampipe.data.labels import LabelSet
from spampipe.data.tokens import TokenTable
from spampipe.models.choices import Precision
from spampipe.models.classifier import Classifier
from spampipe.models.compute import send
from spampipe.models.frozen_trunk import Model
from spampipe.training import trunk_store
from spampipe.training.trunk_pass import Rows, distinct_rows, trunk_outputs


class Examples(Protocol):
    """Texts that a network can be run on: `network(*examples.inputs(indices))`.

    Attributes:
        labels: (N,) int64, the class index of each text, on the network's device.
        label_set: what the classes are called.
        lengths: (N,) int64, tokens that the network reads of each text, on the CPU.
    """

    labels: Tensor
    label_set: LabelSet
    lengths: Tensor

    def inputs(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The arguments of Classifier.forward for some of the texts.

        Args:
            indices: (B,) row numbers, on the CPU.

        Returns:
            Token ids or the trunk's output, and (B,) real tokens; both on the network's device.
        """


class TokenExamples:
    """Gives token ids, so that the whole network runs at every call.

    Args:
        model: whose trunk is loaded now, if it is not yet.
        table: the texts' tokens.
    """

    def __init__(self, model: Model, table: TokenTable) -> None:
        model.trunk.complete()
        self._device = model.network.head.weight.device
        self._input_ids = torch.from_numpy(table.input_ids)
        self._real_lengths = torch.from_numpy(table.lengths).long()
        self.lengths = model.network.effective_lengths(self._real_lengths, table.max_length)
        self.labels = torch.from_numpy(table.labels).long().to(self._device)
        self.label_set = table.label_set

    def inputs(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """As in Examples: the rows' token ids, cut to the longest effective length among them."""
        columns = int(self.lengths[indices].max())
        input_ids = self._input_ids[indices, :columns].long()
        return send(input_ids, self._device), send(self._real_lengths[indices], self._device)


class TrunkExamples:
    """Gives the frozen trunk's output, so that only the tail runs; `compute` makes it.

    The output of each text is as long as the text's effective length; all lie end to end. Texts with the same tokens
    share one.

    Args:
        table: the texts' tokens.
        lengths: (N,) effective length of each text.
        starts: (N,) the row of `outputs` that each text's begins with.
        outputs: (tokens, C) what the trunk made of the texts, on the CPU.
        device: where the network lies.
    """

    def __init__(
        self, table: TokenTable, lengths: Tensor, starts: Tensor, outputs: Tensor, device: torch.device
    ) -> None:
        self._starts, self._outputs, self._device = starts, outputs, device
        self._real_lengths = torch.from_numpy(table.lengths).long()
        self.lengths = lengths
        self.labels = torch.from_numpy(table.labels).long().to(device)
        self.label_set = table.label_set

    @classmethod
    def compute(
        cls, model: Model, table: TokenTable, precision: Precision, name: str, store: Path | None = None
    ) -> Self:
        """Run the trunk over all texts, which may take minutes and gigabytes; or find its output in the store.

        Args:
            model: frozen as it will be trained, or was.
            table: the texts' tokens; of a part, the trunk is run over the whole.
            precision: of the trunk's matrix products.
            name: of the split, for progress.
            store: the folder in which outputs are kept; None to keep this one in memory only.
        """
        whole, chosen = table.whole or (table, np.arange(len(table)))
        input_ids, real_lengths = torch.from_numpy(whole.input_ids), torch.from_numpy(whole.lengths).long()
        lengths = model.network.effective_lengths(real_lengths, whole.max_length)
        first, copy_of = distinct_rows(input_ids, lengths)
        rows = Rows(input_ids[first], real_lengths[first], lengths[first])
        outputs = trunk_outputs(model, rows, precision, name, store)
        starts, used = rows.starts[copy_of], torch.from_numpy(chosen)
        return cls(table, lengths[used], starts[used], outputs, model.network.head.weight.device)

    def inputs(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """As in Examples: the rows' trunk output, cut to the longest effective length among them."""
        lengths = self.lengths[indices]
        columns = torch.arange(int(lengths.max()))
        padding = columns >= lengths[:, None]
        places = (self._starts[indices][:, None] + columns).masked_fill(padding, 0)
        hidden_states = self._outputs[places].masked_fill_(padding[..., None], 0)
        return send(hidden_states, self._device), send(self._real_lengths[indices], self._device)


def prepare(model: Model, table: TokenTable, precision: Precision, name: str, store: Path | None = None) -> Examples:
    """The cheapest exact kind of examples, for texts that will be scored again in this run or the next.

    Args:
        model: frozen as it will be trained, or was.
        table: the split's tokens.
        precision: of the trunk's matrix products.
        name: of the split, for progress.
        store: the folder in which the trunk's outputs are kept; None to keep them in memory only.

    Returns:
        TrunkExamples, unless there is no trunk, or dropout in it (its output is never the same twice), or its
        output is larger than the store may grow.
    """
    network = model.network
    reusable = network.trunk_depth > 0 and network.decoder.dropout.p == 0 and len(table) > 0
    if reusable and trunk_store.fits(_most_rows(network, table.whole[0] if table.whole else table)):
        return TrunkExamples.compute(model, table, precision, name, store)
    return TokenExamples(model, table)


def _most_rows(network: Classifier, table: TokenTable) -> tuple[int, int]:
    """Rows and columns of the trunk's output if no two texts are the same."""
    effective = network.effective_lengths(torch.from_numpy(table.lengths), table.max_length)
    return int(effective.sum()), network.decoder.config.hidden_size
