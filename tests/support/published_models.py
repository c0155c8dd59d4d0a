"""Small models as other people's code builds and stores them."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel, LlamaForCausalLM

from benchmarks.opponents import llama_config
from spampipe.models.architectures import DecoderConfig, EncoderConfig
from tests.support.tiny_models import randomize


def transformers_gpt2(config: DecoderConfig, seed: int = 0) -> GPT2LMHeadModel:
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=config.vocabulary_size,
            n_positions=config.context_length,
            n_embd=config.hidden_size,
            n_layer=config.num_layers,
            n_head=config.num_heads,
            n_inner=config.intermediate_size,
            layer_norm_epsilon=config.norm_epsilon,
        )
    )
    randomize(model, seed)
    return model.eval()


def transformers_llama(config: DecoderConfig, seed: int = 0) -> LlamaForCausalLM:
    model = LlamaForCausalLM(llama_config(config, tie_word_embeddings=True))
    randomize(model, seed)
    return model.eval()


def transformers_bert(config: EncoderConfig, seed: int = 0, *, pooler: bool = False) -> BertModel:
    shape = BertConfig(
        vocab_size=config.vocabulary_size,
        max_position_embeddings=config.context_length,
        hidden_size=config.hidden_size,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        intermediate_size=config.intermediate_size,
        type_vocab_size=config.token_types,
        layer_norm_eps=config.norm_epsilon,
    )
    model = BertModel(shape, add_pooling_layer=pooler)
    randomize(model, seed)
    return model.eval()


# --- their files ---------------------------------------------------------------------------------------------


def write_gpt2(path: Path, model: GPT2LMHeadModel, **changes: Tensor | None) -> None:
    """As OpenAI's models lie on the hub: without `transformer.`, and with each layer's causal mask.

    Args:
        path: the safetensors file.
        model: its source.
        changes: tensors to replace, to add, or with None to leave out, by the file's name for them.
    """
    context = model.config.n_positions
    state = {name.removeprefix("transformer."): tensor.clone() for name, tensor in model.state_dict().items()}
    del state["lm_head.weight"]
    for layer in range(model.config.n_layer):
        state[f"h.{layer}.attn.bias"] = torch.ones(1, 1, context, context).tril()
    save_file(_changed(state, changes), path, metadata={"format": "pt"})


def write_bert(path: Path, model: BertModel, **changes: Tensor | None) -> None:
    """As sentence-transformers' models lie on the hub: without `bert.`, and with the positions' numbers.

    Args:
        path: the safetensors file.
        model: its source.
        changes: as for `write_gpt2`.
    """
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state["embeddings.position_ids"] = torch.arange(model.config.max_position_embeddings)[None]
    save_file(_changed(state, changes), path, metadata={"format": "pt"})


def write_llama(
    path: Path, model: LlamaForCausalLM, kind: str = "F32", **changes: Tensor | None
) -> dict[str, torch.Tensor]:
    """Write a GGUF file as llama.cpp's converter does; matrices are stored as `kind`.

    Args:
        path: the GGUF file.
        model: its source.
        kind: a GGMLQuantizationType.
        changes: as for `write_gpt2`.

    Returns:
        The model's state with the values that the file holds, that is, after quantization.
    """
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, model.config.num_hidden_layers)
    heads = {"q_proj": model.config.num_attention_heads, "k_proj": model.config.num_key_value_heads}
    wanted = gguf.GGMLQuantizationType[kind]
    stored: dict[str, Any] = {}
    held: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":  # tied
            continue
        rows = tensor.numpy()
        quantization = wanted if rows.ndim == 2 else gguf.GGMLQuantizationType.F32
        for projection, count in heads.items():
            if projection in name:
                rows = _permute(rows, count)
        stored[names.get_name(name, try_suffixes=(".weight",))] = rows
        kept = gguf.quants.dequantize(gguf.quants.quantize(tensor.numpy(), quantization), quantization)
        held[name] = torch.from_numpy(kept.copy())
    held["lm_head.weight"] = held["model.embed_tokens.weight"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(model.config.max_position_embeddings)
    for name, rows in _changed(stored, changes).items():
        values = np.asarray(rows)
        quantization = wanted if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(name, gguf.quants.quantize(values, quantization), raw_dtype=quantization)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return held


def _permute(rows: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp, conversion of Llama's query and key: from halves apart to neighbours."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def _changed(state: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (state | changes).items() if value is not None}
