"""This project's classifier as other people's code would hold it: the book's model and transformers' Llama."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import tiktoken
from llms_from_scratch.ch04 import GPTModel
from tiktoken_ext.openai_public import r50k_pat_str
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForSequenceClassification

from spampipe.data.labels import LabelSet
from spampipe.models.architectures import DecoderConfig, ModelConfig
from spampipe.models.backbone import Backbone
from spampipe.models.classifier import Classifier
from spampipe.models.freezing import trained_parameters
from spampipe.models.frozen_trunk import Model

_Model = TypeVar("_Model", bound=nn.Module)

_BOOK_NAMES = {
    "decoder.": "",
    "token_embedding": "tok_emb",
    "position_embedding": "pos_emb",
    "blocks": "trf_blocks",
    "attention_norm.weight": "norm1.scale",
    "attention_norm.bias": "norm1.shift",
    "mlp_norm.weight": "norm2.scale",
    "mlp_norm.bias": "norm2.shift",
    "final_norm.weight": "final_norm.scale",
    "final_norm.bias": "final_norm.shift",
    "attention.query": "att.W_query",
    "attention.key": "att.W_key",
    "attention.value": "att.W_value",
    "attention.output": "att.out_proj",
    "mlp.up": "ff.layers.0",
    "mlp.down": "ff.layers.2",
    "head": "out_head",
}
_LLAMA_NAMES = {
    "decoder.": "model.",
    "token_embedding": "embed_tokens",
    "blocks": "layers",
    "attention_norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
    "final_norm": "norm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "mlp.gate": "mlp.gate_proj",
    "mlp.up": "mlp.up_proj",
    "mlp.down": "mlp.down_proj",
    "head": "score",
}


def book_classifier(ours: Model) -> GPTModel:
    """The book's GPTModel, sections 6.4 and 6.5, with a copy of a GPT-2 classifier's tensors."""
    ours.trunk.complete()
    classifier = ours.network
    model = book_model(classifier.decoder, classifier.head.out_features)
    model.out_head.load_state_dict(classifier.head.state_dict())
    return _frozen_alike(model, classifier, _BOOK_NAMES)


def book_encoding(ranks: Path) -> tiktoken.Encoding:
    """GPT-2's tokenizer as tiktoken offers it to the book's code, but from a rank file at hand."""
    lines = (line.split() for line in ranks.read_bytes().splitlines())
    return tiktoken.Encoding(
        "gpt2",
        pat_str=r50k_pat_str,
        mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in lines},
        special_tokens={"<|endoftext|>": 50256},
    )


def book_model(decoder: Backbone, num_labels: int | None = None) -> GPTModel:
    """The book's GPTModel with a copy of a decoder's tensors.

    Args:
        decoder: of GPT-2's family.
        num_labels: outputs of a new head; None for the language model's, tied to the token embedding.
    """
    config = decoder.config
    sizes = {"vocab_size": config.vocabulary_size, "context_length": config.context_length}
    shape = {"emb_dim": config.hidden_size, "n_heads": config.num_heads, "n_layers": config.num_layers}
    model = GPTModel({**sizes, **shape, "drop_rate": 0.0, "qkv_bias": True})
    if num_labels is None:
        model.out_head.weight = model.tok_emb.weight
    else:
        model.out_head = nn.Linear(config.hidden_size, num_labels)
    own = {name: tensor for name, tensor in model.state_dict().items() if name.endswith("att.mask") or "head" in name}
    model.load_state_dict(own | dict(_renamed(decoder, _BOOK_NAMES)))
    return model.eval()


def llama_classifier(ours: Model, padding: int, labels: LabelSet) -> LlamaForSequenceClassification:
    """The model of transformers, with a copy of a Llama classifier's tensors, and a head with a bias as ours has."""
    ours.trunk.complete()
    classifier = ours.network
    config = llama_config(
        classifier.decoder.config,
        pad_token_id=padding,
        id2label=dict(enumerate(labels.names)),
        label2id={label: number for number, label in enumerate(labels.names)},
        use_cache=False,  # keys and values of earlier calls are of no use to a classifier
    )
    model = LlamaForSequenceClassification(config)
    model.score = nn.Linear(config.hidden_size, classifier.head.out_features)
    model.load_state_dict(dict(_renamed(classifier, _LLAMA_NAMES)))
    return _frozen_alike(model, classifier, _LLAMA_NAMES)


def llama_config(config: ModelConfig, **others: Any) -> LlamaConfig:
    """A Llama decoder's shape in transformers' words, with other settings besides."""
    if not isinstance(config, DecoderConfig):
        raise TypeError("Llama is a decoder")
    return LlamaConfig(
        vocab_size=config.vocabulary_size,
        max_position_embeddings=config.context_length,
        hidden_size=config.hidden_size,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        num_key_value_heads=config.num_kv_heads,
        intermediate_size=config.intermediate_size,
        rms_norm_eps=config.norm_epsilon,
        rope_theta=config.rotary_base,  # before transformers 5
        rope_parameters={"rope_type": "default", "rope_theta": config.rotary_base},
        **others,
    )


def _renamed(module: nn.Module, names: dict[str, str]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in module.state_dict().items():
        yield _rename(name, names), tensor


def _rename(name: str, names: dict[str, str]) -> str:
    for ours, theirs in names.items():
        name = name.replace(ours, theirs, 1)
    return name


def _frozen_alike(model: _Model, classifier: Classifier, names: dict[str, str]) -> _Model:
    trained = {_rename(name, names) for name in trained_parameters(classifier)}
    for name, tensor in model.named_parameters():
        tensor.requires_grad_(name in trained)
    return model.to(classifier.head.weight.device).eval()
