"""Attention over a sequence, and the rotary embedding of positions.

Shapes in this module: B sequences, T tokens each, C = hidden_size, H query heads of D = C / H channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from spampipe.models.architectures import DecoderConfig
from spampipe.models.layers import Linear
from spampipe.models.precision import rounds_operands


class Attention(nn.Module):
    """Multi-head attention; with fewer key/value heads than query heads, groups of queries share them.

    Args:
        config: the decoder's shape.
        dropout: the share of attention weights that training sets to 0.
    """

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
        self,
        hidden_states: Tensor,
        rotation: "Rotation | None",
        causal: bool,
        real: Tensor | None,
        chosen: Tensor | None,
    ) -> Tensor:
        """Attend; the result is (B, T, C), or (B, 1, C) for the chosen positions.

        Args:
            hidden_states: (B, T, C) normalized hidden states.
            rotation: the rotary embedding; None for a model with learned positions.
            causal: whether a token attends to itself and earlier tokens only.
            real: (B, T), true for the tokens that others may attend to; None for all. No effect if `causal`.
            chosen: (B,) the only positions whose output is computed; None for all.
        """
        asking = hidden_states if chosen is None else take(hidden_states, chosen)
        query = self._split_heads(self.query(asking), self.num_heads)  # (B, H, T or 1, D)
        key = self._split_heads(self.key(hidden_states), self.num_kv_heads)
        value = self._split_heads(self.value(hidden_states), self.num_kv_heads)
        if rotation is not None:
            query, key = rotation(query, chosen), rotation(key)
        if rounds_operands() or _is_slow_backward(query):  # they are rounded already
            query, key, value = query.float(), key.float(), value.float()
        with torch.autocast(query.device.type, enabled=False):  # it would round them again
            attended = functional.scaled_dot_product_attention(
                query,
                self._share(key),
                self._share(value),
                attn_mask=_mask(hidden_states, causal, real, chosen),
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


class Rotation:
    """Rotary position embedding (Su et al. 2021, "RoFormer", equation 34), for positions 0 to T - 1.

    Channel i of a head turns with channel i + D/2 by an angle of position / base^(2i/D).

    Args:
        config: the decoder's shape.
        length: T, the positions.
        device: where the angles are kept.
    """

    def __init__(self, config: DecoderConfig, length: int, device: torch.device) -> None:
        exponents = torch.arange(0, config.head_size, 2, device=device).float() / config.head_size
        frequencies = config.rotary_base**-exponents
        angles = torch.arange(length, device=device).float()[:, None] * frequencies  # (T, D/2)
        self._cosines = angles.cos().repeat(1, 2)  # (T, D)
        self._sines = torch.cat((-angles.sin(), angles.sin()), dim=-1)

    def __call__(self, heads: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Turn queries or keys.

        Args:
            heads: (B, H, T, D), or (B, H, 1, D) for one position of each sequence.
            chosen: (B,) that position; None for all.

        Returns:
            The same shape.
        """
        cosines, sines = self._cosines, self._sines
        if chosen is not None:
            cosines, sines = cosines[chosen][:, None, None], sines[chosen][:, None, None]  # (B, 1, 1, D)
        exact = heads.float()
        first, second = exact.chunk(2, dim=-1)
        return torch.cat((second, first), dim=-1).mul_(sines).addcmul_(exact, cosines).to(heads.dtype)


def take(hidden_states: Tensor, chosen: Tensor) -> Tensor:
    """The hidden state at one position of each sequence, (B, 1, C).

    Args:
        hidden_states: (B, T, C) hidden states.
        chosen: (B,) a position in each sequence, from 0.
    """
    rows = torch.arange(hidden_states.shape[0], device=hidden_states.device)
    return hidden_states[rows, chosen].unsqueeze(1)


def _is_slow_backward(query: Tensor) -> bool:
    """Whether gradients through attention take torch several times longer in bfloat16 than in float32: on a CPU."""
    several = query.shape[2] > 1
    return several and query.device.type == "cpu" and query.dtype == torch.bfloat16 and query.requires_grad


def _mask(hidden_states: Tensor, causal: bool, real: Tensor | None, chosen: Tensor | None) -> Tensor | None:
    """(B, 1, 1, T), the positions that all queries of a row attend to; None where `is_causal` says it, or all."""
    if not causal:
        return None if real is None else real[:, None, None, :]
    if chosen is None:
        return None
    positions = torch.arange(hidden_states.shape[1], device=hidden_states.device)
    return (positions <= chosen[:, None])[:, None, None, :]
