"""The base models that can be fine-tuned: their shapes and the tokenizer each speaks. No torch here."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DecoderConfig:
    """The shape of a decoder-only transformer; every size is a count, not a byte size.

    Attributes:
        vocabulary_size: rows of the token embedding.
        context_length: the most tokens in one sequence.
        hidden_size: width of the residual stream.
        num_layers: transformer blocks.
        num_heads: query heads; each is hidden_size / num_heads wide.
        num_kv_heads: key and value heads; fewer than num_heads means grouped-query attention.
        intermediate_size: width of the MLP's inner layer.
        positions: a learned table of positions (GPT-2), or rotary embedding of queries and keys (Llama).
        normalization: the norm before each sub-layer and at the end.
        activation: GELU (tanh approximation) or SwiGLU.
        biases: whether the linear layers have them.
        norm_epsilon: added to the variance before its root.
        rotary_base: wavelengths grow up to 2 pi times this; unused with learned positions.
    """

    vocabulary_size: int
    context_length: int
    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    intermediate_size: int
    positions: Literal["learned", "rotary"]
    normalization: Literal["layer_norm", "rms_norm"]
    activation: Literal["gelu", "swiglu"]
    biases: bool
    norm_epsilon: float = 1e-5
    rotary_base: float = 10_000.0

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_heads


@dataclass(frozen=True)
class BaseModel:
    """A base model: its shape, its tokenizer, and the format its published weights come in."""

    config: DecoderConfig
    tokenizer: Literal["r50k_base", "smollm2"]
    weights_format: Literal["safetensors", "gguf"] | None  # None: no pretrained weights exist


def _gpt2(hidden_size: int, num_layers: int, num_heads: int) -> DecoderConfig:
    """Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", table 2."""
    return DecoderConfig(
        vocabulary_size=50257,
        context_length=1024,
        hidden_size=hidden_size,
        num_layers=num_layers,
        num_heads=num_heads,
        num_kv_heads=num_heads,
        intermediate_size=4 * hidden_size,
        positions="learned",
        normalization="layer_norm",
        activation="gelu",
        biases=True,
    )


# Allal et al. 2025, "SmolLM2"; the figures are those of the GGUF file's own metadata.
_SMOLLM2_135M = DecoderConfig(
    vocabulary_size=49152,
    context_length=8192,
    hidden_size=576,
    num_layers=30,
    num_heads=9,
    num_kv_heads=3,
    intermediate_size=1536,
    positions="rotary",
    normalization="rms_norm",
    activation="swiglu",
    biases=False,
    rotary_base=100_000.0,
)

BASE_MODELS: dict[str, BaseModel] = {
    "smollm2-135m": BaseModel(_SMOLLM2_135M, "smollm2", "gguf"),
    "gpt2-small": BaseModel(_gpt2(768, 12, 12), "r50k_base", "safetensors"),
    "gpt2-medium": BaseModel(_gpt2(1024, 24, 16), "r50k_base", "safetensors"),
    "gpt2-large": BaseModel(_gpt2(1280, 36, 20), "r50k_base", "safetensors"),
    "gpt2-xl": BaseModel(_gpt2(1600, 48, 25), "r50k_base", "safetensors"),
    # GPT-2's family in a size that trains in seconds: for trying the pipeline out, not for results.
    "gpt2-tiny": BaseModel(_gpt2(64, 3, 4), "r50k_base", None),
}
