"""What a user can choose about the course of a training does what it says, and nothing while it is off."""

import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from spampipe.core.errors import DivergenceError
from spampipe.data import tokens
from spampipe.models.classifier import Classifier
from spampipe.models.compute import random_stream
from spampipe.models.freezing import trained_parameters
from spampipe.models.frozen_trunk import complete_model
from spampipe.training import losses, schedule, tables
from spampipe.training.batches import shuffled_batches
from spampipe.training.early_stopping import EarlyStopping
from spampipe.training.examples import TokenExamples
from spampipe.training.loop import fit
from spampipe.training.measures import over_all
from spampipe.training.settings import TrainParams
from spampipe.training.training_log import Record
from tests.support.label_sets import TWO
from tests.support.tiny_models import LLAMA, PADDING, make_classifier
from tests.support.tiny_training import TRAIN, VALIDATION, settings

LATE = {"learning_rate": 0.03, "epochs": 7}  # so high a rate that validation turns early


def examples_of(classifier: Classifier) -> list[TokenExamples]:
    return [TokenExamples(complete_model(classifier), table) for table in (TRAIN, VALIDATION)]


def train(how: TrainParams, **of_classifier: Any) -> tuple[Classifier, list[Record]]:
    classifier = make_classifier(**of_classifier)
    return classifier, fit(classifier, *examples_of(classifier), settings=how)


def tensors(classifier: Classifier) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in classifier.named_parameters()}


def assert_same(one: Classifier, other: Classifier) -> None:
    first, second = tensors(one), tensors(other)
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def of_epochs(records: list[Record]) -> list[Record]:
    return [record for record in records if record.quantity == "accuracy"]


# --- beside a loop in plain torch ----------------------------------------------------------------------------


def plainly(
    how: TrainParams, classifier: Classifier, loss_of: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy
) -> Classifier:
    """Train as torch's own documents do, on the batches that `fit` takes."""
    (examples, _), order = examples_of(classifier), random_stream(how.seed, "batch order")
    trained = list(trained_parameters(classifier).values())
    optimizer = torch.optim.AdamW(trained, lr=how.learning_rate, weight_decay=how.weight_decay, fused=True)
    updates = schedule.updates_in(len(TRAIN) // how.batch_size, how.epochs, 1)
    shape = (updates, how.schedule, how.warmup_fraction)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda update: schedule.factor(update, *shape))
    classifier.train()
    for _ in range(how.epochs):
        for batch in shuffled_batches(len(TRAIN), how.batch_size, order):
            loss_of(classifier(*examples.inputs(batch)), examples.labels[batch]).backward()
            if how.max_gradient_norm is not None:
                torch.nn.utils.clip_grad_norm_(trained, how.max_gradient_norm)
            optimizer.step()
            optimizer.zero_grad()
            rates.step()
    return classifier


@pytest.mark.parametrize("trainable", ["last_block", "all"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"schedule": "linear", "warmup_fraction": 0.3},
        {"schedule": "cosine"},
        {"schedule": "constant", "warmup_fraction": 0.5},
        {"max_gradient_norm": 0.05},
    ],
)
def test_training_is_that_of_a_plain_loop_bit_for_bit(trainable, changes):
    how = settings(epochs=3, **changes)
    trained, _ = train(how, trainable=trainable)
    assert_same(trained, plainly(how, make_classifier(trainable=trainable)))


def test_balanced_classes_are_trained_on_with_torchs_weighted_loss():
    how = settings(epochs=3, class_weights="balanced")
    weights = losses.class_weights(torch.from_numpy(TRAIN.labels).long(), 2, "balanced")
    assert weights is not None and weights[0] != weights[1]
    trained, records = train(how)
    assert_same(trained, plainly(how, make_classifier(), lambda *pair: functional.cross_entropy(*pair, weights)))
    plain, _ = train(settings(epochs=3))
    assert not torch.equal(trained.head.weight, plain.head.weight)
    whole = [over_all(trained, examples, "fp32", weights).loss for examples in examples_of(trained)]
    assert [records[-1].train_loss, records[-1].validation_loss] == whole


def test_estimated_losses_are_weighted_as_well():
    how = settings(class_weights="balanced", batch_size=19, eval_batches=100, epochs=1)
    _, (estimate, whole) = train(how)  # one step, whose estimate is of all texts
    assert estimate.train == pytest.approx(whole.train_loss, abs=1e-6)
    assert estimate.validation == pytest.approx(whole.validation_loss, abs=1e-6)


# --- the learning rate and the gradients ---------------------------------------------------------------------


@pytest.mark.parametrize("accumulated", [1, 3])
def test_the_recorded_rate_is_that_of_the_update_a_step_belongs_to(accumulated):
    """Of 4 steps an epoch: each an update, or 3 of them one and the last another."""
    how = settings(epochs=3, accumulation_steps=accumulated, schedule="linear", warmup_fraction=0.4)
    _, records = train(how)
    numbers = range(12) if accumulated == 1 else [0, 0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5]
    total = 12 if accumulated == 1 else 6
    expected = [0.001 * schedule.factor(number, total, "linear", 0.4) for number in numbers]
    assert [record.learning_rate for record in records if record.quantity == "loss"] == expected
    assert [record.learning_rate for record in of_epochs(records)] == expected[3::4]


def test_a_bound_that_no_gradient_reaches_changes_nothing():
    bounded, _ = train(settings(max_gradient_norm=1e6))
    free, _ = train(settings())
    assert_same(bounded, free)


def test_the_bound_is_on_the_gradients_of_a_whole_update():
    """So small batches whose gradients are summed are bounded as one large batch is."""
    table_size = 16
    ends = []
    for batch_size, steps in ((8, 1), (4, 2)):
        how = settings(
            batch_size=batch_size, accumulation_steps=steps, max_gradient_norm=0.05, epochs=2, learning_rate=1e-2
        )
        classifier = make_classifier(LLAMA)
        table = TRAIN.rows(slice(table_size))
        train_examples = TokenExamples(complete_model(classifier), table)
        fit(classifier, train_examples, examples_of(classifier)[1], settings=how)
        ends.append(tensors(classifier))
    for name, expected in ends[0].items():
        torch.testing.assert_close(ends[1][name], expected, atol=2e-5, rtol=1e-4, msg=name)


# --- early stopping ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole_run() -> list[Record]:
    """A training that nothing ends early, and that is best in its midst."""
    _, records = train(settings(**LATE))
    best = tables.kept_epoch(records, "best")
    assert 0 <= best < 4
    return records


@pytest.mark.parametrize("trainable", ["last_layer", "all"])
def test_the_best_epochs_tensors_are_kept_to_the_bit(trainable):
    kept, records = train(settings(**LATE, keep="best"), trainable=trainable)
    epochs = of_epochs(records)
    best = tables.kept_epoch(records, "best")
    assert len(epochs) == 7 and best < 6
    shorter, before = train(settings(**LATE | {"epochs": best + 1}), trainable=trainable)
    assert_same(kept, shorter)
    assert records[: len(before)] == before
    _, validation = examples_of(kept)
    assert over_all(kept, validation, "fp32").loss == epochs[best].validation_loss
    assert not kept.training and epochs[best].validation_loss == min(epoch.validation_loss for epoch in epochs)


@pytest.mark.parametrize("patience", [1, 2])
@pytest.mark.parametrize("keep", ["last", "best"])
def test_training_ends_after_as_many_epochs_without_a_lower_loss(whole_run, patience, keep):
    following = [record.validation_loss for record in of_epochs(whole_run)]
    stop = next(
        number
        for number in range(len(following))
        if number - following.index(min(following[: number + 1])) >= patience
    )
    assert stop + 1 < 7
    stopped, records = train(settings(**LATE, patience=patience, keep=keep))
    assert records == [record for record in whole_run if record.epoch <= stop + 1]
    wanted = stop if keep == "last" else tables.kept_epoch(records, "best")
    shorter, _ = train(settings(**LATE | {"epochs": wanted + 1}))
    assert_same(stopped, shorter)
    assert tables.summary(records, keep)["steps"] == 4 * (stop + 1)


def test_a_stop_is_told(whole_run, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("spampipe"), "propagate", True)
    with caplog.at_level(logging.INFO):
        _, records = train(settings(**LATE, patience=1))
    ended, best = len(of_epochs(records)), tables.kept_epoch(records, "best") + 1
    assert caplog.messages[-1] == f"Stopped after epoch {ended}: the validation loss was lowest after epoch {best}"


@pytest.mark.parametrize("keep", ["last", "best"])
def test_training_ends_after_an_epoch_whose_loss_is_above_its_limit(whole_run, keep):
    losses = [record.validation_loss for record in of_epochs(whole_run)]
    _, same = train(settings(**LATE, prune_above=losses, keep=keep))  # as high as the limit is not above it
    _, short = train(settings(**LATE, prune_above=losses[:2], keep=keep))  # later epochs have none
    assert same == short == whole_run
    limits = [losses[0], losses[1], losses[2] * 0.999, 0.0]
    stopped, records = train(settings(**LATE, prune_above=limits, keep=keep))
    assert records == [record for record in whole_run if record.epoch <= 3]
    wanted = 2 if keep == "last" else tables.kept_epoch(records, "best")
    assert_same(stopped, train(settings(**LATE | {"epochs": wanted + 1}))[0])


def test_patience_counts_epochs_since_the_lowest_loss():
    tensor = torch.zeros(2)
    stopping = EarlyStopping({"tensor": tensor}, settings(patience=2, keep="best"))
    answers = []
    for epoch, loss in enumerate([3.0, 2.0, 2.5, 1.0, 1.0, 1.5]):  # as low as the lowest is not lower
        tensor.fill_(epoch)
        answers.append(stopping.add(epoch, loss))
    assert answers == [False] * 5 + [True] and stopping.best_epoch == 3
    stopping.restore()
    assert tensor.tolist() == [3.0, 3.0]


def test_the_last_epochs_tensors_stay_as_they_are():
    tensor = torch.zeros(2)
    stopping = EarlyStopping({"tensor": tensor}, settings(patience=1, keep="last"))
    stopping.add(0, 1.0)
    stopping.add(1, 2.0)
    tensor.fill_(7)
    stopping.restore()
    assert tensor.tolist() == [7.0, 7.0]


def test_a_loss_over_a_whole_set_that_is_no_number_ends_the_training():
    """The trained tensors can be finite while a validation text that no estimate looks at has no loss."""
    classifier, unknown = make_classifier(), 49
    with torch.no_grad():
        classifier.decoder.token_embedding.weight[unknown] = math.nan
    rows = [[3, 5, 7]] * 12
    tables_of = (tokens.pad(each, [0, 1] * 6, 4, PADDING, TWO) for each in (rows, [*rows[:-1], [unknown]]))
    examples = [TokenExamples(complete_model(classifier), table) for table in tables_of]
    heard: list[Record] = []
    with pytest.raises(DivergenceError, match=r"^the loss is 0\.\d+ on train and nan on validation; lower train\."):
        fit(classifier, *examples, settings=settings(epochs=1, eval_batches=1), listen=heard.append)
    assert [record.quantity for record in heard] == ["loss"] * 3
