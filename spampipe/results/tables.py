"""Small tables for people: aligned text for a terminal, or Markdown."""

from collections.abc import Sequence

Rows = Sequence[Sequence[str]]


def number(value: float | None, *, signed: bool = False) -> str:
    """A metric as a cell: whole numbers in full, others with at most five significant digits, None as `-`.

    Args:
        value: the metric's value.
        signed: whether a positive number gets its sign.
    """
    if value is None:
        return "-"
    return format(value, f"{'+' if signed else ''}{'d' if isinstance(value, int) else '.5g'}")


def aligned(headings: Sequence[str], rows: Rows, sides: str, widths: Sequence[int | None] | None = None) -> str:
    """Columns that stand under each other, two spaces apart; cells may have several lines.

    Args:
        headings: the columns' headings.
        rows: the rows' cells, as many in each row as there are headings.
        sides: the side that the cells of each column stand on, `l` or `r`, such as `lrr`.
        widths: the width of each column in characters, beyond which a cell goes on in the next line; None for
            that of its longest cell.
    """
    most = widths or [None] * len(headings)
    longest = [
        max(len(line) for cell in column for line in cell.split("\n")) for column in zip(headings, *rows, strict=True)
    ]
    rule = ["-" * min(wide, limit or wide) for wide, limit in zip(longest, most, strict=True)]
    # Headings as a row: tabulate would make the columns of real headings wider than they are.
    return _table("plain", [], [headings, rule, *rows], sides, most)


def markdown(headings: Sequence[str], rows: Rows, sides: str) -> str:
    """A Markdown table whose cells have one line each; bars within them are escaped.

    Args:
        headings: the columns' headings.
        rows: the rows' cells, as many in each row as there are headings.
        sides: the side that the cells of each column stand on, `l` or `r`, such as `lrr`.
    """
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (headings, *rows)]
    return _table("pipe", escaped[0], escaped[1:], sides, None)


def _table(style: str, headings: Sequence[str], rows: Rows, sides: str, widths: Sequence[int | None] | None) -> str:
    from tabulate import tabulate

    return str(
        tabulate(
            rows,
            headings,
            tablefmt=style,
            colalign=["right" if side == "r" else "left" for side in sides],
            maxcolwidths=widths,
            disable_numparse=True,  # a cell is shown as it is written
        )
    )
