"""A short training on random messages. Quick to import, for programs of their own."""

from typing import Any

from spampipe.training.settings import TrainParams
from tests.support.tiny_models import make_table

SETTINGS = TrainParams(
    seed=11,
    epochs=2,
    batch_size=4,
    accumulation_steps=1,
    learning_rate=1e-3,
    schedule="constant",
    warmup_fraction=0.0,
    max_gradient_norm=None,
    weight_decay=0.1,
    class_weights="none",
    patience=None,
    prune_above=None,
    keep="last",
    eval_every_steps=1,
    eval_batches=2,
    precision="fp32",
    group_by_length=False,
    activation_checkpointing=False,
)
TRAIN, VALIDATION = make_table(19, seed=1), make_table(11, seed=2)


def settings(**changes: Any) -> TrainParams:
    return TrainParams(**{**SETTINGS.model_dump(), **changes})
