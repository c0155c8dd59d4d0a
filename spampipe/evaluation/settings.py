"""The section of params.yaml about how probabilities become labels."""

from typing import Annotated

from pydantic import Field

from spampipe.core.section import Count, Real, Section


class EvaluateParams(Section):
    """How probabilities become labels."""

    threshold: Annotated[Real, Field(gt=0, lt=1)]
    batch_size: Count
