"""The section of params.yaml about the model."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spampipe.core.section import Real, Section
from spampipe.models.catalogue import BASE_MODELS


class ModelParams(Section):
    """The base model, what of it is trained, and where its answer is read."""

    name: Literal["smollm2-135m", "gpt2-small", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt2-tiny"]
    weights: Literal["pretrained", "random"]
    trainable: Literal["last_layer", "last_block", "last_two_blocks", "all"]
    position: Literal["last", "last_real", "first", "mean"]
    causal: bool
    dropout: Annotated[Real, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _weights_exist(self) -> Self:
        if self.weights == "pretrained" and not BASE_MODELS[self.name].has_pretrained_weights:
            raise ValueError(f"{self.name} has no pretrained weights; set model.weights to random")
        return self
