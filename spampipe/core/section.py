"""What every section of params.yaml is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Real = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # what NumPy accepts as a seed


class Section(BaseModel):
    """Settings that are frozen, complete, and of exactly the types they say."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
