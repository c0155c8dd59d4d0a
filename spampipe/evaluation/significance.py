"""Whether one classifier is better than another, beyond what chance would give."""

import math

import numpy as np
import numpy.typing as npt

Outcomes = npt.NDArray[np.bool_]


def paired(worse: Outcomes, better: Outcomes) -> float:
    """McNemar's exact test, one-sided.

    Args:
        worse: (N,) whether the one classifier is right about each message.
        better: (N,) the same of the other, which may be better.

    Returns:
        The probability of at least so many messages that only `better` gets right, among those that only one of
        the two does, if both were equally good.
    """
    gained, lost = int((better & ~worse).sum()), int((worse & ~better).sum())
    differing = gained + lost
    return sum(math.comb(differing, k) for k in range(gained, differing + 1)) / 2**differing


def unpaired(worse: Outcomes, better: Outcomes) -> float:
    """Fisher's exact test, one-sided, for classifiers that were tested on different messages.

    Args:
        worse: (N,) whether the one classifier is right about each of its messages.
        better: (M,) the same of the other, which may be better.

    Returns:
        The probability of at least so many right answers of `better`, if both were equally good.
    """
    right, total = int(worse.sum() + better.sum()), len(worse) + len(better)
    ways = [
        math.comb(right, k) * math.comb(total - right, len(better) - k)
        for k in range(int(better.sum()), min(right, len(better)) + 1)
    ]
    return sum(ways) / math.comb(total, len(better))
