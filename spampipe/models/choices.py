"""What can be chosen about a classifier network. No torch here, since params.yaml is checked against it."""

from collections.abc import Sequence
from typing import Literal, Protocol

from spampipe.models.architectures import BaseChoice

Position = Literal["last", "last_real", "first", "mean"]  # which token's output is classified
Trainable = Literal["last_layer", "last_block", "last_two_blocks", "all", "probe"]  # the part that training changes
Precision = Literal["fp32", "bf16"]  # of matrix products
Pooling = Literal["last_real", "mean", "first"]  # of a block's output: one token's, or the mean over all real ones
Feature = tuple[int, Pooling]  # what a probe reads: the output of a block, by its number from 1, and how

# Shares of a model's blocks. Chosen on validation texts of two data sets; the upper blocks prepare the next word.
_DEFAULT_FEATURES: tuple[tuple[float, Pooling], ...] = (
    (0.6, "last_real"),
    (0.73, "last_real"),
    (0.73, "mean"),
    (0.87, "mean"),
)


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
    def position(self) -> Position:
        """Which token's output is classified; `last` may be padding, and `mean` is the mean over all real tokens."""

    @property
    def causal(self) -> bool:
        """Whether a token attends to itself and earlier tokens only."""

    @property
    def features(self) -> Sequence[Feature] | None:
        """What a probe reads; None for `default_features`. Others do not look at it."""


def default_features(num_layers: int) -> tuple[Feature, ...]:
    """What a probe reads if nothing else is asked for.

    Args:
        num_layers: blocks of the base model.
    """
    return tuple((max(1, round(share * num_layers)), pooling) for share, pooling in _DEFAULT_FEATURES)


def excess_of(features: Sequence[Feature], num_layers: int) -> str | None:
    """What is wrong with features that a base model does not have; None if nothing is.

    Args:
        features: what a probe is to read.
        num_layers: blocks of the base model.
    """
    highest = max(block for block, _ in features)
    return (
        f"there is no block {highest}, only {num_layers}; name blocks from 1 to {num_layers}"
        if highest > num_layers
        else None
    )
