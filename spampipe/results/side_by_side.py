"""Any number of contenders beside the first of them: metrics, and which differences are beyond chance."""

import string
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from spampipe.core import settings
from spampipe.core.errors import DataError
from spampipe.crossvalidation import judging
from spampipe.crossvalidation.judging import MCNEMAR
from spampipe.evaluation import filter_metrics
from spampipe.evaluation.intervals import Interval
from spampipe.results import tables
from spampipe.results.contender import Contender

_LETTERS = string.ascii_uppercase
_LINE = 80  # characters
_WIDEST_SETTING = 16  # characters of a setting's value
_OF_TEST = "test_"  # before names of the pipeline's metrics
_RAREST = 0.001  # p-values under it are shown as less than it

Compared = Mapping[str, Mapping[str, Any]]


def text(contenders: Sequence[Contender], level: float, metric: str | None = None) -> str:
    """Compare contenders with the first of them, which is called A.

    Args:
        contenders: two or more, for the same messages.
        level: the probability under which a difference counts as beyond chance.
        metric: the name of one of FILTER_METRICS to compare by, with or without `test_` before it; None for the main
            ones of the label set.

    Returns:
        The settings that differ, the metrics of all, each difference from A with its tests, and that in words.

    Raises:
        DataError: there are more than 26, or the label set has no such metric.
    """
    if len(contenders) > len(_LETTERS):
        raise DataError(
            f"{len(contenders)} results are more than a table has room for; compare {len(_LETTERS)} at most"
        )
    lettered = dict(zip(_LETTERS, contenders, strict=False))
    answers = {letter: each.answers for letter, each in lettered.items()}
    found = judging.comparisons(answers, _LETTERS[0], None if metric is None else [metric.removeprefix(_OF_TEST)])
    headings = ["", "difference", "95 % interval", "p", "corrected"]
    words = [line for letter in found for line in _words(letter, lettered, found[letter], level)]
    words.append(
        f"Each is tested against A, messages by McNemar's exact test, metrics by the paired bootstrap over groups of "
        f"alike messages; p-values are corrected by Holm for {len(found)} contenders, and beyond chance is less than "
        f"{level:g} (check.significance)."
    )
    parts = [
        "\n".join(f"{letter}  {each.title}" for letter, each in lettered.items()),
        _settings(lettered),
        _metrics(lettered),
        tables.aligned(headings, _differences(found), "lrrrr"),
        "\n".join(textwrap.fill(line, _LINE, subsequent_indent="  ") for line in words),
    ]
    return "\n\n".join(part for part in parts if part)


def _settings(lettered: Mapping[str, Contender]) -> str:
    """The settings of which not all have the same value."""
    names = dict.fromkeys(name for each in lettered.values() for name in each.settings)
    shown = {name: [settings.written(each.settings.get(name)) for each in lettered.values()] for name in names}
    rows = [[name, *values] for name, values in shown.items() if len(set(values)) > 1]
    if not rows:
        return ""
    widths = [None, *[_WIDEST_SETTING] * len(lettered)]
    return tables.aligned(["setting", *lettered], rows, "l" * (1 + len(lettered)), widths)


def _metrics(lettered: Mapping[str, Contender]) -> str:
    names = dict.fromkeys(name for each in lettered.values() for name in each.metrics)
    rows = [[name, *(_figure(each.metrics.get(name)) for each in lettered.values())] for name in names]
    return tables.aligned(["metric", *lettered], rows, "l" + "r" * len(lettered))


def _differences(found: Compared) -> list[list[str]]:
    rows = []
    for letter, tests in found.items():
        for name, test in tests.items():
            what = "messages right" if name == MCNEMAR else name
            bounds = _bounds(Interval(test["value"], test.get("low"), test.get("high")))
            shares = [_p(test["p_value"]), _p(test["corrected"])]
            rows.append([f"{letter} - A: {what}", tables.number(test["value"], signed=True), bounds or "-", *shares])
    return rows


def _words(letter: str, lettered: Mapping[str, Contender], tests: Mapping[str, Any], level: float) -> list[str]:
    """What the tests of one contender come to: a line about right answers, and one about metrics."""
    first, other = (lettered[each].answers for each in (_LETTERS[0], letter))
    more, chance = tests[MCNEMAR]["value"], tests[MCNEMAR]["corrected"]
    counts = f"of {len(other)} ({other.right.sum()}, A {first.right.sum()})"
    if more == 0:
        line = f"as many right {counts}: no difference"
    else:
        verdict = "better" if more > 0 else "worse"
        link = f"{verdict} beyond chance" if chance < level else f"{verdict}, but not beyond chance"
        line = f"{abs(more)} {'more' if more > 0 else 'fewer'} right {counts}: {link}"
    known = filter_metrics.of_labels(first.label_set)
    kinds: dict[str, list[str]] = {}
    for name, test in tests.items():
        if name != MCNEMAR:
            kinds.setdefault(_verdict(test, known[name].better, level), []).append(name)
    metrics = "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in kinds.items())
    return [f"{letter} beside A: {line}", f"{letter} beside A, {metrics}"]


def _verdict(test: Mapping[str, Any], better: str, level: float) -> str:
    if test["corrected"] is None or test["value"] is None:
        return "not compared"
    if test["corrected"] >= level or test["value"] == 0:
        return "no difference beyond chance"
    return "better beyond chance" if (test["value"] > 0) == (better == "higher") else "worse beyond chance"


def _figure(found: Interval | None) -> str:
    """A value, with its interval on a second line."""
    if found is None:
        return "-"
    bounds = _bounds(found)
    return tables.number(found.value) + (f"\n{bounds}" if bounds else "")


def _bounds(found: Interval) -> str:
    if found.low is None or found.high is None:
        return ""
    return f"{found.low:.4g} to {found.high:.4g}"


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return f"< {_RAREST:g}" if value < _RAREST else f"{value:.3f}"
