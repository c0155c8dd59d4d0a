"""A base model with a classification head: the network, and which position answers."""

import math

import torch
from torch import Tensor, nn

from spampipe.models.attention import take
from spampipe.models.backbone import Backbone
from spampipe.models.choices import Position
from spampipe.models.layers import Linear


class Classifier(nn.Module):
    """Scores a text for each label.

    The network is run in two parts. The trunk, everything before the first trained block, gives a text the same
    output in every epoch; the tail is the rest. Both parts see sequences cut to their effective length.

    With attention in both directions no token attends to padding, so that an answer depends on the text alone. The
    exception is the position `last`, the book's: it classifies at the end of the padded row, and reads the padding.

    Args:
        decoder: the base model, an encoder too; its tensors bear this name in the files of trained classifiers.
        num_labels: K, the outputs.
        position: which position answers.
        causal: whether a token attends to itself and earlier tokens only.

    Attributes:
        trunk_depth: blocks that belong to the trunk; `freezing.freeze` sets it.
    """

    def __init__(self, decoder: Backbone, num_labels: int, position: Position, causal: bool) -> None:
        super().__init__()
        self.decoder = decoder
        self.head = Linear(decoder.config.hidden_size, num_labels)
        self.position: Position = position
        self.causal = causal
        self.trunk_depth = 0

    @property
    def hides_padding(self) -> bool:
        """Whether attention must be told which tokens are real; causal attention never sees what follows."""
        return not self.causal and self.position != "last"

    def effective_lengths(self, lengths: Tensor, max_length: int) -> Tensor:
        """How many leading tokens of each padded row can influence its answer.

        What stands behind them, padding above all, may be cut off without changing the result.

        Args:
            lengths: (N,) real tokens of each row.
            max_length: columns of the padded rows.

        Returns:
            (N,) int64.
        """
        lengths = lengths.long()
        if self.position == "last":
            return torch.full_like(lengths, max_length)
        return torch.ones_like(lengths) if self.causal and self.position == "first" else lengths

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Score texts.

        Args:
            inputs: (B, T) token ids, padded on the right to the longest effective length of the batch, or further;
                or what `trunk` made of them, (B, T, C).
            lengths: (B,) real tokens of each row.

        Returns:
            (B, K) logits, float32.
        """
        return self.tail(inputs if inputs.is_floating_point() else self.trunk(inputs, lengths), lengths)

    def trunk(self, input_ids: Tensor, lengths: Tensor) -> Tensor:
        """The frozen part.

        Args:
            input_ids: (B, T) token ids, padded on the right.
            lengths: (B,) real tokens of each row.

        Returns:
            (B, T, C), the residual stream before the first trained block.
        """
        real = self._visible(input_ids, lengths)
        return self.decoder.run_blocks(self.decoder.embed(input_ids), 0, self.trunk_depth, self.causal, real)

    def tail(self, hidden_states: Tensor, lengths: Tensor) -> Tensor:
        """The trained part, whose last block computes only what the answer needs.

        Args:
            hidden_states: (B, T, C), the trunk's output.
            lengths: (B,) real tokens of each row.

        Returns:
            (B, K) logits, float32.
        """
        decoder, last = self.decoder, self.decoder.config.num_layers - 1
        chosen, real = self._chosen(hidden_states, lengths), self._visible(hidden_states, lengths)
        if self.trunk_depth <= last:
            hidden_states = decoder.run_blocks(hidden_states, self.trunk_depth, last, self.causal, real)
            rotation = decoder.rotation(hidden_states)
            hidden_states = decoder.run_block(last, hidden_states, rotation, self.causal, real, chosen)
        elif chosen is not None:
            hidden_states = take(hidden_states, chosen)
        hidden_states = decoder.final_norm(hidden_states)
        if chosen is None:
            summed = (hidden_states * _real(hidden_states, lengths)[..., None]).sum(dim=1)
            return self.head(summed / lengths[:, None]).float()
        return self.head(hidden_states.squeeze(1)).float()

    def _visible(self, inputs: Tensor, lengths: Tensor) -> Tensor | None:
        """(B, T) the tokens that attention may look at; None where nothing has to be hidden from it."""
        return _real(inputs, lengths) if self.hides_padding else None

    def _chosen(self, hidden_states: Tensor, lengths: Tensor) -> Tensor | None:
        """(B,) the position that answers; None where all real ones do."""
        match self.position:
            case "last":
                return torch.full_like(lengths, hidden_states.shape[1] - 1)
            case "last_real":
                return lengths - 1
            case "first":
                return torch.zeros_like(lengths)
        return None


def _real(inputs: Tensor, lengths: Tensor) -> Tensor:
    """(B, T), true for the tokens of a text, and false for padding."""
    return torch.arange(inputs.shape[1], device=lengths.device) < lengths[:, None]


def initialize_head(classifier: Classifier, generator: torch.Generator) -> None:
    """Draw the head's weights as torch's Linear does by default: uniform within 1/sqrt(inputs).

    Args:
        classifier: the network whose head is written to.
        generator: the random numbers' source, on the CPU.
    """
    bound = 1 / math.sqrt(classifier.head.in_features)
    with torch.no_grad():
        for tensor in (classifier.head.weight, classifier.head.bias):
            tensor.copy_(torch.empty(tensor.shape).uniform_(-bound, bound, generator=generator))
