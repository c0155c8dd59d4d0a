"""What is frozen, where the answer is read, and that cutting off what cannot matter does not matter."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spampipe.checkpoint import reinitialize_head
from tests.tiny_models import FAMILIES, GPT2, make_classifier, make_table, torch_threads

POSITIONS = ("last", "last_real", "first", "mean")
TRAINABLE = ("last_layer", "last_block", "last_two_blocks", "all")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("trainable", "blocks"), [("last_layer", 0), ("last_block", 1), ("last_two_blocks", 2)])
def test_trained_parameters(family, trainable, blocks):
    classifier = make_classifier(FAMILIES[family], trainable=trainable)
    expected = {"head.weight", "head.bias"}
    if blocks:
        depth = classifier.decoder.config.num_layers
        prefixes = tuple(f"decoder.blocks.{number}." for number in range(depth - blocks, depth))
        expected |= {name for name, _ in classifier.named_parameters() if name.startswith(prefixes)}
        expected |= {f"decoder.final_norm.{name}" for name, _ in classifier.decoder.final_norm.named_parameters()}
    assert set(classifier.trained_parameters()) == expected


def test_all_trains_everything():
    classifier = make_classifier(trainable="all")
    assert set(classifier.trained_parameters()) == {name for name, _ in classifier.named_parameters()}
    assert classifier.trunk_depth == 0


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("position", POSITIONS)
@torch.no_grad()
def test_position_by_hand(family, position, causal):
    """The head applied to the decoder's own output at the position, every message padded to the full length."""
    config = FAMILIES[family]
    classifier, table = make_classifier(config, position, causal=causal), make_table(9, config)
    ids, lengths = torch.from_numpy(table.input_ids).long(), torch.from_numpy(table.lengths).long()
    hidden_states = classifier.decoder(ids, causal)
    rows = torch.arange(len(ids))
    chosen = {
        "last": hidden_states[:, -1],
        "last_real": hidden_states[rows, lengths - 1],
        "first": hidden_states[:, 0],
        "mean": torch.stack([row[:length].mean(dim=0) for row, length in zip(hidden_states, lengths, strict=True)]),
    }
    torch.testing.assert_close(classifier(ids, lengths), classifier.head(chosen[position]), atol=1e-5, rtol=1e-5)


@settings(deadline=None, max_examples=60)
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    position=st.sampled_from(POSITIONS),
    trainable=st.sampled_from(TRAINABLE),
    causal=st.booleans(),
    seed=st.integers(0, 1000),
)
@torch.no_grad()
def test_cutting_to_effective_lengths_changes_nothing(family, position, trainable, causal, seed):
    config = FAMILIES[family]
    classifier = make_classifier(config, position, trainable, causal, seed=seed)
    table = make_table(6, config, seed=seed)
    ids, lengths = torch.from_numpy(table.input_ids).long(), torch.from_numpy(table.lengths).long()
    whole = classifier(ids, lengths)
    effective = classifier.effective_lengths(lengths, table.max_length)
    for row, length in enumerate(effective.tolist()):
        alone = classifier(ids[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(alone, whole[row : row + 1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("position", POSITIONS)
def test_padding_is_cut_wherever_attention_cannot_see_it(position):
    lengths = torch.tensor([3, 7])
    cut = {"last": [12, 12], "last_real": [3, 7], "first": [1, 1], "mean": [3, 7]}
    assert make_classifier(position=position).effective_lengths(lengths, 12).tolist() == cut[position]
    assert make_classifier(position=position, causal=False).effective_lengths(lengths, 12).tolist() == [12, 12]


def test_head_depends_on_its_seed_alone():
    first, second = make_classifier(GPT2), make_classifier(GPT2, seed=5)
    with torch_threads(1):
        reinitialize_head(first, 123)
    torch.rand(17)
    with torch_threads(2):
        reinitialize_head(second, 123)
    assert torch.equal(first.head.weight, second.head.weight)
    assert torch.equal(first.head.bias, second.head.bias)
    reinitialize_head(second, 124)
    assert not torch.equal(first.head.weight, second.head.weight)
    bound = GPT2.hidden_size**-0.5
    assert bound / 2 < first.head.weight.abs().max() <= bound
