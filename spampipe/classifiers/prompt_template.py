"""How a base model is asked for the label of a text: a file of the user's, and the prompts that are made of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from spampipe.core import section
from spampipe.core.errors import ParamsError
from spampipe.core.section import Section
from spampipe.data.labels import LabelSet

TEXT, ANSWERS = "{text}", "{answers}"
_BETWEEN = "\n\n"  # instruction, examples and the text's own question

_Example = tuple[str, str]  # a text, and the name of its label


class PromptTemplate(Section):
    """What a prompt is made of, as it stands in a YAML file.

    Attributes:
        instruction: stands once at the begin; `{answers}` in it stands for all answers. May be empty.
        question: asks about one text, which `{text}` stands for; `{answers}` as above. The answer follows after the
            white space that it ends in, or after a space.
        answers: what the model is to say, by the label's name; None for the names themselves.
    """

    instruction: str
    question: str
    answers: dict[str, Annotated[str, Field(min_length=1)]] | None

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        if self.question.count(TEXT) != 1 or TEXT in self.instruction:
            raise ValueError(f"{TEXT} must stand once, in question")
        answers = [] if self.answers is None else list(self.answers.values())
        for answer in answers:
            if answer != answer.strip() or not answer:
                raise ValueError(f"answers: {answer!r} is empty, or begins or ends with white space; correct it")
            if answers.count(answer) > 1:
                raise ValueError(f"answers: {answer} stands for two labels; give each its own")
        return self

    def fit_to(self, labels: LabelSet, place: str) -> Self:
        """The template with an answer for each label.

        Args:
            labels: the label set.
            place: where the template is from, for errors.

        Raises:
            ParamsError: `answers` names other labels than these.
        """
        given = self.answers
        if given is None:
            return self.model_copy(update={"answers": {name: name for name in labels.names}})
        if set(given) != set(labels.names):
            names = ", ".join(labels.names)
            raise ParamsError(f"{place}: answers: must be for the labels {names}, not {', '.join(given)}; correct it")
        return self.model_copy(update={"answers": {name: given[name] for name in labels.names}})


class Prompts:
    """The prompts of one template, label set and choice of examples.

    Args:
        template: with an answer for each label, as `PromptTemplate.fit_to` returns it.
        examples: pairs of a text and its label's name, which stand before each text in this order.

    Attributes:
        answers: K of them, in the order of the labels, each with the white space before it. A prompt ends where they
            begin.
    """

    def __init__(self, template: PromptTemplate, examples: Sequence[_Example]) -> None:
        answers = template.answers or {}
        listed = ", ".join(answers.values())
        instruction, question = (part.replace(ANSWERS, listed) for part in (template.instruction, template.question))
        asked = question.rstrip()
        gap = question[len(asked) :] or " "
        self.answers = [gap + answer for answer in answers.values()]
        self._head, _, self._tail = asked.partition(TEXT)
        answered = [self._ask(text) + gap + answers[label] for text, label in examples]
        self._before = "".join(part + _BETWEEN for part in (instruction.strip(), *answered) if part)

    def of(self, text: str) -> str:
        """The prompt for a text.

        Args:
            text: any text; what looks like a placeholder in it is ordinary text.
        """
        return self._before + self._ask(text)

    def _ask(self, text: str) -> str:
        return self._head + text + self._tail


def load(path: Path) -> PromptTemplate:
    """Read a template.

    Args:
        path: the YAML file.

    Raises:
        ParamsError: the file is missing, or is no template.
    """
    return section.read(path, PromptTemplate, "model.prompt_template names the file of the question")
