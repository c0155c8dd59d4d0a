"""Take a file of `label<TAB>text` lines, or a CSV table, apart into its fields, with the places that errors name."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from spampipe.core.errors import DataError

_QUOTE_REMEDY = "double each double quote within the text and put one at its end, or set download.quoting to false"

# A field and what ends it. After the closing quote a field goes on as an unquoted one does. The csv module has
# a limit to the length of a field that can only be changed for the whole process.
_PLAIN, _END = r"(?P<plain>[^{0}\r\n]*+)", r"(?P<end>{0}|\r\n|\r|\n|\Z)"
_QUOTED = r'"(?P<quoted>[^"]*+(?:""[^"]*+)*+)"(?P<rest>[^{0}\r\n]*+)'
_FIELD_WITH_QUOTING = rf'(?:{_QUOTED}|(?!"){_PLAIN}){_END}'
_FIELD_WITHOUT = _PLAIN + _END
_LINE_END = re.compile(r"\r\n|\r|\n")
_FIELD_AT_LINE_START = re.compile(r"[\r\n](?P<field>[^\t\r\n]+)\t")
_SPECIAL = re.compile(r'\A["\ufeff]|[\t\r\n]')  # a byte order mark at the begin of a file would be lost


@dataclass(frozen=True, slots=True)
class Record:
    """One line that is not empty, or a run of lines that a quoted field joins.

    Attributes:
        start: position of its first character in the file's text.
        end: position behind its line end.
        fields: what tabs, or another separator, separate; without quotes.
    """

    start: int
    end: int
    fields: list[str]


class RawText:
    """The text of a raw file.

    Args:
        data: the file's bytes, UTF-8.
        source: its name, for errors.
        quoting: whether a field that begins with a double quote runs on to the closing one, over tabs and line ends.
        separator: the character between two fields, a tab or a comma.
        quote_remedy: what to do about a quoted text that does not end where it should, for errors.

    Raises:
        DataError: naming the line that is not UTF-8 or holds a NUL byte.
    """

    def __init__(
        self,
        data: bytes,
        source: str | Path,
        quoting: bool,
        separator: str = "\t",
        quote_remedy: str = _QUOTE_REMEDY,
    ) -> None:
        self._source, self._separator, self._quote_remedy = source, separator, quote_remedy
        form = _FIELD_WITH_QUOTING if quoting else _FIELD_WITHOUT
        self._field = re.compile(form.replace("{0}", separator))
        self._text = decoded(data, source)

    def records(self) -> Iterator[Record]:
        """The records, in the file's order.

        Raises:
            DataError: a quoted field never ends.
        """
        start = position = 0
        fields: list[str] = []
        while fields or position < len(self._text):
            found = self._field.match(self._text, position)
            if not found:
                problem = "a double quote opens the text and is never closed"
                raise DataError(f"{self._source}, line {self._line(start)}: {problem}; {self._quote_remedy}")
            field = found.groupdict()
            quoted = field.get("quoted")
            fields.append(field["plain"] if quoted is None else quoted.replace('""', '"') + field["rest"])
            position = found.end()
            if field["end"] != self._separator:
                if fields != [""] or quoted is not None:
                    yield Record(start, position, fields)
                start, fields = position, []

    def error(self, record: Record, problem: str) -> DataError:
        """An error that names the line a record begins in.

        Args:
            record: one of `records`.
            problem: what is wrong with it, and the remedy.
        """
        return DataError(f"{self._source}, line {self._line(record.start)}: {problem}")

    def refuse_run_on(self, record: Record, labels: Container[str] | None) -> None:
        """Raise unless a record is one message.

        Args:
            record: one of `records`.
            labels: what a line within it would have to begin with, ahead of a tab, to be another message; None for
                any text.

        Raises:
            DataError: a double quote joins several messages; the error names the lines of two.
        """
        for found in _FIELD_AT_LINE_START.finditer(self._text, record.start, record.end):
            if labels is None or found["field"] in labels:
                line = self._line(found.start("field"))
                problem = f"a double quote opens the text, which runs on over the message of line {line}"
                raise self.error(record, f"{problem}; {self._quote_remedy}")

    def _line(self, position: int) -> int:
        """The number of the line, from 1, that this character stands in."""
        return sum(1 for _ in _LINE_END.finditer(self._text, 0, position)) + 1


def written(fields: list[str]) -> str:
    """A line that is read with quoting as these fields.

    Args:
        fields: any texts.
    """
    quoted = ('"' + field.replace('"', '""') + '"' if _SPECIAL.search(field) else field for field in fields)
    return "\t".join(quoted) + "\n"


def decoded(data: bytes, source: str | Path) -> str:
    """The text of a file, without a byte order mark at its begin.

    Args:
        data: the file's bytes, UTF-8.
        source: its name, for errors.

    Raises:
        DataError: naming the line that is not UTF-8 or holds a NUL byte.
    """
    position = data.find(b"\0")
    if position >= 0:
        line = data.count(b"\n", 0, position) + 1
        raise DataError(f"{source}, line {line}: holds a NUL byte; correct the line, or fetch the file again")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")  # the mark some editors put first
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{source}, line {line}: not UTF-8 ({error.reason}); save the file as UTF-8") from error
