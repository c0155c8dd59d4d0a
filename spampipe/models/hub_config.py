"""The file config.json of a repository of the hub, read strictly: what this project has not is refused by name."""

import json
import math
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spampipe.core.errors import CheckpointError
from spampipe.models.architectures import ModelConfig
from spampipe.models.stored_tensors import Place

if TYPE_CHECKING:
    from spampipe.models.backbone import Backbone

# Entries that change what a model computes, whatever its family, in a way that no network here does; and what is
# said of them. One that is missing, null, false or an empty list does nothing.
_FOREIGN = {
    "num_local_experts": "a mixture of experts",
    "num_experts": "a mixture of experts",
    "n_routed_experts": "a mixture of experts",
    "quantization_config": "quantized weights",
    "is_encoder_decoder": "an encoder with a decoder",
    "add_cross_attention": "cross attention",
    "embedding_multiplier": "scaled embeddings",
    "scale_embedding": "scaled embeddings",
    "attention_multiplier": "scaled attention",
    "residual_multiplier": "scaled sub-layers",
    "logits_scaling": "scaled logits",
    "logit_scale": "scaled logits",
    "attn_logit_softcapping": "capped attention scores",
    "final_logit_softcapping": "capped logits",
    "no_rope_layers": "layers without positions",
    "use_parallel_residual": "attention beside the MLP",
}
_LONGEST_VALUE = 40  # characters of an entry that an error shows


@dataclass(frozen=True)
class HubFamily:
    """How models of one `model_type` lie in repositories of the hub.

    Attributes:
        shape: makes this project's shape of what config.json says.
        place: where a tensor of a published name goes, the head of next tokens to `output_head.weight`; None for what
            is no weight. An unknown name is returned as it is, to be refused.
        build: makes a module of a shape, as `Family.build` does.
    """

    shape: "Callable[[HubConfig], ModelConfig]"
    place: Callable[[str], Place | None]
    build: "Callable[[Any, float], Backbone]"


class HubConfig:
    """What config.json says.

    Args:
        entries: its content.
        source: what to call the file in errors.

    Attributes:
        entries: as above.
        source: as above.
    """

    def __init__(self, entries: Mapping[str, Any], source: str) -> None:
        self.entries, self.source = entries, source

    @classmethod
    def load(cls, path: Path, source: str) -> "HubConfig":
        """Read the file, and refuse what no family here has.

        Args:
            path: the file.
            source: what to call it in errors.

        Raises:
            CheckpointError: it is missing or damaged, or names something that this project has not.
        """
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None
        except ValueError as error:
            raise CheckpointError(f"{source}: not JSON ({error}); choose another revision") from error
        if not isinstance(entries, dict):
            raise CheckpointError(f"{source}: not a model's configuration; choose another revision")
        config = cls(entries, source)
        for name, meaning in _FOREIGN.items():
            if entries.get(name):
                config.refuse(name, meaning)
        config._refuse_sliding_window()
        return config

    def choose(self, families: Mapping[str, HubFamily]) -> HubFamily:
        """The family that the file names.

        Args:
            families: those that this project has, by `model_type`.

        Raises:
            CheckpointError: it names another.
        """
        name = str(self.entries.get("model_type"))
        if name not in families:
            raise CheckpointError(
                f"{self.source}: model_type {name} is not supported; choose a model of {', '.join(families)}"
            )
        return families[name]

    def size(self, name: str, default: int | None = None) -> int:
        """A count of 1 or more.

        Args:
            name: the entry.
            default: what holds if the entry is missing or null; None if it must be there.

        Raises:
            CheckpointError: it is missing, or no such number.
        """
        value = self.entries.get(name)
        value = default if value is None else value
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise CheckpointError(f"{self.source}: {name} is {value}, not a size; choose another revision")
        return value

    def divisor(self, name: str, whole: int) -> int:
        """A count that divides another without rest, such as heads that share a width.

        Args:
            name: the entry.
            whole: what is divided.

        Raises:
            CheckpointError: it does not, or is missing, or no such number.
        """
        value = self.size(name)
        if whole % value:
            raise CheckpointError(f"{self.source}: {name} {value} does not divide {whole}; choose another revision")
        return value

    def number(self, name: str, default: float) -> float:
        """A number above 0.

        Args:
            name: the entry.
            default: what holds if the entry is missing or null.

        Raises:
            CheckpointError: it is no such number.
        """
        return positive(self.entries, name, self.source, default)

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no.

        Args:
            name: the entry.
            default: what holds if the entry is missing or null.
        """
        value = self.entries.get(name)
        return default if value is None else bool(value)

    def require(self, name: str, allowed: Container[Any], default: Any) -> None:
        """Refuse a feature that this project has not.

        Args:
            name: the entry.
            allowed: the values that it may have.
            default: what holds if the entry is missing or null.

        Raises:
            CheckpointError: the entry has another value.
        """
        value = self.entries.get(name)
        if (default if value is None else value) not in allowed:
            self.refuse(name)

    def refuse(self, name: str, meaning: str = "") -> None:
        """Say that an entry's value is not supported.

        Args:
            name: the entry.
            meaning: what the entry stands for, if its name does not say it.

        Raises:
            CheckpointError: always.
        """
        value = json.dumps(self.entries.get(name))
        shown = value if len(value) <= _LONGEST_VALUE else "set"
        why = f" ({meaning})" if meaning else ""
        raise CheckpointError(f"{self.source}: {name} {shown}{why} is not supported; choose another model")

    def padding(self, vocabulary_size: int) -> int:
        """The id that fills short rows up: that of padding, else the end of text, else 0.

        Args:
            vocabulary_size: how many ids there are; an entry beyond them is passed over.
        """
        for name in ("pad_token_id", "eos_token_id"):
            value = self.entries.get(name)
            first = value[0] if isinstance(value, list) and value else value
            if isinstance(first, int) and 0 <= first < vocabulary_size:
                return first
        return 0

    def _refuse_sliding_window(self) -> None:
        """Refuse a model whose tokens do not attend to all tokens before them."""
        for kind in self.entries.get("layer_types") or ():
            if kind != "full_attention":
                raise CheckpointError(f"{self.source}: layer_types {kind} is not supported; choose another model")
        if self.entries.get("sliding_window") and self.entries.get("use_sliding_window", True):
            self.refuse("sliding_window")


def positive(entries: Mapping[str, Any], name: str, source: str, default: float | None = None) -> float:
    """A number above 0 of a configuration.

    Args:
        entries: the configuration, or a part of it.
        name: the entry.
        source: what to call the file in errors.
        default: what holds if the entry is missing or null; None if it must be there.

    Raises:
        CheckpointError: it is missing, or no such number.
    """
    value = entries.get(name)
    value = default if value is None else value
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise CheckpointError(f"{source}: {name} is {value}, not a number above 0; choose another revision")
    return float(value)
