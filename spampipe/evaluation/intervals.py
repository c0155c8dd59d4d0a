"""How sure a share is that was counted on few messages."""

from dataclasses import dataclass

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A share and how far it may be off.

    Attributes:
        value: the share that was counted, from 0 to 1.
        low: the lower end of its 95 % confidence interval.
        high: the upper end.
    """

    value: float
    low: float
    high: float


def wilson(successes: int, total: int) -> Interval:
    """A share with Wilson's score interval (Wilson 1927).

    Args:
        successes: how many were counted.
        total: of how many, at least one.
    """
    from scipy.stats import binomtest

    found = binomtest(successes, total).proportion_ci(_CONFIDENCE, method="wilson")
    return Interval(successes / total, float(found.low), float(found.high))
