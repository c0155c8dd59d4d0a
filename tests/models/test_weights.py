"""A weight file that does not fit is refused in one line; nothing in it is skipped or made up."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from spampipe.core.errors import WeightsError
from spampipe.models.architectures import Family, ModelConfig
from spampipe.models.families import bert, gpt2, llama
from spampipe.models.weights import load_decoder
from tests.support.published_models import (
    transformers_bert,
    transformers_gpt2,
    transformers_llama,
    write_bert,
    write_gpt2,
    write_llama,
)
from tests.support.tiny_models import (
    BERT,
    GPT2,
    LLAMA,
    random_ids,
)


@dataclass(frozen=True)
class Format:
    """One kind of weight file: how to write one, and some tensors that do not belong in it."""

    name: str
    family: Family
    config: ModelConfig
    write: Callable[..., Any]
    read: Callable[[Path], dict[str, np.ndarray]]
    constants: str  # tensors that are no weights have this in their name
    foreign: dict[str, tuple[int, ...]]

    def path(self, folder: Path) -> Path:
        return self.family.weights_path(folder)


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    with safe_open(path, framework="numpy") as stored:
        return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a dict


def _read_gguf(path: Path) -> dict[str, np.ndarray]:
    return {tensor.name: np.array(tensor.data) for tensor in gguf.GGUFReader(path).tensors}


_GPT2_MODEL, _LLAMA_MODEL, _BERT_MODEL = transformers_gpt2(GPT2), transformers_llama(LLAMA), transformers_bert(BERT)
SAFETENSORS = Format(
    "safetensors",
    gpt2.FAMILY,
    GPT2,
    lambda path, **changes: write_gpt2(path, _GPT2_MODEL, **changes),
    _read_safetensors,
    ".attn.bias",
    {
        "h.3.ln_1.weight": (32,),  # a fourth layer, of three
        "h.0.attn.rotary.weight": (32,),
        "score.weight": (2, 32),
        "lm_head.weight": (50, 32),  # not the token embedding's values
    },
)
GGUF = Format(
    "gguf",
    llama.FAMILY,
    LLAMA,
    lambda path, **changes: write_llama(path, _LLAMA_MODEL, **changes),
    _read_gguf,
    "rope_freqs",
    {
        "blk.3.attn_norm.weight": (32,),
        "blk.0.attn_q.bias": (32,),
        "output.weight": (50, 32),
        "token_embd.bias": (32,),
    },
)
ENCODER = Format(
    "encoder",
    bert.FAMILY,
    BERT,
    lambda path, **changes: write_bert(path, _BERT_MODEL, **changes),
    _read_safetensors,
    "position_ids",
    {
        "encoder.layer.3.attention.output.dense.bias": (32,),  # a fourth layer, of three
        "encoder.layer.0.attention.self.distance_embedding.weight": (47, 8),
        "embeddings.token_embeddings.weight": (50, 32),
        "classifier.weight": (2, 32),
    },
)
each_format = pytest.mark.parametrize("form", [SAFETENSORS, GGUF, ENCODER], ids=lambda form: form.name)


def refusal(form: Format, path: Path) -> str:
    """The one line that refuses this file; it names it."""
    with pytest.raises(WeightsError) as caught:
        load_decoder(form.family, path, form.config)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"{path}: ")
    return message


def own_name(name: str) -> str:
    """The part of this project's name that tells where a tensor of either format belongs."""
    return next((f"blocks.{part}." for part in name.split(".") if part.isdigit()), "")


@each_format
def test_every_tensor_is_needed(form: Format, tmp_path: Path):
    path = form.path(tmp_path)
    form.write(path)
    names = [name for name in form.read(path) if form.constants not in name]
    assert len(names) > 3 * 9
    refusals = set()
    for name in names:
        form.write(path, **{name: None})
        message = refusal(form, path)
        assert f"tensor {own_name(name)}" in message and "is missing" in message
        refusals.add(message)
    assert len(refusals) == len(names)  # each names the one that is gone


@each_format
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("more", [1, 32])
def test_every_tensor_must_have_its_shape(form: Format, axis: int, more: int, tmp_path: Path):
    path = form.path(tmp_path)
    form.write(path)
    for name, values in form.read(path).items():
        if form.constants in name:
            continue
        padding = [(0, 0)] * values.ndim
        padding[axis] = (0, more)
        longer = np.pad(values, padding)
        form.write(path, **{name: torch.from_numpy(longer)})
        message = refusal(form, path)
        assert f"tensor {own_name(name)}" in message and "has shape" in message, name


@each_format
def test_a_tensor_too_many_is_refused(form: Format, tmp_path: Path):
    path = form.path(tmp_path)
    for name, shape in form.foreign.items():
        form.write(path, **{name: torch.ones(shape)})
        message = refusal(form, path)
        assert f"unknown tensor {own_name(name)}" in message


def test_a_head_that_repeats_the_embedding_is_accepted(tmp_path: Path):
    path = SAFETENSORS.path(tmp_path)
    embedding = _GPT2_MODEL.transformer.wte.weight.detach().clone()
    SAFETENSORS.write(path, **{"lm_head.weight": embedding})
    ids = random_ids(GPT2, 2, 5)
    with torch.no_grad():
        decoder = load_decoder(gpt2.FAMILY, path, GPT2)
        torch.testing.assert_close(decoder.logits(decoder(ids)), _GPT2_MODEL(ids).logits, atol=1e-4, rtol=1e-4)


@each_format
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_truncated_file_is_refused(form: Format, data: st.DataObject, tmp_path: Path):
    path = form.path(tmp_path)
    form.write(path)
    whole = path.read_bytes()
    near_the_beginning, anywhere = st.integers(0, 2000), st.integers(0, len(whole) - 1)
    path.write_bytes(whole[: data.draw(near_the_beginning | anywhere)])
    refusal(form, path)


@each_format
@pytest.mark.parametrize("content", [b"", b"GGUF", b"<html>\n<p>404: not found</p>\n</html>\n" * 100, bytes(5000)])
def test_something_else_is_refused(form: Format, content: bytes, tmp_path: Path):
    path = form.path(tmp_path)
    path.write_bytes(content)
    assert "damaged" in refusal(form, path)


@each_format
def test_the_other_format_is_refused(form: Format, tmp_path: Path):
    other = SAFETENSORS if form is GGUF else GGUF
    other.write(other.path(tmp_path))
    other.path(tmp_path).rename(form.path(tmp_path))
    assert "damaged" in refusal(form, form.path(tmp_path))


@each_format
def test_a_missing_file_is_refused(form: Format, tmp_path: Path):
    assert "no such file" in refusal(form, form.path(tmp_path))


def test_a_kind_of_number_that_gguf_cannot_read_is_refused(tmp_path: Path):
    path = GGUF.path(tmp_path)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tensor("token_embd.weight", np.zeros((50, 32), np.int32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert "token_embd.weight" in refusal(GGUF, path)
