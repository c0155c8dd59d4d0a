"""The figures of a finished run. The same tables give the same bytes, as PNG and as PDF."""

from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
        if table.empty:  # of a classifier that is not trained step by step
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
        size = max(_SMALLEST, min(_COUNTS, _COUNTS * _FEW_LABELS / len(names)))
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
            for name, curve in table.groupby("label", sort=False):
                axes.step(curve["recall"], curve["precision"], where="pre", label=name)
            axes.legend()
        else:
            axes.step(table["recall"], table["precision"], where="pre", color=_TRAIN)
        axes.set_xlabel("Recall")
        axes.set_ylabel("Precision")
        axes.set_xlim(0, 1.01)
        axes.set_ylim(min(0.9, float(table["precision"].min()) - 0.01), 1.005)
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
