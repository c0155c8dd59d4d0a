"""Every kind of text classifier, by what params.yaml calls it: `model.name`, and how a base model is used."""

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spampipe.classifiers import decision
from spampipe.classifiers.decision import Decision
from spampipe.core.errors import CheckpointError
from spampipe.core.hints import closest
from spampipe.core.workspace import Workspace
from spampipe.models.catalogue import BASE_MODELS, HUB_MODELS
from spampipe.models.hub_names import is_hub_name

if TYPE_CHECKING:
    from spampipe.classifiers.text_classifier import TextClassifier

# The module below this package and the class in it; imported once it is needed, as most kinds take long to import.
_FINE_TUNED = ("neural", "NeuralClassifier")
# Of a base model, by `model.trainable`; all others fine-tune it.
_OTHER_USES: dict[str, tuple[str, str]] = {
    "probe": ("probe", "ProbeClassifier"),
    "prompt": ("prompt", "PromptClassifier"),
}
ENSEMBLE = "ensemble"
# By `model.name`:
_WITHOUT_BASE: dict[str, tuple[str, str]] = {
    "tfidf-logistic": ("linear", "LinearClassifier"),
    "tfidf-svm": ("linear", "LinearClassifier"),
    ENSEMBLE: ("ensemble", "EnsembleClassifier"),
}

NAMES: tuple[str, ...] = (*BASE_MODELS, *HUB_MODELS, *_WITHOUT_BASE)


def is_base(name: str) -> bool:
    """Whether a classifier of this name is made of a base model.

    Args:
        name: as `model.name` has it; `hub:OWNER/NAME` is one of the hub.
    """
    return name in BASE_MODELS or name in HUB_MODELS or is_hub_name(name)


def is_known(name: str) -> bool:
    """Whether there is a classifier of this name.

    Args:
        name: as `model.name` has it.
    """
    return is_base(name) or name in _WITHOUT_BASE


def kind_of(name: str, trainable: str | None = None) -> "type[TextClassifier]":
    """The class that implements a kind of classifier.

    Args:
        name: as `model.name` has it; `is_known` must hold for it.
        trainable: as `model.trainable` has it, which says how a base model is used.
    """
    module, kind = _OTHER_USES.get(trainable or "", _FINE_TUNED) if is_base(name) else _WITHOUT_BASE[name]
    found: type[TextClassifier] = getattr(importlib.import_module(f"{__package__}.{module}"), kind)
    return found


def load(workspace: Workspace, base: Path | None = None, decided: Decision | None = None) -> "TextClassifier":
    """Read the trained classifier of a workspace, whatever its kind.

    Args:
        workspace: holds models/classifier.* and models/decision.json.
        base: the folder of the base model; None for the workspace's, or, if it has none, the user's cache.
        decided: how its probabilities become labels; None for what models/decision.json says.

    Raises:
        CheckpointError: a file is missing, damaged, or not the one the classifier was trained with.
    """
    entries = card_entries(workspace.classifier_card)
    kind = kind_of(entries["base"], entries.get("trainable"))
    classifier = kind.load(workspace, base)
    classifier.decide_by(decided or decision.load(workspace.decision))
    return classifier


def card_entries(card: Path) -> dict[str, Any]:
    """What the card of a classifier of any kind says, without a check of its hash.

    Args:
        card: the JSON file.

    Returns:
        The entries by name; `base` is among them, the classifier's name as `model.name` has it.

    Raises:
        CheckpointError: it is missing, is no such card, or names no classifier that is known.
    """
    try:
        entries = dict(json.loads(card.read_text(encoding="utf-8")))
        name = entries["base"]
    except FileNotFoundError:
        raise CheckpointError(f"{card}: no such file; run `dvc repro` or `dvc pull`") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{card}: not a classifier's card ({error!r}); run `dvc checkout {card}`") from error
    if not isinstance(name, str) or not is_known(name):
        raise CheckpointError(f"{card}: base: no classifier is called {name}; {closest(str(name), NAMES)}")
    return entries
