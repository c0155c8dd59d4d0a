"""Variants of one experiment with published figures, read from a YAML file; and the groups that run them here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from spampipe.core import section
from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest
from spampipe.core.section import Real, Section
from spampipe.params import Params

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")  # it becomes part of an experiment's name, which git must accept
_Percent = Annotated[Real, Field(ge=0, le=100)]
_Minutes = Annotated[Real, Field(gt=0)]


class Published(Section):
    """What others found: accuracies of the three splits in percent, and the minutes of training."""

    train: _Percent
    validation: _Percent
    test: _Percent
    minutes: _Minutes


class Variant(Section):
    """One row of the published table.

    Attributes:
        question: which of the document's questions it answers.
        says: what it varies, in a few words.
        published: its published figures.
        settings: values of params.yaml by `section.key`, on top of the document's.
    """

    question: str
    says: str
    published: Published
    settings: dict[str, Any] = Field(default_factory=dict)


class _Group(Section):
    """How the variants are run with one kind of base model."""

    says: str
    settings: dict[str, Any] = Field(default_factory=dict)
    overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)
    stand_for: dict[str, list[str]] = Field(default_factory=dict)
    estimated_minutes: dict[str, _Minutes] = Field(default_factory=dict)
    on_demand: list[str] = Field(default_factory=list)


class _Document(Section):
    """The file."""

    source: str
    questions: dict[str, str]
    settings: dict[str, Any]
    variants: dict[str, Variant]
    groups: Annotated[dict[str, _Group], Field(min_length=1)]


@dataclass(frozen=True)
class Group:
    """The variants of a file with one kind of base model.

    Attributes:
        file: the name of the file, without its ending.
        name: of the group.
        says: what it is, in a few words.
        source: where the published figures stand.
        variants: all of the file by name, in its order.
        questions: what is asked, by the name that variants use.
        params: the settings of each variant that is run, by name; the others are answered by one of these.
        stand_for: the variants that another one of the group answers, too, by that one's name.
        estimated_minutes: how long a variant takes on two cores, as far as the file says.
        on_demand: those that are run only if they are named.
    """

    file: str
    name: str
    says: str
    source: str
    variants: Mapping[str, Variant]
    questions: Mapping[str, str]
    params: Mapping[str, Params]
    stand_for: Mapping[str, list[str]]
    estimated_minutes: Mapping[str, float]
    on_demand: tuple[str, ...]

    def chosen(self, only: list[str] | None = None) -> list[str]:
        """The variants to run, in the file's order.

        Args:
            only: the names of those that are wanted; None for all but those on demand.

        Raises:
            ParamsError: one of the names is unknown, or another variant answers it.
        """
        answered = {other: name for name, others in self.stand_for.items() for other in others}
        for name in only or []:
            if name in answered:
                raise ParamsError(f"--only {name}: answered by {answered[name]} in group {self.name}; name that")
            if name not in self.params:
                raise ParamsError(f"--only {name}: no such variant; {closest(name, self.params)}")
        return [name for name in self.params if (name in only if only else name not in self.on_demand)]


def load(path: Path, defaults: Params) -> dict[str, Group]:
    """Read a file of variants.

    Args:
        path: the YAML file: `source`, `questions`, `settings`, `variants` and `groups`.
        defaults: the settings that the file's are put on top of.

    Returns:
        The groups by name. A variant's settings are the document's, then its own, the group's, and the group's
        overrides for it.

    Raises:
        ParamsError: naming the file, the variant and the remedy.
    """
    document = section.read(path, _Document, "experiments/variants.yaml is one")
    for name, variant in document.variants.items():
        if not _NAME.fullmatch(name):
            raise ParamsError(f"{path}: {name}: a name has lower-case letters, digits, - and _ only; rename it")
        if variant.question not in document.questions:
            hint = closest(variant.question, document.questions)
            raise ParamsError(f"{path}: {name}: question {variant.question}: not among the questions; {hint}")
    return {name: _group(path, name, document, defaults) for name in document.groups}


def one_of(groups: Mapping[str, Group], name: str | None) -> Group:
    """The group of a name.

    Args:
        groups: as `load` returns them.
        name: which one; None for the only one, or the first of several.

    Raises:
        ParamsError: there is none of that name.
    """
    if name is None:
        return next(iter(groups.values()))
    if name not in groups:
        raise ParamsError(f"--group {name}: no such group; {closest(name, groups)}")
    return groups[name]


def _group(path: Path, name: str, document: _Document, defaults: Params) -> Group:
    group = document.groups[name]
    place = f"{path}: groups.{name}"
    answered = [other for others in group.stand_for.values() for other in others]
    for named in (*group.overrides, *group.stand_for, *answered, *group.estimated_minutes, *group.on_demand):
        if named not in document.variants:
            raise ParamsError(f"{place}: {named}: no such variant; {closest(named, document.variants)}")
    for stand_in in group.stand_for:
        if stand_in in answered:
            raise ParamsError(f"{place}.stand_for: {stand_in} is answered by another itself; name that one instead")
    found = {}
    for each, variant in document.variants.items():
        own = group.settings | group.overrides.get(each, {})
        try:
            if each not in answered:
                found[each] = defaults.changed(document.settings | variant.settings | own)
        except ParamsError as error:
            raise ParamsError(f"{place}: {each}: {error}") from error
    return Group(
        path.stem,
        name,
        group.says,
        document.source,
        document.variants,
        document.questions,
        found,
        group.stand_for,
        group.estimated_minutes,
        tuple(group.on_demand),
    )
