"""Answers of finished folds on disk, so that a run that was stopped goes on, and a repeated one ends at once."""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

import spampipe
from spampipe.core import files
from spampipe.crossvalidation.answers import Answers

logger = logging.getLogger(__name__)

_COSTS = ("seconds", "milliseconds", "parameters", "trained")
# The packages that decide what a model answers: after a change in one of them, folds are computed anew.
_COMPUTING = ("core", "data", "models", "training", "classifiers")


def obtain(folder: Path, ingredients: dict[str, Any], compute: Callable[[], Answers]) -> Answers:
    """Answers from the folder, or computed and put there.

    Args:
        folder: made if missing; any file in it may be deleted at any moment.
        ingredients: all that the answers depend on, as JSON values, but for the code.
        compute: makes them.
    """
    made_of = json.dumps(ingredients | {"code": _code_digest()}, sort_keys=True)
    path = folder / f"{hashlib.sha256(made_of.encode()).hexdigest()}.safetensors"
    try:
        with safe_open(path, framework="numpy") as opened:
            costs = json.loads((opened.metadata() or {})["costs"])
            return Answers(opened.get_tensor("validation"), opened.get_tensor("test"), **costs)
    except FileNotFoundError:
        pass
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        logger.warning("warning: %s is damaged (%s); its fold is computed again", path, error)
    found = compute()
    costs = {name: getattr(found, name) for name in _COSTS}
    folder.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as temporary:
        tensors = {"validation": np.ascontiguousarray(found.validation), "test": np.ascontiguousarray(found.test)}
        save_file(tensors, temporary, metadata={"costs": json.dumps(costs)})
    return found


def _code_digest() -> str:
    """Stands for the source of all that a model's answers depend on."""
    package, hasher = Path(spampipe.__file__).parent, hashlib.sha256()
    for name in _COMPUTING:
        for path in sorted((package / name).rglob("*.py")):
            hasher.update(path.read_bytes())
    return hasher.hexdigest()
