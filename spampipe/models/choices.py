"""What can be chosen about a classifier network. No torch here, since params.yaml is checked against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from spampipe.models.architectures import BaseChoice, BaseModel
from spampipe.models.features import Feature

Position = Literal["last", "last_real", "first", "mean"]  # which token's output is classified
PositionSetting = Literal[Position, "auto"]  # auto: what suits the base model, as `reading` says
CausalSetting = bool | Literal["auto"]
# The part that training changes; with `probe` and `prompt` none, as the base model is only read or asked.
Trainable = Literal["last_layer", "last_block", "last_two_blocks", "last_blocks", "all", "lora", "probe", "prompt"]
ADAPTERS: tuple[Trainable, ...] = ("lora",)  # modules of this package; they train the head and what they attach
Precision = Literal["fp32", "bf16"]  # of matrix products


@dataclass(frozen=True)
class Adapters:
    """Trained tensors beside a base model's frozen ones.

    Attributes:
        blocks: how many of the last blocks have them; None for all.
        settings: numbers that say how they are made, by name; the module of their kind knows which.
    """

    blocks: int | None
    settings: dict[str, int | float]


class ChosenPart(Protocol):
    """Which blocks of a base model there are, and what of them is trained."""

    @property
    def depth(self) -> int | None:
        """How many of the base's first blocks are kept; None for all."""

    @property
    def trainable(self) -> Trainable:
        """The part that training changes."""

    @property
    def trained_blocks(self) -> int | None:
        """How many of the last blocks that are kept are trained, where `trainable` leaves that open; else None."""

    @property
    def adapters(self) -> Adapters | None:
        """How adapters are made, where `trainable` is one of ADAPTERS; else None."""


class ModelChoices(ChosenPart, Protocol):
    """The choices together, as the section of params.yaml about the model holds them."""

    def require_base(self) -> BaseChoice:
        """Which base model is used.

        Raises:
            ValueError: there is none; what asks for it must not be used then.
        """

    @property
    def position(self) -> PositionSetting:
        """Which token's output is classified; `last` may be padding, and `mean` is the mean over all real tokens."""

    @property
    def causal(self) -> CausalSetting:
        """Whether a token attends to itself and earlier tokens only."""

    @property
    def features(self) -> Sequence[Feature] | None:
        """What a probe reads; None for `default_features`. Others do not look at it."""


@dataclass(frozen=True)
class Reading:
    """How a text is read, and where the answer is.

    Attributes:
        position: which token's output is classified.
        causal: whether a token attends to itself and earlier tokens only.
    """

    position: Position
    causal: bool


def reading(model: ModelChoices, base: BaseModel) -> Reading:
    """How a base model reads a text as it is set, `auto` being what it was pretrained for.

    A decoder then reads forwards and answers at the last real token. An encoder reads both ways, and answers with
    the mean of all real tokens (Reimers and Gurevych 2019, "Sentence-BERT").

    Args:
        model: what is set.
        base: the base model that is chosen there.

    Raises:
        ValueError: an encoder is set to read forwards only, or to answer at the end.
    """
    encoder, name = base.config.reads_both_ways, model.require_base().name
    if encoder and model.causal is True:
        raise ValueError(f"{name} reads both ways; set model.causal to auto or false")
    if encoder and model.position in ("last", "last_real"):
        raise ValueError(
            f"{name} reads both ways, so the last token says no more; set model.position to mean or first"
        )
    position: Position = "mean" if encoder else "last_real"
    return Reading(
        position=position if model.position == "auto" else model.position,
        causal=not encoder if model.causal == "auto" else model.causal,
    )


def misfit(part: ChosenPart, num_layers: int | None) -> str | None:
    """What is wrong with a choice of blocks.

    Args:
        part: which blocks are kept, and what of them is trained.
        num_layers: the blocks that the base has; None if that is not known yet.

    Returns:
        What is wrong, and the remedy, on one line that begins with a setting's name; None if nothing is.
    """
    if (part.trained_blocks is None) == (part.trainable == "last_blocks"):
        wanted = "a number" if part.trained_blocks is None else "null"
        return f"trained_blocks must be {wanted} where trainable is {part.trainable}; change one of the two"
    kept = num_layers if part.depth is None else part.depth
    if num_layers is not None and part.depth is not None and part.depth > num_layers:
        return (
            f"depth is {part.depth}, but the base has {num_layers} blocks; set it to {num_layers} or less, or to null"
        )
    name, blocks = "trained_blocks", part.trained_blocks
    if part.adapters is not None:
        name, blocks = f"{part.trainable}_blocks", part.adapters.blocks
    if blocks is not None and kept is not None and blocks > kept:
        return f"{name} is {blocks}, but the model has {kept} blocks; set it to {kept} or less"
    return None
