"""What the networks of all families have in common: a residual stream that runs through blocks.

Shapes in this module: B sequences, T tokens each, C = hidden_size.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from spampipe.models.architectures import ModelConfig
from spampipe.models.attention import Rotation
from spampipe.models.precision import recomputation


class Backbone(nn.Module):
    """Token ids in, hidden states out; heads are other modules' business.

    A kind of network subclasses this, with an `embed` of its own and blocks that are called as `run_block` does.

    Args:
        config: the shape.

    Attributes:
        norms_first: whether a trained norm stands between the residual stream and what each sub-layer reads.
        config: the shape.
        dropout: what stands behind the embedding; its `p` is the share of values that training sets to 0 everywhere.
        blocks: they change the residual stream, one after the other.
        final_norm: what stands behind the last block; the identity in a network that has no norm there.
        activation_checkpointing: whether the backward pass computes a block anew instead of keeping what it computed.
    """

    norms_first: ClassVar[bool] = True
    dropout: nn.Dropout
    blocks: nn.ModuleList
    final_norm: nn.Module

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.activation_checkpointing = False

    def forward(self, input_ids: Tensor, causal: bool | None = None, real: Tensor | None = None) -> Tensor:
        """Run the whole model.

        Args:
            input_ids: (B, T) token ids.
            causal: as in `run_block`; None for what the model was pretrained with.
            real: as in `run_block`.

        Returns:
            (B, T, C) normalized hidden states.
        """
        if causal is None:
            causal = not self.config.reads_both_ways
        return self.final_norm(self.run_blocks(self.embed(input_ids), 0, None, causal, real))

    def embed(self, input_ids: Tensor) -> Tensor:
        """The residual stream before the first block, (B, T, C).

        Args:
            input_ids: (B, T) token ids.
        """
        raise NotImplementedError

    def embeddings(self) -> list[nn.Module]:
        """The modules that make the residual stream before the first block."""
        return [module for module in self.children() if isinstance(module, nn.Embedding)]

    def rotation(self, hidden_states: Tensor) -> Rotation | None:
        """The rotary embedding for T positions; None for a model that has none.

        Args:
            hidden_states: (B, T, C), of which only T and the device matter.
        """
        return None

    def run_blocks(
        self, hidden_states: Tensor, start: int, stop: int | None, causal: bool, real: Tensor | None = None
    ) -> Tensor:
        """Run some blocks, one after the other.

        Args:
            hidden_states: (B, T, C), the residual stream.
            start: the first block's number, from 0.
            stop: the number of the first block that is not run any more; None to run them to the end.
            causal: as in `run_block`.
            real: as in `run_block`.

        Returns:
            (B, T, C), the residual stream.
        """
        rotation = self.rotation(hidden_states)
        for number in range(self.config.num_layers)[start:stop]:
            hidden_states = self.run_block(number, hidden_states, rotation, causal, real)
        return hidden_states

    def run_block(
        self,
        number: int,
        hidden_states: Tensor,
        rotation: Rotation | None,
        causal: bool,
        real: Tensor | None = None,
        chosen: Tensor | None = None,
    ) -> Tensor:
        """Run one block.

        Args:
            number: the block's number, from 0.
            hidden_states: (B, T, C), the residual stream.
            rotation: what `rotation` returns for the residual stream.
            causal: whether a token attends to itself and earlier tokens only.
            real: (B, T), true for the tokens that others may attend to; at least one in each row. None for all.
                With causal attention it has no effect: there, the padding on the right is out of sight anyway.
            chosen: (B,) positions; if given, only their output is computed. Keys and values still come from all.

        Returns:
            (B, T, C), or (B, 1, C) for the chosen positions.
        """
        block = self.blocks[number]
        if self.activation_checkpointing and torch.is_grad_enabled():
            arguments = (hidden_states, rotation, causal, real, chosen)
            output: Tensor = checkpoint(block, *arguments, use_reentrant=False, context_fn=recomputation)
            return output
        return block(hidden_states, rotation, causal, real, chosen)


def random_state(network: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    """Untrained weights, drawn as torch (and so the book's GPTModel) draws them by default.

    Linear weights and biases are uniform within 1/sqrt(inputs), embeddings standard normal, norms the identity.

    Args:
        network: says which tensors there are; it is not changed, and may be on the meta device.
        generator: the random numbers' source, on the CPU.

    Returns:
        float32 tensors by name.
    """
    state = {}
    for prefix, module in network.named_modules():
        for name, empty in module.named_parameters(prefix, recurse=False):
            tensor = torch.empty(empty.shape)
            if isinstance(module, nn.Linear):
                bound = 1 / math.sqrt(module.in_features)
                tensor.uniform_(-bound, bound, generator=generator)
            elif isinstance(module, nn.Embedding):
                tensor.normal_(generator=generator)
            else:
                tensor.fill_(0.0 if name.endswith("bias") else 1.0)
            state[name] = tensor
    return state
