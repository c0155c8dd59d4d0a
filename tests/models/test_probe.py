"""A probe reads the states that transformers calls hidden, and nothing behind a text."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spampipe.models.families import gpt2, llama
from spampipe.models.features import default_features, excess_of
from spampipe.models.probe import Probe, pool
from spampipe.models.weights import load_decoder
from tests.support.published_models import transformers_gpt2, transformers_llama, write_gpt2, write_llama
from tests.support.tiny_models import GPT2, LLAMA, make_decoder, random_ids

FEATURES = ((2, "mean"), (1, "last_real"), (2, "first"), (1, "mean"))
LENGTHS = torch.tensor([5, 1, 9, 3])


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("causal", [True, False], ids=["causal", "both ways"])
def test_features_are_transformers_hidden_states(family, causal, tmp_path: Path):
    path, config = tmp_path / "weights", {"gpt2": GPT2, "llama": LLAMA}[family]
    if family == "gpt2":
        reference = transformers_gpt2(config)
        write_gpt2(path, reference)
        decoder = load_decoder(gpt2.FAMILY, path, config)
    else:
        reference = transformers_llama(config)
        write_llama(path, reference)
        decoder = load_decoder(llama.FAMILY, path, config)
    ids = random_ids(config, len(LENGTHS), 9)
    found = Probe(decoder, 2, FEATURES, causal).trunk(ids, LENGTHS)
    assert found.shape == (4, 4 * config.hidden_size) and found.dtype == torch.float32
    for row, length in enumerate(LENGTHS.tolist()):  # each text by itself, without padding
        text = ids[row : row + 1, :length]
        mask = None if causal else torch.zeros(1, 1, length, length)  # added to the attention scores
        states = reference.base_model(text, attention_mask=mask, output_hidden_states=True).hidden_states
        read = {"last_real": lambda s: s[0, -1], "first": lambda s: s[0, 0], "mean": lambda s: s[0].mean(dim=0)}
        expected = torch.cat([read[pooling](states[block]) for block, pooling in FEATURES])
        torch.testing.assert_close(found[row], expected, atol=1e-4, rtol=1e-4)


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4), columns=st.integers(0, 3), seed=st.integers(0, 9))
def test_what_stands_behind_a_text_changes_nothing(lengths, columns, seed):
    real, longest = torch.tensor(lengths), max(lengths)
    states = torch.randn(len(lengths), longest, 5, generator=torch.Generator().manual_seed(seed))
    padded = torch.cat([states, torch.full((len(lengths), columns, 5), 1e6)], dim=1)
    for pooling in ("last_real", "mean", "first"):
        found = pool(padded, real, pooling)
        for row, length in enumerate(lengths):
            alone = pool(states[row : row + 1, :length], real[row : row + 1], pooling)
            torch.testing.assert_close(found[row], alone[0])


def test_no_block_above_the_highest_chosen_one_runs():
    decoder = make_decoder(GPT2)
    expected = Probe(decoder, 2, FEATURES, True).trunk(random_ids(GPT2, 4, 9), LENGTHS)
    for tensor in decoder.blocks[2].parameters():
        tensor.fill_(torch.nan)
    assert (Probe(decoder, 2, FEATURES, True).trunk(random_ids(GPT2, 4, 9), LENGTHS) == expected).all()


def test_the_head_is_exact_in_any_precision():
    probe, features = Probe(make_decoder(GPT2), 3, FEATURES, True), torch.randn(4, 128) * 1000
    expected = features.double() @ probe.head.weight.double().T + probe.head.bias.double()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = probe.tail(features, LENGTHS)
    torch.testing.assert_close(found.double(), expected, atol=1e-3, rtol=1e-6)


@given(num_layers=st.integers(1, 100))
def test_every_model_has_the_features_that_are_read_by_default(num_layers):
    features = default_features(num_layers)
    assert excess_of(features, num_layers) is None
    assert min(block for block, _ in features) >= 1
    assert len({pooling for _, pooling in features}) == 2


def test_the_default_features_of_smollm2():
    assert default_features(30) == ((18, "last_real"), (22, "last_real"), (22, "mean"), (26, "mean"))
    assert excess_of([(31, "mean"), (2, "mean")], 30) == "there is no block 31, only 30; name blocks from 1 to 30"
