"""The section of params.yaml about the model."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from spampipe.classifiers import catalogue
from spampipe.core.hints import closest
from spampipe.core.section import Real, Section
from spampipe.models.architectures import Weights
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.choices import Position, Trainable


def _known_name(name: str) -> str:
    if name not in catalogue.NAMES:
        raise ValueError(f"{name}: no such model; {closest(name, catalogue.NAMES)}")
    return name


class ModelParams(Section):
    """What is trained: for a base model, also what of it is trained, and where its answer is read."""

    name: Annotated[str, AfterValidator(_known_name)]
    weights: Weights
    trainable: Trainable
    position: Position
    causal: bool
    dropout: Annotated[Real, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _weights_exist(self) -> Self:
        base = BASE_MODELS.get(self.name)
        if self.weights == "pretrained" and not (base and base.has_pretrained_weights):
            raise ValueError(f"{self.name} has no pretrained weights; set model.weights to random")
        return self
