"""How far a metric spreads over seeds, and whether two means differ by more than that explains."""

import math
import statistics
from dataclasses import dataclass

from spampipe.core.errors import DataError
from spampipe.evaluation.intervals import LEVEL
from spampipe.results import result, tables

_FEWEST = 2  # values that have a standard deviation
_RAREST = 0.001  # p-values under it are shown as less than it


@dataclass(frozen=True)
class Spread:
    """The values that one metric has with several seeds.

    Attributes:
        values: one a seed, two or more.
    """

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse too few values.

        Raises:
            DataError: there are fewer than two.
        """
        if len(self.values) < _FEWEST:
            raise DataError(f"one seed has no spread; run `spampipe seeds` with {_FEWEST} or more")

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.mean(self.values)

    @property
    def deviation(self) -> float:
        """Their standard deviation, with one degree of freedom less than there are values."""
        return statistics.stdev(self.values)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean by Student's t, which takes the values to be normally distributed."""
        from scipy.stats import t

        count = len(self.values)
        reach = float(t.ppf((1 + LEVEL) / 2, count - 1)) * self.deviation / math.sqrt(count)
        return self.mean - reach, self.mean + reach


@dataclass(frozen=True)
class MeanDifference:
    """A metric of two groups of seeds.

    Attributes:
        metric: its name.
        before: of the group that is compared with.
        after: of the group that may be better or worse.
        p_value: Welch's t-test, two-sided; corrected, if several metrics were tested; None if neither group's values
            vary, so that there is nothing to hold the difference against.
    """

    metric: str
    before: Spread
    after: Spread
    p_value: float | None

    def beyond_chance(self, level: float) -> int:
        """1 if the mean is better, -1 if it is worse, 0 if chance gives such a difference too often.

        Args:
            level: the probability, from 0 to 1, from which on chance explains a difference.
        """
        if self.p_value is None or self.p_value >= level:
            return 0
        higher = 1 if self.after.mean > self.before.mean else -1
        return -higher if result.better(self.metric) == "lower" else higher

    def words(self, title: str, level: float) -> str:
        """One line: both means, and whether they differ beyond chance.

        Args:
            title: the other group's name in the text.
            level: the probability, from 0 to 1, from which on chance explains a difference.
        """
        means = (
            f"mean {tables.number(self.after.mean)} of {len(self.after.values)} seeds, "
            f"{title} {tables.number(self.before.mean)} of {len(self.before.values)}"
        )
        if self.p_value is None:
            return f"{means}: not tested, as neither varies with the seed"
        verdict = {1: "better beyond chance", 0: "no difference beyond chance", -1: "worse beyond chance"}
        shown = f"p < {_RAREST:g}" if self.p_value < _RAREST else f"p = {self.p_value:.3f}"
        return f"{means}: {verdict[self.beyond_chance(level)]} (Welch's t-test, {shown})"


def welch(before: Spread, after: Spread) -> float | None:
    """Welch's t-test, two-sided: whether two means differ, whatever each group's variance.

    Args:
        before: the values of one group.
        after: the values of the other.

    Returns:
        The probability of a difference at least as large between groups of equal means; None if neither varies.
    """
    if before.deviation == after.deviation == 0:
        return None
    from scipy.stats import ttest_ind_from_stats

    of_each = ((each.mean, each.deviation, len(each.values)) for each in (before, after))
    return float(ttest_ind_from_stats(*(figure for each in of_each for figure in each), equal_var=False).pvalue)
