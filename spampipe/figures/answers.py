"""Figures of what a model says of messages."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from spampipe.data.labels import LabelSet
from spampipe.figures.drawing import COLOURS, LINES, STYLE, TRAIN, VALIDATION, empty

# Of a confusion matrix: as many labels have room for names side by side, and for counts and names of these points.
_FEW_LABELS, _COUNTS, _TICKS, _SMALLEST = 4, 14.0, 10.0, 4.0
_MANY_LABELS = 20  # beyond which the smallest points shrink, to be read in the PDF or a larger figure
_LEGEND_ROWS = 40  # labels for whose names there is room between the curves

# Of probabilities: the bars of a histogram, and the share from which on a number stands below its point.
_BINS, _HIGH = 20, 0.9


def confusion_matrix(table: pd.DataFrame, labels: LabelSet, size_inches: tuple[float, float]) -> Figure:
    """Counts of true against predicted labels.

    Args:
        table: columns actual and predicted, names of labels, one row a message.
        labels: the label set, in whose order rows and columns stand.
        size_inches: the figure's width and height.
    """
    names = list(labels.names)
    counted = pd.crosstab(table["actual"], table["predicted"])
    counts = counted.reindex(index=names, columns=names, fill_value=0).to_numpy()
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        figure, axes = empty(size_inches)
        axes.imshow(counts, cmap="Blues", vmin=0)
        middle = counts.max() / 2
        smallest = _SMALLEST * min(1.0, _MANY_LABELS / len(names))
        size = max(smallest, min(_COUNTS, _COUNTS * _FEW_LABELS / len(names)))
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if count > middle else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=size)
        axes.set_xticks(range(len(names)), labels=names)
        axes.set_yticks(range(len(names)), labels=names)
        if len(names) > _FEW_LABELS:
            axes.tick_params(labelsize=min(size, _TICKS))
            axes.tick_params(axis="x", labelrotation=90)
        axes.set_xlabel("Predicted")
        axes.set_ylabel("Actual")
    return figure


def precision_recall(table: pd.DataFrame, size_inches: tuple[float, float]) -> Figure:
    """Precision against recall over all thresholds.

    Args:
        table: columns recall and precision, one row a threshold; with a column label, one curve a label.
        size_inches: the figure's width and height.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = empty(size_inches)
        if "label" in table:
            curves = table.groupby("label", sort=False)
            for number, (name, curve) in enumerate(curves):
                line = LINES[number // COLOURS % len(LINES)]
                axes.step(curve["recall"], curve["precision"], where="pre", label=name, linestyle=line)
            if len(curves) <= COLOURS:
                axes.legend()
            else:
                size = max(_SMALLEST, _TICKS * COLOURS / len(curves))
                columns = -(-len(curves) // _LEGEND_ROWS)
                figure.legend(loc="outside right center", fontsize=size, ncols=columns)
        else:
            axes.step(table["recall"], table["precision"], where="pre", color=TRAIN)
        axes.set_xlabel("Recall")
        axes.set_ylabel("Precision")
        axes.set_xlim(0, 1.01)
        axes.set_ylim(min(0.9, float(table["precision"].min()) - 0.01), 1.005)
    return figure


def probabilities(table: pd.DataFrame, quantity: str, size_inches: tuple[float, float]) -> Figure:
    """How many messages have which probability, right and wrong answers side by side.

    The axis of counts is logarithmic, so that few messages beside many can be seen.

    Args:
        table: columns probability and right, whether the answer is; one row a message.
        quantity: what the x-axis is called.
        size_inches: the figure's width and height.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = empty(size_inches)
        right = table["right"].to_numpy(dtype=bool)
        shares = table["probability"].to_numpy(dtype=float)
        parts = [shares[right], shares[~right]]
        names = [f"{name} ({len(part)})" for name, part in zip(("Right", "Wrong"), parts, strict=True)]
        axes.hist(parts, np.linspace(0, 1, _BINS + 1).tolist(), label=names, color=[TRAIN, VALIDATION])
        axes.set_yscale("symlog", linthresh=1)  # counts of 0 and 1, too
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))  # the usual one writes formulas
        axes.set_xlim(0, 1)
        axes.set_xlabel(quantity)
        axes.set_ylabel("Messages")
        axes.legend()
    return figure


def reliability(table: pd.DataFrame, quantity: str, size_inches: tuple[float, float]) -> Figure:
    """The share of messages of which a probability holds true, against that probability, with the ideal diagonal.

    Args:
        table: columns mean_probability, share and count, one row a bin of probabilities.
        quantity: what the x-axis is called.
        size_inches: the figure's width and height.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = empty(size_inches)
        axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="As probable as said")
        axes.plot(table["mean_probability"], table["share"], color=TRAIN, marker="o", label="Test messages")
        for mean, share, count in table[["mean_probability", "share", "count"]].itertuples(index=False):
            above = (0, -14) if share > _HIGH else (0, 7)
            axes.annotate(str(int(count)), (mean, share), above, textcoords="offset points", ha="center", fontsize=8)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel(quantity)
        axes.set_ylabel("Share of messages")
        axes.legend(loc="lower right")
    return figure
