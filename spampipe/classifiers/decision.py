"""How probabilities become labels, kept beside the classifier, so that every way to use it gives the same label."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spampipe.core import files
from spampipe.core.errors import CheckpointError


class Decision(BaseModel):
    """What `data.labels.decide` needs besides the probabilities.

    Attributes:
        threshold: the positive label is given from this probability on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    threshold: Annotated[float, Field(gt=0, lt=1)]


def save(path: Path, decision: Decision) -> None:
    """Write a decision as JSON.

    Args:
        path: the file, which is replaced in one step.
        decision: what to write.
    """
    files.write_json(path, decision.model_dump(mode="json"))


def load(path: Path) -> Decision:
    """Read what `save` wrote.

    Args:
        path: the JSON file.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        return Decision.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; run `dvc repro evaluate` or `dvc pull`") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: damaged; run `dvc checkout {path}`") from error
