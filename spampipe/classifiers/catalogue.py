"""Every kind of text classifier, by the name that `model.name` in params.yaml has for it."""

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.core.errors import CheckpointError
from spampipe.core.hints import closest
from spampipe.core.workspace import Workspace
from spampipe.models.catalogue import BASE_MODELS

if TYPE_CHECKING:
    from spampipe.classifiers.text_classifier import TextClassifier

# The module below this package and the class in it; imported once it is needed, as most kinds take long to import.
_KINDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(BASE_MODELS, ("neural", "NeuralClassifier")),
}

NAMES: tuple[str, ...] = tuple(_KINDS)


def kind_of(name: str) -> "type[TextClassifier]":
    """The class that implements a kind of classifier.

    Args:
        name: one of NAMES.
    """
    module, kind = _KINDS[name]
    found: type[TextClassifier] = getattr(importlib.import_module(f"{__package__}.{module}"), kind)
    return found


def load(workspace: Workspace, base: Path | None = None) -> "TextClassifier":
    """Read the trained classifier of a workspace, whatever its kind.

    Args:
        workspace: holds models/classifier.* and models/decision.json.
        base: the folder of the base model; None for the workspace's, or, if it has none, the user's cache.

    Raises:
        CheckpointError: a file is missing, damaged, or not the one the classifier was trained with.
    """
    return kind_of(_name_on(workspace.classifier_card)).load(workspace, base)


def _name_on(card: Path) -> str:
    """The name in the entry `base`, which every kind writes into its card."""
    try:
        name = json.loads(card.read_text(encoding="utf-8"))["base"]
    except FileNotFoundError:
        raise CheckpointError(f"{card}: no such file; run `dvc repro` or `dvc pull`") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{card}: not a classifier's card ({error!r}); run `dvc checkout {card}`") from error
    if name not in NAMES:
        raise CheckpointError(f"{card}: base: no classifier is called {name}; {closest(str(name), NAMES)}")
    return str(name)
