"""The section of params.yaml about the model."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from spampipe.classifiers import catalogue
from spampipe.core.hints import closest
from spampipe.core.section import Count, Real, Section
from spampipe.models.architectures import BaseChoice, Weights
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.choices import Adapters, Position, Trainable, misfit


def _known_name(name: str) -> str:
    if not catalogue.is_known(name):
        raise ValueError(f"{name}: no such model; {closest(name, catalogue.NAMES)}")
    return name


class ModelParams(Section):
    """What is trained: for a base model, also what of it is trained, and where its answer is read."""

    name: Annotated[str, AfterValidator(_known_name)]
    weights: Weights
    depth: Count | None
    trainable: Trainable
    trained_blocks: Count | None
    lora_rank: Count
    lora_alpha: Annotated[Real, Field(gt=0)]
    lora_blocks: Count | None
    position: Position
    causal: bool
    dropout: Annotated[Real, Field(ge=0, lt=1)]

    @property
    def adapters(self) -> Adapters | None:
        """How adapters are made; None where another part is trained."""
        if self.trainable != "lora":
            return None
        return Adapters(self.lora_blocks, {"rank": self.lora_rank, "alpha": self.lora_alpha})

    @property
    def title(self) -> str:
        """What is trained, in a few words."""
        words = [self.name, *([f"depth={self.depth}"] if self.depth else []), self.trainable]
        if self.trained_blocks:
            words[-1] += f"={self.trained_blocks}"
        if self.adapters:
            numbers = self.adapters.settings | ({"blocks": self.adapters.blocks} if self.adapters.blocks else {})
            words += [f"{name}={number:g}" for name, number in numbers.items()]
        return " ".join(words)

    @property
    def base(self) -> BaseChoice | None:
        """Which base model is used; None for a classifier that has none."""
        return BaseChoice(self.name, self.weights) if catalogue.is_base(self.name) else None

    def require_base(self) -> BaseChoice:
        """The base model of a kind of classifier that has one.

        Raises:
            ValueError: there is none; what asks for it must not be used then.
        """
        if self.base is None:
            raise ValueError(f"{self.name} has no base model")
        return self.base

    @model_validator(mode="after")
    def _weights_exist(self) -> Self:
        base = BASE_MODELS.get(self.name)
        if base is not None and self.weights == "pretrained" and not base.has_pretrained_weights:
            raise ValueError(f"{self.name} has no pretrained weights; set model.weights to random")
        return self

    @model_validator(mode="after")
    def _blocks_exist(self) -> Self:
        base = BASE_MODELS.get(self.name)
        if wrong := misfit(self, base.config.num_layers if base else None):
            raise ValueError(wrong)
        return self
