"""The classifier's card: all that is needed to rebuild and use it, apart from its numbers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spampipe.core.errors import CheckpointError
from spampipe.data.labels import LabelSet
from spampipe.data.truncation import Truncate
from spampipe.downloads.hub import is_commit
from spampipe.models.architectures import BaseChoice, ModelConfig
from spampipe.models.catalogue import BASE_MODELS, HUB_MODELS
from spampipe.models.choices import ADAPTERS, Adapters, Position, Precision, Trainable, misfit
from spampipe.models.features import Feature, excess_of
from spampipe.models.hub_names import HubRepository, is_hub_name, named_repository
from spampipe.models.sealed import Sha256, seal, unsealed

FORMAT = 3
_Card = TypeVar("_Card", bound=BaseModel)


class ClassifierCard(BaseModel):
    """What a classifier is. Entries that have a default are written only if they differ from it.

    Attributes:
        base: name of the base model.
        base_sha256: of the base's weight file, where the frozen tensors are; None if all tensors are saved.
        architecture: the base's shape.
        depth: how many of the base's first blocks are kept; None for all.
        tokenizer: name of the encoding, which is the base's.
        tokenizer_sha256: of its rank file.
        labels: the classes, one for each output of the network, in its order.
        max_length: tokens; longer texts are cut, and shorter ones padded where padding matters.
        truncate: which part of a longer text is cut off.
        position: which position answers.
        causal: whether a token attends to itself and earlier tokens only.
        trainable: the part that was trained.
        trained_blocks: how many of the last blocks that are kept were, where `trainable` leaves that open.
        adapters: how adapters are made, where they were trained.
        precision: what matrix products are computed in while training, `fp32` or `bf16`.
        revision: the commit of a base model of the hub; None for one that the catalogue has pinned.
        features: what a probe reads, which has no use for `position`; empty for a network of another kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    base: str
    base_sha256: Sha256 | None
    architecture: ModelConfig
    depth: Annotated[int, Field(ge=1)] | None = None
    tokenizer: str
    tokenizer_sha256: Sha256
    labels: LabelSet
    max_length: Annotated[int, Field(ge=1)]
    position: Position
    causal: bool
    trainable: Trainable
    trained_blocks: Annotated[int, Field(ge=1)] | None = None
    adapters: Adapters | None = None
    precision: Precision
    truncate: Truncate = "tail"
    revision: str | None = None
    features: tuple[Feature, ...] = ()

    @property
    def choice(self) -> BaseChoice:
        """Which base model it is made of."""
        return BaseChoice(self.base, "random" if self.base_sha256 is None else "pretrained", self.revision)

    @property
    def shape(self) -> ModelConfig:
        """Of the network: the base's, as deep as it is kept."""
        return replace(self.architecture, num_layers=self.depth or self.architecture.num_layers)

    @property
    def last(self) -> int | None:
        """As `freezing.freeze` takes it."""
        return self.adapters.blocks if self.adapters else self.trained_blocks

    @model_validator(mode="after")
    def _fits_the_base(self) -> Self:
        context = self.architecture.context_length
        if self.max_length > context:
            raise ValueError(f"max_length: {self.max_length} is more than {self.base}'s {context}")
        if is_hub_name(self.base):
            self._fits_the_hub(HubRepository(named_repository(self.base)).name)
        elif self.base in HUB_MODELS:
            self._fits_the_hub(HUB_MODELS[self.base].name)
        else:
            self._fits_the_catalogue()
        return self

    def _fits_the_hub(self, name: str) -> None:
        """What can be said without the files of a repository, `hub:OWNER/NAME`."""
        if self.tokenizer != name:
            raise ValueError(f"tokenizer: {self.tokenizer} is not {self.base}'s, {name}")
        if is_hub_name(self.base) and not is_commit(self.revision or ""):
            raise ValueError(f"revision: {self.revision} is not the hash of a commit")

    def _fits_the_catalogue(self) -> None:
        if self.base not in BASE_MODELS:
            raise ValueError(f"base: {self.base} is not among {', '.join(BASE_MODELS)}")
        base = BASE_MODELS[self.base]
        if self.tokenizer != base.family.tokenizer:
            raise ValueError(f"tokenizer: {self.tokenizer} is not {self.base}'s, {base.family.tokenizer}")
        if self.architecture != base.config:
            raise ValueError(f"architecture: not {self.base}'s")
        if (self.adapters is None) == (self.trainable in ADAPTERS):
            raise ValueError(f"adapters: must stand exactly where trainable is one of {', '.join(ADAPTERS)}")
        if wrong := misfit(self, self.architecture.num_layers):
            raise ValueError(wrong)
        if self.base_sha256 is not None and not base.has_pretrained_weights:
            raise ValueError(f"base_sha256: {self.base} has no pretrained weights")

    @model_validator(mode="after")
    def _is_a_probe_or_not(self) -> Self:
        if bool(self.features) != (self.trainable == "probe"):
            raise ValueError("features: a probe has some, and nothing else has")
        if self.features and (problem := excess_of(self.features, self.shape.num_layers)):
            raise ValueError(f"features: {problem}")
        return self


class SavedCard(ClassifierCard):
    """The card of a classifier whose trained tensors are in a file.

    Attributes:
        weights_sha256: of that file.
    """

    weights_sha256: Sha256


def save_card(card: BaseModel, path: Path) -> None:
    """Write a card as JSON.

    Args:
        card: what to write, of any kind of classifier.
        path: the file, which is replaced in one step.
    """
    seal({"format": FORMAT, **card.model_dump(mode="json", exclude_defaults=True)}, path)


def load_card(path: Path) -> SavedCard:
    """Read what `save_card` wrote of a network.

    Args:
        path: the JSON file.

    Raises:
        CheckpointError: it is missing, damaged, edited, or of another version.
    """
    return load_card_of(SavedCard, path)


def load_card_of(kind: type[_Card], path: Path) -> _Card:
    """Read what `save_card` wrote.

    Args:
        kind: the class of the card.
        path: the JSON file.

    Raises:
        CheckpointError: it is missing, damaged, edited, or of another version.
    """
    content = unsealed(path, FORMAT)
    try:
        return kind.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise CheckpointError(
            f"{path}: not a classifier's card ({_explain(error)}); run `dvc checkout {path}`"
        ) from error


def _explain(error: ValidationError) -> str:
    """The first thing that is wrong, after the entry's name."""
    problem = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in problem["loc"])
    return f"{name}: {problem['msg']}" if name else str(problem["ctx"]["error"])
