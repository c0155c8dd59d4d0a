"""A decoder-only transformer for the GPT-2 and Llama families, written to be read.

Shapes in this module: B sequences, T tokens each, C = hidden_size, H query heads of D = C / H channels.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from spampipe.models.architectures import DecoderConfig
from spampipe.models.linear import Embedding, Linear
from spampipe.models.precision import recomputation, rounds_operands


class Decoder(nn.Module):
    """Token ids in, hidden states out; heads are other modules' business."""

    def __init__(self, config: DecoderConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = Embedding(config.vocabulary_size, config.hidden_size)
        if config.positions == "learned":
            self.position_embedding = Embedding(config.context_length, config.hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.activation_checkpointing = False  # True: backward computes a block anew instead of keeping it
        self.blocks = nn.ModuleList(Block(config, dropout) for _ in range(config.num_layers))
        self.final_norm = _norm(config)

    def forward(self, input_ids: Tensor, causal: bool = True) -> Tensor:
        """Run the whole model: (B, T) ids to (B, T, C) normalized hidden states."""
        return self.final_norm(self.run_blocks(self.embed(input_ids), 0, None, causal))

    def embed(self, input_ids: Tensor) -> Tensor:
        """The residual stream before the first block: (B, T) ids to (B, T, C)."""
        hidden_states = self.token_embedding(input_ids)
        if self.config.positions == "learned":
            hidden_states = hidden_states + self.position_embedding.weight[: input_ids.shape[1]]
        return self.dropout(hidden_states)

    def run_blocks(self, hidden_states: Tensor, start: int, stop: int | None, causal: bool = True) -> Tensor:
        """Blocks `start` up to, not including, `stop`: (B, T, C) to (B, T, C)."""
        rotation = self.rotation(hidden_states)
        for number in range(self.config.num_layers)[start:stop]:
            hidden_states = self.run_block(number, hidden_states, rotation, causal)
        return hidden_states

    def run_block(
        self,
        number: int,
        hidden_states: Tensor,
        rotation: "Rotation | None",
        causal: bool,
        chosen: Tensor | None = None,
    ) -> Tensor:
        """One block, as Block.forward has it."""
        block = self.blocks[number]
        if self.activation_checkpointing and torch.is_grad_enabled():
            arguments = (hidden_states, rotation, causal, chosen)
            output: Tensor = checkpoint(block, *arguments, use_reentrant=False, context_fn=recomputation)
            return output
        return block(hidden_states, rotation, causal, chosen)

    def rotation(self, hidden_states: Tensor) -> "Rotation | None":
        """The rotary embedding for these positions; none for a model with learned positions."""
        if self.config.positions == "learned":
            return None
        return Rotation(self.config, hidden_states.shape[1], hidden_states.device)

    def logits(self, hidden_states: Tensor) -> Tensor:
        """Next-token scores, (..., C) to (..., vocabulary): both families tie the head to the embedding."""
        return functional.linear(hidden_states, self.token_embedding.weight)


class Block(nn.Module):
    """One transformer block: attention, then an MLP, each behind a norm and added to the residual stream."""

    def __init__(self, config: DecoderConfig, dropout: float) -> None:
        super().__init__()
        self.attention_norm = _norm(config)
        self.attention = Attention(config, dropout)
        self.mlp_norm = _norm(config)
        self.mlp = GeluMlp(config) if config.activation == "gelu" else SwigluMlp(config)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden_states: Tensor, rotation: "Rotation | None", causal: bool, chosen: Tensor | None = None
    ) -> Tensor:
        """Transform (B, T, C).

        Args:
            hidden_states: the residual stream.
            rotation: the rotary embedding, for a model that has one.
            causal: whether a token attends to itself and earlier tokens only.
            chosen: (B,) positions; if given, only their output is computed, and returned as (B, 1, C).
                Keys and values still come from all positions.
        """
        normed = self.attention_norm(hidden_states)
        attended = self.attention(normed, rotation, causal, chosen)
        if chosen is not None:
            hidden_states = take(hidden_states, chosen)
        hidden_states = hidden_states + self.dropout(attended)
        return hidden_states + self.dropout(self.mlp(self.mlp_norm(hidden_states)))


class Attention(nn.Module):
    """Multi-head attention; with fewer key/value heads than query heads, groups of queries share them."""

    def __init__(self, config: DecoderConfig, dropout: float) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads = config.num_heads, config.num_kv_heads
        self.head_size, self.dropout = config.head_size, dropout
        kv_size = config.num_kv_heads * config.head_size
        self.query = Linear(config.hidden_size, config.hidden_size, bias=config.biases)
        self.key = Linear(config.hidden_size, kv_size, bias=config.biases)
        self.value = Linear(config.hidden_size, kv_size, bias=config.biases)
        self.output = Linear(config.hidden_size, config.hidden_size, bias=config.biases)

    def forward(
        self, hidden_states: Tensor, rotation: "Rotation | None", causal: bool, chosen: Tensor | None
    ) -> Tensor:
        """Attend: (B, T, C) to (B, T, C), or to (B, 1, C) for the chosen positions alone."""
        asking = hidden_states if chosen is None else take(hidden_states, chosen)
        query = self._split_heads(self.query(asking), self.num_heads)  # (B, H, T or 1, D)
        key = self._split_heads(self.key(hidden_states), self.num_kv_heads)
        value = self._split_heads(self.value(hidden_states), self.num_kv_heads)
        if rotation is not None:
            query, key = rotation(query, chosen), rotation(key)
        if rounds_operands():  # they are rounded already
            query, key, value = query.float(), key.float(), value.float()
        mask = None
        if chosen is not None and causal:
            positions = torch.arange(hidden_states.shape[1], device=hidden_states.device)
            mask = (positions <= chosen[:, None])[:, None, None, :]  # (B, 1, 1, T)
        attended = functional.scaled_dot_product_attention(
            query,
            self._share(key),
            self._share(value),
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=causal and chosen is None,
        )
        return self.output(attended.transpose(1, 2).flatten(2))

    def _split_heads(self, projected: Tensor, heads: int) -> Tensor:
        """(B, T, heads * D) to (B, heads, T, D)."""
        return projected.unflatten(-1, (heads, self.head_size)).transpose(1, 2)

    def _share(self, heads: Tensor) -> Tensor:
        """Repeat each key/value head for the group of query heads that shares it."""
        group = self.num_heads // self.num_kv_heads
        return heads if group == 1 else heads.repeat_interleave(group, dim=1)


class GeluMlp(nn.Module):
    """GPT-2's MLP: expand, GELU in its tanh approximation, contract."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.up = Linear(config.hidden_size, config.intermediate_size, bias=config.biases)
        self.down = Linear(config.intermediate_size, config.hidden_size, bias=config.biases)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """(..., C) to (..., C)."""
        return self.down(functional.gelu(self.up(hidden_states), approximate="tanh"))


class SwigluMlp(nn.Module):
    """Llama's MLP (Shazeer 2020, "GLU Variants Improve Transformer"): one half gates the other."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.gate = Linear(config.hidden_size, config.intermediate_size, bias=config.biases)
        self.up = Linear(config.hidden_size, config.intermediate_size, bias=config.biases)
        self.down = Linear(config.intermediate_size, config.hidden_size, bias=config.biases)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """(..., C) to (..., C)."""
        return self.down(functional.silu(self.gate(hidden_states)) * self.up(hidden_states))


class Rotation:
    """Rotary position embedding (Su et al. 2021, "RoFormer", equation 34), for positions 0 to T - 1.

    Channel i of a head turns with channel i + D/2 by an angle of position / base^(2i/D).
    """

    def __init__(self, config: DecoderConfig, length: int, device: torch.device) -> None:
        exponents = torch.arange(0, config.head_size, 2, device=device).float() / config.head_size
        frequencies = config.rotary_base**-exponents
        angles = torch.arange(length, device=device).float()[:, None] * frequencies  # (T, D/2)
        self._cosines = angles.cos().repeat(1, 2)  # (T, D)
        self._sines = torch.cat((-angles.sin(), angles.sin()), dim=-1)

    def __call__(self, heads: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Turn (B, H, T, D), or (B, H, 1, D) that stand at the `chosen` (B,) positions."""
        cosines, sines = self._cosines, self._sines
        if chosen is not None:
            cosines, sines = cosines[chosen][:, None, None], sines[chosen][:, None, None]  # (B, 1, 1, D)
        exact = heads.float()
        first, second = exact.chunk(2, dim=-1)
        return torch.cat((second, first), dim=-1).mul_(sines).addcmul_(exact, cosines).to(heads.dtype)


def take(hidden_states: Tensor, chosen: Tensor) -> Tensor:
    """The hidden state at one position of each sequence: (B, T, C) and (B,) to (B, 1, C)."""
    rows = torch.arange(hidden_states.shape[0], device=hidden_states.device)
    return hidden_states[rows, chosen].unsqueeze(1)


def empty_decoder(config: DecoderConfig, dropout: float = 0.0) -> Decoder:
    """A decoder without memory behind its tensors, to be filled by `load_state_dict(..., assign=True)`."""
    with torch.device("meta"):
        return Decoder(config, dropout)


def random_state(config: DecoderConfig, generator: torch.Generator) -> dict[str, Tensor]:
    """Untrained weights, drawn as torch (and so the book's GPTModel) draws them by default.

    Linear weights and biases are uniform within 1/sqrt(inputs), embeddings standard normal, norms the identity.
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
