"""Read a user's own table of texts and labels: CSV, TSV with a header, JSON lines or Parquet."""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spampipe.core.errors import DataError, one_line
from spampipe.data import labels
from spampipe.data.records import RawText, decoded

KINDS = (".tsv", ".csv", ".jsonl", ".parquet")
_GZIP = ".gz"
_SEPARATORS = {".tsv": "\t", ".csv": ","}
_JOINT = "\n"  # between the texts of several columns
_SHOWN_CHARACTERS, _SHOWN_COLUMNS = 40, 20  # of a wrong value, and of a table's columns
_LONGEST_REASON = 200  # characters of what a library says


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are meant.

    Attributes:
        text: the name of the text's column, or several names, whose texts are joined by a line end, empty ones left
            out; None for `text`.
        label: the name of the label's column; None for `label`.
    """

    text: str | Sequence[str] | None = None
    label: str | None = None

    @property
    def are_named(self) -> bool:
        """Whether the user has named any."""
        return self.text is not None or self.label is not None

    @property
    def texts(self) -> list[str]:
        """The names of the text's columns."""
        return [self.text or "text"] if self.text is None or isinstance(self.text, str) else list(self.text)

    @property
    def labels(self) -> str:
        """The name of the label's column."""
        return self.label or "label"


@dataclass(frozen=True)
class OwnTable:
    """The messages of a table.

    Attributes:
        messages: label and text of each row.
        error: makes an error that names a row, of its position in `messages` and what is wrong with it.
    """

    messages: list[tuple[str, str]]
    error: Callable[[int, str], DataError]


def kind_of(path: Path) -> str:
    """The kind of a file by the end of its name, without `.gz`: one of KINDS, or any other end.

    Args:
        path: any path.
    """
    return Path(path.stem).suffix.lower() if path.suffix.lower() == _GZIP else path.suffix.lower()


def unpacked(data: bytes, path: Path) -> bytes:
    """A file's bytes, those within it if its name ends in `.gz`.

    Args:
        data: the bytes of the file.
        path: its name.

    Raises:
        DataError: it is not what its name says.
    """
    if path.suffix.lower() != _GZIP:
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        reason = one_line(error, _LONGEST_REASON)
        raise DataError(
            f"{path}: not a whole gzip file ({reason}); pack it again, or give its name another end"
        ) from error


def read(data: bytes, path: Path, columns: Columns, *, quoting: bool) -> OwnTable:
    """Read the messages of a table.

    Every value is taken as it stands: the texts `NA`, `null` and `nan` are texts. In JSON and Parquet, labels may be
    whole numbers and truth values, too, which become the texts that JSON has for them: `7`, `true`.

    Args:
        data: the file's bytes, unpacked.
        path: its name, whose end says which of KINDS it is.
        columns: which ones are meant.
        quoting: for text tables, whether a double quote at the begin of a field has a meaning; see `RawText`.

    Raises:
        DataError: the file is damaged, lacks a column, or has a row without text or label; the error names the row
            by its line in the file, from 1, or in Parquet by its number.
    """
    kind = kind_of(path)
    if kind == ".parquet":
        return _checked(_parquet_rows(data, path, columns), columns, _by_number(path))
    if kind == ".jsonl":
        numbers, rows = _json_rows(data, path, columns)
        return _checked(rows, columns, lambda row, problem: DataError(f"{path}, line {numbers[row]}: {problem}"))
    return _read_lines(RawText(data, path, quoting, _SEPARATORS[kind]), path, columns)


def _read_lines(raw: RawText, path: Path, columns: Columns) -> OwnTable:
    """A text table whose first record names the columns."""
    records = list(raw.records())
    names = records[0].fields if records else []
    _require_columns(names, columns, path)
    del records[0]
    for record in records:
        if len(record.fields) != len(names):
            found = f"expected {len(names)} fields as in the header, found {len(record.fields)}"
            remedy = "correct the line, or put a field that holds a separator in double quotes"
            raise raw.error(record, f"{found}; {remedy}")
    rows = (dict(zip(names, record.fields, strict=True)) for record in records)
    return _checked(rows, columns, lambda row, problem: raw.error(records[row], problem))


def _by_number(path: Path) -> Callable[[int, str], DataError]:
    return lambda row, problem: DataError(f"{path}, row {row + 1}: {problem}")


def _checked(rows: Iterable[Mapping[str, Any]], columns: Columns, error: Callable[[int, str], DataError]) -> OwnTable:
    """The rows' labels and texts, once each is found to have both."""
    messages = []
    for number, row in enumerate(rows):
        try:
            texts = [_text(row.get(name), name) for name in columns.texts]
            text = _JOINT.join(part for part in texts if part)
            if not text.strip():
                raise ValueError("the text is empty; fill it in, or remove the row")
            messages.append((_label(row.get(columns.labels), columns.labels), text))
        except ValueError as problem:
            raise error(number, str(problem)) from None
    return OwnTable(messages, error)


def _text(value: object, column: str) -> str:
    if value is None or value != value:  # only NaN differs from itself
        raise ValueError(f"column {column} has no value; fill it in, or remove the row")
    if not isinstance(value, str):
        raise ValueError(f"column {column}: {_shown(value)} is not a text; write it as one")
    if "\0" in value or not _is_unicode(value):
        raise ValueError(f"column {column} holds a NUL byte or half a character; correct the row")
    return value


def _label(value: object, column: str) -> str:
    if value is None or value != value or value == "":
        raise ValueError(f"column {column} has no label; label the row, or remove it")
    if isinstance(value, int):
        return json.dumps(value)
    if not isinstance(value, str):
        raise ValueError(f"column {column}: {_shown(value)} is no label; write it as a text or a whole number")
    if problem := labels.problem_of_name(_text(value, column)):
        raise ValueError(f"label {_shown(value)} {problem}; correct the row")
    return value


def _shown(value: object) -> str:
    return one_line(repr(value), _SHOWN_CHARACTERS)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _require_columns(names: Sequence[str], columns: Columns, path: Path) -> None:
    known = ", ".join(names[:_SHOWN_COLUMNS]) + (", ..." if len(names) > _SHOWN_COLUMNS else "")
    for setting, name in [*(("text", name) for name in columns.texts), ("label", columns.labels)]:
        if name not in names:
            remedy = f"name another in download.{setting}_column"
            raise DataError(f"{path}: no column {name}; its columns are {known or 'none'}; {remedy}")
        if list(names).count(name) > 1:
            raise DataError(f"{path}: two columns are called {name}; rename one")


def _json_rows(data: bytes, path: Path, columns: Columns) -> tuple[list[int], list[dict[str, Any]]]:
    """The numbers of the lines that are not empty, and the object on each."""
    numbers, rows = [], []
    for number, line in enumerate(decoded(data, path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = one_line(error, _LONGEST_REASON)
            raise DataError(f"{path}, line {number}: not JSON ({reason}); write one object a line") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: not a JSON object; write one object a line")
        numbers.append(number)
        rows.append(row)
    _require_columns(list(dict.fromkeys(name for row in rows for name in row)), columns, path)
    return numbers, rows


def _parquet_rows(data: bytes, path: Path, columns: Columns) -> Iterable[dict[str, Any]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        file = ParquetFile(io.BytesIO(data))
        _require_columns(file.schema_arrow.names, columns, path)
        table = file.read().select(list(dict.fromkeys([*columns.texts, columns.labels])))
        rows: list[dict[str, Any]] = table.to_pylist()
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path}: not a whole Parquet file ({one_line(error, _LONGEST_REASON)}); write it again"
        ) from error
    return rows
