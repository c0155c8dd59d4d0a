"""The validation losses of two results as a Mermaid chart, which GitHub draws in Markdown.

Mermaid spreads the points of every line evenly over the whole axis. So both curves are read at the same points, over
what both runs have seen.
"""

import numpy as np
import pandas as pd

_MOST_STEPS = 32  # steps between the points of a curve
# Each stands out from white and from the dark grey of Mermaid's dark theme.
COLOURS = {"🟦": "#3c82e0", "🟧": "#d0721c"}
_QUANTITY = "validation_loss"


def mermaid(before: pd.DataFrame, after: pd.DataFrame, titles: tuple[str, str]) -> str:
    """Both curves on one axis, as far as both go.

    Args:
        before: the losses of the one result, with columns result.STEP_COLUMNS.
        after: the losses of the other result, with the same columns.
        titles: the names of the two results in the text.

    Returns:
        Markdown: the chart, what its colours mean, and where a run goes on beyond it.
    """
    tables = before, after
    if any(table.empty for table in tables):
        return "No chart: one of the two was not trained step by step."
    start = int(max(table["examples_seen"].iloc[0] for table in tables))
    end = int(min(table["examples_seen"].iloc[-1] for table in tables))
    if start >= end:
        return "No chart: the two runs have no two points in common."
    seen = np.linspace(start, end, _steps(tables, start, end) + 1)
    curves = [np.interp(seen, table["examples_seen"], table[_QUANTITY]) for table in tables]
    lines = ["  line [" + ", ".join(f"{value:.4f}" for value in curve) + "]" for curve in curves]
    palette = ", ".join(COLOURS.values())
    return "\n".join(
        [
            "```mermaid",
            '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "' + palette + '"}}}}%%',
            "xychart-beta",
            f'  x-axis "messages seen" {start} --> {end}',
            '  y-axis "validation loss"',
            *lines,
            "```",
            "",
            f"{', '.join(f'{mark} {title}' for mark, title in zip(COLOURS, titles, strict=True))}.",
            *filter(None, (_beyond(table, title, end) for table, title in zip(tables, titles, strict=True))),
        ]
    )


def _steps(tables: tuple[pd.DataFrame, ...], start: int, end: int) -> int:
    """How many steps the axis has: the runs' own, if even; else a power of two, which Mermaid adds exactly."""
    own = max(int(table["examples_seen"].between(start, end).sum()) for table in tables) - 1
    return own if 0 < own <= _MOST_STEPS and (end - start) % own == 0 else _MOST_STEPS


def _beyond(table: pd.DataFrame, title: str, end: int) -> str:
    """A sentence on where a curve goes on after the chart's end; empty if it does not."""
    last = table.iloc[-1]
    if last["examples_seen"] == end:
        return ""
    return (
        f"The chart ends at {end:,} messages seen, where the shorter run ends; "
        f"{title} goes on to {int(last['examples_seen']):,}, with a loss of {last[_QUANTITY]:.4f} there."
    )
