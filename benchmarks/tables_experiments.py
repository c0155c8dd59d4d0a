"""Tables of the studies: worth and cost of contenders, what differs, what few messages teach; published variants."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.tables import NotMeasuredError, markdown
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import contenders, curve_outputs, outputs
from spampipe.crossvalidation import tables as rows
from spampipe.params import Params
from spampipe.results import variant_figures, variant_tables, variants

VARIANTS = Path("experiments/variants.yaml")
STUDIES = {path.stem: path for path in sorted(Path("studies").glob("*.yaml"))}


def table(
    study: str, command: str, file: str, make: Callable[[Any, Mapping[str, str]], Sequence[Sequence[str]]]
) -> str:
    """One table of a study, from a file that a command wrote.

    Args:
        study: its name.
        command: the `spampipe` command.
        file: the file's name.
        make: makes rows of the file's content and a few words about each contender.
    """
    found = outputs.read_json(STUDIES[study].with_suffix("") / file)
    if not found:
        raise NotMeasuredError(f"not measured yet; run `spampipe {command} {STUDIES[study]}`")
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
    f"study_{study}_{name}": partial(table, study, command, file, make)
    for study in STUDIES
    for name, command, file, make in (
        ("worth", "crossvalidate", outputs.METRICS, rows.worth),
        ("differences", "crossvalidate", outputs.COMPARISONS, rows.differences),
        ("cost", "crossvalidate", outputs.COSTS, rows.cost),
        ("curve", "learning-curve", curve_outputs.MEANS, rows.curve),
    )
}
