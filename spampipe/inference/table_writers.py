"""Tables written row by row, as CSV, JSON lines or Parquet."""

import csv
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from spampipe.core.errors import DataError
from spampipe.inference.message_rows import Source


class Writer(Protocol):
    """Writes one table.

    Attributes:
        any_columns: whether a row may have columns that the first has not.
    """

    any_columns: bool

    def begin(self, columns: Sequence[str]) -> None:
        """Name the columns, before any row.

        Args:
            columns: in their order, those of the answers last.
        """

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Write rows.

        Args:
            rows: values by column.

        Raises:
            DataError: a value does not fit its column.
        """

    def close(self) -> None:
        """End the file."""


class CsvWriter:
    """Writes values between delimiters, in quotes where needed.

    Args:
        path: the file.
        delimiter: what stands between two values.
    """

    any_columns = False

    def __init__(self, path: Path, delimiter: str) -> None:
        self._stream = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._stream, delimiter=delimiter, lineterminator="\n")
        self._columns: Sequence[str] = ()

    def begin(self, columns: Sequence[str]) -> None:
        """As in Writer."""
        self._columns = columns
        self._writer.writerow(columns)

    def write(self, rows: list[dict[str, Any]]) -> None:
        """As in Writer."""
        for row in rows:
            values = (row.get(name) for name in self._columns)
            self._writer.writerow(
                [json.dumps(value, default=str) if isinstance(value, (list, dict)) else value for value in values]
            )

    def close(self) -> None:
        """As in Writer."""
        self._stream.close()


class JsonWriter:
    """Writes one JSON object a line.

    Args:
        path: the file.
    """

    any_columns = True

    def __init__(self, path: Path) -> None:
        self._stream = path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")

    def begin(self, columns: Sequence[str]) -> None:
        """As in Writer; each line names its own entries."""

    def write(self, rows: list[dict[str, Any]]) -> None:
        """As in Writer."""
        for row in rows:
            self._stream.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")

    def close(self) -> None:
        """As in Writer."""
        self._stream.close()


class ParquetWriter:
    """Keeps the types that the source has; columns of text files are text, JSON's as the first messages have them.

    Args:
        path: the file.
        shown: what to call it in errors.
        source: the messages, which say what types their columns have.
        answers: how many of the last columns are the answers'.
    """

    any_columns = False

    def __init__(self, path: Path, shown: Path, source: Source, answers: int) -> None:
        self._path, self._shown, self._source, self._own = path, shown, source, slice(-answers)
        self._columns: Sequence[str] = ()
        self._writer: Any = None

    def begin(self, columns: Sequence[str]) -> None:
        """As in Writer."""
        import pyarrow

        self._columns = columns
        if self._source.columns is None:
            return  # the types are found from the first rows
        own = self._source.schema or pyarrow.schema([(name, pyarrow.string()) for name in columns[self._own]])
        self._open([*own, *self._answers()])

    def write(self, rows: list[dict[str, Any]]) -> None:
        """As in Writer."""
        import pyarrow

        try:
            if self._writer is None:
                own = [{name: row.get(name) for name in self._columns[self._own]} for row in rows]
                self._open([*pyarrow.Table.from_pylist(own).schema, *self._answers()])
            self._writer.write_table(pyarrow.Table.from_pylist(rows, schema=self._writer.schema))
        except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as error:
            reason = str(error).partition("\n")[0]
            raise DataError(f"{self._shown}: columns of mixed types ({reason}); write .jsonl instead") from error

    def close(self) -> None:
        """As in Writer."""
        if self._writer is not None:
            self._writer.close()

    def _answers(self) -> list[Any]:
        import pyarrow

        types = itertools.cycle((pyarrow.string(), pyarrow.float64()))
        names = self._columns[self._own.stop :]
        return [pyarrow.field(name, kind) for name, kind in zip(names, types, strict=False)]

    def _open(self, fields: Sequence[Any]) -> None:
        import pyarrow
        from pyarrow import parquet

        self._writer = parquet.ParquetWriter(self._path, pyarrow.schema(fields))
