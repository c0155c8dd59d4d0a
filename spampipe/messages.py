"""Labelled text messages: what the raw file means, and the tables made of it."""

import csv
import io
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe import files
from spampipe.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("ham", "spam")  # as the raw file and all answers spell them; the position is the class index
SPAM = 1

COLUMNS = {"Label": "int64", "Text": "str"}

_END = "\0"  # stands behind the last line while parsing; a file that holds it itself is refused
_REMEDY = "correct the line, or fetch the file again"


def parse(data: bytes, source: str | Path) -> "pd.DataFrame":
    r"""Read a raw file of `label<TAB>text` lines.

    A text that begins with a double quote runs on to the closing one, over line ends if need be: that is how
    the book's `pandas.read_csv(sep="\t")` reads the SMS Spam Collection, whose 5,574 lines are 5,572 messages.

    Args:
        data: the file's bytes, UTF-8.
        source: its name, for errors.

    Returns:
        Columns Label (0 ham, 1 spam) and Text, in the file's order.

    Raises:
        DataError: naming the line that is damaged, or that a class is missing.
    """
    import pandas as pd

    text = _decode(data, source)
    labels, texts = [], []
    reader = csv.reader(itertools.chain(io.StringIO(text, newline=""), [_END]), delimiter="\t")
    start = 1
    try:
        for fields in reader:
            where = f"{source}, line {start}"
            start = reader.line_num + 1
            if not fields:
                continue
            if fields == [_END]:
                break
            if fields[-1].endswith(_END):
                raise DataError(f"{where}: a double quote opens the text and is never closed; {_REMEDY}")
            if len(fields) != 2:
                raise DataError(f"{where}: expected label<TAB>text, found {len(fields)} fields; {_REMEDY}")
            if fields[0] not in LABELS:
                raise DataError(f"{where}: label {fields[0]!r} is neither ham nor spam; {_REMEDY}")
            if not fields[1].strip():
                raise DataError(f"{where}: the text is empty; {_REMEDY}")
            labels.append(LABELS.index(fields[0]))
            texts.append(fields[1])
    except csv.Error as error:
        raise DataError(f"{source}, line {start}: {error}; {_REMEDY}") from error
    table = pd.DataFrame({"Label": labels, "Text": texts}).astype(COLUMNS)
    require_both_classes(table, source)
    return table


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


def _decode(data: bytes, source: str | Path) -> str:
    position = data.find(b"\0")
    if position >= 0:
        raise DataError(f"{source}, line {_line(data, position)}: holds a NUL byte; {_REMEDY}")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")  # the mark some editors put first
    except UnicodeDecodeError as error:
        line = _line(data, error.start)
        raise DataError(f"{source}, line {line}: not UTF-8 ({error.reason}); save the file as UTF-8") from error


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1
