"""The learning rate goes as transformers has it go, counted in updates."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import get_scheduler

from spampipe.training import schedule
from spampipe.training.settings import Schedule

SHAPES: tuple[Schedule, ...] = ("constant", "linear", "cosine")
THEIR_NAMES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}


@pytest.mark.parametrize("shape", SHAPES)
@given(updates=st.integers(1, 60), fraction=st.floats(0, 1, exclude_max=True))
def test_the_factors_are_those_of_transformers(shape: Schedule, updates: int, fraction: float) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    warmup = schedule.warmup_updates(updates, fraction)
    theirs = get_scheduler(THEIR_NAMES[shape], optimizer, num_warmup_steps=warmup, num_training_steps=updates)
    for update in range(updates):
        (expected,) = theirs.get_last_lr()
        assert schedule.factor(update, updates, shape, fraction) == pytest.approx(expected, abs=1e-12)
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize("shape", SHAPES)
@given(updates=st.integers(1, 10**6), fraction=st.floats(0, 1, exclude_max=True))
def test_every_training_reaches_the_full_rate(shape: Schedule, updates: int, fraction: float) -> None:
    warmup = schedule.warmup_updates(updates, fraction)
    assert 0 <= warmup < updates
    assert schedule.factor(warmup, updates, shape, fraction) == 1.0
    assert schedule.factor(0, updates, shape, fraction) == (0.0 if warmup else 1.0)


def test_a_constant_rate_is_not_changed_at_all() -> None:
    assert {schedule.factor(update, 7, "constant", 0.0) for update in range(7)} == {1.0}


@given(steps=st.integers(1, 200), epochs=st.integers(1, 9), accumulated=st.integers(1, 200))
def test_updates_are_counted_as_the_loop_makes_them(steps: int, epochs: int, accumulated: int) -> None:
    made = sum(number % accumulated == 0 or number == steps for number in range(1, steps + 1))
    assert schedule.updates_in(steps, epochs, accumulated) == epochs * made
