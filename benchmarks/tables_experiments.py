"""Tables of the studies: what contenders are worth, what they cost, and which differences are real."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.tables import NotMeasuredError, markdown
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import contenders, outputs
from spampipe.crossvalidation import tables as rows
from spampipe.params import Params

STUDIES = {path.stem: path for path in sorted(Path("studies").glob("*.yaml"))}


def table(study: str, file: str, make: Callable[[Any, Mapping[str, str]], Sequence[Sequence[str]]]) -> str:
    """One table of a study, from a file that `spampipe crossvalidate` wrote.

    Args:
        study: its name.
        file: the file's name.
        make: makes rows of the file's content and a few words about each contender.
    """
    found = outputs.read_json(STUDIES[study].with_suffix("") / file)
    if not found:
        raise NotMeasuredError(f"not measured yet; run `spampipe crossvalidate {STUDIES[study]}`")
    head, *body = make(found, contenders.load(STUDIES[study], Params.load(Workspace().params)).says)
    return markdown(head, body)


TABLES: dict[str, Callable[[], str]] = {
    f"study_{study}_{name}": partial(table, study, file, make)
    for study in STUDIES
    for name, file, make in (
        ("worth", outputs.METRICS, rows.worth),
        ("differences", outputs.COMPARISONS, rows.differences),
        ("cost", outputs.COSTS, rows.cost),
    )
}
