"""How the right answers of two results differ, in plain words."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spampipe.core.workspace import LEFTOVER_SPLIT
from spampipe.evaluation import significance

COMPARED = ("test", LEFTOVER_SPLIT)
_RAREST = 1000  # cases; rarer ones are all called less than 1 of these
_NEARLY_ALWAYS = 0.95


@dataclass(frozen=True)
class Difference:
    """What one result is right about, beside another.

    Attributes:
        before: messages that the other result is right about.
        before_total: messages that it was tested on.
        after: messages that this result is right about.
        after_total: messages that it was tested on.
        paired: whether both were tested on the same messages.
        same_answers: whether both are right about the same ones of them.
        chance: the probability that two equally good results differ at least so far in this direction.
    """

    before: int
    before_total: int
    after: int
    after_total: int
    paired: bool
    same_answers: bool
    chance: float

    @property
    def direction(self) -> int:
        """1 if this result is right more often, -1 if less often, 0 if equally often."""
        if not (self.before_total and self.after_total):
            return 0
        ahead = self.after * self.before_total - self.before * self.after_total
        return (ahead > 0) - (ahead < 0)

    def beyond_chance(self, level: float) -> int:
        """`direction`, but 0 where chance gives such a difference with the probability `level` or more.

        Args:
            level: the probability, from 0 to 1, from which on chance explains a difference.
        """
        return self.direction if self.chance < level else 0

    def words(self, title: str, level: float) -> str:
        """One line: how many more or fewer are right, whether that is better, and what chance has to do with it.

        Args:
            title: the other result's name in the text.
            level: the probability, from 0 to 1, from which on chance explains a difference.
        """
        if not (self.before_total and self.after_total):
            return f"not compared: {self.after_total} messages here, {self.before_total} in {title}"
        if self.direction == 0:
            others = "" if self.same_answers else ", though not the same ones"
            level_with = f"as in {title}{others}" if self.paired else f"{title} {self._share_before()} other messages"
            return f"no difference: {self._share()} right, {level_with}"
        verdict = "better" if self.direction > 0 else "worse"
        link = f"{verdict};" if self.beyond_chance(level) else f"{verdict}, but"
        return f"{self._gap(title)}: {link} chance alone {cases(self.chance)}"

    def _gap(self, title: str) -> str:
        if self.paired:
            gap, more = abs(self.after - self.before), "more" if self.direction > 0 else "fewer"
            return f"{gap} {more} right of {self.after_total} ({self.after}, {title} {self.before})"
        share = "larger" if self.direction > 0 else "smaller"
        return (
            f"a {share} share right ({self._share()}, {title} {self._share_before()} other messages; unpaired test)"
        )

    def _share(self) -> str:
        return f"{self.after} of {self.after_total}"

    def _share_before(self) -> str:
        return f"{self.before} of {self.before_total}"


def difference(split: str, before: pd.DataFrame, after: pd.DataFrame) -> Difference:
    """Compare the right answers of two results.

    Args:
        split: the name of the split whose messages count.
        before: predictions of the other result, as `reports.predictions` makes them.
        after: predictions of this result.
    """
    before, after = (table[table["split"] == split] for table in (before, after))
    old, new = (table["label"].eq(table["predicted"]).to_numpy(dtype=bool) for table in (before, after))
    paired = len(old) == len(new) and bool(np.array_equal(before["text"].to_numpy(), after["text"].to_numpy()))
    counts = int(old.sum()), len(old), int(new.sum()), len(new)
    same = paired and bool(np.array_equal(old, new))
    found = Difference(*counts, paired, same, chance=1.0)
    if found.direction == 0:
        return found
    test = significance.paired if paired else significance.unpaired
    worse, better = (old, new) if found.direction > 0 else (new, old)
    return Difference(*counts, paired, same, chance=test(worse, better))


def cases(probability: float) -> str:
    """How often something happens, such as `does that in 1 of 3 cases`; within a fifth of the probability.

    Args:
        probability: the probability that it happens, from 0 to 1.
    """
    if probability >= 1:
        return "always does that"
    if probability >= _NEARLY_ALWAYS:
        return "nearly always does that"
    if probability < 1 / _RAREST:
        return f"does that in less than 1 of {_RAREST} cases"
    if probability >= 0.35:
        tenths = int(10 * probability + 0.5)
        return "does that in half of all cases" if tenths == 5 else f"does that in {tenths} of 10 cases"
    rarity = round(1 / probability)
    return f"does that in 1 of {float(f'{rarity:.2g}'):.0f} cases"
