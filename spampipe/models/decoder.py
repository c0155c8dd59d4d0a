"""A decoder-only transformer for the GPT-2 and Llama families, written to be read.

Shapes in this module: B sequences, T tokens each, C = hidden_size, H query heads of D = C / H channels.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from spampipe.models.architectures import DecoderConfig, ModelConfig
from spampipe.models.attention import Attention, Rotation, take
from spampipe.models.backbone import Backbone
from spampipe.models.layers import Embedding, Linear


class Decoder(Backbone):
    """Token ids in, hidden states out; heads are other modules' business.

    Args:
        config: the shape.
        dropout: the share of values that training sets to 0 after the embedding, in attention and after sub-layers.
    """

    config: DecoderConfig

    def __init__(self, config: DecoderConfig, dropout: float = 0.0) -> None:
        super().__init__(config)
        self.token_embedding = Embedding(config.vocabulary_size, config.hidden_size)
        if config.positions == "learned":
            self.position_embedding = Embedding(config.context_length, config.hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(config, dropout) for _ in range(config.num_layers))
        self.final_norm = _norm(config)

    def embed(self, input_ids: Tensor) -> Tensor:
        """As in Backbone."""
        hidden_states = self.token_embedding(input_ids)
        if self.config.positions == "learned":
            hidden_states = hidden_states + self.position_embedding.weight[: input_ids.shape[1]]
        return self.dropout(hidden_states)

    def rotation(self, hidden_states: Tensor) -> Rotation | None:
        """As in Backbone; None with learned positions."""
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
        """Transform the residual stream; arguments and result are those of Backbone.run_block."""
        normed = self.attention_norm(hidden_states)
        attended = self.attention(normed, rotation, causal, real, chosen)
        if chosen is not None:
            hidden_states = take(hidden_states, chosen)
        hidden_states = hidden_states + self.dropout(attended)
        return hidden_states + self.dropout(self.mlp(self.mlp_norm(hidden_states)))


class GeluMlp(nn.Module):
    """Expand, GELU, contract.

    Args:
        config: the model's shape.
        approximate: `tanh` is GPT-2's approximation of GELU; `none` is exact.
    """

    def __init__(self, config: ModelConfig, approximate: Literal["tanh", "none"] = "tanh") -> None:
        super().__init__()
        self.approximate = approximate
        self.up = Linear(config.hidden_size, config.intermediate_size, bias=config.biases)
        self.down = Linear(config.intermediate_size, config.hidden_size, bias=config.biases)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Transform each token by itself; the shape stays.

        Args:
            hidden_states: (..., C) normalized hidden states.
        """
        return self.down(functional.gelu(self.up(hidden_states), approximate=self.approximate))


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


def _norm(config: DecoderConfig) -> nn.Module:
    kind = nn.LayerNorm if config.normalization == "layer_norm" else nn.RMSNorm
    return kind(config.hidden_size, eps=config.norm_epsilon)
