"""Figures of what more training messages bring."""

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from spampipe.figures.drawing import COLOURS, LINES, STYLE, empty

_MARKERS, _BESIDE = ("o", "s", "^", "D", "v", "P", "X", "*"), 1.045
_LEGEND_ROW_INCHES = 0.19


def learning_curve(table: pd.DataFrame, quantity: str, size_inches: tuple[float, float]) -> Figure:
    """A quantity against the number of training messages, with intervals; one line a contender, told apart by marks.

    Args:
        table: columns label, training_messages, value, low and high, one row a point; NaN for bounds that there are
            not. A contender that learns from 0 messages is a horizontal line.
        quantity: what the y-axis is called.
        size_inches: the figure's width, and its height without the legend, which stands below.
    """
    contenders = table.groupby("label", sort=False)
    width, height = size_inches
    with matplotlib.rc_context(STYLE):
        figure, axes = empty((width, height + _LEGEND_ROW_INCHES * (1 + len(contenders) // 2)))
        axes.set_xscale("log")
        for number, (name, points) in enumerate(contenders):
            line, colour = LINES[number % len(LINES)], f"C{number % COLOURS}"
            messages, values = points["training_messages"], points["value"]
            if not messages.any():
                axes.axhline(values.iloc[0], label=str(name), linestyle=line, color=colour)
                continue
            place = number % len(_MARKERS)
            (middle, *_) = axes.errorbar(
                messages * _BESIDE ** (place - len(_MARKERS) / 2),  # bars stand side by side
                values,
                [values - points["low"], points["high"] - values],
                capsize=2,
                elinewidth=0.8,
                color=colour,
            )
            filled = colour if number % 2 else "white"
            middle.set(label=str(name), linestyle=line, marker=_MARKERS[place], markerfacecolor=filled)
        ticks = sorted(set(table["training_messages"]) - {0})
        axes.set_xticks(ticks, labels=[f"{tick:,.0f}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("Training messages")
        axes.set_ylabel(quantity)
        figure.legend(loc="outside lower center", ncols=2, fontsize="x-small")
    return figure
