"""The sections of params.yaml that decide the data."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from spampipe.core.section import Real, Section, Seed
from spampipe.data import labels
from spampipe.data.duplicates import Grouping
from spampipe.data.truncation import Truncate


def _checked_names(value: object) -> object:
    """Refuse what cannot be labels; whether it is a list at all, pydantic says."""
    if not isinstance(value, list):
        return value
    for name in value:
        if not isinstance(name, str):
            raise ValueError(f"{name!r} is not a text; put it in quotes")
        if problem := labels.problem_of_name(name):
            raise ValueError(f"{name!r} {problem}; correct it")
        if value.count(name) > 1:
            raise ValueError(f"{name} stands twice; remove one of the two")
    if len(value) < 2:
        raise ValueError("must be two labels or more, or null for those found in the file")
    return value


def _checked_columns(value: object) -> object:
    """Refuse what is neither the name of a column, nor several, nor null."""
    names = value if isinstance(value, list) else [value]
    if value is not None and not (names and all(isinstance(name, str) and name for name in names)):
        raise ValueError(f"must be a column's name, or several such as [subject, body], or null, but is {value!r}")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} stands twice; remove one of the two")
    return value


def _no_truth_value(value: object) -> object:
    """Refuse true and false, and say which names they stand for."""
    if isinstance(value, bool):
        raise ValueError(f"must be none, exact or near, but is {value}; write {'exact' if value else 'none'} instead")
    return value


class DownloadParams(Section):
    """Which messages to start from."""

    dataset: Annotated[str, Field(min_length=1)]
    text_column: Annotated[str | list[str] | None, BeforeValidator(_checked_columns)]
    label_column: Annotated[str, Field(min_length=1)] | None
    quoting: bool
    labels: Annotated[list[str] | None, BeforeValidator(_checked_names)]


class BalanceParams(Section):
    """How to even the classes out."""

    strategy: Literal["undersample", "none", "oversample"]
    seed: Seed
    corrections: Annotated[str, Field(min_length=1)]


class SplitParams(Section):
    """How to deal messages into train, validation and test."""

    train_fraction: Annotated[Real, Field(gt=0, lt=1)]
    validation_fraction: Annotated[Real, Field(gt=0, lt=1)]
    seed: Seed
    group_duplicates: Annotated[Grouping, BeforeValidator(_no_truth_value)]
    near_threshold: Annotated[Real, Field(gt=0, le=1)]
    stratify: bool

    @model_validator(mode="after")
    def _leaves_a_test_set(self) -> Self:
        if self.train_fraction + self.validation_fraction > 1 - 1e-9:
            raise ValueError("train_fraction and validation_fraction leave no test set; lower one of them")
        return self


class CrossvalidateParams(Section):
    """How all messages are dealt into folds; no stage reads it."""

    folds: Annotated[int, Field(ge=2, le=100)]
    seed: Seed
    group_duplicates: Literal["none", "exact", "near"]
    near_threshold: Annotated[Real, Field(gt=0, le=1)]


class TokenizePadParams(Section):
    """How long a message may be, in tokens, and what of a longer one is cut off."""

    max_length: Literal["longest_train", "model_context"] | Annotated[int, Field(ge=1)]  # the context bounds it
    truncate: Truncate
