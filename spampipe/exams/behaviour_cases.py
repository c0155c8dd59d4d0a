"""Behaviour tests as they stand in a YAML file, in the three kinds of Ribeiro et al. 2020, "Beyond Accuracy"."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest
from spampipe.core.section import Real, Section, Seed
from spampipe.data.labels import LabelSet
from spampipe.exams import perturbations

FILE = Path("exams/behaviour.yaml")  # below the top of the repository

_Filled = Annotated[str, Field(pattern=r"\S")]
_Texts = Annotated[list[_Filled], Field(min_length=1)]


class MinimumFunctionality(Section):
    """Texts that any useful model labels right.

    Attributes:
        name: of the group.
        kind: tells the three kinds apart.
        label: each text's label.
        texts: the texts.
    """

    name: _Filled
    kind: Literal["minimum functionality"]
    label: str
    texts: _Texts


class _Changed(Section):
    """Texts, and changes of which each is made to each text that it applies to, one at a time.

    Attributes:
        name: of the group.
        texts: the texts before the change.
        prepend: what is put before a text, with a space between.
        append: what is put behind a text as it stands here, without a space.
        replace: words, and what each is replaced by in turn.
        apply: names of `perturbations.ALL`.
    """

    name: _Filled
    texts: _Texts
    prepend: list[str] = Field(default_factory=list)
    append: list[str] = Field(default_factory=list)
    replace: dict[str, _Texts] = Field(default_factory=dict)
    apply: list[str] = Field(default_factory=list)

    def variants(self, text: str, seed: int) -> list[str]:
        """What a text becomes: every result that is not the text itself, each once.

        Args:
            text: one of the texts.
            seed: of the perturbations.
        """
        found = [f"{before} {text}" for before in self.prepend]
        found += [text + after for after in self.append]
        for word, others in self.replace.items():
            form = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
            found += [form.sub(lambda _, other=other: other, text) for other in others]  # type: ignore[misc]
        found += [perturbations.ALL[name](text, seed) for name in self.apply]
        return [variant for variant in dict.fromkeys(found) if variant != text]

    @model_validator(mode="after")
    def _changes_each_text(self) -> Self:
        for name in self.apply:
            if name not in perturbations.ALL:
                raise ValueError(f"apply: there is no {name}; {closest(name, perturbations.ALL)}")
        for text in self.texts:
            if not self.variants(text, 0):
                raise ValueError(f"no change applies to the text {text!r}; add to prepend, append, replace or apply")
        return self


class Invariance(_Changed):
    """A change must leave the label as it is.

    Attributes:
        kind: tells the three kinds apart.
    """

    kind: Literal["invariance"]


class Direction(_Changed):
    """A change must not move a label's probability in one direction.

    Attributes:
        kind: tells the three kinds apart.
        label: whose probability is meant.
        expect: what it must be after the change.
    """

    kind: Literal["direction"]
    label: str
    expect: Literal["not lower", "not higher"]


Group = Annotated[MinimumFunctionality | Invariance | Direction, Field(discriminator="kind")]


class BehaviourCases(Section):
    """The whole file.

    Attributes:
        seed: of the perturbations in `apply`.
        tolerance: how far a probability may move against a direction without being counted as a failure.
        groups: the groups of tests.
    """

    seed: Seed
    tolerance: Annotated[Real, Field(ge=0, lt=1)]
    groups: Annotated[list[Group], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_distinct_names(self) -> Self:
        names = [group.name for group in self.groups]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two groups are called {name}; rename one")
        return self

    def require_labels(self, labels: LabelSet, path: Path) -> None:
        """Insist that a model has all labels that the cases name.

        Args:
            labels: the model's.
            path: the file, for the error.

        Raises:
            ParamsError: naming the group whose label the model does not have.
        """
        unknown = self.unknown_label(labels)
        if unknown:
            group, label = unknown
            names = ", ".join(labels.names)
            raise ParamsError(
                f"{path}: group {group}: the model has no label {label}, its labels are {names}; "
                "write cases for these, and name their file with --cases"
            )

    def unknown_label(self, labels: LabelSet) -> tuple[str, str] | None:
        """The first group whose label a model does not have, and that label; None if it has all of them.

        Args:
            labels: the model's.
        """
        for group in self.groups:
            if not isinstance(group, Invariance) and group.label not in labels.names:
                return group.name, group.label
        return None
