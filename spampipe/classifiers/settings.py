"""The section of params.yaml about the model."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from spampipe.classifiers import catalogue
from spampipe.core.hints import closest
from spampipe.core.section import Real, Section
from spampipe.models.architectures import BaseChoice, Weights
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.choices import CausalSetting, PositionSetting, Trainable, reading
from spampipe.models.hub_names import is_hub_name, named_repository


def _known_name(name: str) -> str:
    if is_hub_name(name):
        named_repository(name)
    if not catalogue.is_known(name):
        raise ValueError(f"{name}: no such model; {closest(name, catalogue.NAMES)}")
    return name


class ModelParams(Section):
    """What is trained: for a base model, also what of it is trained, and where its answer is read."""

    name: Annotated[str, AfterValidator(_known_name)]
    revision: Annotated[str, Field(min_length=1)] | None
    weights: Weights
    trainable: Trainable
    position: PositionSetting
    causal: CausalSetting
    dropout: Annotated[Real, Field(ge=0, lt=1)]
    prompt_template: Annotated[str, Field(min_length=1)]
    prompt_shots: Annotated[int, Field(ge=0, le=1000)]
    prompt_calibrate: bool

    @property
    def base(self) -> BaseChoice | None:
        """Which base model is used; None for a classifier that has none."""
        return BaseChoice(self.name, self.weights, self.revision) if catalogue.is_base(self.name) else None

    def require_base(self) -> BaseChoice:
        """The base model of a kind of classifier that has one.

        Raises:
            ValueError: there is none; what asks for it must not be used then.
        """
        if self.base is None:
            raise ValueError(f"{self.name} has no base model")
        return self.base

    @model_validator(mode="after")
    def _can_be_read_so(self) -> Self:
        if self.trainable == "prompt" and self.causal is False:
            raise ValueError("trainable is prompt, which is read from left to right; set model.causal to auto")
        base = BASE_MODELS.get(self.name)
        if base is not None:
            reading(self, base)
            if self.trainable == "prompt" and base.config.reads_both_ways:
                raise ValueError(
                    f"trainable is prompt, but {self.name} does not predict what follows a text; choose a model that "
                    "does, such as smollm2-135m"
                )
        return self

    @model_validator(mode="after")
    def _revision_is_used(self) -> Self:
        if self.revision is not None and not is_hub_name(self.name):
            raise ValueError(
                f"{self.name} is pinned already; set model.revision to null, or name a model hub:OWNER/NAME"
            )
        return self

    @model_validator(mode="after")
    def _weights_exist(self) -> Self:
        base = BASE_MODELS.get(self.name)
        if base is not None and self.weights == "pretrained" and not base.has_pretrained_weights:
            raise ValueError(f"{self.name} has no pretrained weights; set model.weights to random")
        return self
