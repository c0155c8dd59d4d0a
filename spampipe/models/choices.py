"""What can be chosen about a classifier network. No torch here, since params.yaml is checked against it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from spampipe.models.architectures import BaseChoice, BaseModel

Position = Literal["last", "last_real", "first", "mean"]  # which token's output is classified
PositionSetting = Literal[Position, "auto"]  # auto: what suits the base model, as `reading` says
CausalSetting = bool | Literal["auto"]
# The part that training changes; with `prompt` none, as the base model is only asked.
Trainable = Literal["last_layer", "last_block", "last_two_blocks", "all", "prompt"]
Precision = Literal["fp32", "bf16"]  # of matrix products


class ModelChoices(Protocol):
    """The choices together, as the section of params.yaml about the model holds them."""

    def require_base(self) -> BaseChoice:
        """Which base model is used.

        Raises:
            ValueError: there is none; what asks for it must not be used then.
        """

    @property
    def trainable(self) -> Trainable:
        """The part that training changes."""

    @property
    def position(self) -> PositionSetting:
        """Which token's output is classified; `last` may be padding, and `mean` is the mean over all real tokens."""

    @property
    def causal(self) -> CausalSetting:
        """Whether a token attends to itself and earlier tokens only."""


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
