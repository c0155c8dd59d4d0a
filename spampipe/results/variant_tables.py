"""The variants of a group, their published figures and what they come to here, as a table."""

from collections.abc import Mapping, Sequence

from spampipe.core.workspace import SPLITS
from spampipe.results import tables
from spampipe.results.variant_figures import Figures
from spampipe.results.variants import Group

_NONE = "-"
_SIDES = "ll" + "r" * 6 + "lrr"
_WIDTHS = [28, 34, *[None] * 9]


def rows(group: Group, found: Mapping[str, Figures], seconds: Mapping[str, float]) -> list[list[str]]:
    """Headings, then one row a variant that the group runs, in the file's order.

    Args:
        group: the variants.
        found: what they come to here, as far as that is known.
        seconds: how long they trained, likewise.

    Returns:
        The variant with those that it answers, its question, the published accuracies, those here (of the test
        messages with Wilson's 95 % interval), whether the published test accuracy lies in the interval, and the
        minutes of training, published and here.
    """
    headings = ["variant", "question", *(f"published {split} %" for split in SPLITS)]
    headings += [*(f"{split} %" for split in SPLITS), "published within", "published minutes", "minutes"]
    return [headings, *(_row(group, name, found.get(name), seconds.get(name)) for name in group.params)]


def text(group: Group, found: Mapping[str, Figures], seconds: Mapping[str, float]) -> str:
    """The table of `rows` for a terminal.

    Args:
        group: the variants.
        found: what they come to here, as far as that is known.
        seconds: how long they trained, likewise.
    """
    headings, *body = rows(group, found, seconds)
    return tables.aligned([heading.replace(" ", "\n") for heading in headings], body, _SIDES, _WIDTHS)


def _row(group: Group, name: str, figures: Figures | None, seconds: float | None) -> list[str]:
    variant = group.variants[name]
    published = variant.published
    others = ", ".join(group.stand_for.get(name, []))
    title = f"{name} (also {others})" if others else name
    question = f"{group.questions[variant.question]} {variant.says}"
    known = [f"{getattr(published, split):.2f}" for split in SPLITS]
    here, within = [_NONE] * len(SPLITS), _NONE
    if figures is not None:
        rates = {split: figures.rate(split) for split in SPLITS}
        here = [_percent(rates[split].value) for split in SPLITS]
        low, high = rates["test"].low, rates["test"].high
        if low is not None and high is not None:
            here[-1] += f" [{_percent(low)}, {_percent(high)}]"
            within = "yes" if 100 * low <= published.test <= 100 * high else "no"
    minutes = _NONE if seconds is None else f"{seconds / 60:.1f}"
    return [title, question, *known, *here, within, f"{published.minutes:.2f}", minutes]


def _percent(share: float | None) -> str:
    return _NONE if share is None else f"{100 * share:.2f}"


def markdown(found: Sequence[Sequence[str]]) -> str:
    """The table of `rows` in Markdown.

    Args:
        found: as `rows` returns it.
    """
    headings, *body = found
    return tables.markdown(headings, body, _SIDES)
