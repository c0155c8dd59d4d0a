"""What config.json of the hub says of decoders with rotary positions."""

from collections.abc import Mapping
from typing import Any

from spampipe.core.errors import CheckpointError
from spampipe.models.architectures import DecoderConfig
from spampipe.models.hub_config import HubConfig, positive
from spampipe.models.rotary_scaling import RotaryScaling

_BASE = 10_000.0  # where the file does not say it


def rotary_decoder(config: HubConfig, *, qkv_biases: bool) -> DecoderConfig:
    """The shape of a decoder with rotary positions, RMSNorm and SwiGLU, in the names that Llama's file has for it.

    Args:
        config: the file.
        qkv_biases: whether the projections to queries, keys and values have biases.

    Raises:
        CheckpointError: the file says something that this project has not.
    """
    config.require("hidden_act", ("silu", "swish"), "silu")
    hidden_size, num_heads = config.size("hidden_size"), config.size("num_attention_heads")
    num_kv_heads = config.size("num_key_value_heads", num_heads)
    head_width = config.size("head_dim", hidden_size // num_heads)
    if num_heads % num_kv_heads or head_width % 2:
        raise CheckpointError(
            f"{config.source}: {num_heads} heads of width {head_width} with {num_kv_heads} key and value heads are "
            "not supported; choose another model"
        )
    rotary = _rotary(config)
    return DecoderConfig(
        vocabulary_size=config.size("vocab_size"),
        context_length=config.size("max_position_embeddings"),
        hidden_size=hidden_size,
        num_layers=config.size("num_hidden_layers"),
        num_heads=num_heads,
        num_kv_heads=num_kv_heads,
        intermediate_size=config.size("intermediate_size"),
        positions="rotary",
        normalization="rms_norm",
        activation="swiglu",
        biases=False,
        norm_epsilon=config.number("rms_norm_eps", 1e-6),
        rotary_base=positive(rotary, "rope_theta", config.source, config.number("rope_theta", _BASE)),
        qkv_biases=qkv_biases,
        rotary_scaling=_scaling(config, rotary),
        head_width=None if head_width * num_heads == hidden_size else head_width,
        tied_head=config.flag("tie_word_embeddings", False),
    )


def _rotary(config: HubConfig) -> Mapping[str, Any]:
    """All that is said of the rotary embedding: under `rope_parameters`, or in older files `rope_scaling`."""
    found: dict[str, Any] = {}
    for name in ("rope_scaling", "rope_parameters"):
        value = config.entries.get(name)
        if value is not None and not isinstance(value, dict):
            config.refuse(name)
        found |= value or {}
    config.require("partial_rotary_factor", (1,), 1)
    if found.get("partial_rotary_factor", 1) != 1:
        raise CheckpointError(f"{config.source}: partial_rotary_factor is not supported; choose another model")
    return found


def _scaling(config: HubConfig, rotary: Mapping[str, Any]) -> RotaryScaling | None:
    """How rotary frequencies are lowered, if they are."""
    kind = rotary.get("rope_type", rotary.get("type", "default"))
    if kind == "default":
        return None
    if kind == "linear":
        return RotaryScaling("linear", positive(rotary, "factor", config.source))
    if kind != "llama3":
        raise CheckpointError(f"{config.source}: rope_type {kind} is not supported; choose another model")
    names = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
    factor, low, high, length = (positive(rotary, name, config.source) for name in names)
    if low >= high:
        raise CheckpointError(
            f"{config.source}: low_freq_factor is not below high_freq_factor; choose another revision"
        )
    return RotaryScaling("llama3", factor, low, high, int(length))
