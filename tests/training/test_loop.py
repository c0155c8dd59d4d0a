"""The loop trains as the book's does, reproducibly, and changes what it should and nothing else."""

import logging
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from llms_from_scratch.ch04 import GPTModel
from llms_from_scratch.ch06 import train_classifier_simple
from torch import Tensor

from benchmarks.opponents import book_model
from spampipe.core.errors import DataError, DivergenceError
from spampipe.data import tokens
from spampipe.data.labels import EVEN, LabelSet, decide
from spampipe.data.tokens import TokenTable
from spampipe.models.backbone import random_state
from spampipe.models.classifier import Classifier, initialize_head
from spampipe.models.compute import random_stream
from spampipe.models.decoder import empty_decoder
from spampipe.models.freezing import freeze, trained_parameters
from spampipe.models.frozen_trunk import complete_model
from spampipe.models.weights import fill
from spampipe.params import TrainParams
from spampipe.training.batches import shuffled_batches
from spampipe.training.examples import Examples, TokenExamples, TrunkExamples, prepare
from spampipe.training.loop import fit
from spampipe.training.measures import over_all
from spampipe.training.tables import EPOCH_COLUMNS, STEP_COLUMNS, epochs_table, steps_table, summary
from spampipe.training.training_log import Record
from tests.support.label_sets import THREE, TWO
from tests.support.tiny_models import (
    BERT,
    FAMILIES,
    GPT2,
    LLAMA,
    NETWORKS,
    PADDING,
    make_classifier,
    make_table,
    torch_threads,
)
from tests.support.tiny_training import SETTINGS, TRAIN, VALIDATION, settings


def train(classifier: Classifier, how: TrainParams = SETTINGS, table: TokenTable = TRAIN) -> list[Record]:
    """Fit on the cheapest kind of examples, as the stage does."""
    splits = [prepare(complete_model(classifier), each, how.precision, "") for each in (table, VALIDATION)]
    return fit(classifier, *splits, settings=how)


def weights(classifier: Classifier) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in classifier.named_parameters()}


def losses(records: list[Record]) -> Tensor:
    return torch.tensor([(r.train, r.validation) for r in records if r.quantity == "loss"])


def assert_identical(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


# --- as the book ---------------------------------------------------------------------------------------------


class BookBatches:
    """A data loader for the book's loop that deals out the batches `fit` uses.

    The book goes through its training loader for an epoch, in the middle of that for a loss estimate, and after
    it for an accuracy. `fit` uses batches of their own for estimates and whole sets for accuracies.
    """

    def __init__(self, book: GPTModel, how: TrainParams) -> None:
        self._book, self._size = book, how.batch_size
        self._order, self._sampling = (random_stream(how.seed, name) for name in ("batch order", "loss estimates"))
        self.within_epoch = False

    def __len__(self) -> int:
        return len(TRAIN) // self._size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self._book.training:
            self.within_epoch = True
            yield from self._deal(self._order)
            self.within_epoch = False
        elif self.within_epoch:
            yield from self._deal(self._sampling)
        else:
            yield whole(TRAIN)

    def _deal(self, stream: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        input_ids, labels = whole(TRAIN)
        for batch in shuffled_batches(len(TRAIN), self._size, stream):
            yield input_ids[batch], labels[batch]


class BookValidationBatches:
    """The same for the validation messages: in order, an incomplete last batch included."""

    def __init__(self, training: BookBatches, how: TrainParams) -> None:
        self._training, self._size = training, how.batch_size

    def __len__(self) -> int:
        return math.ceil(len(VALIDATION) / self._size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        parts = [
            part.split(self._size if self._training.within_epoch else len(VALIDATION)) for part in whole(VALIDATION)
        ]
        yield from zip(*parts, strict=True)


def whole(table: TokenTable) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(table.input_ids).long(), torch.from_numpy(table.labels).long()


def as_the_book(classifier: Classifier, trainable: str, how: TrainParams) -> tuple[GPTModel, tuple[list[float], ...]]:
    """Section 6.5 to 6.7 for a copy of the classifier."""
    book = book_model(classifier.decoder, num_labels=2)
    book.out_head.load_state_dict(classifier.head.state_dict())
    if trainable == "last_block":
        for parameter in book.parameters():
            parameter.requires_grad = False
        for part in (book.out_head, book.trf_blocks[-1], book.final_norm):
            for parameter in part.parameters():
                parameter.requires_grad = True
    optimizer = torch.optim.AdamW(book.parameters(), lr=how.learning_rate, weight_decay=how.weight_decay)
    batches = BookBatches(book, how)
    validation = BookValidationBatches(batches, how)
    every, most = how.eval_every_steps, how.eval_batches
    device = torch.device("cpu")
    return book, train_classifier_simple(book, batches, validation, optimizer, device, how.epochs, every, most)


@pytest.mark.parametrize("trainable", ["last_block", "all"])
@pytest.mark.parametrize(("every", "most"), [(1, 2), (3, 100)])
def test_training_is_the_books(trainable, every, most, capsys, caplog):
    how = settings(epochs=6, eval_every_steps=every, eval_batches=most)
    classifier = make_classifier(GPT2, "last", trainable)
    book, (train_losses, validation_losses, train_shares, validation_shares, seen) = as_the_book(
        classifier, trainable, how
    )
    with logged(caplog):
        records = train(classifier, how)
    expected = torch.tensor([train_losses, validation_losses]).T
    assert expected[0, 0] - expected[-1, 0] > 0.05  # it did learn
    torch.testing.assert_close(losses(records), expected, atol=1e-4, rtol=1e-4)
    shares = [(r.train, r.validation) for r in records if r.quantity == "accuracy"]
    assert shares == list(zip(train_shares, validation_shares, strict=True))
    assert records[-1].examples_seen == seen
    ids = torch.from_numpy(VALIDATION.input_ids).long()
    with torch.no_grad():
        logits = classifier(ids, torch.from_numpy(VALIDATION.lengths).long())
        torch.testing.assert_close(logits, book(ids)[:, -1, :], atol=1e-3, rtol=1e-3)
    assert_same_lines(caplog.messages, capsys.readouterr().out.splitlines())


class logged:  # noqa: N801 - used like a function
    """Have caplog receive the loop's lines."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog, self._logger = caplog, logging.getLogger("spampipe.training.loop")

    def __enter__(self) -> None:
        self._before = self._logger.propagate, self._logger.level
        self._logger.propagate = False
        self._logger.setLevel(logging.INFO)
        self._logger.addHandler(self._caplog.handler)

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._caplog.handler)
        self._logger.propagate = self._before[0]
        self._logger.setLevel(self._before[1])


def assert_same_lines(ours: list[str], theirs: list[str]) -> None:
    """The same words and the same figures, apart from how the last digit was rounded."""
    figure = re.compile(r"\d+\.\d+")
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert figure.sub("#", our) == figure.sub("#", their)
        for one, other in zip(figure.findall(our), figure.findall(their), strict=True):
            assert len(one.split(".")[1]) == len(other.split(".")[1])
            assert float(one) == pytest.approx(float(other), abs=1.01e-3)


# --- examples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", NETWORKS)
@pytest.mark.parametrize("trainable", ["last_layer", "last_block", "last_two_blocks"])
@pytest.mark.parametrize("position", ["last", "last_real", "first", "mean"])
@pytest.mark.parametrize("causal", [True, False])
def test_stored_trunk_outputs_train_as_whole_runs_do(family, trainable, position, causal):
    records, logits = [], []
    for kind in (TokenExamples, lambda *split: TrunkExamples.compute(*split, "fp32", "")):
        classifier = make_classifier(NETWORKS[family], position, trainable, causal)
        splits = [kind(complete_model(classifier), table) for table in (TRAIN, VALIDATION)]
        records.append(fit(classifier, *splits, settings=settings(eval_every_steps=2)))
        rows = torch.tensor([5, 0, 5, 1])
        with torch.no_grad():
            logits.append(classifier(*splits[0].inputs(rows)))
    torch.testing.assert_close(losses(records[0]), losses(records[1]), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(logits[0], logits[1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("trainable", "dropout", "kind"),
    [
        ("last_layer", 0.0, TrunkExamples),
        ("last_block", 0.0, TrunkExamples),
        ("last_two_blocks", 0.0, TrunkExamples),
        ("last_block", 0.1, TokenExamples),
        ("all", 0.0, TokenExamples),
    ],
)
def test_trunk_outputs_are_stored_only_where_that_is_exact(trainable, dropout, kind):
    classifier = make_classifier(trainable=trainable, dropout=dropout)
    assert type(prepare(complete_model(classifier), TRAIN, "fp32", "")) is kind


# --- steps, batches and records ------------------------------------------------------------------------------


class Watched:
    """Examples that note which rows were trained on."""

    def __init__(self, classifier: Classifier, table: TokenTable = TRAIN) -> None:
        self._classifier, self._examples = classifier, TokenExamples(complete_model(classifier), table)
        self.labels, self.lengths = self._examples.labels, self._examples.lengths
        self.label_set = self._examples.label_set
        self.batches: list[list[int]] = []

    def inputs(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        if self._classifier.training:
            self.batches.append(indices.tolist())
        return self._examples.inputs(indices)


def watch(how: TrainParams, **of_classifier: Any) -> list[list[int]]:
    classifier = make_classifier(**of_classifier)
    watched = Watched(classifier)
    fit(classifier, watched, TokenExamples(complete_model(classifier), VALIDATION), settings=how)
    return watched.batches


def test_each_epoch_takes_every_message_at_most_once_in_whole_batches():
    batches = watch(settings(epochs=3))
    assert [len(batch) for batch in batches] == [4] * (3 * (19 // 4))
    epochs = [sum(batches[start : start + 4], []) for start in (0, 4, 8)]  # noqa: RUF017 - few
    assert all(len(set(epoch)) == 16 and set(epoch) <= set(range(19)) for epoch in epochs)
    assert epochs[0] != epochs[1] and set().union(*epochs) == set(range(19))
    fitting = sum(watch(settings(epochs=1, batch_size=19)), [])  # noqa: RUF017 - few
    assert sorted(fitting) == list(range(19)) != fitting


@pytest.mark.parametrize(
    "changes", [{"eval_every_steps": 3}, {"eval_batches": 1}, {"learning_rate": 0.1}, {"accumulation_steps": 3}]
)
def test_the_batch_order_depends_on_the_seed_alone(changes):
    expected = watch(SETTINGS)
    assert watch(settings(**changes)) == expected
    assert watch(SETTINGS, config=LLAMA, trainable="all", dropout=0.1, seed=9) == expected
    assert watch(settings(seed=12)) != expected


def test_the_batch_order_does_not_depend_on_the_number_of_threads():
    how = settings(epochs=1, eval_every_steps=100, eval_batches=1)
    with torch_threads(2):
        ordered = watch(how)
    assert ordered == watch(how)


@given(
    examples=st.integers(1, 300),
    batch_size=st.integers(1, 20),
    seed=st.integers(0, 1000),
    lengths=st.lists(st.integers(1, 50), min_size=300, max_size=300),
)
def test_grouped_batches_hold_each_message_once_and_messages_of_like_length(examples, batch_size, seed, lengths):
    of_rows = torch.tensor(lengths[:examples])
    plain, grouped, again = (
        list(shuffled_batches(examples, batch_size, torch.Generator().manual_seed(seed), by))
        for by in (None, of_rows, of_rows)
    )
    assert [batch.tolist() for batch in grouped] == [batch.tolist() for batch in again]
    assert {len(batch) for batch in grouped} <= {batch_size} and len(grouped) == len(plain)
    rows = [row for batch in grouped for row in batch.tolist()]
    assert len(set(rows)) == len(rows)
    assert sorted(rows) == sorted(row for batch in plain for row in batch.tolist())
    if len(grouped) <= 32:  # one group: batches do not overlap in length
        ranges = sorted((int(of_rows[batch].min()), int(of_rows[batch].max())) for batch in grouped)
        assert all(low[1] <= high[0] for low, high in pairwise(ranges))


def test_grouping_by_length_changes_the_batches_and_not_the_messages():
    plain, grouped = watch(settings(epochs=1)), watch(settings(epochs=1, group_by_length=True))
    assert sorted(sum(plain, [])) == sorted(sum(grouped, []))  # noqa: RUF017 - few
    padding = [sum(int(TRAIN.lengths[batch].max()) for batch in batches) for batches in (plain, grouped)]
    assert padding[1] < padding[0]


@pytest.mark.parametrize("config", [LLAMA, BERT], ids=["llama", "bert"])
@pytest.mark.parametrize("trainable", ["last_block", "all"])
def test_activation_checkpointing_changes_no_result(trainable, config):
    ends, records = [], []
    for checkpointing in (False, True):
        classifier = make_classifier(config, trainable=trainable, dropout=0.1)
        records.append(train(classifier, settings(activation_checkpointing=checkpointing)))
        ends.append(weights(classifier))
    assert_identical(*ends)
    assert records[0] == records[1]


def test_activation_checkpointing_keeps_less_for_the_backward_pass():
    kept = []
    for checkpointing in (False, True):
        classifier = make_classifier(trainable="all")
        classifier.decoder.activation_checkpointing = checkpointing
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, sizes=sizes: sizes.append(t.numel()) or t, lambda t: t
        ):
            classifier(*TokenExamples(complete_model(classifier), TRAIN).inputs(torch.arange(8)))
        kept.append(sum(sizes))
    assert kept[1] < kept[0] / 2


def test_estimates_do_not_influence_the_weights():
    for dropout in (0.0, 0.2):
        ends = []
        for every in (1, 5):
            classifier = make_classifier(dropout=dropout)
            train(classifier, settings(eval_every_steps=every))
            ends.append(weights(classifier))
        assert_identical(*ends)


def test_records_lines_and_tables(caplog):
    heard: list[Record] = []
    classifier = make_classifier()
    splits = [TokenExamples(complete_model(classifier), table) for table in (TRAIN, VALIDATION)]
    with logged(caplog):
        records = fit(classifier, *splits, settings=settings(epochs=3, eval_every_steps=5), listen=heard.append)
    assert heard == records and not classifier.training
    # 4 steps an epoch; an estimate after steps 0, 5 and 10, an accuracy after steps 3, 7 and 11.
    timeline = [(r.quantity, r.step, r.epoch, r.examples_seen) for r in records]
    assert timeline == [
        ("loss", 0, 0.25, 4),
        ("accuracy", 3, 1.0, 16),
        ("loss", 5, 1.5, 24),
        ("accuracy", 7, 2.0, 32),
        ("loss", 10, 2.75, 44),
        ("accuracy", 11, 3.0, 48),
    ]
    assert all(r.train * 19 == pytest.approx(round(r.train * 19)) for r in records if r.quantity == "accuracy")
    estimate = r"Ep {} \(Step {:06d}\): Train loss \d\.\d{{3}}, Val loss \d\.\d{{3}}"
    shares = r"Training accuracy: \d+\.\d\d% \| Validation accuracy: \d+\.\d\d%"
    patterns = [estimate.format(1, 0), shares, estimate.format(2, 5), shares, estimate.format(3, 10), shares]
    assert len(caplog.messages) == 6
    for pattern, line in zip(patterns, caplog.messages, strict=True):
        assert re.fullmatch(pattern, line), line
    steps, epochs = steps_table(records), epochs_table(records)
    assert steps.dtypes.astype(str).to_dict() == STEP_COLUMNS
    assert epochs.dtypes.astype(str).to_dict() == EPOCH_COLUMNS
    rows = [[r.step, r.epoch, r.examples_seen, r.tokens_seen, 0.001, r.train, r.validation] for r in records]
    assert steps.values.tolist() == rows[::2]
    losses_and_kept = [[r.train_loss, r.validation_loss, r is records[-1]] for r in records]
    assert epochs.values.tolist() == [row + more for row, more in zip(rows, losses_and_kept, strict=True)][1::2]
    assert summary(records) == {
        "train_loss": records[4].train,
        "validation_loss": records[4].validation,
        "train_accuracy": records[5].train,
        "validation_accuracy": records[5].validation,
        "steps": 12,
        "examples_seen": 48,
    }
    figures = {"train/loss": records[4].train, "validation/loss": records[4].validation, "learning_rate": 0.001}
    assert records[4].metrics() == figures
    tokens = [record.tokens_seen for record in records]
    assert tokens == sorted(set(tokens))
    assert tokens[-1] > 48  # every message has several


@pytest.mark.parametrize("threshold_matters", [False, True])
def test_accuracies_are_of_labels_as_they_are_decided_everywhere(threshold_matters):
    """Three labels, of which one may be positive: then it is given from even odds on, and otherwise another."""
    labels = LabelSet(names=THREE.names, positive="yes" if threshold_matters else None)
    classifier, table = make_classifier(num_labels=3, seed=4), make_table(60, seed=6, labels=labels)
    with torch.no_grad():
        classifier.head.bias += torch.tensor([0.0, 0.5, 0.0])
        inputs = [torch.from_numpy(part).long() for part in (table.input_ids, table.lengths)]
        probabilities = classifier(*inputs).softmax(dim=-1).double().numpy()
    decided = probabilities.argmax(axis=1)
    by_rule = decide(probabilities, labels, EVEN)
    assert (decided != by_rule).any() == threshold_matters
    examples = prepare(complete_model(classifier), table, "fp32", "")
    assert over_all(classifier, examples, "fp32").accuracy == (by_rule == table.labels).mean()


def test_three_labels_are_learned():
    config = replace(GPT2, num_layers=1)
    labels = [0, 1, 2] * 12
    generator = torch.Generator().manual_seed(3)
    rows = [(torch.randint(1, 17, (6,), generator=generator) + 16 * label).tolist() for label in labels]
    table = tokens.pad(rows, labels, 8, PADDING, THREE)
    classifier = make_classifier(config, trainable="all", num_labels=3)
    examples = TokenExamples(complete_model(classifier), table)
    records = fit(classifier, examples, examples, settings(epochs=12, learning_rate=3e-3, eval_batches=100))
    assert losses(records)[-1, 0] < 0.05 < losses(records)[0, 0]
    assert records[-1].train == 1.0


@pytest.mark.parametrize("accumulated", [2, 4])
def test_accumulated_small_batches_are_one_large_batch(accumulated):
    table = make_table(32, LLAMA, seed=3)
    ends, finals = [], []
    for how in (
        settings(batch_size=8, epochs=3, eval_batches=100),
        settings(batch_size=8 // accumulated, accumulation_steps=accumulated, epochs=3, eval_batches=100),
    ):
        classifier = make_classifier(LLAMA)
        records = train(classifier, how, table)
        ends.append(weights(classifier))
        finals.append([r for r in records if r.step == records[-1].step])
    for name, expected in ends[0].items():
        torch.testing.assert_close(ends[1][name], expected, atol=2e-5, rtol=1e-4, msg=name)
    assert finals[0][-1].examples_seen == finals[1][-1].examples_seen == 96
    assert finals[0][0].train == pytest.approx(finals[1][0].train, abs=1e-4)  # over all messages


def test_an_epochs_incomplete_accumulation_is_used():
    """4 steps an epoch, 3 of them for the first update and the last alone for the second."""
    classifier = make_classifier(LLAMA)
    seen: dict[int, Tensor] = {}
    splits = [TokenExamples(complete_model(classifier), table) for table in (TRAIN, VALIDATION)]
    fit(
        classifier,
        *splits,
        settings=settings(accumulation_steps=3),
        listen=lambda record: seen.setdefault(record.step, classifier.head.weight.detach().clone()),
    )
    changed = [step for step in range(1, 8) if not torch.equal(seen[step], seen[step - 1])]
    assert changed == [2, 3, 6, 7]


# --- what changes, and how far it can be trusted -------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("trainable", ["last_layer", "last_block", "last_two_blocks", "all"])
def test_training_changes_the_trained_tensors_alone(family, trainable):
    classifier = make_classifier(FAMILIES[family], trainable=trainable)
    before, trained = weights(classifier), set(trained_parameters(classifier))
    train(classifier)
    changed = {name for name, tensor in weights(classifier).items() if not torch.equal(tensor, before[name])}
    assert changed == trained == set(trained_parameters(classifier))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("trainable", "dropout"), [("last_block", 0.0), ("all", 0.2)])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(precision, trainable, dropout):
    ends, records = [], []
    for seed in (11, 11, 12):
        classifier = make_classifier(LLAMA, trainable=trainable, dropout=dropout)
        torch.rand(len(ends))  # what was drawn before does not matter
        records.append(train(classifier, settings(seed=seed, precision=precision)))
        ends.append(weights(classifier))
    assert_identical(ends[0], ends[1])
    assert records[0] == records[1] != records[2]
    assert not torch.equal(ends[0]["head.weight"], ends[2]["head.weight"])


@pytest.mark.parametrize("trainable", ["last_block", "all"])
def test_bfloat16_trains_float32_weights_to_nearly_the_same_losses(trainable):
    runs = []
    for precision in ("fp32", "bf16"):
        classifier = make_classifier(trainable=trainable)
        runs.append(losses(train(classifier, settings(precision=precision))))
        assert {tensor.dtype for tensor in classifier.parameters()} == {torch.float32}
    torch.testing.assert_close(runs[1], runs[0], atol=0.05, rtol=0.05)
    assert not torch.equal(*runs)


def test_too_few_messages_for_a_batch():
    classifier = make_classifier()
    with pytest.raises(DataError, match=r"^19 training messages are fewer than one batch of 20; .*batch_size.*$"):
        train(classifier, settings(batch_size=20))


def test_too_few_steps_for_an_update():
    with pytest.raises(
        DataError, match=r"^19 training messages make 4 steps an epoch, fewer than the 5 of one update;"
    ):
        train(make_classifier(), settings(accumulation_steps=5))


@pytest.mark.parametrize("every", [1, 1000])
@pytest.mark.parametrize("trainable", ["last_layer", "all"])
def test_divergence_is_noticed_however_rare_the_estimates(trainable, every):
    how = settings(learning_rate=1e38, eval_every_steps=every, accumulation_steps=2)  # all is well after step 0
    classifier, heard = make_classifier(trainable=trainable), []
    splits = [TokenExamples(complete_model(classifier), table) for table in (TRAIN, VALIDATION)]
    with pytest.raises(DivergenceError, match=r"^[^\n]*train\.learning_rate[^\n]*$"):
        fit(classifier, *splits, settings=how, listen=heard.append)
    assert [record.step for record in heard] == [0] and losses(heard).isfinite().all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("position", ["last", "last_real", "mean"])
def test_a_small_model_learns_to_tell_two_vocabularies_apart(family, position):
    config = replace(FAMILIES[family], num_layers=2)
    generator = torch.Generator().manual_seed(3)
    labels = [0, 1] * 20
    rows = [(torch.randint(1, 25, (6,), generator=generator) + 25 * label).tolist() for label in labels]
    table = tokens.pad(rows, labels, 8, PADDING, TWO)
    decoder = fill(empty_decoder(config), random_state(empty_decoder(config), generator), "random weights")
    classifier = Classifier(decoder, 2, position, causal=True)
    freeze(classifier, "all")
    initialize_head(classifier, generator)
    examples: Examples = TokenExamples(complete_model(classifier), table)
    how = settings(epochs=12, batch_size=8, learning_rate=3e-3, eval_batches=100)
    records = fit(classifier, examples, examples, settings=how)
    assert losses(records)[0, 0] > 0.3
    assert losses(records)[-1, 0] < 0.05
    assert records[-1].train == 1.0
