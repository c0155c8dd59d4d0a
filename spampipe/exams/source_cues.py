"""What tells where a text comes from rather than what it wants, and texts in which it is masked."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from spampipe.core.section import Section

FILE = Path("exams/source_cues.yaml")  # below the top of the repository

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_Words = Annotated[dict[str, str], Field(min_length=1)]


class SourceCues(Section):
    """The cues, as they stand in a YAML file.

    Attributes:
        numbers: what stands for every number once it is masked.
        words: lists of words and signs by a name of the user's; what each becomes once it is masked, which may be
            nothing. Upper and lower case are the same.
    """

    numbers: str
    words: dict[str, _Words]

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        for name, words in self.words.items():
            if name in ("numbers", "all"):
                raise ValueError(f"words.{name}: the name is taken; choose another")
            for word in words:
                if not word or word != word.strip():
                    raise ValueError(
                        f"words.{name}: {word!r} is empty, or begins or ends with white space; correct it"
                    )
        return self

    def masked(self, text: str) -> dict[str, str]:
        """The text with each kind of cue masked by itself, and with all of them.

        Args:
            text: any text.

        Returns:
            By `numbers`, the name of each list of words, and `all`. A text of which nothing would be left stays as it
            is.
        """
        found = {"numbers": self._without_numbers(text)}
        found |= {name: _replaced(text, words) for name, words in self.words.items()}
        every = text
        for words in self.words.values():
            every = _replaced(every, words)
        found["all"] = self._without_numbers(every)
        return {name: changed if changed.strip() else text for name, changed in found.items()}

    def _without_numbers(self, text: str) -> str:
        return _NUMBER.sub(lambda _: self.numbers, text)


def _replaced(text: str, words: Mapping[str, str]) -> str:
    """The text with these words replaced, longer ones first; with one that is left out goes the space behind it."""
    given = {word.lower(): other for word, other in words.items()}
    parts = []
    for word in sorted(given, key=len, reverse=True):
        begin, end = (r"(?<!\w)" if word[0].isalnum() else ""), (r"(?!\w)" if word[-1].isalnum() else "")
        parts.append(f"{begin}{re.escape(word)}{end}{'' if given[word] else ' ?'}")
    form = re.compile("|".join(parts), re.IGNORECASE)
    return form.sub(lambda found: given[found[0].lower().strip()], text)
