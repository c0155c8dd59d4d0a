"""The labels of a data set, and the one rule by which probabilities become one of them. No torch, no pandas here."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spampipe.core import files
from spampipe.core.errors import DataError, ParamsError

Labels = npt.NDArray[np.int64]  # (N,) positions in LabelSet.names
Probabilities = npt.NDArray[np.float64]  # (N, K), each row adds up to 1

EVEN = 0.5  # the threshold where none was chosen
_SEPARATORS = set("\t\r\n")  # what ends a label in a raw file


class LabelSet(BaseModel):
    """The classes that texts are told apart into. It is made where a data set is read, and travels with the data.

    Attributes:
        names: what users call the classes; the position is the class index that files and tensors hold.
        positive: the class that precision, recall and the threshold are about; None if no class is special.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    names: Annotated[tuple[str, ...], Field(min_length=2)]
    positive: str | None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if len(set(self.names)) < len(self.names) or not all(name.strip() for name in self.names):
            raise ValueError(f"names {', '.join(self.names)}: must be different and not empty")
        if self.positive is not None and self.positive not in self.names:
            raise ValueError(f"positive {self.positive}: must be one of {', '.join(self.names)}")
        return self

    def __len__(self) -> int:
        return len(self.names)

    @property
    def positive_index(self) -> int | None:
        """The class index of the positive class; None if there is none."""
        return None if self.positive is None else self.names.index(self.positive)

    def names_of(self, labels: Labels) -> npt.NDArray[np.str_]:
        """The names of some labels.

        Args:
            labels: (N,) class indices.

        Returns:
            (N,) their names.
        """
        return np.array(self.names)[labels]


def found_in(names: set[str]) -> LabelSet:
    """The label set of a user's own texts: their labels, sorted; of two, the second is the positive one.

    Args:
        names: the labels that occur, two or more.
    """
    return in_order(sorted(names))


def in_order(names: Sequence[str]) -> LabelSet:
    """The label set of a user's own texts, as the user names it.

    Args:
        names: the labels in class order; of two, the second is the positive one.
    """
    return LabelSet(names=tuple(names), positive=names[1] if len(names) == 2 else None)


def problem_of_name(name: str) -> str | None:
    """Why a text cannot be a label of a user's own texts, such as `is empty`; None if it can.

    Args:
        name: as it stands in a raw file or in params.yaml.
    """
    if not name.strip():
        return "is empty"
    if name != name.strip():
        return "begins or ends with white space"
    return "holds a tab or a line end" if _SEPARATORS & set(name) else None


def decide(probabilities: Probabilities, labels: LabelSet, threshold: float) -> Labels:
    """The label of each text: the positive one from the threshold on, else the most probable of the others.

    Everything that turns probabilities into labels does it here.

    Args:
        probabilities: (N, K), a column for each label in the set's order.
        labels: the set.
        threshold: of the positive label's probability, as `checked_threshold` has it; without a positive label it
            has no effect, and the most probable label is taken.

    Returns:
        (N,) class indices.
    """
    positive = labels.positive_index
    if positive is None:
        return probabilities.argmax(axis=1)
    others = probabilities.copy()
    others[:, positive] = -1.0
    return np.where(probabilities[:, positive] >= threshold, positive, others.argmax(axis=1))


def checked_threshold(threshold: float) -> float:
    """The threshold itself.

    Args:
        threshold: a probability that a user has chosen.

    Raises:
        ParamsError: it is not between 0 and 1.
    """
    if not 0 < threshold < 1:
        raise ParamsError(f"threshold {threshold}: must be more than 0 and less than 1, such as 0.9")
    return threshold


def save(path: Path, labels: LabelSet) -> None:
    """Write a label set as JSON.

    Args:
        path: the file, which is replaced in one step.
        labels: the label set.
    """
    files.write_json(path, labels.model_dump(mode="json"))


def load(path: Path) -> LabelSet:
    """Read what `save` wrote.

    Args:
        path: the file.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None
    except ValueError as error:
        raise DataError(f"{path}: damaged ({explain(error)}); run `dvc repro --force download`") from error


def parse(text: str) -> LabelSet:
    """A label set from its JSON.

    Args:
        text: a JSON object with the entries names and positive.

    Raises:
        ValueError: it is none.
    """
    return LabelSet.model_validate_json(text)


def unparse(labels: LabelSet) -> str:
    """A label set as one line of JSON, such as token files hold.

    Args:
        labels: the label set.
    """
    return json.dumps(labels.model_dump(mode="json"), ensure_ascii=False)


def explain(error: ValueError) -> str:
    """What is wrong with a label set, on one line.

    Args:
        error: what `parse` has raised.
    """
    return str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else str(error)
