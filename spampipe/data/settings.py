"""The sections of params.yaml that decide the data."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spampipe.core.section import Real, Section, Seed


class DownloadParams(Section):
    """Which messages to start from."""

    dataset: Annotated[str, Field(min_length=1)]
    quoting: bool


class BalanceParams(Section):
    """How to even the classes out."""

    strategy: Literal["undersample", "none", "oversample"]
    seed: Seed


class SplitParams(Section):
    """How to deal messages into train, validation and test."""

    train_fraction: Annotated[Real, Field(gt=0, lt=1)]
    validation_fraction: Annotated[Real, Field(gt=0, lt=1)]
    seed: Seed
    group_duplicates: bool

    @model_validator(mode="after")
    def _leaves_a_test_set(self) -> Self:
        if self.train_fraction + self.validation_fraction > 1 - 1e-9:
            raise ValueError("train_fraction and validation_fraction leave no test set; lower one of them")
        return self


class TokenizePadParams(Section):
    """How long a message may be, in tokens."""

    max_length: Literal["longest_train", "model_context"] | Annotated[int, Field(ge=1)]  # the context bounds it
