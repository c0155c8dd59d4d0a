"""Two results side by side, as text for a terminal or as Markdown for a pull request."""

import textwrap

import pandas as pd

from spampipe.core import settings
from spampipe.evaluation import answers
from spampipe.evaluation.answers import Difference
from spampipe.results import chart, result, tables
from spampipe.results.result import Result

_MOST_MESSAGES = 5  # shown of each kind
_LONGEST_TEXT = 120  # characters of a message
_LINE = 80  # characters
_WIDEST_SETTING = 22  # characters, so that three columns fit the line


def text(before: Result, after: Result, level: float) -> str:
    """Compare two results in lines of at most 80 characters.

    Args:
        before: the result to compare with, called A.
        after: the result that may be better or worse, called B.
        level: the probability under which a difference counts as beyond chance.

    Returns:
        The settings that differ, the metrics of both, and the right answers with what chance has to do with them;
        one line if the two share all of that.
    """
    differing, metrics = _settings(before, after), _metrics(before, after)
    names = f"A  {before.title}\nB  {after.title}"
    if (
        not differing
        and not any(change for *_, change, _ in metrics)
        and before.predictions.equals(after.predictions)
    ):
        return f"{names}\n\nno difference: the same settings, metrics and predictions"
    widths = [None, _WIDEST_SETTING, _WIDEST_SETTING]
    table = tables.aligned(["setting", "A", "B"], differing, "lll", widths) if differing else "the same settings"
    verdicts = [f"{what}, B beside A: {found.words('A', level)}" for what, found in _compared(before, after).items()]
    verdicts += [
        f"test messages, B beside {model}: {words}"
        for model, words in after.baseline.beside(after.predictions, level).items()
    ]
    return "\n\n".join(
        [
            names,
            table,
            tables.aligned(["metric", "A", "B", "B - A", "better is"], metrics, "lrrrl"),
            "\n".join(textwrap.fill(line, _LINE, subsequent_indent="  ") for line in verdicts),
        ]
    )


def markdown(before: Result, after: Result, level: float) -> str:
    """Compare two results in Markdown.

    Args:
        before: the result to compare with.
        after: the result that may be better or worse.
        level: the probability under which a difference counts as beyond chance.

    Returns:
        The right answers with what chance has to do with them, the metrics and settings that differ, the messages
        judged otherwise, and the validation losses as a Mermaid chart.
    """
    headings = [before.title, "this"]
    metrics = [row for row in _metrics(before, after) if row[3]]
    differing = _settings(before, after)
    return "\n".join(
        [
            f"## Results beside {before.title}",
            "",
            *_marked(before, after, level),
            "",
            *_section("Metrics", _table(["metric", *headings, "change", "better is"], metrics, "lrrrl")),
            *_baseline(before, after, level),
            *_section("Settings", _table(["setting", *headings], differing, "lll")),
            *_section("Test messages judged otherwise", _changed(before.predictions, after.predictions)),
            *_section("Validation loss", chart.mermaid(before.steps, after.steps, (before.title, "this"))),
        ]
    )


def _baseline(before: Result, after: Result, level: float) -> list[str]:
    """The section on models that cost next to nothing; empty if neither result has any."""
    models = dict.fromkeys([*before.baseline.metrics, *after.baseline.metrics])
    if not models:
        return []
    metric = "test_accuracy"
    values = {"the model": [before.metrics.get(metric), after.metrics.get(metric)]}
    values |= {
        model: [found.baseline.metrics.get(model, {}).get(metric) for found in (before, after)] for model in models
    }
    rows = [[name, *map(tables.number, each)] for name, each in values.items()]
    lines = [f"- test messages: {words}" for words in after.baseline.beside(after.predictions, level).values()]
    return _section(
        "Beside models that cost next to nothing",
        "\n".join([_table(["test accuracy of", before.title, "this"], rows, "lrr"), "", *lines]).strip(),
    )


def _compared(before: Result, after: Result) -> dict[str, Difference]:
    """The right answers about each kind of messages."""
    return {
        f"{split} messages": answers.difference(split, before.predictions, after.predictions)
        for split in answers.COMPARED
    }


def _marked(before: Result, after: Result, level: float) -> list[str]:
    """A line for each kind of messages, with a mark where the difference is beyond chance; and what marks mean."""
    marks = {1: "✅ ", 0: "", -1: "❌ "}
    compared = _compared(before, after)
    lines = [
        f"- {marks[found.beyond_chance(level)]}{what}: {found.words(before.title, level)}"
        for what, found in compared.items()
    ]
    if any(found.beyond_chance(level) for found in compared.values()):
        lines += ["", f"✅ is better and ❌ worse beyond chance (`check.significance` is {level:g})."]
    return lines


def _metrics(before: Result, after: Result) -> list[list[str]]:
    """Name, both values, the change (empty if there is none) and which values are better, of every metric."""
    rows = []
    for name in dict.fromkeys([*before.metrics, *after.metrics]):
        old, new = before.metrics.get(name), after.metrics.get(name)
        change = "" if old == new else "-" if old is None or new is None else tables.number(new - old, signed=True)
        rows.append([name, tables.number(old), tables.number(new), change, result.better(name)])
    return rows


def _settings(before: Result, after: Result) -> list[list[str]]:
    """Name and both values of every setting that differs."""
    return [
        [name, settings.written(before.settings.get(name)), settings.written(new)]
        for name, new in settings.changed(before.settings, after.settings).items()
    ]


def _table(headings: list[str], rows: list[list[str]], sides: str) -> str:
    return tables.markdown(headings, rows, sides) if rows else ""


def _section(title: str, body: str) -> list[str]:
    return [f"### {title}", "", body or "No difference.", ""]


def _changed(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """The test messages of both that one gets right and the other wrong."""
    old, new = (table[table["split"] == "test"].drop_duplicates("text") for table in (before, after))
    both = old.merge(new, on="text", suffixes=("_before", "_after"))
    was, now = (both[f"predicted_{when}"].eq(both[f"label_{when}"]) for when in ("before", "after"))
    lines = []
    for heading, rows in (("now right", both[now & ~was]), ("now wrong", both[was & ~now])):
        lines += [f"- {heading}: {_quoted(text)}" for text in rows["text"].head(_MOST_MESSAGES)]
        if len(rows) > _MOST_MESSAGES:
            lines.append(f"- {heading}: {len(rows) - _MOST_MESSAGES} more")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """A message as code, so that nothing in it is read as Markdown, a link or a mention."""
    line = " ".join(text.replace("`", "'").split())
    return f"`{line[:_LONGEST_TEXT]}{'…' if len(line) > _LONGEST_TEXT else ''}`"
