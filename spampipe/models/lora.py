"""LoRA: adapters of low rank beside frozen weights (Hu et al. 2021, "LoRA").

A linear layer W x + b becomes (W + alpha / rank B A) x + b, of which only A and B are trained. A is drawn and B is
zero at first, as in the paper and in the library `peft`, so that training begins with the base model's own answers.
"""

import math
from typing import Self

import torch
from torch import Tensor, nn

from spampipe.models.choices import Adapters
from spampipe.models.classifier import Classifier
from spampipe.models.layers import Linear, linear
from spampipe.models.precision import rounded, rounds_operands


class AdaptedLinear(nn.Module):
    """A linear layer with an adapter.

    Outside of training it computes with the weight that `merge` gives, so that a network gives the same bits before
    and after. In training, with the frozen weight and the adapter side by side, which needs no gradient of the size
    of the weight; if products are made of rounded operands, the frozen weight is rounded once and kept for all steps.

    Args:
        plain: the layer, whose weight and bias become this one's own, frozen.
        rank: rows of A and columns of B.
        alpha: the product of both counts alpha / rank times.
    """

    def __init__(self, plain: Linear, rank: int, alpha: float) -> None:
        super().__init__()
        plain.requires_grad_(False)
        self.weight, self.bias = plain.weight, plain.bias
        outputs, inputs = plain.weight.shape
        self.adapter_a = nn.Parameter(plain.weight.new_empty(rank, inputs))
        self.adapter_b = nn.Parameter(plain.weight.new_empty(outputs, rank))
        self._is_held = False
        self._scale = alpha / rank
        self._kept: tuple[object, Tensor] | None = None  # a weight, after what it is rounded to

    def forward(self, inputs: Tensor) -> Tensor:
        """The layer's output, (..., outputs).

        Args:
            inputs: (..., inputs), what the layer reads.
        """
        rounds = rounds_operands() or torch.is_autocast_enabled(inputs.device.type)
        if not self.training and not self._is_held:
            return linear(inputs, self.merged_weight(), self.bias)
        outputs = linear(inputs, self._kept_weight(rounds), self.bias, weight_is_rounded=rounds)
        if not self.training:
            return outputs
        return outputs + linear(linear(inputs, self.adapter_a) * self._scale, self.adapter_b)

    def train(self, mode: bool = True) -> Self:
        """As in `nn.Module`.

        Args:
            mode: true for training.
        """
        self._kept = None
        return super().train(mode)

    def hold(self, on: bool) -> None:
        """For `adapters.held`: whether predictions, too, keep the weight that they are first made with.

        Args:
            on: true from now on, or not any more.
        """
        self._is_held, self._kept = on, None

    def merged_weight(self) -> Tensor:
        """(outputs, inputs) float32, the weight of a plain layer that computes the same."""
        with torch.autocast(self.weight.device.type, enabled=False):
            return torch.addmm(self.weight, self.adapter_b, self.adapter_a, alpha=self._scale)

    @torch.no_grad()
    def _kept_weight(self, rounds: bool) -> Tensor:
        """The frozen weight in training, else the merged one; if asked, the nearest bfloat16 numbers to it."""
        as_float32 = rounds_operands()
        if self._kept is None or self._kept[0] != (rounds, as_float32):
            weight = self.weight if self.training else self.merged_weight()
            if rounds:
                weight = rounded(weight) if as_float32 else weight.bfloat16()
            self._kept = (rounds, as_float32), weight
        return self._kept[1]


def attach(classifier: Classifier, adapters: Adapters) -> None:
    """As in adapters.Kind: each linear layer of the blocks after the trunk gets one.

    Args:
        classifier: as there.
        adapters: with settings `rank` and `alpha`.
    """
    rank, alpha = int(adapters.settings["rank"]), adapters.settings["alpha"]
    for module in list(classifier.decoder.blocks[classifier.trunk_depth :].modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, Linear):
                setattr(module, name, AdaptedLinear(layer, rank, alpha).train(layer.training))


def initialize(classifier: Classifier, generator: torch.Generator) -> None:
    """As in adapters.Kind: A uniform within 1/sqrt(inputs), as `peft` draws it, and B zero.

    Args:
        classifier: as there.
        generator: as there.
    """
    with torch.no_grad():
        for layer in adapted_layers(classifier):
            bound = 1 / math.sqrt(layer.adapter_a.shape[1])
            drawn = torch.empty(layer.adapter_a.shape).uniform_(-bound, bound, generator=generator)
            layer.adapter_a.copy_(drawn)
            layer.adapter_b.zero_()


def adapted_layers(classifier: Classifier) -> list[AdaptedLinear]:
    """The layers of a network that have adapters.

    Args:
        classifier: the network.
    """
    return [module for module in classifier.decoder.blocks.modules() if isinstance(module, AdaptedLinear)]


def merge(classifier: Classifier) -> None:
    """As in adapters.Kind: the layers are plain and frozen then.

    Args:
        classifier: as there.
    """
    for module in list(classifier.decoder.blocks.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, AdaptedLinear):
                setattr(module, name, _merged(layer))


@torch.no_grad()
def _merged(layer: AdaptedLinear) -> Linear:
    outputs, inputs = layer.weight.shape
    with torch.device("meta"):
        plain = Linear(inputs, outputs, bias=layer.bias is not None)
    plain.weight = nn.Parameter(layer.merged_weight(), requires_grad=False)
    plain.bias = None if layer.bias is None else nn.Parameter(layer.bias, requires_grad=False)
    return plain.train(layer.training)
