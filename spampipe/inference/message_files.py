"""Files of messages to classify: plain lines, tables, JSON, Parquet."""

import csv
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from spampipe.core.errors import DataError
from spampipe.inference.message_rows import (
    BATCH,
    Row,
    Source,
    arriving_lines,
    decoded,
    from_stream,
    in_batches,
    is_unicode,
    make_row,
)

KINDS = (".txt", ".csv", ".tsv", ".jsonl", ".parquet")


@contextmanager
def from_file(path: Path, column: str) -> Iterator[Source]:
    """The messages of a file, whose name tells its kind, while the block lasts.

    Args:
        path: one message a line (.txt), a table with a header (.csv, .tsv, .parquet), or JSON objects (.jsonl).
        column: the name of the column, or of the objects' entry, that is the message; .txt has none.

    Yields:
        The messages.

    Raises:
        DataError: it cannot be read, is of another kind, or has no such column.
    """
    kind = kind_of(path)
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; name a file that can be read") from None
    with stream:
        size = path.stat().st_size
        if kind == ".parquet":
            yield _parquet(stream, path, column)
        elif kind == ".txt":
            yield Source(from_stream(stream).batches, size=size, stream=stream)
        elif kind == ".jsonl":
            yield Source(_json_batches(stream, column), columns=None, size=size, stream=stream)
        else:
            batches, columns = _table_batches(stream, path, column)
            yield Source(batches, columns, size=size, stream=stream)


def kind_of(path: Path) -> str:
    """The kind of a file, by the end of its name.

    Args:
        path: any path, whose file need not be there.

    Raises:
        DataError: it is none of KINDS.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise DataError(f"{path}: its name ends in none of {', '.join(KINDS)}; rename or convert it")
    return kind


def _json_batches(stream: BinaryIO, column: str) -> Iterator[list[Row]]:
    for lines in arriving_lines(stream):
        yield [_json_row(number, line, column) for number, line in lines]


def _json_row(number: int, line: bytes, column: str) -> Row:
    place = f"line {number}"
    text = decoded(number, line)
    if not is_unicode([text]):
        return Row(place, {}, "", "not UTF-8")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return Row(place, {}, "", "not JSON")
    return make_row(place, fields, column) if isinstance(fields, dict) else Row(place, {}, "", "not a JSON object")


def _table_batches(stream: BinaryIO, path: Path, column: str) -> tuple[Iterator[list[Row]], list[str]]:
    """The rows of a table with a header, and its columns."""
    lines = (decoded(number, line) for number, line in enumerate(stream, 1))
    reader = csv.reader(lines, delimiter="\t" if kind_of(path) == ".tsv" else ",", strict=True)
    columns = next(_records(reader, path), (1, []))[1]
    _require_column(columns, column, path)

    def rows() -> Iterator[Row]:
        for line, values in _records(reader, path):
            if len(values) == len(columns):
                yield make_row(f"line {line}", dict(zip(columns, values, strict=True)), column)
            elif values:  # an empty line is no record
                yield Row(f"line {line}", {}, "", f"{len(values)} fields, the header has {len(columns)}")

    return in_batches(rows()), columns


def _records(reader: Any, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The records that a CSV reader has not read yet, each after the number of the line that it begins on."""
    line = reader.line_num + 1
    try:
        for values in reader:
            yield line, values
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, line {line}: {error}; correct the quotes there") from error


def _parquet(stream: BinaryIO, path: Path, column: str) -> Source:
    """The rows of a Parquet file."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    def rows() -> Iterator[Row]:
        try:
            places = itertools.count(1)
            for batch in table.iter_batches(batch_size=BATCH):
                for fields in batch.to_pylist():
                    yield make_row(f"row {next(places)}", fields, column)
        except (ArrowException, OSError) as error:
            raise DataError(f"{path}: damaged ({_first_line(error)}); write it again") from error

    try:
        table = ParquetFile(stream)
    except (ArrowException, OSError) as error:
        raise DataError(f"{path}: not a Parquet file ({_first_line(error)}); write it again") from error
    columns = list(table.schema_arrow.names)
    _require_column(columns, column, path)
    return Source(in_batches(rows()), columns, table.schema_arrow, table.metadata.num_rows)


def _require_column(columns: list[str], column: str, path: Path) -> None:
    if not is_unicode(columns):
        raise DataError(f"{path}, line 1: not UTF-8; save the file as UTF-8")
    known = ", ".join(columns) or "none"
    if column not in columns:
        raise DataError(f"{path}: no column {column}; name one of its columns by --column: {known}")
    if len(set(columns)) < len(columns):
        raise DataError(f"{path}: two columns have the same name, among {known}; rename one")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
