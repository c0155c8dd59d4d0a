"""A decoder-only transformer for the GPT-2 and Llama families, written to be read.

Shapes in this module: B sequences, T tokens each, C = hidden_size, H query heads of D = C / H channels.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from spampipe.models.architectures import DecoderConfig
from spampipe.models.attention import Attention, Rotation, take
from spampipe.models.layers import Embedding, Linear
from spampipe.models.precision import recomputation


class Decoder(nn.Module):
    """Token ids in, hidden states out; heads are other modules' business.

    Args:
        config: the shape.
        dropout: the share of values that training sets to 0 after the embedding, in attention and after sub-layers.

    Attributes:
        activation_checkpointing: whether the backward pass computes a block anew instead of keeping what it computed.
    """

    def __init__(self, config: DecoderConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = Embedding(config.vocabulary_size, config.hidden_size)
        if config.positions == "learned":
            self.position_embedding = Embedding(config.context_length, config.hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.activation_checkpointing = False
        self.blocks = nn.ModuleList(Block(config, dropout) for _ in range(config.num_layers))
        self.final_norm = _norm(config)

    def forward(self, input_ids: Tensor, causal: bool = True, real: Tensor | None = None) -> Tensor:
        """Run the whole model.

        Args:
            input_ids: (B, T) token ids.
            causal: as in Block.forward.
            real: as in Block.forward.

        Returns:
            (B, T, C) normalized hidden states.
        """
        return self.final_norm(self.run_blocks(self.embed(input_ids), 0, None, causal, real))

    def embeddings(self) -> list[nn.Module]:
        """The modules that make the residual stream before the first block."""
        return [module for module in self.children() if isinstance(module, nn.Embedding)]

    def embed(self, input_ids: Tensor) -> Tensor:
        """The residual stream before the first block, (B, T, C).

        Args:
            input_ids: (B, T) token ids.
        """
        hidden_states = self.token_embedding(input_ids)
        if self.config.positions == "learned":
            hidden_states = hidden_states + self.position_embedding.weight[: input_ids.shape[1]]
        return self.dropout(hidden_states)

    def run_blocks(
        self, hidden_states: Tensor, start: int, stop: int | None, causal: bool = True, real: Tensor | None = None
    ) -> Tensor:
        """Run some blocks, one after the other.

        Args:
            hidden_states: (B, T, C), the residual stream.
            start: the first block's number, from 0.
            stop: the number of the first block that is not run any more; None to run them to the end.
            causal: as in Block.forward.
            real: as in Block.forward.

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
        """Run one block; the result is that of Block.forward.

        Args:
            number: the block's number, from 0.
            hidden_states: (B, T, C), the residual stream.
            rotation: what Decoder.rotation returns for the residual stream.
            causal: as in Block.forward.
            real: as in Block.forward.
            chosen: as in Block.forward.
        """
        block = self.blocks[number]
        if self.activation_checkpointing and torch.is_grad_enabled():
            arguments = (hidden_states, rotation, causal, real, chosen)
            output: Tensor = checkpoint(block, *arguments, use_reentrant=False, context_fn=recomputation)
            return output
        return block(hidden_states, rotation, causal, real, chosen)

    def rotation(self, hidden_states: Tensor) -> Rotation | None:
        """The rotary embedding for T positions; None for a model with learned positions.

        Args:
            hidden_states: (B, T, C), of which only T and the device matter.
        """
        if self.config.positions == "learned":
            return None
        return Rotation(self.config, hidden_states.shape[1], hidden_states.device)

    def logits(self, hidden_states: Tensor) -> Tensor:
        """Next-token scores, (..., vocabulary); both families tie the head to the embedding.

        Args:
            hidden_states: (..., C) normalized hidden states.
        """
        return functional.linear(hidden_states, self.token_embedding.weight)


class Block(nn.Module):
    """One transformer block: attention, then an MLP, each behind a norm and added to the residual stream.

    Args:
        config: the decoder's shape.
        dropout: as in Decoder.
    """

    def __init__(self, config: DecoderConfig, dropout: float) -> None:
        super().__init__()
        self.attention_norm = _norm(config)
        self.attention = Attention(config, dropout)
        self.mlp_norm = _norm(config)
        self.mlp = GeluMlp(config) if config.activation == "gelu" else SwigluMlp(config)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        hidden_states: Tensor,
        rotation: Rotation | None,
        causal: bool,
        real: Tensor | None = None,
        chosen: Tensor | None = None,
    ) -> Tensor:
        """Transform the residual stream.

        Args:
            hidden_states: (B, T, C), the residual stream.
            rotation: the rotary embedding, for a model that has one.
            causal: whether a token attends to itself and earlier tokens only.
            real: (B, T), true for the tokens that others may attend to; at least one in each row. None for all.
                With causal attention it has no effect: there, the padding on the right is out of sight anyway.
            chosen: (B,) positions; if given, only their output is computed. Keys and values still come from all.

        Returns:
            (B, T, C), or (B, 1, C) for the chosen positions.
        """
        normed = self.attention_norm(hidden_states)
        attended = self.attention(normed, rotation, causal, real, chosen)
        if chosen is not None:
            hidden_states = take(hidden_states, chosen)
        hidden_states = hidden_states + self.dropout(attended)
        return hidden_states + self.dropout(self.mlp(self.mlp_norm(hidden_states)))


class GeluMlp(nn.Module):
    """GPT-2's MLP: expand, GELU in its tanh approximation, contract."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.up = Linear(config.hidden_size, config.intermediate_size, bias=config.biases)
        self.down = Linear(config.intermediate_size, config.hidden_size, bias=config.biases)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Transform each token by itself; the shape stays.

        Args:
            hidden_states: (..., C) normalized hidden states.
        """
        return self.down(functional.gelu(self.up(hidden_states), approximate="tanh"))


class SwigluMlp(nn.Module):
    """Llama's MLP (Shazeer 2020, "GLU Variants Improve Transformer"): one half gates the other."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.gate = Linear(config.hidden_size, config.intermediate_size, bias=config.biases)
        self.up = Linear(config.hidden_size, config.intermediate_size, bias=config.biases)
        self.down = Linear(config.intermediate_size, config.hidden_size, bias=config.biases)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """As in GeluMlp: (..., C) normalized hidden states to (..., C)."""
        return self.down(functional.silu(self.gate(hidden_states)) * self.up(hidden_states))


def empty_decoder(config: DecoderConfig, dropout: float = 0.0) -> Decoder:
    """A decoder without memory behind its tensors, to be filled by `load_state_dict(..., assign=True)`.

    Args:
        config: the shape.
        dropout: as in Decoder.
    """
    with torch.device("meta"):
        return Decoder(config, dropout)


def random_state(config: DecoderConfig, generator: torch.Generator) -> dict[str, Tensor]:
    """Untrained weights, drawn as torch (and so the book's GPTModel) draws them by default.

    Linear weights and biases are uniform within 1/sqrt(inputs), embeddings standard normal, norms the identity.

    Args:
        config: the shape.
        generator: the random numbers' source, on the CPU.

    Returns:
        float32 tensors by name.
    """
    state = {}
    for prefix, module in empty_decoder(config).named_modules():
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


def _norm(config: DecoderConfig) -> nn.Module:
    kind = nn.LayerNorm if config.normalization == "layer_norm" else nn.RMSNorm
    return kind(config.hidden_size, eps=config.norm_epsilon)
