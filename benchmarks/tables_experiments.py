"""Tables of the studies: what contenders are worth, what they cost, what differs; published variants."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.tables import NotMeasuredError, markdown
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import contenders, outputs
from spampipe.crossvalidation import tables as rows
from spampipe.params import Params
from spampipe.results import variant_figures, variant_tables, variants

VARIANTS = Path("studies/variants.yaml")
STUDIES = {path.stem: path for path in sorted(Path("studies").glob("*.yaml")) if path != VARIANTS}


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


def published_variants(name: str) -> str:
    """The published variants beside the figures here, those that are not measured included.

    Args:
        name: of a group of the file.
    """
    group = variants.one_of(variants.load(VARIANTS, Params.load(Workspace().params)), name)
    figures, seconds = variant_figures.places(VARIANTS, name)
    found = variant_tables.rows(group, variant_figures.read(figures), variant_figures.read_seconds(seconds))
    return variant_tables.markdown(found)


TABLES: dict[str, Callable[[], str]] = {
    "variants_gpt2": partial(published_variants, "gpt2"),
    "variants_smollm2": partial(published_variants, "smollm2"),
}
TABLES |= {
    f"study_{study}_{name}": partial(table, study, file, make)
    for study in STUDIES
    for name, file, make in (
        ("worth", outputs.METRICS, rows.worth),
        ("differences", outputs.COMPARISONS, rows.differences),
        ("cost", outputs.COSTS, rows.cost),
    )
}
