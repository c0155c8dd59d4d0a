"""The encoder gives what transformers gives."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import BertForMaskedLM, BertModel

from spampipe.models.architectures import EncoderConfig
from spampipe.models.backbone import random_state
from spampipe.models.compute import random_stream
from spampipe.models.encoder import Encoder, empty_encoder
from spampipe.models.families.bert import FAMILY
from spampipe.models.weights import fill, load_decoder
from tests.support.published_models import transformers_bert, write_bert
from tests.support.tiny_models import BERT, make_backbone, random_ids, randomize

SHAPES = [
    BERT,
    replace(BERT, num_layers=1, num_heads=1, norm_epsilon=1e-2, token_types=1),
    replace(BERT, hidden_size=48, num_heads=6, intermediate_size=80, vocabulary_size=33, norm_epsilon=1e-12),
]
quick = settings(max_examples=60, deadline=None)


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def close(actual: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=tolerance)


def assert_same_hidden_states(encoder: nn.Module, reference: BertModel) -> None:
    """Of full rows without a mask, and of the real tokens of padded rows."""
    for length in (1, 7, BERT.context_length):
        ids = random_ids(encoder.config, 3, length, seed=length)
        close(encoder(ids), reference(ids).last_hidden_state)
        real = torch.arange(length) < torch.tensor([length, 1, (length + 1) // 2])[:, None]
        theirs = reference(ids, attention_mask=real.long()).last_hidden_state
        close(encoder(ids, real=real)[real], theirs[real])


@pytest.mark.parametrize("config", SHAPES)
def test_hidden_states_are_those_of_transformers(config: EncoderConfig, tmp_path: Path):
    reference, path = transformers_bert(config), tmp_path / "weights.safetensors"
    write_bert(path, reference)
    assert_same_hidden_states(load_decoder(FAMILY, path, config), reference)


def test_files_of_a_model_with_heads_are_read_and_the_heads_left_out(tmp_path: Path):
    reference, path = transformers_bert(BERT, pooler=True), tmp_path / "weights.safetensors"
    write_bert(path, reference)
    assert_same_hidden_states(load_decoder(FAMILY, path, BERT), reference)
    masked = BertForMaskedLM(reference.config)
    randomize(masked, 1)
    save_file({name: tensor.clone() for name, tensor in masked.state_dict().items()}, path)
    assert_same_hidden_states(load_decoder(FAMILY, path, BERT), masked.eval().bert)


def test_files_of_the_first_years_name_the_norms_tensors_otherwise(tmp_path: Path):
    reference, path = transformers_bert(BERT), tmp_path / "weights.safetensors"
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    state = {}
    for name, tensor in reference.state_dict().items():
        ending = next((ending for ending in old if name.endswith(ending)), "")
        state[f"bert.{name.removesuffix(ending)}{old.get(ending, '')}"] = tensor.clone()
    assert sum(name.endswith(".gamma") for name in state) == 1 + 2 * BERT.num_layers
    save_file(state, path)
    assert_same_hidden_states(load_decoder(FAMILY, path, BERT), reference)


def test_a_file_in_half_precision_is_read_as_it_is(tmp_path: Path):
    reference, path = transformers_bert(BERT).half(), tmp_path / "weights.safetensors"
    write_bert(path, reference)
    encoder = load_decoder(FAMILY, path, BERT)
    assert {tensor.dtype for tensor in encoder.parameters()} == {torch.float32}
    assert_same_hidden_states(encoder, reference.float())


@quick
@given(
    chosen=st.integers(1, 12).flatmap(lambda length: st.lists(st.integers(0, length - 1), min_size=1, max_size=4)),
    behind=st.integers(0, 5),
    hidden=st.integers(0, 5),
    causal=st.booleans(),
)
def test_chosen_positions_come_out_as_in_the_full_block(chosen, behind, hidden, causal):
    encoder = make_backbone(BERT).double()
    positions, rows = torch.tensor(chosen), torch.arange(len(chosen))
    shape = (len(chosen), max(chosen) + 1 + behind, BERT.hidden_size)
    hidden_states = torch.randn(shape, generator=torch.Generator().manual_seed(2)).double()
    real = torch.arange(shape[1]) <= positions[:, None] + hidden
    full = encoder.run_block(0, hidden_states, None, causal, real)
    alone = encoder.run_block(0, hidden_states, None, causal, real, positions)
    close(alone, full[rows, positions][:, None])


def test_every_token_reads_every_other():
    encoder, ids = make_backbone(BERT), random_ids(BERT, 1, 9)
    plain = encoder(ids)
    for changed in range(9):
        others = ids.clone()
        others[:, changed] = (others[:, changed] + 1) % BERT.vocabulary_size
        assert ((encoder(others) - plain).abs().amax(dim=2) > 1e-4).all()


def test_dropout_acts_in_training_only():
    plain, dropping = (make_backbone(BERT, dropout=rate) for rate in (0.0, 0.3))
    ids = random_ids(BERT, 2, 8)
    assert torch.equal(dropping(ids), plain(ids))
    dropping.train()
    assert not torch.equal(dropping(ids), dropping(ids))


def test_dropout_drops_as_much_as_that_of_transformers():
    """The spread that it causes, which each of its places adds to."""
    shape = replace(BERT, num_layers=1)
    spreads = []
    for kind in ("ours", "theirs"):
        reference = transformers_bert(shape)
        reference.config.hidden_dropout_prob = reference.config.attention_probs_dropout_prob = 0.3
        model = BertModel(reference.config, add_pooling_layer=False)
        model.load_state_dict(reference.state_dict())
        ours = make_backbone(shape, dropout=0.3)
        ours.load_state_dict(renamed(reference))
        ids = random_ids(shape, 1, 8).repeat(4000, 1)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            states = ours.train()(ids) if kind == "ours" else model.train()(ids).last_hidden_state
        spreads.append(states.std(dim=0))
    torch.testing.assert_close(spreads[0], spreads[1], atol=0.02, rtol=0.1)


def renamed(reference: BertModel) -> dict[str, Tensor]:
    """A model's tensors under this project's names, in its own order."""
    encoder = Encoder(replace(BERT, num_layers=reference.config.num_hidden_layers))
    return dict(zip(encoder.state_dict(), _in_order(reference), strict=True))


def _in_order(reference: BertModel) -> list[Tensor]:
    embeddings = reference.embeddings
    modules = [
        embeddings.word_embeddings,
        embeddings.position_embeddings,
        embeddings.token_type_embeddings,
        embeddings.LayerNorm,
    ]
    for layer in reference.encoder.layer:
        attention = layer.attention
        modules += [attention.self.query, attention.self.key, attention.self.value, attention.output.dense]
        modules += [attention.output.LayerNorm, layer.intermediate.dense, layer.output.dense, layer.output.LayerNorm]
    return [tensor for module in modules for tensor in module.state_dict().values()]


def test_random_weights_are_distributed_as_torch_draws_its_own():
    config = replace(BERT, vocabulary_size=300, hidden_size=64)
    ours = random_state(empty_encoder(config), random_stream(4, "decoder weights"))
    torchs = Encoder(config).state_dict()
    assert list(ours) == list(torchs)
    for name, expected in torchs.items():
        drawn = ours[name]
        assert drawn.shape == expected.shape and drawn.dtype == torch.float32
        if "norm" in name:
            assert torch.equal(drawn, expected)
        elif "embedding" in name:
            assert 0.8 < drawn.std() < 1.2
        else:
            inputs = torchs[name.replace("bias", "weight")].shape[1]
            assert 0.9 * inputs**-0.5 < drawn.abs().max() <= inputs**-0.5, name
    assert fill(empty_encoder(config), ours, "random weights")(random_ids(config, 2, 5)).isfinite().all()
