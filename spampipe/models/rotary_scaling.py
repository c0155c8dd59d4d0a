"""How rotary positions are stretched. No torch here."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RotaryScaling:
    """How rotary frequencies are lowered, so that a model reads longer texts than it was first trained on.

    Attributes:
        kind: `linear` divides all of them by the factor; `llama3` (Llama 3.1) only those whose wavelengths are long.
        factor: the divisor, at least 1.
        low_frequency_factor: `llama3` divides in full where wavelengths are over original_context_length / this.
        high_frequency_factor: and not at all where they are under original_context_length / this.
        original_context_length: tokens that the model was first trained on.
    """

    kind: Literal["linear", "llama3"]
    factor: float
    low_frequency_factor: float = 1.0
    high_frequency_factor: float = 4.0
    original_context_length: int = 8192
