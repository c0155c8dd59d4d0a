"""What of a base model's states a probe reads. No torch here, since params.yaml is checked against it."""

from collections.abc import Sequence
from typing import Literal

Pooling = Literal["last_real", "mean", "first"]  # of a block's output: one token's, or the mean over all real ones
Feature = tuple[int, Pooling]  # what a probe reads: the output of a block, by its number from 1, and how

# Shares of a model's blocks, compared with others on two data sets; the upper blocks prepare the next word.
_DEFAULT_FEATURES: tuple[tuple[float, Pooling], ...] = (
    (0.6, "last_real"),
    (0.73, "last_real"),
    (0.73, "mean"),
    (0.87, "mean"),
)


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
