"""Where answers go: lines of text or JSON, or a file that keeps the messages' other columns."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.inference import answer_columns
from spampipe.inference.message_files import kind_of
from spampipe.inference.message_rows import TEXT, Row, Source
from spampipe.inference.table_writers import CsvWriter, JsonWriter, ParquetWriter, Writer

if TYPE_CHECKING:
    from spampipe.classifiers.predictions import Prediction


class Sink(Protocol):
    """Takes answers."""

    def problem(self, row: Row) -> str:
        """Why the answer to a row could not be written; empty if it can.

        Args:
            row: the message, which has not been classified yet.
        """

    def write(self, rows: Sequence[Row], predictions: "Sequence[Prediction]") -> None:
        """Write answers.

        Args:
            rows: the messages, in order.
            predictions: the answer to each of them.
        """


class Lines:
    """Label, probability and text of a message, separated by tabs or as a JSON object, one line a message.

    Args:
        stream: the text stream that the lines are written to.
        as_json: whether each line is a JSON object.
        top: how many labels an answer has, as in `answer_columns.names`.
    """

    def __init__(self, stream: TextIO, *, as_json: bool, top: int | None = None) -> None:
        self._stream, self._as_json, self._top = stream, as_json, top

    def problem(self, row: Row) -> str:
        """As in Sink; every answer can be written."""
        return ""

    def write(self, rows: Sequence[Row], predictions: "Sequence[Prediction]") -> None:
        """As in Sink; a reader sees the answers at once."""
        for found in predictions:
            values = answer_columns.values(found, self._top)
            if self._as_json:
                line = json.dumps(
                    dict(zip(answer_columns.names(self._top), values, strict=True)) | {TEXT: found.text}
                )
            else:
                words = [f"{value:.4f}" if isinstance(value, float) else value for value in values]
                line = "\t".join([*words, found.text])
            self._stream.write(line + "\n")
        self._stream.flush()


@contextmanager
def to_file(path: Path, source: Source, top: int | None = None) -> Iterator[Sink]:
    """A file with all columns of the source and the answers', which replaces `path` once the block succeeds.

    The answers' columns are `answer_columns.names`, with `predicted_` before a name that is the source's own.

    Args:
        path: the file; the end of its name says which kind of table it becomes.
        source: the messages that will be answered.
        top: how many labels an answer has, as in `answer_columns.names`.

    Yields:
        What takes the answers.

    Raises:
        DataError: the name ends in no kind of table, or a message's other columns do not fit their types.
    """
    kind = kind_of(path)
    if kind == ".txt":
        raise DataError(f"{path}: .txt has no columns; name it .csv, .tsv, .jsonl or .parquet")
    with files.replacing(path) as temporary:
        if kind == ".parquet":
            writer: Writer = ParquetWriter(temporary, path, source, len(answer_columns.names(top)))
        elif kind == ".jsonl":
            writer = JsonWriter(temporary)
        else:
            writer = CsvWriter(temporary, "\t" if kind == ".tsv" else ",")
        try:
            yield _Table(writer, source.columns, top)
        finally:
            writer.close()


class _Table:
    """Adds the answers to the messages' columns, which are known from the first row at the latest."""

    def __init__(self, writer: Writer, columns: Sequence[str] | None, top: int | None) -> None:
        self._writer, self._top = writer, top
        self._columns: Sequence[str] | None = None
        self._names = answer_columns.names(top)
        if columns is not None:
            self._begin(columns)

    def problem(self, row: Row) -> str:
        if self._columns is None:
            self._begin(list(row.fields))
        more = [name for name in row.fields if name not in (self._columns or ())]
        refused = [name for name in more if name in self._names or not self._writer.any_columns]
        return f"{', '.join(refused)}: not among the first message's entries" if refused else ""

    def write(self, rows: Sequence[Row], predictions: "Sequence[Prediction]") -> None:
        self._writer.write(
            [
                row.fields | dict(zip(self._names, answer_columns.values(found, self._top), strict=True))
                for row, found in zip(rows, predictions, strict=True)
            ]
        )

    def _begin(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._names = [_free(name, columns) for name in self._names]
        self._writer.begin([*columns, *self._names])


def _free(name: str, columns: Sequence[str]) -> str:
    while name in columns:
        name = f"predicted_{name}"
    return name
