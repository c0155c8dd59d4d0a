"""Whether one classifier is better than another, beyond what chance would give."""

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
    from scipy.stats import binomtest

    gained, lost = int((better & ~worse).sum()), int((worse & ~better).sum())
    if not gained + lost:
        return 1.0
    return float(binomtest(gained, gained + lost, alternative="greater").pvalue)


def unpaired(worse: Outcomes, better: Outcomes) -> float:
    """Fisher's exact test, one-sided, for classifiers that were tested on different messages.

    Args:
        worse: (N,) whether the one classifier is right about each of its messages.
        better: (M,) the same of the other, which may be better.

    Returns:
        The probability of at least so many right answers of `better`, if both were equally good.
    """
    from scipy.stats import fisher_exact

    table = [[int(right.sum()), int((~right).sum())] for right in (better, worse)]
    return float(fisher_exact(table, alternative="greater").pvalue)
