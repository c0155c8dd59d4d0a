"""Trained tensors beside a base model's frozen ones; each kind is a module of this package that `choices` names."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

import torch

from spampipe.models.choices import Adapters, Trainable
from spampipe.models.classifier import Classifier


class Kind(Protocol):
    """What a module that implements a kind of adapters has. The names of their tensors are not the base's."""

    def attach(self, classifier: Classifier, adapters: Adapters) -> None:
        """Put adapters into the blocks after the trunk, their tensors yet without values.

        Args:
            classifier: frozen by `freezing.freeze`. Changed in place; the adapters are to be trained.
            adapters: how they are made.
        """

    def initialize(self, classifier: Classifier, generator: torch.Generator) -> None:
        """Draw the adapters' first values.

        Args:
            classifier: has adapters, which are written to.
            generator: the random numbers' source, on the CPU.
        """

    def merge(self, classifier: Classifier) -> None:
        """Put the adapters into the weights beside them, so that predictions cost what they cost without.

        Args:
            classifier: has adapters. Changed in place; it has none then.
        """


def kind_of(trainable: Trainable) -> Kind:
    """The module that implements a kind of adapters.

    Args:
        trainable: one of `choices.ADAPTERS`.
    """
    return cast(Kind, importlib.import_module(f"{__package__}.{trainable}"))


@contextmanager
def held(classifier: Classifier) -> Iterator[None]:
    """Within the block, modules that have adapters may work out once what predictions need; no adapter may change.

    Args:
        classifier: the network, whose modules' method `hold`, if they have it, is called with true, and then false.
    """
    modules: list[Any] = [module for module in classifier.modules() if hasattr(module, "hold")]
    try:
        for module in modules:
            module.hold(True)
        yield
    finally:
        for module in modules:
            module.hold(False)
