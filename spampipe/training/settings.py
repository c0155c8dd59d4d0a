"""The section of params.yaml about the training loop."""

from typing import Annotated

from pydantic import Field

from spampipe.core.section import Count, Real, Section, Seed
from spampipe.models.choices import Precision
from spampipe.training.choices import ClassWeights, Keep, Schedule


class TrainParams(Section):
    """The training loop."""

    seed: Seed
    epochs: Count
    batch_size: Count
    accumulation_steps: Count
    learning_rate: Annotated[Real, Field(gt=0)]
    schedule: Schedule
    warmup_fraction: Annotated[Real, Field(ge=0, lt=1)]
    max_gradient_norm: Annotated[Real, Field(gt=0)] | None
    weight_decay: Annotated[Real, Field(ge=0)]
    class_weights: ClassWeights
    patience: Count | None
    prune_above: Annotated[list[Annotated[Real, Field(ge=0)]], Field(min_length=1)] | None
    keep: Keep
    eval_every_steps: Count
    eval_batches: Count
    precision: Precision
    group_by_length: bool
    activation_checkpointing: bool
