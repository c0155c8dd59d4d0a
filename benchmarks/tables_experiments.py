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


def table(study: str, name: str) -> str:
    """One table of a study, from what a command wrote.

    Args:
        study: its name.
        name: of SHOWN.
    """
    command, read, make = SHOWN[name]
    found = read(STUDIES[study].with_suffix(""))
    if not found:
        raise NotMeasuredError(f"not measured yet; run `spampipe {command} {STUDIES[study]}`")
    head, *body = make(found, contenders.load(STUDIES[study], Params.load(Workspace().params)).says)
    return markdown(head, body)


def figures_in(file: str, folder: Path) -> dict[str, Any]:
    """The figures in a file of a study's folder; none if it is not there."""
    return outputs.read_json(folder / file)


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
# What a study's tables show: the command that writes it, how it is read from the study's folder, and how it is shown.
SHOWN: dict[str, tuple[str, Callable[[Path], Any], Callable[[Any, Mapping[str, str]], Sequence[Sequence[str]]]]] = {
    "worth": ("crossvalidate", partial(figures_in, outputs.METRICS), rows.worth),
    "differences": ("crossvalidate", partial(figures_in, outputs.COMPARISONS), rows.differences),
    "cost": ("crossvalidate", outputs.costs, rows.cost),
    "curve": ("learning-curve", partial(figures_in, curve_outputs.MEANS), rows.curve),
}
TABLES |= {f"study_{study}_{name}": partial(table, study, name) for study in STUDIES for name in SHOWN}
