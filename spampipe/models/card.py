"""The classifier's card: all that is needed to rebuild and use it, apart from its numbers."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError

from spampipe.core import files
from spampipe.core.errors import CheckpointError
from spampipe.data.labels import LabelSet
from spampipe.data.truncation import Truncate
from spampipe.downloads.hub import is_commit
from spampipe.models.architectures import BaseChoice, ModelConfig
from spampipe.models.catalogue import BASE_MODELS, HUB_MODELS
from spampipe.models.choices import Position, Precision, Trainable
from spampipe.models.hub_names import HubRepository, is_hub_name, named_repository

FORMAT = 3
_SEAL = "sha256"  # the card's own hash, over all its other entries
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Card = TypeVar("_Card", bound=BaseModel)


class ClassifierCard(BaseModel):
    """What a classifier is. Entries that have a default are written only if they differ from it.

    Attributes:
        base: name of the base model.
        base_sha256: of the base's weight file, where the frozen tensors are; None if all tensors are saved.
        architecture: the network's shape, which is the base's.
        tokenizer: name of the encoding, which is the base's.
        tokenizer_sha256: of its rank file.
        labels: the classes, one for each output of the network, in its order.
        max_length: tokens; longer texts are cut, and shorter ones padded where padding matters.
        truncate: which part of a longer text is cut off.
        position: which position answers.
        causal: whether a token attends to itself and earlier tokens only.
        trainable: the part that was trained.
        precision: what matrix products are computed in while training, `fp32` or `bf16`.
        revision: the commit of a base model of the hub; None for one that the catalogue has pinned.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    base: str
    base_sha256: Sha256 | None
    architecture: ModelConfig
    tokenizer: str
    tokenizer_sha256: Sha256
    labels: LabelSet
    max_length: Annotated[int, Field(ge=1)]
    position: Position
    causal: bool
    trainable: Trainable
    precision: Precision
    revision: str | None = None
    truncate: Truncate = "tail"

    @property
    def choice(self) -> BaseChoice:
        """Which base model it is made of."""
        return BaseChoice(self.base, "random" if self.base_sha256 is None else "pretrained", self.revision)

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
        if self.base_sha256 is not None and not base.has_pretrained_weights:
            raise ValueError(f"base_sha256: {self.base} has no pretrained weights")


class SavedCard(ClassifierCard):
    """The card of a classifier whose trained tensors are in a file.

    Attributes:
        weights_sha256: of that file.
    """

    weights_sha256: Sha256


def save_card(card: BaseModel, path: Path) -> None:
    """Write a card as JSON, with its own hash as the last entry, so that a later edit is noticed.

    Args:
        card: what to write, of any kind of classifier.
        path: the file, which is replaced in one step.
    """
    content = {"format": FORMAT, **card.model_dump(mode="json", exclude_defaults=True)}
    files.write_json(path, content | {_SEAL: _digest(content)})


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
    remedy = f"run `dvc checkout {path}`"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise CheckpointError(f"{path}: written by another version of spampipe; run `dvc repro train`")
        if content.pop(_SEAL, None) != _digest(content):
            raise CheckpointError(f"{path}: edited or damaged, its hash is another; {remedy}")
        del content["format"]
        return kind.model_validate_json(json.dumps(content))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except ValidationError as error:
        raise CheckpointError(f"{path}: not a classifier's card ({_explain(error)}); {remedy}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a classifier's card ({error!r}); {remedy}") from error


@contextmanager
def checked_weights(path: Path, sha256: str) -> Iterator[None]:
    """Insist that a file of tensors is the one that a card was written with, for the block that reads it.

    Args:
        path: the safetensors file.
        sha256: what the card has for it.

    Raises:
        CheckpointError: it is missing, damaged or another one.
    """
    try:
        if files.digest(path) != sha256:
            raise CheckpointError(f"{path}: damaged, or not the tensors of its card; run `dvc checkout`")
        yield
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except SafetensorError as error:
        raise CheckpointError(f"{path}: damaged ({error}); run `dvc checkout`") from error


def _digest(content: dict[str, Any]) -> str:
    """Of the content, whatever the order and the layout of its file."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _explain(error: ValidationError) -> str:
    """The first thing that is wrong, after the entry's name."""
    problem = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in problem["loc"])
    return f"{name}: {problem['msg']}" if name else str(problem["ctx"]["error"])
