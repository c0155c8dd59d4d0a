"""The section of params.yaml about the training loop."""

from typing import Annotated, Literal

from pydantic import Field

from spampipe.core.section import Count, Real, Section, Seed
from spampipe.models.choices import Precision


class TrainParams(Section):
    """The training loop."""

    seed: Seed
    epochs: Count
    batch_size: Count
    accumulation_steps: Count
    learning_rate: Annotated[Real, Field(gt=0)]
    weight_decay: Annotated[Real, Field(ge=0)]
    eval_every_steps: Count
    eval_batches: Count
    precision: Precision
    group_by_length: bool
    activation_checkpointing: bool
    class_weights: Literal["none", "balanced"]
