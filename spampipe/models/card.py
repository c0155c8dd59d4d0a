"""The classifier's card: all that is needed to rebuild and use it, apart from its numbers."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spampipe.core import files
from spampipe.core.errors import CheckpointError
from spampipe.data.labels import LabelSet
from spampipe.models.architectures import BaseChoice, DecoderConfig
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.choices import ADAPTERS, Adapters, Position, Precision, Trainable, misfit

FORMAT = 3
_SEAL = "sha256"  # the card's own hash, over all its other entries
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


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
        position: which position answers.
        causal: whether a token attends to itself and earlier tokens only.
        trainable: the part that was trained.
        trained_blocks: how many of the last blocks that are kept were, where `trainable` leaves that open.
        adapters: how adapters are made, where they were trained.
        precision: what matrix products are computed in while training, `fp32` or `bf16`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    base: str
    base_sha256: _Sha256 | None
    architecture: DecoderConfig
    depth: Annotated[int, Field(ge=1)] | None = None
    tokenizer: str
    tokenizer_sha256: _Sha256
    labels: LabelSet
    max_length: Annotated[int, Field(ge=1)]
    position: Position
    causal: bool
    trainable: Trainable
    trained_blocks: Annotated[int, Field(ge=1)] | None = None
    adapters: Adapters | None = None
    precision: Precision

    @property
    def choice(self) -> BaseChoice:
        """Which base model it is made of."""
        return BaseChoice(self.base, "random" if self.base_sha256 is None else "pretrained")

    @property
    def shape(self) -> DecoderConfig:
        """Of the decoder: the base's, as deep as it is kept."""
        return replace(self.architecture, num_layers=self.depth or self.architecture.num_layers)

    @property
    def last(self) -> int | None:
        """As `freezing.freeze` takes it."""
        return self.adapters.blocks if self.adapters else self.trained_blocks

    @property
    def padding(self) -> int:
        """The id that fills short rows up: the tokenizer's end of text."""
        return BASE_MODELS[self.base].family.padding

    @model_validator(mode="after")
    def _fits_the_base(self) -> Self:
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
        if self.max_length > base.config.context_length:
            raise ValueError(f"max_length: {self.max_length} is more than {self.base}'s {base.config.context_length}")
        return self


class SavedCard(ClassifierCard):
    """The card of a classifier whose trained tensors are in a file.

    Attributes:
        weights_sha256: of that file.
    """

    weights_sha256: _Sha256


def save_card(card: SavedCard, path: Path) -> None:
    """Write a card as JSON, with its own hash as the last entry, so that a later edit is noticed.

    Args:
        card: what to write.
        path: the file, which is replaced in one step.
    """
    content = {"format": FORMAT, **card.model_dump(mode="json", exclude_defaults=True)}
    files.write_json(path, content | {_SEAL: _digest(content)})


def load_card(path: Path) -> SavedCard:
    """Read what `save_card` wrote.

    Args:
        path: the JSON file.

    Raises:
        CheckpointError: it is missing, damaged, edited, or of another version.
    """
    remedy = f"run `dvc checkout {path}`"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise CheckpointError(f"{path}: written by another version of spampipe; run `dvc repro train`")
        if content.pop(_SEAL, None) != _digest(content):
            raise CheckpointError(f"{path}: edited or damaged, its hash is another; {remedy}")
        del content["format"]
        return SavedCard.model_validate_json(json.dumps(content))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except ValidationError as error:
        raise CheckpointError(f"{path}: not a classifier's card ({_explain(error)}); {remedy}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a classifier's card ({error!r}); {remedy}") from error


def _digest(content: dict[str, Any]) -> str:
    """Of the content, whatever the order and the layout of its file."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _explain(error: ValidationError) -> str:
    """The first thing that is wrong, after the entry's name."""
    problem = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in problem["loc"])
    return f"{name}: {problem['msg']}" if name else str(problem["ctx"]["error"])
