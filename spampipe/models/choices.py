"""What can be chosen about a classifier network. No torch here, since params.yaml is checked against it."""

from typing import Literal, Protocol

from spampipe.models.architectures import BaseChoice

Position = Literal["last", "last_real", "first", "mean"]  # which token's output is classified
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
    def position(self) -> Position:
        """Which token's output is classified; `last` may be padding, and `mean` is the mean over all real tokens."""

    @property
    def causal(self) -> bool:
        """Whether a token attends to itself and earlier tokens only."""
