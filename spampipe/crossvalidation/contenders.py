"""What is cross-validated: settings of the pipeline, simple rules, averages of several; read from a study's file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from spampipe.core import section
from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest
from spampipe.core.section import Section
from spampipe.crossvalidation import curve_settings
from spampipe.crossvalidation.curve_settings import CurveSettings
from spampipe.params import Params

CURVE = "curve"  # the name, without endings, of the files of a learning curve, which lie beside contenders' answers
_NAME = re.compile(r"[a-z0-9][a-z0-9_+-]*")


class Contender(Section):
    """One thing to be compared; exactly one of its entries is given, or none for the study's common settings.

    Attributes:
        says: a few words for tables.
        settings: values of params.yaml by `section.key`, on top of the study's.
        members: other contenders, whose probabilities are averaged.
        pattern: a regular expression: a text that it is found in is positive.
        majority: true: each label is given the share that it has in the training messages.
        on_demand: true: all contenders are run without this one; it takes long, and has to be named.
    """

    says: str
    settings: dict[str, Any] = Field(default_factory=dict)
    members: Annotated[list[str], Field(min_length=2)] | None = None
    pattern: str | None = None
    majority: bool = False
    on_demand: bool = False

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


class StudyFile(Section):
    """A study as it stands in its file.

    Attributes:
        settings: values of params.yaml by `section.key`, for all contenders.
        reference: the one that the others are compared with; None for none.
        contenders: by name.
        learning_curve: what the learning curve shows; None for none.
    """

    settings: dict[str, Any]
    reference: str | None = None
    contenders: dict[str, Contender]
    learning_curve: CurveSettings | None = None


@dataclass(frozen=True)
class Study:
    """Contenders on one data set.

    Attributes:
        name: of its file, without the ending.
        common: the settings that hold for all contenders.
        contenders: by name, in the file's order.
        reference: the one that the others are compared with; None for none.
        params: the settings of each contender that has some, by its name.
        curve: what its learning curve shows; None for none.
    """

    name: str
    common: Params
    contenders: Mapping[str, Contender]
    params: Mapping[str, Params]
    reference: str | None = None
    curve: CurveSettings | None = None

    @property
    def usual(self) -> list[str]:
        """The contenders that are run if none is named."""
        return [name for name, contender in self.contenders.items() if not contender.on_demand]

    @property
    def says(self) -> dict[str, str]:
        """A few words about each contender, by its name."""
        return {name: contender.says for name, contender in self.contenders.items()}


def read(path: Path) -> StudyFile:
    """Read a study, without holding its settings against those of params.yaml.

    Args:
        path: the YAML file.

    Raises:
        ParamsError: naming the file, the key and the remedy.
    """
    return section.read(path, StudyFile, "the studies of this repository lie in studies/")


def load(path: Path, defaults: Params) -> Study:
    """Read a study.

    Args:
        path: the YAML file: `settings` (by `section.key`), `contenders` (by name), and `reference` and
            `learning_curve` if it has them.
        defaults: the settings that the file's are put on top of.

    Raises:
        ParamsError: naming the file, the contender and the remedy.
    """
    document = read(path)
    found = {}
    for name, contender in document.contenders.items():
        try:
            _require_known(name, contender, document.contenders)
            if contender.members is None:
                found[name] = defaults.changed(document.settings | contender.settings)
        except ParamsError as error:
            raise ParamsError(f"{path}: {name}: {error}") from error
    reference, curve = document.reference, document.learning_curve
    named = [("reference", reference)] if reference is not None else []
    named += [("learning_curve.contenders:", name) for name in (curve.contenders if curve else [])]
    for place, name in named:
        if name not in document.contenders:
            raise ParamsError(f"{path}: {place} {name}: no such contender; {closest(name, document.contenders)}")
    return Study(path.stem, defaults.changed(document.settings), document.contenders, found, reference, curve)


def of_params(params: Params) -> Study:
    """The study of one contender, the settings themselves.

    Args:
        params: the settings.
    """
    contenders = {"settings": Contender(says=params.title)}
    curve = curve_settings.common("settings")
    return Study("params.yaml", params, contenders, {"settings": params}, curve=curve)


def _require_known(name: str, contender: Contender, others: Mapping[str, Contender]) -> None:
    if not _NAME.fullmatch(name):
        raise ParamsError("a name has lower-case letters, digits, +, - and _ only; rename it")
    if name == CURVE:
        raise ParamsError(f"a file of figures is called {CURVE}.csv; rename it")
    for member in contender.members or []:
        if member not in others:
            raise ParamsError(f"member {member}: no such contender; {closest(member, others)}")
        if others[member].members is not None:
            raise ParamsError(f"member {member} has members itself; name those instead")
