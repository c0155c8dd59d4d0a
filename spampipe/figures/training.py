"""Figures of a training."""

from functools import partial

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spampipe.figures.drawing import STYLE, TRAIN, VALIDATION, empty


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
    with matplotlib.rc_context(STYLE):
        figure, axes = empty(size_inches)
        train, validation = columns
        epochs, marker = table["epoch"], "o" if len(table) < 20 else None
        axes.plot(epochs, table[train], label="Training", color=TRAIN, marker=marker)
        axes.plot(epochs, table[validation], label="Validation", color=VALIDATION, linestyle="-.", marker=marker)
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
    with matplotlib.rc_context(STYLE):
        axes.legend()
    return figure
