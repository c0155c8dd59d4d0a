"""How far a figure may be off: Wilson's interval of a rate, and the bootstrap over groups of messages of any other.

All intervals are of 95 %.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Weighed = Callable[[Floats], Floats]  # from (B, N) weights of N messages to (B, M) figures

_OUTSIDE = 0.025  # on either side of an interval
LEVEL = 1 - 2 * _OUTSIDE
REPEATS = 1000
SEED = 123
_BLOCK = 2**20  # weights that are held at once: 8 MiB


@dataclass(frozen=True)
class Interval:
    """A figure, and between which bounds it may lie.

    Attributes:
        value: the figure; None if it is not defined, or infinite.
        low: the lower bound; None if there is none.
        high: the upper bound; None if there is none, or if it is infinite.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """The three numbers by their names."""
        return asdict(self)


def wilson(successes: int, total: int) -> Interval:
    """A rate with Wilson's score interval (Wilson 1927), which takes the trials to be independent.

    Args:
        successes: how many trials succeeded.
        total: how many there were; of none, the rate is not defined.
    """
    if not total:
        return Interval(None)
    from scipy.stats import binomtest

    bounds = binomtest(successes, total).proportion_ci(LEVEL, method="wilson")
    return Interval(successes / total, float(bounds.low), float(bounds.high))


def bootstrap(figures: Weighed, groups: npt.NDArray[np.int64], seed: int, repeats: int = REPEATS) -> Floats:
    """What figures come to when whole groups of messages are drawn anew, with replacement (Field and Welsh 2007).

    As many groups are drawn as there are. A message counts as often as its group was drawn, which is the weight that
    the figures are computed with, so that nothing is copied.

    Args:
        figures: computes M figures from the messages' weights, for several drawings at once.
        groups: (N,) the group of each message.
        seed: decides what is drawn.
        repeats: how many drawings.

    Returns:
        (repeats, M); not a number where a drawing lacks what a figure is about.
    """
    return np.concatenate([figures(weights) for weights in _drawn(groups, seed, repeats)])


def percentile(value: float, drawn: Floats) -> Interval:
    """The percentile interval of a figure (Efron 1979); its bounds are drawn values, so that they may be infinite.

    Args:
        value: the figure of all messages.
        drawn: (R,) what it came to in drawings; those that are not a number are left out.
    """
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return Interval(_finite(value))
    low, high = np.quantile(known, [_OUTSIDE, 1 - _OUTSIDE], method="inverted_cdf").tolist()
    return Interval(_finite(value), _finite(low), _finite(high))


def _drawn(groups: npt.NDArray[np.int64], seed: int, repeats: int) -> Iterator[Floats]:
    """(B, N) weights, B of the drawings at a time."""
    names, members = np.unique(groups, return_inverse=True)
    generator, block = np.random.default_rng(seed), max(1, _BLOCK // max(1, len(groups)))
    for start in range(0, repeats, block):
        count = min(block, repeats - start)
        chosen = generator.integers(len(names), size=(count, len(names)))
        counts = np.stack([np.bincount(row, minlength=len(names)) for row in chosen])
        yield counts[:, members].astype(np.float64)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
