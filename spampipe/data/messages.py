"""Labelled text messages: what the raw file means, and the tables made of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.core import files
from spampipe.core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("ham", "spam")  # as the raw file and all answers spell them; the position is the class index
SPAM = 1

COLUMNS = {"Label": "int64", "Text": "str"}

_REMEDY = "correct the line, or fetch the file again"
_QUOTE_REMEDY = "double each double quote within the text and put one at its end, or set download.quoting to false"
_SHOWN = 40  # characters of a wrong label

# A field and what ends it. After the closing quote a field goes on as an unquoted one does. The csv module has
# a limit to the length of a field that can only be changed for the whole process.
_PLAIN, _END = r"(?P<plain>[^\t\r\n]*+)", r"(?P<end>\t|\r\n|\r|\n|\Z)"
_QUOTED = r'"(?P<quoted>[^"]*+(?:""[^"]*+)*+)"(?P<rest>[^\t\r\n]*+)'
_FIELD_WITH_QUOTING = re.compile(rf'(?:{_QUOTED}|(?!"){_PLAIN}){_END}')
_FIELD_WITHOUT = re.compile(_PLAIN + _END)
_LINE_END = re.compile(r"\r\n|\r|\n")
_MESSAGE_WITHIN = re.compile(rf"[\r\n](?:{'|'.join(LABELS)})\t")


def parse(data: bytes, source: str | Path, *, quoting: bool = True, own: bool = False) -> "pd.DataFrame":
    r"""Read a raw file of `label<TAB>text` lines.

    A text that begins with a double quote runs on to the closing one, over line ends if need be: that is how
    the book's `pandas.read_csv(sep="\t")` reads the SMS Spam Collection, whose 5,574 lines are 5,572 messages.

    Args:
        data: the file's bytes, UTF-8.
        source: its name, for errors.
        quoting: false if double quotes are characters like others, and each line is a message.
        own: whether it is a user's own file, in which no message may run on over the start of another.

    Returns:
        Columns Label (0 ham, 1 spam) and Text, in the file's order.

    Raises:
        DataError: naming the line that is damaged, or that a class is missing.
    """
    import pandas as pd

    text = _decode(data, source)
    labels, texts = [], []
    for start, end, fields in _records(text, source, quoting):
        problem = _problem(fields)
        if own and (within := _MESSAGE_WITHIN.search(text, start, end)):
            line = _line(text, within.end())
            problem = f"a double quote opens the text, which runs on over the message of line {line}; {_QUOTE_REMEDY}"
        if problem:
            raise DataError(f"{source}, line {_line(text, start)}: {problem}")
        labels.append(LABELS.index(fields[0]))
        texts.append(fields[1])
    table = pd.DataFrame({"Label": labels, "Text": texts}).astype(COLUMNS)
    require_both_classes(table, source)
    return table


def unparse(table: "pd.DataFrame") -> bytes:
    """A raw file that `parse` reads as this table, whose texts hold neither tabs nor line ends."""
    labels, texts = table["Label"].map(dict(enumerate(LABELS))), table["Text"]
    quoted = texts.where(~texts.str.startswith('"'), '"' + texts.str.replace('"', '""') + '"')
    return "".join(f"{label}\t{text}\n" for label, text in zip(labels, quoted, strict=True)).encode()


def require_both_classes(table: "pd.DataFrame", source: str | Path) -> None:
    """Raise a DataError that names `source` unless `table` has at least one message of each class."""
    for index, label in enumerate(LABELS):
        if not (table["Label"] == index).any():
            raise DataError(
                f"{source}: {len(table)} messages, none of them labelled {label}; a classifier needs both classes"
            )


def read(path: Path) -> "pd.DataFrame":
    """Read a table of messages that a stage wrote.

    Raises:
        DataError: the file is missing, or has other columns, labels or empty texts.
    """
    table = files.read_csv(path, COLUMNS)
    for row in table.index[~table["Label"].isin(range(len(LABELS)))]:
        raise DataError(f"{path}, row {row}: label {table['Label'][row]} is neither 0 nor 1; run its stage again")
    for row in table.index[table["Text"].str.strip() == ""]:
        raise DataError(f"{path}, row {row}: the text is empty; run its stage again")
    return table


def write(path: Path, table: "pd.DataFrame") -> None:
    """Write a table of messages, columns Label and Text."""
    files.write_csv(path, table[list(COLUMNS)])


def _records(text: str, source: str | Path, quoting: bool) -> Iterator[tuple[int, int, list[str]]]:
    """The fields of each line that is not empty, or run of lines, after its begin and end in the text."""
    form = _FIELD_WITH_QUOTING if quoting else _FIELD_WITHOUT
    start = position = 0
    fields: list[str] = []
    while fields or position < len(text):
        found = form.match(text, position)
        if not found:
            where = f"{source}, line {_line(text, start)}"
            raise DataError(f"{where}: a double quote opens the text and is never closed; {_QUOTE_REMEDY}")
        field = found.groupdict()
        quoted = field.get("quoted")
        fields.append(field["plain"] if quoted is None else quoted.replace('""', '"') + field["rest"])
        position = found.end()
        if field["end"] != "\t":
            if fields != [""] or quoted is not None:
                yield start, position, fields
            start, fields = position, []


def _problem(fields: list[str]) -> str | None:
    if len(fields) != 2:
        return f"expected label<TAB>text, found {len(fields)} fields; {_REMEDY}"
    if fields[0] not in LABELS:
        return f"label {fields[0][:_SHOWN]!r} is neither ham nor spam; {_REMEDY}"
    return None if fields[1].strip() else f"the text is empty; {_REMEDY}"


def _decode(data: bytes, source: str | Path) -> str:
    position = data.find(b"\0")
    if position >= 0:
        line = data.count(b"\n", 0, position) + 1
        raise DataError(f"{source}, line {line}: holds a NUL byte; {_REMEDY}")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")  # the mark some editors put first
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{source}, line {line}: not UTF-8 ({error.reason}); save the file as UTF-8") from error


def _line(text: str, position: int) -> int:
    """The number of the line, from 1, that this character stands in."""
    return sum(1 for _ in _LINE_END.finditer(text, 0, position)) + 1
