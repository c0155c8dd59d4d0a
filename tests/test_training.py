"""The loop against the book's own, the reuse of frozen layers, and what users rely on."""

import logging
from collections.abc import Iterator

import pytest
import torch
from llms_from_scratch.ch06 import train_classifier_simple
from torch import Tensor

from spampipe.compute import random_stream
from spampipe.errors import DataError, DivergenceError
from spampipe.examples import TokenExamples, TrunkExamples, prepare
from spampipe.params import TrainParams
from spampipe.training import fit, shuffled_batches
from spampipe.training_log import Record, epochs_table, steps_table, summary
from tests.tiny_models import FAMILIES, GPT2, book_model, make_classifier, make_table, torch_threads

SETTINGS = TrainParams(
    seed=7,
    epochs=3,
    batch_size=4,
    accumulation_steps=1,
    learning_rate=1e-3,
    weight_decay=0.1,
    eval_every_steps=3,
    eval_batches=2,
    precision="fp32",
)
TRAIN, VALIDATION = make_table(30, seed=1), make_table(10, seed=2)


def changed(**changes: object) -> TrainParams:
    return SETTINGS.model_copy(update=changes)


def train(classifier, settings=SETTINGS, reuse=True, train_table=TRAIN) -> list[Record]:
    splits = []
    for name, table in (("train", train_table), ("validation", VALIDATION)):
        splits.append(prepare(classifier, table, "fp32", name) if reuse else TokenExamples(classifier, table))
    return fit(classifier, *splits, settings)


def losses(records: list[Record]) -> Tensor:
    return torch.tensor([(r.train, r.validation) for r in records if r.quantity == "loss"], dtype=torch.float64)


class BookLoader:
    """Serves the book's loop our batches: epochs in our order, and to estimates of the loss our samples.

    The book iterates its training loader for an epoch, within that for each estimate, and after it for accuracy.
    """

    def __init__(self, table, settings: TrainParams | None) -> None:
        self._ids, self._labels = torch.from_numpy(table.input_ids).long(), torch.from_numpy(table.labels).long()
        self._settings, self._training, self._epoch_done = settings, False, False
        if settings is not None:
            self._order = random_stream(settings.seed, "batch order")
            self._sampling = random_stream(settings.seed, "loss estimates")

    def __len__(self) -> int:
        return len(self._ids) // 4

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self._settings is None:
            batches: Iterator[Tensor] = iter(torch.arange(len(self._ids)).split(4))
        elif self._training:
            batches = shuffled_batches(len(self._ids), 4, self._sampling)
        elif self._epoch_done:  # the accuracy after an epoch, which this test leaves aside
            self._epoch_done = False
            batches = iter(torch.arange(len(self._ids)).split(4))
        else:
            yield from self._epoch()
            return
        for batch in batches:
            yield self._ids[batch], self._labels[batch]

    def _epoch(self) -> Iterator[tuple[Tensor, Tensor]]:
        self._training = True
        for batch in shuffled_batches(len(self._ids), 4, self._order):
            yield self._ids[batch], self._labels[batch]
        self._training, self._epoch_done = False, True


@pytest.mark.parametrize("trainable", ["last_block", "all"])
def test_losses_are_the_books(trainable):
    classifier = make_classifier(GPT2, "last", trainable)
    book = book_model(classifier.decoder, num_labels=2)
    book.requires_grad_(trainable == "all")
    for module in (book.trf_blocks[-1], book.final_norm, book.out_head):
        module.requires_grad_(True)
    with torch.no_grad():
        book.out_head.weight.copy_(classifier.head.weight)
        book.out_head.bias.copy_(classifier.head.bias)
    optimizer = torch.optim.AdamW(
        [tensor for tensor in book.parameters() if tensor.requires_grad], lr=1e-3, weight_decay=0.1
    )
    train_losses, validation_losses, *_ = train_classifier_simple(
        *(book, BookLoader(TRAIN, SETTINGS), BookLoader(VALIDATION, None), optimizer, torch.device("cpu")),
        num_epochs=SETTINGS.epochs,
        eval_freq=SETTINGS.eval_every_steps,
        eval_iter=SETTINGS.eval_batches,
    )
    expected = torch.tensor([train_losses, validation_losses], dtype=torch.float64).T
    ours = losses(train(classifier))
    assert len(ours) == 7
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)
    assert (ours[0] - ours[-1]).abs().max() > 0.01  # something was learned, so the equality says something


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("position", ["last", "last_real", "first", "mean"])
@pytest.mark.parametrize("trainable", ["last_layer", "last_block", "last_two_blocks"])
def test_reusing_the_trunk_changes_no_loss(family, position, trainable):
    reused = losses(train(make_classifier(FAMILIES[family], position, trainable)))
    plain = losses(train(make_classifier(FAMILIES[family], position, trainable), reuse=False))
    torch.testing.assert_close(reused, plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("classifier", "kind"),
    [
        (make_classifier(trainable="last_block"), TrunkExamples),
        (make_classifier(trainable="all"), TokenExamples),
        (make_classifier(trainable="last_block", dropout=0.1), TokenExamples),
    ],
    ids=["frozen trunk", "no trunk", "dropout in the trunk"],
)
def test_trunk_is_reused_only_where_exact(classifier, kind):
    assert type(prepare(classifier, TRAIN, "fp32", "train")) is kind


def test_same_seed_same_bytes_and_frozen_tensors_stay():
    before = make_classifier().state_dict()
    first, second = make_classifier(), make_classifier()
    train(first)
    train(second)
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name
        assert torch.equal(tensor, before[name]) == (name not in first.trained_parameters()), name


def test_dropout_is_reproducible_too():
    first, second, other = (make_classifier(dropout=0.2) for _ in range(3))
    train(first)
    train(second)
    train(other, changed(seed=8))
    assert torch.equal(first.head.weight, second.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_when_losses_are_estimated_does_not_change_the_model():
    often, seldom = make_classifier(), make_classifier()
    train(often, changed(eval_every_steps=1, eval_batches=5))
    train(seldom, changed(eval_every_steps=1000))
    assert torch.equal(often.head.weight, seldom.head.weight)


def test_batch_order_does_not_depend_on_threads():
    with torch_threads(1):
        one = list(shuffled_batches(103, 8, random_stream(1, "batch order")))
    with torch_threads(2):
        two = list(shuffled_batches(103, 8, random_stream(1, "batch order")))
    assert all(map(torch.equal, one, two))
    assert len(one) == 12  # the incomplete thirteenth is dropped
    assert len(torch.cat(one).unique()) == 96


@pytest.mark.parametrize("accumulation_steps", [2, 4])
def test_accumulated_gradients_are_those_of_the_larger_batch(accumulation_steps):
    table = make_table(32, seed=1)
    small, large = make_classifier(), make_classifier()
    train(small, changed(accumulation_steps=accumulation_steps), train_table=table)
    train(large, changed(batch_size=4 * accumulation_steps), train_table=table)
    torch.testing.assert_close(small.head.weight, large.head.weight, atol=1e-5, rtol=1e-4)


def test_records_and_the_books_lines(caplog):
    logging.getLogger("spampipe").propagate = True
    with caplog.at_level(logging.INFO, logger="spampipe"):
        records = train(make_classifier())
    assert [(r.step, r.examples_seen) for r in records if r.quantity == "loss"] == [
        (step, 4 * (step + 1)) for step in range(0, 21, 3)
    ]
    assert [(r.epoch, r.examples_seen) for r in records if r.quantity == "accuracy"] == [(1, 28), (2, 56), (3, 84)]
    first, last = records[0], records[-1]
    assert f"Ep 1 (Step 000000): Train loss {first.train:.3f}, Val loss {first.validation:.3f}" in caplog.messages
    expected = f"Training accuracy: {100 * last.train:.2f}% | Validation accuracy: {100 * last.validation:.2f}%"
    assert caplog.messages[-1] == expected
    assert (len(steps_table(records)), len(epochs_table(records))) == (7, 3)
    assert summary(records)["steps"] == 21


def test_a_separable_toy_set_is_learned():
    table = make_table(40, seed=3)
    table.input_ids[:, 0] = 1 + table.labels  # the first token tells
    classifier = make_classifier(position="mean", trainable="all")
    assert train(classifier, changed(epochs=12, learning_rate=3e-3), train_table=table)[-1].train == 1.0


def test_too_few_messages_for_a_batch():
    with pytest.raises(
        DataError, match=r"30 training messages are fewer than one batch of 31; lower train.batch_size"
    ):
        train(make_classifier(), changed(batch_size=31))


def test_divergence_is_an_error():
    with pytest.raises(DivergenceError, match=r"lower train.learning_rate"):
        train(make_classifier(trainable="all"), changed(learning_rate=1e30))
