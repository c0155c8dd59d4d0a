"""LoRA: adapters of low rank beside frozen weights (Hu et al. 2021, "LoRA").

A linear layer W x + b becomes (W + alpha / rank B A) x + b, of which only A and B are trained. A is drawn and B is
zero at first, as in the paper and in the library `peft`, so that training begins with the base model's own answers.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import torch
from torch import Tensor, nn

from spampipe.models.choices import Lora
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
        shape: the adapter's rank, and how much its product counts.

    Attributes:
        is_held: whether predictions, too, keep the weight that they were first made with; `held` sets it.
    """

    def __init__(self, plain: Linear, shape: Lora) -> None:
        super().__init__()
        self.weight = plain.weight.requires_grad_(False)
        self.bias = None if plain.bias is None else plain.bias.requires_grad_(False)
        outputs, inputs = plain.weight.shape
        self.adapter_a = nn.Parameter(plain.weight.new_empty(shape.rank, inputs))
        self.adapter_b = nn.Parameter(plain.weight.new_empty(outputs, shape.rank))
        self.is_held = False
        self._scale = shape.alpha / shape.rank
        self._kept: tuple[object, Tensor] | None = None  # a weight, after what it is rounded to

    def forward(self, inputs: Tensor) -> Tensor:
        """The layer's output, (..., outputs).

        Args:
            inputs: (..., inputs), what the layer reads.
        """
        rounds = rounds_operands() or torch.is_autocast_enabled(inputs.device.type)
        if not self.training and not self.is_held:
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
        self.forget()
        return super().train(mode)

    def forget(self) -> None:
        """Drop what is kept of the weight."""
        self._kept = None

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


@contextmanager
def held(classifier: Classifier) -> Iterator[None]:
    """Within the block, predictions merge each adapter once; no adapter may change meanwhile.

    Args:
        classifier: the network; one without adapters stays as it is.
    """
    layers = adapted_layers(classifier)
    try:
        for layer in layers:
            layer.is_held = True
        yield
    finally:
        for layer in layers:
            layer.is_held = False
            layer.forget()


def attach(classifier: Classifier, shape: Lora) -> None:
    """Give each linear layer of the blocks after the trunk an adapter, whose tensors are yet without values.

    Args:
        classifier: frozen by `freezing.freeze`; the tensors of those blocks are there. Changed in place.
        shape: what adapters.
    """
    for module in list(classifier.decoder.blocks[classifier.trunk_depth :].modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, Linear):
                setattr(module, name, AdaptedLinear(layer, shape).train(layer.training))


def initialize(classifier: Classifier, generator: torch.Generator) -> None:
    """Draw the adapters: A uniform within 1/sqrt(inputs), as `peft` draws it, and B zero.

    Args:
        classifier: the network, whose adapters are written to; one without adapters stays as it is.
        generator: the random numbers' source, on the CPU.
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
    """Put each adapter into the weight beside it, so that predictions cost what they cost without adapters.

    Args:
        classifier: the network, changed in place: its layers are plain and frozen then. One without adapters stays.
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
