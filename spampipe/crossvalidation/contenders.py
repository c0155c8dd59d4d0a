"""What is cross-validated: settings of the pipeline, simple rules, averages of several; read from a study's file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest
from spampipe.core.section import Section
from spampipe.crossvalidation import documents
from spampipe.params import Params

_NAME = re.compile(r"[a-z0-9][a-z0-9_+-]*")


class Contender(Section):
    """One thing to be compared; exactly one of its entries is given, or none for the study's common settings.

    Attributes:
        says: a few words for tables.
        settings: values of params.yaml by `section.key`, on top of the study's.
        members: other contenders, whose probabilities are averaged.
        pattern: a regular expression: a text that it is found in is positive.
        majority: true: each label is given the share that it has in the training messages.
    """

    says: str
    settings: dict[str, Any] = Field(default_factory=dict)
    members: Annotated[list[str], Field(min_length=2)] | None = None
    pattern: str | None = None
    majority: bool = False

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        given = [bool(self.settings), self.members is not None, self.pattern is not None, self.majority]
        if sum(given) > 1:
            raise ValueError("give settings, members, pattern or majority, only one of them")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"pattern: no regular expression ({error}); correct it") from error
        return self


class _Document(Section):
    """A study's file."""

    settings: dict[str, Any]
    reference: str | None = None
    contenders: dict[str, Contender]


@dataclass(frozen=True)
class Study:
    """Contenders on one data set.

    Attributes:
        name: of its file, without the ending.
        common: the settings that hold for all contenders.
        contenders: by name, in the file's order.
        reference: the one that the others are compared with; None for none.
        params: the settings of each contender that has some, by its name.
    """

    name: str
    common: Params
    contenders: Mapping[str, Contender]
    params: Mapping[str, Params]
    reference: str | None = None

    @property
    def says(self) -> dict[str, str]:
        """A few words about each contender, by its name."""
        return {name: contender.says for name, contender in self.contenders.items()}


def load(path: Path, defaults: Params) -> Study:
    """Read a study.

    Args:
        path: the YAML file: `settings` (by `section.key`) and `contenders` (by name).
        defaults: the settings that the file's are put on top of.

    Raises:
        ParamsError: naming the file, the contender and the remedy.
    """
    document = documents.read(path, _Document)
    found = {}
    for name, contender in document.contenders.items():
        try:
            _require_known(name, contender, document.contenders)
            if contender.members is None:
                found[name] = defaults.changed(document.settings | contender.settings)
        except ParamsError as error:
            raise ParamsError(f"{path}: {name}: {error}") from error
    reference = document.reference
    if reference is not None and reference not in document.contenders:
        raise ParamsError(
            f"{path}: reference {reference}: no such contender; {closest(reference, document.contenders)}"
        )
    return Study(path.stem, defaults.changed(document.settings), document.contenders, found, reference)


def of_params(params: Params) -> Study:
    """The study of one contender, the settings themselves.

    Args:
        params: the settings.
    """
    return Study("params.yaml", params, {"settings": Contender(says=params.title)}, {"settings": params})


def _require_known(name: str, contender: Contender, others: Mapping[str, Contender]) -> None:
    if not _NAME.fullmatch(name):
        raise ParamsError("a name has lower-case letters, digits, +, - and _ only; rename it")
    for member in contender.members or []:
        if member not in others:
            raise ParamsError(f"member {member}: no such contender; {closest(member, others)}")
        if others[member].members is not None:
            raise ParamsError(f"member {member} has members itself; name those instead")
