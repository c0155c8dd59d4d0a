"""What is frozen, where the answer is read, and that cutting off what cannot matter does not matter."""

from dataclasses import replace
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from spampipe.data.tokens import TokenTable
from spampipe.models.checkpoint import reinitialize_head
from spampipe.models.choices import Position, Trainable
from spampipe.models.classifier import Classifier, initialize_head
from spampipe.models.compute import random_stream
from spampipe.models.cost import training_flops
from spampipe.models.freezing import freeze, trained_parameters, trunk_parameters
from spampipe.models.frozen_trunk import complete_model
from spampipe.training.examples import TokenExamples, TrunkExamples
from spampipe.training.trunk_pass import batches_by_length
from tests.support.tiny_models import GPT2, LLAMA, NETWORKS, make_classifier, make_table, torch_threads

POSITIONS = get_args(Position)
TRAINABLE = tuple(part for part in get_args(Trainable) if part != "prompt")  # which has no head

HEAD = {"head.weight", "head.bias"}
NORM = {
    "gpt2": {"decoder.final_norm.weight", "decoder.final_norm.bias"},
    "llama": {"decoder.final_norm.weight"},
    "bert": set(),
}
EMBEDDINGS = {
    "gpt2": {"decoder.token_embedding.weight", "decoder.position_embedding.weight"},
    "llama": {"decoder.token_embedding.weight"},
    "bert": {f"decoder.{kind}_embedding.weight" for kind in ("token", "position", "token_type")}
    | {"decoder.embedding_norm.weight", "decoder.embedding_norm.bias"},
}
_COMMON = ("attention_norm", "attention.query", "attention.key", "attention.value", "attention.output", "mlp_norm")
IN_A_BLOCK = {
    "gpt2": {f"{part}.{kind}" for part in (*_COMMON, "mlp.up", "mlp.down") for kind in ("weight", "bias")},
    "llama": {f"{part}.weight" for part in (*_COMMON, "mlp.gate", "mlp.up", "mlp.down")},
}
IN_A_BLOCK["bert"] = IN_A_BLOCK["gpt2"]


def blocks(family: str, *numbers: int) -> set[str]:
    return {f"decoder.blocks.{number}.{name}" for number in numbers for name in IN_A_BLOCK[family]}


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def padded(table: TokenTable) -> tuple[Tensor, Tensor]:
    """All messages, padded to the table's full length, and their real lengths."""
    return torch.from_numpy(table.input_ids).long(), torch.from_numpy(table.lengths).long()


@pytest.mark.parametrize("family", NETWORKS)
def test_trained_parameters(family):
    classifier = make_classifier(NETWORKS[family])
    everything = HEAD | NORM[family] | blocks(family, 0, 1, 2) | EMBEDDINGS[family]
    expected = {
        "last_layer": (3, HEAD),
        "last_block": (2, HEAD | NORM[family] | blocks(family, 2)),
        "last_two_blocks": (1, HEAD | NORM[family] | blocks(family, 1, 2)),
        "last_blocks": (0, HEAD | NORM[family] | blocks(family, 0, 1, 2)),
        "all": (0, everything),
        "probe": (3, HEAD),
        "lora": (0, HEAD),  # and the adapters, which are yet to be attached
    }
    assert {name for name, _ in classifier.named_parameters()} == everything
    for trainable in (*TRAINABLE, *reversed(TRAINABLE)):  # whatever was chosen before
        freeze(classifier, trainable)
        assert (classifier.trunk_depth, set(trained_parameters(classifier))) == expected[trainable]


@pytest.mark.parametrize("family", NETWORKS)
def test_any_number_of_blocks_is_trained_and_the_two_names_are_cases_of_it(family):
    classifier = make_classifier(NETWORKS[family])
    found = {}
    for last in (1, 2, 3):
        freeze(classifier, "last_blocks", last)
        found[last] = classifier.trunk_depth, set(trained_parameters(classifier))
        assert found[last] == (3 - last, HEAD | NORM[family] | blocks(family, *range(3 - last, 3)))
    for last, name in ((1, "last_block"), (2, "last_two_blocks")):
        freeze(classifier, name)
        assert (classifier.trunk_depth, set(trained_parameters(classifier))) == found[last]


@pytest.mark.parametrize("family", NETWORKS)
def test_the_only_block_is_the_last_two(family):
    classifier = make_classifier(replace(NETWORKS[family], num_layers=1), trainable="last_two_blocks")
    assert set(trained_parameters(classifier)) == HEAD | NORM[family] | blocks(family, 0)


def answer_by_hand(classifier: Classifier, table: TokenTable) -> Tensor:
    """The head applied to the decoder's own output at the position, for each message by itself.

    Without padding, but for the book's position, which is at the end of the padded row.
    """
    answers = []
    for row, length in zip(*padded(table), strict=True):
        read = row if classifier.position == "last" else row[:length]
        hidden_states = classifier.decoder(read[None], classifier.causal)[0]
        match classifier.position:
            case "last" | "last_real":
                answers.append(hidden_states[-1])
            case "first":
                answers.append(hidden_states[0])
            case "mean":
                answers.append(hidden_states.mean(dim=0))
    return torch.stack(answers) @ classifier.head.weight.T + classifier.head.bias


@pytest.mark.parametrize("family", NETWORKS)
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("trainable", TRAINABLE)
def test_position_by_hand(family, position, causal, trainable):
    """Wherever the model is divided into trunk and tail."""
    config = NETWORKS[family]
    classifier, table = make_classifier(config, position, trainable, causal), make_table(9, config)
    logits = classifier(*padded(table))
    torch.testing.assert_close(logits, answer_by_hand(classifier, table), atol=1e-4, rtol=1e-4)
    assert logits.dtype == torch.float32


def test_positions_and_directions_are_told_apart():
    answers = [
        answer_by_hand(make_classifier(position=position, causal=causal), make_table(6))
        for position in POSITIONS
        for causal in (True, False)
    ]
    for number, one in enumerate(answers):
        for other in answers[:number]:
            assert (one - other).abs().max() > 1e-2


@settings(deadline=None, max_examples=60)
@given(
    family=st.sampled_from(sorted(NETWORKS)),
    position=st.sampled_from(POSITIONS),
    trainable=st.sampled_from(TRAINABLE),
    causal=st.booleans(),
    seed=st.integers(0, 1000),
    rows=st.lists(st.integers(0, 5), min_size=1, max_size=6),
)
def test_cutting_to_effective_lengths_changes_nothing(family, position, trainable, causal, seed, rows):
    config = NETWORKS[family]
    classifier = make_classifier(config, position, trainable, causal, seed=seed).double()
    table = make_table(6, config, seed=seed)
    whole = classifier(*padded(table))
    together = classifier(*TokenExamples(complete_model(classifier), table).inputs(torch.tensor(rows)))
    torch.testing.assert_close(together, whole[rows], atol=1e-5, rtol=1e-5)
    input_ids, lengths = padded(table)
    for row, length in enumerate(classifier.effective_lengths(lengths, table.max_length).tolist()):
        alone = classifier(input_ids[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(alone, whole[row : row + 1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("position", POSITIONS)
def test_padding_is_cut_wherever_attention_cannot_see_it(position):
    lengths = torch.tensor([3, 7], dtype=torch.int32)
    cut = {"last": [12, 12], "last_real": [3, 7], "first": [1, 1], "mean": [3, 7]}
    effective = make_classifier(position=position).effective_lengths(lengths, 12)
    assert effective.tolist() == cut[position] and effective.dtype == torch.int64
    both_ways = {"last": [12, 12], "last_real": [3, 7], "first": [3, 7], "mean": [3, 7]}
    classifier = make_classifier(position=position, causal=False)
    assert classifier.effective_lengths(lengths, 12).tolist() == both_ways[position]


@settings(deadline=None, max_examples=60)
@given(
    family=st.sampled_from(sorted(NETWORKS)),
    position=st.sampled_from([position for position in POSITIONS if position != "last"]),
    trainable=st.sampled_from(TRAINABLE),
    causal=st.booleans(),
    seed=st.integers(0, 1000),
    rows=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    columns=st.integers(0, 12),
    padding=st.integers(0, 49),
)
def test_an_answer_depends_on_the_message_alone(family, position, trainable, causal, seed, rows, columns, padding):
    """Not on how far it is padded, with what, or on the other messages of the batch."""
    config = NETWORKS[family]
    classifier = make_classifier(config, position, trainable, causal, seed=seed)
    table = make_table(6, config, seed=seed)
    expected = answer_by_hand(classifier, table)
    input_ids, lengths = padded(table)
    further = torch.cat([input_ids, torch.full((6, columns), padding)], dim=1)
    further[torch.arange(further.shape[1]) >= lengths[:, None]] = padding
    torch.testing.assert_close(classifier(further, lengths), expected, atol=1e-4, rtol=1e-4)
    model = complete_model(classifier)
    for examples in (TokenExamples(model, table), TrunkExamples.compute(model, table, "fp32", "")):
        together = classifier(*examples.inputs(torch.tensor(rows)))
        torch.testing.assert_close(together, expected[rows], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("causal", [True, False])
def test_the_books_position_reads_the_padding(causal):
    classifier, (input_ids, lengths) = make_classifier(position="last", causal=causal), padded(make_table(6))
    others = input_ids.where(torch.arange(12) < lengths[:, None], 7)
    difference = (classifier(others, lengths) - classifier(input_ids, lengths)).abs().amax(dim=1)
    assert ((difference > 1e-3) == (lengths < 12)).all()


def test_a_classifier_has_an_output_for_each_label():
    classifier, table = make_classifier(num_labels=3), make_table(9)
    logits = classifier(*padded(table))
    assert logits.shape == (9, 3)
    torch.testing.assert_close(logits, answer_by_hand(classifier, table), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", NETWORKS)
@pytest.mark.parametrize("trainable", TRAINABLE)
def test_the_trunks_tensors_are_those_that_the_tail_can_do_without(family, trainable):
    classifier, table = make_classifier(NETWORKS[family], trainable=trainable), make_table(5, NETWORKS[family])
    input_ids, lengths = padded(table)
    output = classifier.trunk(input_ids, lengths)
    before = classifier(output, lengths)
    for name, tensor in trunk_parameters(classifier).items():
        tensor.fill_(torch.nan)
        assert f"decoder.{name}" not in trained_parameters(classifier)
    assert torch.equal(classifier(output, lengths), before)
    assert classifier.trunk(input_ids, lengths).isnan().all() == (classifier.trunk_depth > 0)


@settings(deadline=None, max_examples=60)
@given(lengths=st.lists(st.integers(1, 50), max_size=40), most=st.integers(1, 200))
def test_batches_by_length_hold_each_row_once_and_no_more_tokens_than_allowed(lengths, most):
    batches = [batch.tolist() for batch in batches_by_length(torch.tensor(lengths, dtype=torch.int64), most)]
    rows = [row for batch in batches for row in batch]
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[row] for row in rows] == sorted(lengths, reverse=True)
    assert all(len(batch) == 1 or len(batch) * lengths[batch[0]] <= most for batch in batches)


def test_head_is_distributed_as_torch_draws_a_linear_layer():
    classifier = make_classifier(replace(GPT2, hidden_size=1024, num_layers=1))
    initialize_head(classifier, random_stream(5, "head"))
    with torch.random.fork_rng():
        torch.manual_seed(5)
        torchs = nn.Linear(1024, 2)
    assert ks_2samp(classifier.head.weight.flatten(), torchs.weight.flatten()).pvalue > 1e-3
    assert 0.99 * 1024**-0.5 < classifier.head.weight.abs().max() <= 1024**-0.5
    assert 0 < classifier.head.bias.abs().max() <= 1024**-0.5


def test_head_depends_on_its_seed_alone():
    def head(seed: int, threads: int, classifier: Classifier) -> Tensor:
        torch.rand(threads)
        with torch_threads(threads):
            reinitialize_head(classifier, seed)
        return torch.cat([classifier.head.weight.flatten(), classifier.head.bias])

    first = head(123, 1, make_classifier())
    assert torch.equal(first, head(123, 2, make_classifier(replace(LLAMA, num_layers=1), "mean", "all", seed=5)))
    assert not (first == head(124, 1, make_classifier())).any()


def test_random_streams_are_independent():
    purposes = [(seed, name) for seed in (0, 1, 2**32 - 1) for name in ("head", "batch order", "loss estimates")]
    draws = [torch.rand(8, generator=random_stream(*purpose)).tolist() for purpose in purposes]
    assert draws == [torch.rand(8, generator=random_stream(*purpose)).tolist() for purpose in purposes]
    assert len(set(map(tuple, draws))) == len(draws)


@pytest.mark.parametrize("family", NETWORKS)
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize(
    ("trainable", "last"),
    [("last_block", None), ("last_two_blocks", None), ("all", None), ("lora", None), ("lora", 1)],
)
def test_training_flops_are_those_that_torch_counts(family, position, trainable, last):
    classifier = make_classifier(NETWORKS[family], position, trainable, last=last).train()
    hidden_states = torch.randn(3, 5, classifier.decoder.config.hidden_size, requires_grad=trainable == "all")
    products = (torch.ops.aten.mm, torch.ops.aten.addmm)
    with torch.enable_grad(), FlopCounterMode(display=False) as counter:
        classifier.tail(hidden_states, torch.full((3,), 5)).sum().backward()
    counted = sum(amount for kind, amount in counter.get_flop_counts()["Global"].items() if kind in products)
    assert training_flops(classifier, examples=3, tokens=15) == counted
