"""A decoder with a classification head: what is trained, and which position answers."""

import hashlib
import math
import re
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from spampipe.models.decoder import Decoder, take
from spampipe.models.linear import Linear

Position = Literal["last", "last_real", "first", "mean"]
Trainable = Literal["last_layer", "last_block", "last_two_blocks", "all"]

_TRAINED_BLOCKS: dict[str, int] = {"last_layer": 0, "last_block": 1, "last_two_blocks": 2}


class Classifier(nn.Module):
    """Scores a message for each label.

    The model is run in two parts. The trunk, everything before the first trained block, gives a message the
    same output in every epoch; the tail is the rest. Both parts see sequences cut to their effective length.
    """

    def __init__(self, decoder: Decoder, num_labels: int, position: Position, causal: bool) -> None:
        super().__init__()
        self.decoder = decoder
        self.head = Linear(decoder.config.hidden_size, num_labels)
        self.position: Position = position
        self.causal = causal
        self.trunk_depth = 0
        self._trunk_digest: str | None = None
        self._load_trunk: Callable[[], object] | None = None

    def freeze(self, trainable: Trainable) -> None:
        """Leave only this part of the model to be trained.

        `last_layer` is the new head; the blocks' choices also train the final norm (the book, section 6.5).
        """
        everything = trainable == "all"
        num_layers = self.decoder.config.num_layers
        self.trunk_depth = 0 if everything else max(num_layers - _TRAINED_BLOCKS[trainable], 0)
        self._trunk_digest = None
        self.requires_grad_(everything)
        self.head.requires_grad_(True)
        if trainable != "last_layer":
            self.decoder.final_norm.requires_grad_(True)
            self.decoder.blocks[self.trunk_depth :].requires_grad_(True)

    def trained_parameters(self) -> dict[str, nn.Parameter]:
        """The tensors that training changes, by name."""
        return {name: tensor for name, tensor in self.named_parameters() if tensor.requires_grad}

    def trunk_names(self) -> set[str]:
        """The decoder's tensors that only the trunk uses."""
        names = set()
        for name, _ in self.decoder.named_parameters():
            block = re.match(r"blocks\.(\d+)\.", name)
            if self.trunk_depth and ("embedding" in name or (block and int(block[1]) < self.trunk_depth)):
                names.add(name)
        return names

    def defer_trunk(self, digest: str, load: Callable[[], object]) -> None:
        """Leave the trunk's tensors empty until it runs, which it may never have to.

        Args:
            digest: stands for their values.
            load: fills them.
        """
        self._trunk_digest, self._load_trunk = digest, load

    def complete(self) -> None:
        """Fill the trunk's tensors if that was deferred."""
        if self._load_trunk is not None:
            self._load_trunk()
            self._load_trunk = None

    def trunk_digest(self) -> str:
        """Stands for the frozen trunk: its tensors' values, and whether its attention is causal."""
        if self._trunk_digest is None:
            hasher = hashlib.sha256()
            tensors = dict(self.decoder.named_parameters())
            for name in sorted(self.trunk_names()):
                hasher.update(name.encode())
                hasher.update(tensors[name].detach().cpu().contiguous().numpy().data)
            self._trunk_digest = hasher.hexdigest()
        return f"{self._trunk_digest} {self.decoder.config} causal={self.causal}"

    def effective_lengths(self, lengths: Tensor, max_length: int) -> Tensor:
        """How many leading tokens of each padded row can influence its answer.

        Causal attention never looks right, so what stands behind the answering position, padding above all,
        may be cut off without changing the result.

        Args:
            lengths: (N,) real tokens of each row.
            max_length: columns of the padded rows.

        Returns:
            (N,) int64.
        """
        lengths = lengths.long()
        if not self.causal or self.position == "last":
            return torch.full_like(lengths, max_length)
        return torch.ones_like(lengths) if self.position == "first" else lengths

    def training_flops(self, messages: int, tokens: int) -> int:
        """Floating-point operations of the trained blocks' matrix products, forward and twice that backward.

        Attention's own products, norms and activations are not counted, so that a rate from this is a lower bound.

        Args:
            messages: that were trained on.
            tokens: that they have together.
        """
        operations = messages * self.head.weight.numel()
        for number, block in enumerate(self.decoder.blocks[self.trunk_depth :], self.trunk_depth):
            sizes = {name: tensor.numel() for name, tensor in block.named_parameters() if tensor.dim() == 2}
            for_all = total = sum(sizes.values())
            if self.position != "mean" and number == self.decoder.config.num_layers - 1:
                for_all = sizes["attention.key.weight"] + sizes["attention.value.weight"]
            operations += tokens * for_all + messages * (total - for_all)
        return 3 * 2 * operations

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Score messages.

        Args:
            inputs: (B, T) token ids, padded on the right to the longest effective length of the batch, or further;
                or what `trunk` made of them, (B, T, C).
            lengths: (B,) real tokens of each row.

        Returns:
            (B, labels) logits, float32.
        """
        return self.tail(inputs if inputs.is_floating_point() else self.trunk(inputs), lengths)

    def trunk(self, input_ids: Tensor) -> Tensor:
        """The frozen part: (B, T) ids to the (B, T, C) residual stream before the first trained block."""
        self.complete()
        return self.decoder.run_blocks(self.decoder.embed(input_ids), 0, self.trunk_depth, self.causal)

    def tail(self, hidden_states: Tensor, lengths: Tensor) -> Tensor:
        """The trained part: the trunk's (B, T, C) output to (B, labels) logits.

        The last block computes only what the answer needs.
        """
        decoder, last = self.decoder, self.decoder.config.num_layers - 1
        chosen = self._chosen(hidden_states, lengths)
        if self.trunk_depth <= last:
            hidden_states = decoder.run_blocks(hidden_states, self.trunk_depth, last, self.causal)
            rotation = decoder.rotation(hidden_states)
            hidden_states = decoder.run_block(last, hidden_states, rotation, self.causal, chosen)
        elif chosen is not None:
            hidden_states = take(hidden_states, chosen)
        hidden_states = decoder.final_norm(hidden_states)
        if chosen is None:
            real = torch.arange(hidden_states.shape[1], device=lengths.device) < lengths[:, None]  # (B, T)
            summed = (hidden_states * real[..., None]).sum(dim=1)
            return self.head(summed / lengths[:, None]).float()
        return self.head(hidden_states.squeeze(1)).float()

    def _chosen(self, hidden_states: Tensor, lengths: Tensor) -> Tensor | None:
        """(B,) the position that answers; none where all real ones do."""
        match self.position:
            case "last":
                return torch.full_like(lengths, hidden_states.shape[1] - 1)
            case "last_real":
                return lengths - 1
            case "first":
                return torch.zeros_like(lengths)
        return None


def initialize_head(classifier: Classifier, generator: torch.Generator) -> None:
    """Draw the head's weights as torch's Linear does by default: uniform within 1/sqrt(inputs)."""
    bound = 1 / math.sqrt(classifier.head.in_features)
    with torch.no_grad():
        for tensor in (classifier.head.weight, classifier.head.bias):
            tensor.copy_(torch.empty(tensor.shape).uniform_(-bound, bound, generator=generator))
