"""A classifier network that reads a frozen base model at chosen blocks, and trains its head alone.

Alain and Bengio 2016, "Understanding intermediate layers using linear classifier probes": what a text means stands
in the middle of a language model more plainly than at its end, where the next word is prepared.

Shapes in this module: B texts, T tokens each, C = hidden_size, F features.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from spampipe.models.attention import take
from spampipe.models.backbone import Backbone
from spampipe.models.classifier import Classifier
from spampipe.models.features import Feature, Pooling
from spampipe.models.layers import Linear


class Probe(Classifier):
    """Scores a text for each label by what chosen blocks make of it.

    The trunk is all before the head, and gives one row a text; the tail is the head. What a row says depends on the
    text alone, so that nothing behind its last token matters.

    Args:
        decoder: the base model.
        num_labels: K, the outputs.
        features: which blocks' output is read, and how.
        causal: whether a token attends to itself and earlier tokens only.
    """

    def __init__(self, decoder: Backbone, num_labels: int, features: Sequence[Feature], causal: bool) -> None:
        super().__init__(decoder, num_labels, "mean", causal)
        self.features = tuple(features)
        self.head = Linear(decoder.config.hidden_size * len(self.features), num_labels)

    def trunk(self, input_ids: Tensor, lengths: Tensor) -> Tensor:
        """What the head reads; no block above the highest one chosen is run.

        Args:
            input_ids: (B, T) token ids, padded on the right.
            lengths: (B,) real tokens of each row.

        Returns:
            (B, F * C) float32, the features in their order.
        """
        visible, done = self._visible(input_ids, lengths), 0
        states = self.decoder.embed(input_ids)
        found: dict[Feature, Tensor] = {}
        for block in sorted({block for block, _ in self.features}):
            states = self.decoder.run_blocks(states, done, block, self.causal, visible)
            done = block
            for feature in self.features:
                if feature[0] == block:
                    found[feature] = pool(states.float(), lengths, feature[1])
        return torch.cat([found[feature] for feature in self.features], dim=1)

    def tail(self, hidden_states: Tensor, lengths: Tensor) -> Tensor:
        """The head, whose products are float32 in any precision, as features differ much in size.

        Args:
            hidden_states: (B, F * C) float32, what `trunk` has returned.
            lengths: not used.

        Returns:
            (B, K) logits, float32.
        """
        with torch.autocast(hidden_states.device.type, enabled=False):
            return functional.linear(hidden_states, self.head.weight, self.head.bias)


def pool(states: Tensor, lengths: Tensor, pooling: Pooling) -> Tensor:
    """One state a text, (B, C).

    Args:
        states: (B, T, C) hidden states.
        lengths: (B,) real tokens of each row.
        pooling: that of the last real token, that of the first, or the mean over all real ones.
    """
    match pooling:
        case "last_real":
            return take(states, lengths - 1).squeeze(1)
        case "first":
            return states[:, 0]
    real = torch.arange(states.shape[1], device=lengths.device) < lengths[:, None]
    return (states * real[..., None]).sum(dim=1) / lengths[:, None]
