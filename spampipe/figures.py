"""The figures of a finished run. The same tables give the same bytes, as PNG and as PDF."""

from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spampipe.core import files
from spampipe.data.messages import LABELS

_STYLE = {"font.family": "DejaVu Sans", "pdf.compression": 6, "axes.grid": True, "grid.alpha": 0.3}

_TRAIN_COLOUR, _VALIDATION_COLOUR = "tab:blue", "tab:orange"


def against_epochs(
    table: pd.DataFrame, quantity: str, columns: tuple[str, str], size_inches: tuple[float, float]
) -> Figure:
    """Train and validation curves against epochs, with examples seen on a second x-axis (figures 6.16, 6.17).

    Args:
        table: columns epoch, examples_seen and the two `columns`.
        quantity: the y-axis' label.
        columns: the training and the validation curve.
        size_inches: width and height.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size_inches, layout="constrained")
        axes = figure.add_subplot()
        train, validation = columns
        marker = "o" if len(table) < 20 else None
        axes.plot(table["epoch"], table[train], label="Training", color=_TRAIN_COLOUR, marker=marker)
        axes.plot(
            *(table["epoch"], table[validation]),
            label="Validation",
            color=_VALIDATION_COLOUR,
            linestyle="-.",
            marker=marker,
        )
        axes.set_xlabel("Epochs")
        axes.set_ylabel(quantity)
        axes.legend()
        examples_per_epoch = float(table["examples_seen"].iloc[-1] / table["epoch"].iloc[-1])
        top = axes.secondary_xaxis(
            "top",
            functions=(partial(np.multiply, examples_per_epoch), partial(np.multiply, 1 / examples_per_epoch)),
        )
        top.set_xlabel("Examples seen")
    return figure


def confusion_matrix(table: pd.DataFrame, size_inches: tuple[float, float]) -> Figure:
    """Counts of true against predicted labels.

    Args:
        table: columns actual and predicted, names of labels, one row a message.
        size_inches: width and height.
    """
    counts = np.array(
        [
            [int(((table["actual"] == actual) & (table["predicted"] == predicted)).sum()) for predicted in LABELS]
            for actual in LABELS
        ]
    )
    with matplotlib.rc_context(_STYLE | {"axes.grid": False}):
        figure = Figure(figsize=size_inches, layout="constrained")
        axes = figure.add_subplot()
        axes.imshow(counts, cmap="Blues", vmin=0)
        middle = counts.max() / 2
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if count > middle else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=14)
        axes.set_xticks(range(len(LABELS)), labels=LABELS)
        axes.set_yticks(range(len(LABELS)), labels=LABELS)
        axes.set_xlabel("Predicted")
        axes.set_ylabel("Actual")
    return figure


def precision_recall(table: pd.DataFrame, size_inches: tuple[float, float]) -> Figure:
    """Precision against recall over all thresholds; columns recall and precision."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size_inches, layout="constrained")
        axes = figure.add_subplot()
        axes.step(table["recall"], table["precision"], where="pre", color=_TRAIN_COLOUR)
        axes.set_xlabel("Recall")
        axes.set_ylabel("Precision")
        axes.set_xlim(0, 1.01)
        axes.set_ylim(min(0.9, float(table["precision"].min()) - 0.01), 1.005)
    return figure


def save(figure: Figure, stem: Path, dots_per_inch: int) -> None:
    """Write `stem`.png and `stem`.pdf, without dates."""
    for suffix, options in ((".png", {"dpi": dots_per_inch}), (".pdf", {"metadata": {"CreationDate": None}})):
        with files.replacing(stem.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, **options)
