"""The figures of a finished run. The same tables give the same bytes, as PNG and as PDF."""

from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from spampipe.core import files
from spampipe.data.labels import LabelSet

_STYLE = {
    "font.family": "DejaVu Sans",
    "text.parse_math": False,  # a label may hold dollar signs
    "pdf.compression": 6,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
_TRAIN, _VALIDATION = "tab:blue", "tab:orange"

# Of a confusion matrix: as many labels have room for names side by side, and for counts and names of these points.
_FEW_LABELS, _COUNTS, _TICKS, _SMALLEST = 4, 14.0, 10.0, 4.0
_MANY_LABELS = 20  # beyond which the smallest points shrink, to be read in the PDF or a larger figure

# Of curves: as many colours there are, and so labels for whose names there is room between the curves.
_COLOURS, _LINES, _LEGEND_ROWS = 10, ("-", "--", ":", "-."), 40
_MARKERS, _BESIDE = ("o", "s", "^", "D", "v", "P", "X", "*"), 1.045  # of learning curves
_LEGEND_ROW_INCHES = 0.19

# Of probabilities: the bars of a histogram, and the share from which on a number stands below its point.
_BINS, _HIGH = 20, 0.9


def against_epochs(
    table: pd.DataFrame, quantity: str, columns: tuple[str, str], size_inches: tuple[float, float]
) -> Figure:
    """Train and validation curves against epochs, with examples seen on a second x-axis (figures 6.16, 6.17).

    Args:
        table: columns epoch, examples_seen and the two `columns`, one row a point.
        quantity: what the y-axis is called.
        columns: the names of the training curve's column and the validation curve's.
        size_inches: the figure's width and height.
    """
    with matplotlib.rc_context(_STYLE):
        figure, axes = _empty(size_inches)
        train, validation = columns
        epochs, marker = table["epoch"], "o" if len(table) < 20 else None
        axes.plot(epochs, table[train], label="Training", color=_TRAIN, marker=marker)
        axes.plot(epochs, table[validation], label="Validation", color=_VALIDATION, linestyle="-.", marker=marker)
        axes.set_xlabel("Epochs")
        axes.set_ylabel(quantity)
        axes.legend()
        if not table["examples_seen"].any():  # of a classifier that is not trained step by step
            return figure
        examples_per_epoch = float(table["examples_seen"].iloc[-1] / table["epoch"].iloc[-1])
        examples, passes = partial(np.multiply, examples_per_epoch), partial(np.multiply, 1 / examples_per_epoch)
        top = axes.secondary_xaxis("top", functions=(examples, passes))
        top.set_xlabel("Examples seen")
    return figure


def turning_point(table: pd.DataFrame, size_inches: tuple[float, float]) -> Figure:
    """The losses over whole sets after each epoch, with the epoch where validation is lowest, and the one kept.

    Args:
        table: columns epoch, examples_seen, train_loss, validation_loss and kept, one row an epoch; NaN for losses
            that a classifier does not have.
        size_inches: the figure's width and height.
    """
    figure = against_epochs(table, "Loss over the whole set", ("train_loss", "validation_loss"), size_inches)
    losses = table["validation_loss"]
    if losses.isna().all():
        return figure
    (axes,) = figure.axes
    lowest = table.iloc[int(losses.argmin())]
    kept = table["epoch"][table["kept"] == 1].item()
    label = f"Lowest: epoch {lowest['epoch']:g}"
    axes.plot(lowest["epoch"], lowest["validation_loss"], "v", color="black", label=label, zorder=3)
    axes.axvline(kept, color="gray", linestyle=":", label=f"Kept: epoch {kept:g}")
    with matplotlib.rc_context(_STYLE):
        axes.legend()
    return figure


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
    with matplotlib.rc_context(_STYLE | {"axes.grid": False}):
        figure, axes = _empty(size_inches)
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
    with matplotlib.rc_context(_STYLE):
        figure, axes = _empty(size_inches)
        if "label" in table:
            curves = table.groupby("label", sort=False)
            for number, (name, curve) in enumerate(curves):
                line = _LINES[number // _COLOURS % len(_LINES)]
                axes.step(curve["recall"], curve["precision"], where="pre", label=name, linestyle=line)
            if len(curves) <= _COLOURS:
                axes.legend()
            else:
                size = max(_SMALLEST, _TICKS * _COLOURS / len(curves))
                columns = -(-len(curves) // _LEGEND_ROWS)
                figure.legend(loc="outside right center", fontsize=size, ncols=columns)
        else:
            axes.step(table["recall"], table["precision"], where="pre", color=_TRAIN)
        axes.set_xlabel("Recall")
        axes.set_ylabel("Precision")
        axes.set_xlim(0, 1.01)
        axes.set_ylim(min(0.9, float(table["precision"].min()) - 0.01), 1.005)
    return figure


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
    with matplotlib.rc_context(_STYLE):
        figure, axes = _empty((width, height + _LEGEND_ROW_INCHES * (1 + len(contenders) // 2)))
        axes.set_xscale("log")
        for number, (name, points) in enumerate(contenders):
            line, colour = _LINES[number % len(_LINES)], f"C{number % _COLOURS}"
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


def probabilities(table: pd.DataFrame, quantity: str, size_inches: tuple[float, float]) -> Figure:
    """How many messages have which probability, right and wrong answers side by side.

    The axis of counts is logarithmic, so that few messages beside many can be seen.

    Args:
        table: columns probability and right, whether the answer is; one row a message.
        quantity: what the x-axis is called.
        size_inches: the figure's width and height.
    """
    with matplotlib.rc_context(_STYLE):
        figure, axes = _empty(size_inches)
        right = table["right"].to_numpy(dtype=bool)
        shares = table["probability"].to_numpy(dtype=float)
        parts = [shares[right], shares[~right]]
        names = [f"{name} ({len(part)})" for name, part in zip(("Right", "Wrong"), parts, strict=True)]
        axes.hist(parts, np.linspace(0, 1, _BINS + 1).tolist(), label=names, color=[_TRAIN, _VALIDATION])
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
    with matplotlib.rc_context(_STYLE):
        figure, axes = _empty(size_inches)
        axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="As probable as said")
        axes.plot(table["mean_probability"], table["share"], color=_TRAIN, marker="o", label="Test messages")
        for mean, share, count in table[["mean_probability", "share", "count"]].itertuples(index=False):
            above = (0, -14) if share > _HIGH else (0, 7)
            axes.annotate(str(int(count)), (mean, share), above, textcoords="offset points", ha="center", fontsize=8)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel(quantity)
        axes.set_ylabel("Share of messages")
        axes.legend(loc="lower right")
    return figure


def save(figure: Figure, stem: Path, dots_per_inch: int) -> None:
    """Write a figure as PNG and as PDF, without dates.

    Args:
        figure: what to write.
        stem: the files' path without `.png` and `.pdf`.
        dots_per_inch: of the PNG file.
    """
    for suffix, options in ((".png", {"dpi": dots_per_inch}), (".pdf", {"metadata": {"CreationDate": None}})):
        with files.replacing(stem.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, **options)


def _empty(size_inches: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size_inches, layout="constrained")
    return figure, figure.add_subplot()
