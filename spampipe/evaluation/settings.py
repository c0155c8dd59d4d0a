"""The section of params.yaml about how probabilities become labels."""

from typing import Annotated, Literal

from pydantic import Field

from spampipe.core.section import Count, Real, Section

Share = Annotated[Real, Field(gt=0, lt=1)]


class ThresholdRule(Section):
    """Choose the threshold on the validation messages.

    Attributes:
        max_false_positive_rate: the share of the messages of other labels that may be given the positive one.
    """

    max_false_positive_rate: Share


class EvaluateParams(Section):
    """How probabilities become labels."""

    threshold: Share | ThresholdRule
    temperature: Literal["none", "validation"]
    batch_size: Count
