"""The decoder gives what transformers, torch and the book's own model give."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from llms_from_scratch.ch05 import generate
from scipy.stats import ks_2samp
from torch import nn
from torch.nn import functional

from benchmarks.opponents import book_model
from spampipe.inference.generation import greedy_continuation
from spampipe.models.backbone import random_state
from spampipe.models.compute import random_stream
from spampipe.models.decoder import Decoder, empty_decoder
from spampipe.models.families import gpt2, llama
from spampipe.models.weights import load_decoder
from tests.support.published_models import transformers_gpt2, transformers_llama, write_gpt2, write_llama
from tests.support.tiny_models import (
    FAMILIES,
    GPT2,
    LLAMA,
    make_decoder,
    random_ids,
    torch_threads,
)

GPT2_SHAPES = [
    GPT2,
    replace(GPT2, num_layers=1, num_heads=1, num_kv_heads=1, norm_epsilon=1e-2),
    replace(GPT2, hidden_size=48, num_heads=6, num_kv_heads=6, intermediate_size=80, vocabulary_size=33),
]
LLAMA_SHAPES = [
    LLAMA,
    replace(LLAMA, num_kv_heads=1, rotary_base=100.0, norm_epsilon=1e-2),
    replace(LLAMA, num_heads=8, num_kv_heads=8, rotary_base=100_000.0, num_layers=1),
    replace(LLAMA, hidden_size=96, num_heads=6, num_kv_heads=3, intermediate_size=32, rotary_base=500_000.0),
]
quick = settings(max_examples=60, deadline=None)


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-4) -> None:
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=tolerance)


def assert_same_answers(decoder: Decoder, reference: nn.Module) -> None:
    """Next-token scores with causal attention, and hidden states with attention in both directions."""
    for length in (1, 7, decoder.config.context_length):
        ids = random_ids(decoder.config, 3, length, seed=length)
        close(decoder.logits(decoder(ids)), reference(ids).logits)
        everywhere = torch.zeros(3, 1, length, length)  # added to the attention scores
        close(decoder(ids, causal=False), reference.base_model(ids, attention_mask=everywhere).last_hidden_state)


@pytest.mark.parametrize("config", GPT2_SHAPES)
@pytest.mark.parametrize("prefixed", [False, True])
def test_gpt2_file_gives_transformers_logits(config, prefixed, tmp_path: Path):
    reference = transformers_gpt2(config)
    path = tmp_path / "model.safetensors"
    if prefixed:
        reference.save_pretrained(tmp_path)
    else:
        write_gpt2(path, reference)
    assert_same_answers(load_decoder(gpt2.FAMILY, path, config), reference)


@pytest.mark.parametrize("config", LLAMA_SHAPES)
@pytest.mark.parametrize("kind", ["F32", "Q4_1"])
def test_llama_file_gives_transformers_logits(config, kind, tmp_path: Path):
    reference = transformers_llama(config)
    path = tmp_path / "model.gguf"
    reference.load_state_dict(write_llama(path, reference, kind))
    assert_same_answers(load_decoder(llama.FAMILY, path, config), reference)


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_padding_changes_what_transformers_changes(family, tmp_path: Path):
    kind, build, write = {
        "gpt2": (gpt2.FAMILY, transformers_gpt2, write_gpt2),
        "llama": (llama.FAMILY, transformers_llama, write_llama),
    }[family]
    config, path = FAMILIES[family], tmp_path / "weights"
    write(path, reference := build(config))
    ids, real = random_ids(config, 3, 9), torch.arange(9) < torch.tensor([9, 4, 1])[:, None]
    hidden = torch.zeros(3, 1, 9, 9).masked_fill(~real[:, None, None, :], torch.finfo(torch.float32).min)
    expected = reference.base_model(ids, attention_mask=hidden).last_hidden_state
    decoder = load_decoder(kind, path, config)
    found = decoder(ids, causal=False, real=real)
    close(found[real], expected[real])
    assert (found[1:] - decoder(ids, causal=False)[1:]).abs().amax(dim=(1, 2)).min() > 1e-2
    assert torch.equal(decoder(ids, causal=True, real=real), decoder(ids))


@pytest.mark.parametrize("config", GPT2_SHAPES[:2])
def test_decoder_gives_the_books_logits(config):
    decoder = make_decoder(replace(config, norm_epsilon=1e-5, intermediate_size=4 * config.hidden_size))
    ids = random_ids(config, 3, config.context_length)
    close(decoder.logits(decoder(ids)), book_model(decoder)(ids))


@pytest.mark.parametrize("causal", [False, True])
def test_gpt2_block_is_torchs_encoder_layer(causal):
    block = make_decoder(GPT2).blocks[0]
    layer = nn.TransformerEncoderLayer(
        GPT2.hidden_size,
        GPT2.num_heads,
        GPT2.intermediate_size,
        dropout=0.0,
        activation=lambda inner: functional.gelu(inner, approximate="tanh"),
        batch_first=True,
        norm_first=True,
    )
    ours, attention = block.attention, layer.self_attn
    attention.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
    attention.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
    for theirs, own in [
        (attention.out_proj, ours.output),
        (layer.linear1, block.mlp.up),
        (layer.linear2, block.mlp.down),
        (layer.norm1, block.attention_norm),
        (layer.norm2, block.mlp_norm),
    ]:
        theirs.load_state_dict(own.state_dict())
    hidden_states = torch.randn(3, 9, GPT2.hidden_size, generator=torch.Generator().manual_seed(1))
    mask = nn.Transformer.generate_square_subsequent_mask(9) if causal else None
    close(block(hidden_states, None, causal), layer(hidden_states, src_mask=mask))


@st.composite
def shapes(draw: st.DrawFn):
    """A configuration of either family with few or many heads, in groups of any size."""
    kv_heads = draw(st.integers(1, 3))
    heads = kv_heads * draw(st.integers(1, 3))
    return replace(
        FAMILIES[draw(st.sampled_from(sorted(FAMILIES)))],
        hidden_size=heads * 2 * draw(st.integers(4, 6)),  # fewer channels leave a norm little to tell apart
        num_heads=heads,
        num_kv_heads=kv_heads,
        num_layers=draw(st.integers(1, 3)),
        rotary_base=draw(st.sampled_from([10.0, 10_000.0])),
    )


@quick
@given(
    config=shapes(),
    chosen=st.integers(1, 12).flatmap(lambda length: st.lists(st.integers(0, length - 1), min_size=1, max_size=4)),
    behind=st.integers(0, 5),
    causal=st.booleans(),
    hidden=st.integers(0, 5),
)
def test_chosen_positions_come_out_as_in_the_full_block(config, chosen, behind, causal, hidden):
    decoder = make_decoder(config).double()
    positions, rows = torch.tensor(chosen), torch.arange(len(chosen))
    shape = (len(chosen), max(chosen) + 1 + behind, config.hidden_size)
    hidden_states = torch.randn(shape, generator=torch.Generator().manual_seed(2)).double()
    rotation = decoder.rotation(hidden_states)
    real = torch.arange(shape[1]) <= positions[:, None] + hidden
    full = decoder.blocks[0](hidden_states, rotation, causal, real)
    alone = decoder.blocks[0](hidden_states, rotation, causal, real, positions)
    close(alone, full[rows, positions][:, None], 1e-5)


@quick
@given(config=shapes(), length=st.integers(2, 12), data=st.data())
def test_only_without_a_causal_mask_do_later_tokens_change_earlier_outputs(config, length, data):
    changed = data.draw(st.integers(1, length - 1))
    decoder = make_decoder(config).double()
    ids = random_ids(config, 2, length)
    others = ids.clone()
    others[:, changed:] = (others[:, changed:] + 1) % config.vocabulary_size
    before, after = decoder(ids), decoder(others)
    close(after[:, :changed], before[:, :changed], 1e-5)
    assert (after[:, changed] - before[:, changed]).abs().max() > 1e-3
    difference = (decoder(others, causal=False) - decoder(ids, causal=False))[:, :changed].abs()
    assert difference.max() > 1e-3 and (difference.amax(dim=(0, 2)) > 0).all()


def test_greedy_continuation_is_the_books_even_beyond_the_context():
    decoder = make_decoder(GPT2)
    beginning, added = [3, 1, 4, 1, 5], GPT2.context_length + 6
    expected = generate(book_model(decoder), torch.tensor([beginning]), added, GPT2.context_length)
    assert greedy_continuation(decoder, beginning, added) == expected[0].tolist()
    assert len(set(expected[0].tolist())) > 4  # not one token over and over


@pytest.mark.parametrize("family", FAMILIES)
def test_dropout_acts_in_training_only(family):
    plain, dropping = (make_decoder(FAMILIES[family], dropout=rate) for rate in (0.0, 0.3))
    ids = random_ids(plain.config, 2, 8)
    assert torch.equal(dropping(ids), plain(ids))
    dropping.train()
    assert not torch.equal(dropping(ids), dropping(ids))


@pytest.mark.parametrize("family", FAMILIES)
def test_random_weights_are_distributed_as_torch_draws_its_own(family):
    config = replace(FAMILIES[family], vocabulary_size=300, hidden_size=64)
    with torch.random.fork_rng():
        torch.manual_seed(4)
        torchs = Decoder(config).state_dict()
    ours = random_state(empty_decoder(config), random_stream(4, "decoder weights"))
    assert list(ours) == list(torchs)
    for name, expected in torchs.items():
        drawn = ours[name]
        assert drawn.shape == expected.shape and drawn.dtype == expected.dtype
        if "norm" in name:
            assert torch.equal(drawn, expected)
        else:
            assert ks_2samp(drawn.flatten().numpy(), expected.flatten().numpy()).pvalue > 1e-3, name
        if "embedding" not in name and "norm" not in name:
            inputs = torchs[name.replace("bias", "weight")].shape[1]
            assert 0.9 * inputs**-0.5 < drawn.abs().max() <= inputs**-0.5, name


@pytest.mark.parametrize("family", FAMILIES)
def test_random_weights_depend_on_the_seed_alone(family):
    config = replace(FAMILIES[family], vocabulary_size=5000)

    def drawn(seed: int, threads: int) -> dict[str, torch.Tensor]:
        with torch_threads(threads), torch.random.fork_rng():
            torch.manual_seed(threads)
            return random_state(empty_decoder(config), random_stream(seed, "decoder weights"))

    first, again, other = drawn(1, threads=1), drawn(1, threads=2), drawn(2, threads=1)
    for name, tensor in first.items():
        assert torch.equal(again[name], tensor), name
        assert "norm" in name or not torch.equal(other[name], tensor), name
