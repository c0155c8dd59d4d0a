"""The section of params.yaml about the model."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from spampipe.classifiers import catalogue
from spampipe.core.hints import closest
from spampipe.core.section import Count, Real, Section
from spampipe.models.architectures import BaseChoice, Weights
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.choices import Adapters, CausalSetting, PositionSetting, Trainable, misfit, reading
from spampipe.models.features import Pooling, excess_of
from spampipe.models.hub_names import is_hub_name, named_repository


def _known_name(name: str) -> str:
    if is_hub_name(name):
        named_repository(name)
    if not catalogue.is_known(name):
        raise ValueError(f"{name}: no such model; {closest(name, catalogue.NAMES)}")
    return name


def _known_member(name: str) -> str:
    if name == catalogue.ENSEMBLE:
        raise ValueError("an ensemble cannot be a member of one; name its members instead")
    return _known_name(name)


def _without_repetition(values: Sequence[object]) -> Sequence[object]:
    for value in values:
        if values.count(value) > 1:
            shown = f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else value
            raise ValueError(f"{shown} stands twice; remove one of the two")
    return values


_Block = Annotated[int, Field(ge=1)]
# A pair in a YAML file is a list.
_Feature = Annotated[
    tuple[_Block, Pooling],
    BeforeValidator(lambda pair: tuple(pair) if isinstance(pair, list) else pair),
    PlainSerializer(list),
]
_Features = Annotated[list[_Feature], Field(min_length=1), AfterValidator(_without_repetition)]
_Members = Annotated[list[Annotated[str, AfterValidator(_known_member)]], AfterValidator(_without_repetition)]


class ModelParams(Section):
    """What is trained: for a base model, also what of it is trained, and where its answer is read."""

    name: Annotated[str, AfterValidator(_known_name)]
    revision: Annotated[str, Field(min_length=1)] | None
    weights: Weights
    depth: Count | None
    trainable: Trainable
    trained_blocks: Count | None
    lora_rank: Count
    lora_alpha: Annotated[Real, Field(gt=0)]
    lora_blocks: Count | None
    position: PositionSetting
    causal: CausalSetting
    dropout: Annotated[Real, Field(ge=0, lt=1)]
    features: _Features | None
    members: _Members | None
    prompt_template: Annotated[str, Field(min_length=1)]
    prompt_shots: Annotated[int, Field(ge=0, le=1000)]
    prompt_calibrate: bool

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
        """Which base model is used, of an ensemble by one of its members; None for a classifier that has none."""
        named = [name for name in self.members or [self.name] if catalogue.is_base(name)]
        return BaseChoice(named[0], self.weights, self.revision) if named else None

    def of_member(self, name: str) -> Self:
        """The settings of one member of an ensemble.

        Args:
            name: which one.
        """
        return self.model_copy(update={"name": name, "members": None})

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
        base = BASE_MODELS.get(self.base.name) if self.base else None
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
        if self.revision is not None and not (self.base and is_hub_name(self.base.name)):
            raise ValueError(
                f"{self.name} is pinned already; set model.revision to null, or name a model hub:OWNER/NAME"
            )
        return self

    @model_validator(mode="after")
    def _weights_exist(self) -> Self:
        base = BASE_MODELS.get(self.base.name) if self.base else None
        if base is not None and self.weights == "pretrained" and not base.has_pretrained_weights:
            raise ValueError(f"{self.require_base().name} has no pretrained weights; set model.weights to random")
        return self

    @model_validator(mode="after")
    def _features_exist(self) -> Self:
        base = BASE_MODELS.get(self.base.name) if self.base else None
        if base is None or self.features is None or self.trainable != "probe":
            return self
        if problem := excess_of(self.features, self.depth or base.config.num_layers):
            raise ValueError(f"features: {problem}")
        return self

    @model_validator(mode="after")
    def _members_fit_together(self) -> Self:
        members = self.members or []
        if self.name != catalogue.ENSEMBLE:
            if members:
                raise ValueError(
                    f"members: only of an ensemble; set name to {catalogue.ENSEMBLE}, or members to null"
                )
            return self
        if len(members) < 2:
            raise ValueError("members: an ensemble has two or more; name them, as in [tfidf-svm, smollm2-135m]")
        bases = [name for name in members if catalogue.is_base(name)]
        if len(bases) > 1:
            raise ValueError(f"members: {' and '.join(bases)} are base models; at most one may be, remove the others")
        return self

    @model_validator(mode="after")
    def _blocks_exist(self) -> Self:
        base = BASE_MODELS.get(self.base.name) if self.base else None
        if wrong := misfit(self, base.config.num_layers if base else None):
            raise ValueError(wrong)
        return self
