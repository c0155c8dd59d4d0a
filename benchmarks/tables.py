"""What all tables are made with."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spampipe.core.errors import DataError

RESULTS = Path("benchmarks/results")


class NotMeasuredError(DataError):
    """A benchmark has not been run yet."""


def read(path: Path, benchmark: str | None = None) -> dict[str, Any]:
    """A results file.

    Args:
        path: the file.
        benchmark: what writes it, as for `python -m benchmarks.`; the file's own name if not given.

    Raises:
        NotMeasuredError: a benchmark's file is missing.
        DataError: a file of the pipeline is missing.
    """
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    if path.parent == RESULTS:
        raise NotMeasuredError(f"not measured yet; run `python -m benchmarks.{benchmark or path.stem}`")
    raise DataError(f"{path}: no such file; run `dvc repro` first")


def percent(share: float) -> str:
    """A share as a percentage with two decimals, without the sign."""
    return f"{100 * share:.2f}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: dict[str, Any], digits: int = 1) -> str:
    """A median with the least and the most of the repeats, where they differ."""
    low, middle, high = (f"{values[name]:,.{digits}f}" for name in ("min", "median", "max"))
    return middle if low == high else f"{middle} ({low} to {high})"


def measured_on(document: dict[str, Any]) -> str:
    """The machine and the day of a results file, as the line below its table."""
    machine = document["machine"]
    return f"\nMeasured on {machine['processor']}, {machine['cores']} cores; {machine['device']}; {machine['date']}."
