"""What cross-validated contenders made of the same data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spampipe.crossvalidation import contenders, outputs, tables


@dataclass(frozen=True)
class Study:
    """The results of a study, as a table.

    Attributes:
        name: of its file, without the ending.
        heading: of the table's columns; the first is empty.
        rows: one a contender: what it is, its metrics, its cost.
    """

    name: str
    heading: Sequence[str]
    rows: Sequence[Sequence[str]]


def of_dataset(folder: Path, dataset: str) -> list[Study]:
    """The studies of a data set that have results.

    Args:
        folder: of the studies' files, beside each of which lies the folder of its results.
        dataset: its name, or the path of the user's own file.

    Raises:
        DataError: results are damaged.
        ParamsError: a study cannot be read.
    """
    found = []
    for path in sorted(folder.glob("*.yaml")):
        results = path.with_suffix("")
        metrics = outputs.read_json(results / outputs.METRICS)
        if not metrics:
            continue
        study = contenders.read(path)
        if study.settings.get("download.dataset", dataset) == dataset:
            costs = outputs.costs(results)
            says = {name: contender.says for name, contender in study.contenders.items()}
            heading, *rows = tables.summary(metrics, costs, says)
            found.append(Study(path.stem, heading, rows))
    return found
