"""The frozen part of a classifier network, whose tensors are read only if it has to run."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from spampipe.models.classifier import Classifier
from spampipe.models.freezing import trunk_parameters


class FrozenTrunk:
    """Loads the trunk's tensors, and says what they are without loading them.

    Its output may be kept from an earlier run, and then neither the time nor the memory for them is needed.

    Args:
        classifier: the network, frozen as it stays.
        values: stands for the tensors' values, such as the hash of their file; None to have it worked out from them.
        load: fills the tensors, which are on torch's `meta` device until then; None if they are there already.
    """

    def __init__(
        self, classifier: Classifier, values: str | None = None, load: Callable[[], object] | None = None
    ) -> None:
        self._classifier, self._values, self._load = classifier, values, load

    def complete(self) -> None:
        """Load the tensors, unless they are there; to be called before the trunk is run.

        Raises:
            WeightsError: the base model's file is missing or damaged.
        """
        if self._load is not None:
            self._load()
            self._load = None

    def digest(self) -> str:
        """What all output of the trunk depends on, but for its depth: the tensors, the shape, and the attention."""
        if self._values is None:
            hasher = hashlib.sha256()
            for name, tensor in sorted(trunk_parameters(self._classifier).items()):
                hasher.update(name.encode())
                hasher.update(tensor.detach().cpu().contiguous().numpy().data)
            self._values = hasher.hexdigest()
        network = self._classifier
        attention = f"causal={network.causal} hides_padding={network.hides_padding}"
        shape = replace(network.decoder.config, num_layers=0)  # blocks after the trunk do not matter
        return f"{self._values} {shape} {attention}"


@dataclass(frozen=True)
class Model:
    """A classifier network, and the trunk within it.

    Attributes:
        network: the trunk's tensors may be on torch's `meta` device, where nothing can be computed; all others are
            there.
        trunk: loads the trunk's tensors.
    """

    network: Classifier
    trunk: FrozenTrunk


def complete_model(network: Classifier) -> Model:
    """The model of a network that has all its tensors.

    Args:
        network: the network, frozen as it stays.
    """
    return Model(network, FrozenTrunk(network))
