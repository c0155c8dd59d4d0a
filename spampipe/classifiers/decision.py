"""How probabilities become labels, kept beside the classifier, so that every way to use it gives the same label."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spampipe.core import files
from spampipe.core.errors import CheckpointError
from spampipe.data.labels import EVEN


class Decision(BaseModel):
    """How the probabilities that a model gives become a label.

    Attributes:
        threshold: the positive label is given from this probability on.
        temperature: what the logarithms of probabilities are divided by first, as `data.calibration.temper` does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    threshold: Annotated[float, Field(gt=0, lt=1)]
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


UNDECIDED = Decision(threshold=EVEN)  # where nothing was chosen


def save(path: Path, decision: Decision) -> None:
    """Write a decision as JSON; a temperature of 1 is left out.

    Args:
        path: the file, which is replaced in one step.
        decision: what to write.
    """
    files.write_json(path, decision.model_dump(mode="json", exclude_defaults=True))


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
