"""What all figures share: their style, and how they are saved."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spampipe.core import files

STYLE = {
    "font.family": "DejaVu Sans",
    "text.parse_math": False,  # a label may hold dollar signs
    "pdf.compression": 6,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
TRAIN, VALIDATION = "tab:blue", "tab:orange"
COLOURS, LINES = 10, ("-", "--", ":", "-.")  # of curves: how many colours there are, and the kinds of lines


def empty(size_inches: tuple[float, float]) -> tuple[Figure, Axes]:
    """A figure with axes in it.

    Args:
        size_inches: its width and height.
    """
    figure = Figure(figsize=size_inches, layout="constrained")
    return figure, figure.add_subplot()


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
