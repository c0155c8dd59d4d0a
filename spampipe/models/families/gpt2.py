"""GPT-2, as OpenAI's models lie on the hub (MIT).

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; the sizes are those of table 2.
"""

import re
from collections.abc import Callable, Container
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.data import tokenizer
from spampipe.data.tokenizer import CONTRACTIONS_AND_WORDS, SYMBOLS, BytePairEncoding, Tokenizer
from spampipe.downloads.fetch import Pin
from spampipe.downloads.sources import HubFile, PypiPackage
from spampipe.models import stored_tensors
from spampipe.models.architectures import BaseModel, DecoderConfig, PublishedFiles
from spampipe.models.hub_config import HubConfig, HubFamily
from spampipe.models.stored_tensors import Place

if TYPE_CHECKING:
    from spampipe.models.decoder import Decoder
    from spampipe.models.weights import State

# Runs of digits stay together.
ENCODING = BytePairEncoding(
    name="r50k_base",
    pattern=rf"{CONTRACTIONS_AND_WORDS}| ?\p{{N}}+|{SYMBOLS}|\s+(?!\S)|\s+",
    special_tokens={"<|endoftext|>": 50256},
    end_of_text=50256,
    vocabulary_size=50257,
)
_RANKS = Pin(
    "r50k_base.tiktoken",
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
    (PypiPackage("mlx-whisper==0.4.3", "mlx_whisper/assets/gpt2.tiktoken"),),
)

_NAMES = {
    "wte.weight": "token_embedding.weight",
    "wpe.weight": "position_embedding.weight",
    "ln_f": "final_norm",
    "lm_head": "output_head",
    "ln_1": "attention_norm",
    "ln_2": "mlp_norm",
    "attn.c_proj": "attention.output",
    "mlp.c_fc": "mlp.up",
    "mlp.c_proj": "mlp.down",
}
_CONSTANT = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")  # the causal mask, stored as if it were learned


class Gpt2:
    """GPT-2's files: a rank file, and safetensors as published."""

    tokenizer = ENCODING.name
    padding = ENCODING.end_of_text

    def lay_out(self, published: PublishedFiles, folder: Path, fetch: Callable[[Pin, Path], object]) -> None:
        """As in Family; the published files are copied."""
        fetch(published.tokenizer, self.tokenizer_path(folder))
        if published.weights is not None:
            fetch(published.weights, self.weights_path(folder))

    def tokenizer_path(self, folder: Path) -> Path:
        """As in Family: a rank file."""
        return folder / "tokenizer.tiktoken"

    def weights_path(self, folder: Path) -> Path:
        """As in Family: a safetensors file."""
        return folder / "weights.safetensors"

    def load_tokenizer(self, folder: Path) -> Tokenizer:
        """As in Family, from the rank file."""
        return tokenizer.load(self.tokenizer_path(folder), ENCODING)

    def read_weights(self, path: Path, config: DecoderConfig, leave_out: Container[str]) -> "State":
        """As in Family; the hub's tensors get this project's names."""
        import torch
        from safetensors import safe_open

        with safe_open(path, framework="pt") as stored:
            keys = {key.removeprefix("transformer."): key for key in stored.keys()}  # noqa: SIM118 - not a dict
            head, embedding = (keys.get(name) for name in ("lm_head.weight", "wte.weight"))
            tied = head and embedding and torch.equal(stored.get_tensor(head), stored.get_tensor(embedding))

        def placed(name: str) -> Place | None:
            if name == head:
                return None if tied else Place((name,))  # one of its own is left to be refused
            return _place(name)

        return stored_tensors.read(path, placed, leave_out)

    def build(self, config: DecoderConfig, dropout: float) -> "Decoder":
        """As in Family."""
        from spampipe.models.decoder import empty_decoder

        return empty_decoder(config, dropout)


def _place(name: str) -> Place | None:
    """Where a tensor of the hub's files goes.

    Linear layers are stored (inputs, outputs), transposed to torch's, and query, key and value lie side by side in
    one tensor.
    """
    from spampipe.models.weights import block_name, rename

    name = name.removeprefix("transformer.")
    if _CONSTANT.fullmatch(name):
        return None
    prefix, kind = block_name(r"h\.(\d+)\.(.+)", name)
    names: tuple[str, ...] = (prefix + rename(kind, _NAMES),)
    if kind.startswith("attn.c_attn."):
        names = tuple(f"{prefix}attention.{part}.{kind.rsplit('.', 1)[1]}" for part in ("query", "key", "value"))
    return Place(names, transposed=re.search(r"\.c_\w+\.weight$", name) is not None)


def _hub_shape(config: HubConfig) -> DecoderConfig:
    config.require("activation_function", ("gelu_new", "gelu_pytorch_tanh"), "gelu_new")
    config.require("scale_attn_weights", (True,), True)
    for switch in ("scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn"):
        config.require(switch, (False,), False)
    hidden_size = config.size("n_embd")
    num_heads = config.divisor("n_head", hidden_size)
    return DecoderConfig(
        vocabulary_size=config.size("vocab_size"),
        context_length=config.size("n_positions"),
        hidden_size=hidden_size,
        num_layers=config.size("n_layer"),
        num_heads=num_heads,
        num_kv_heads=num_heads,
        intermediate_size=config.size("n_inner", 4 * hidden_size),
        positions="learned",
        normalization="layer_norm",
        activation="gelu",
        biases=True,
        norm_epsilon=config.number("layer_norm_epsilon", 1e-5),
        rotary_base=10_000.0,
        tied_head=config.flag("tie_word_embeddings", True),
    )


def _model(hidden_size: int, num_layers: int, num_heads: int, weights: Pin | None) -> BaseModel:
    config = DecoderConfig(
        vocabulary_size=ENCODING.vocabulary_size,
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
        norm_epsilon=1e-5,
        rotary_base=10_000.0,
    )
    published = PublishedFiles(_RANKS, weights)
    for source in weights.sources if weights else ():
        if isinstance(source, HubFile):
            return BaseModel(config, FAMILY, published, source.repository, "mit")
    return BaseModel(config, FAMILY, published)


def _weights(name: str, repository: str, revision: str, sha256: str | None = None) -> Pin:
    """The weight file in the hub's repository; without a hash, the hub's record of the pinned commit holds it."""
    return Pin(name, sha256, (HubFile(f"openai-community/{repository}", revision, "model.safetensors"),))


FAMILY = Gpt2()
HUB = HubFamily(_hub_shape, _place, FAMILY.build)
MODELS: dict[str, BaseModel] = {
    "gpt2-small": _model(
        768,
        12,
        12,
        _weights(
            "gpt2-small",
            "gpt2",
            "607a30d783dfa663caf39e06633721c8d4cfcd7e",
            "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
        ),
    ),
    "gpt2-medium": _model(
        1024, 24, 16, _weights("gpt2-medium", "gpt2-medium", "6dcaa7a952f72f9298047fd5137cd6e4f05f41da")
    ),
    "gpt2-large": _model(
        1280, 36, 20, _weights("gpt2-large", "gpt2-large", "32b71b12589c2f8d625668d2335a01cac3249519")
    ),
    "gpt2-xl": _model(
        1600,
        48,
        25,
        _weights(
            "gpt2-xl",
            "gpt2-xl",
            "15ea56dee5df4983c59b2538573817e1667135e2",
            "0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a",
        ),
    ),
    # The same shape in a size that trains in seconds: for trying the pipeline out, not for results.
    "gpt2-tiny": _model(64, 3, 4, None),
}
