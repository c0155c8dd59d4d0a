"""Messages to classify, in batches as they come: from the command line or a stream of lines."""

import codecs
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

TEXT = "text"  # the one column of messages that come without others
BATCH = 256  # messages that are classified together; an answer waits for no more than these
_READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Row:
    """One message.

    Attributes:
        place: where it stands, such as `line 3`.
        fields: its columns, the message's own among them.
        text: the message; empty if there is a problem.
        problem: why it cannot be classified; empty if it can.
    """

    place: str
    fields: dict[str, Any]
    text: str
    problem: str = ""


@dataclass(frozen=True)
class Source:
    """Where messages come from.

    Attributes:
        batches: their rows, in order.
        columns: their columns; None where they are not known before the first row.
        schema: the columns' types where there are any, a pyarrow.Schema.
        size: how much there is in all, in bytes if there is a stream, else in messages; None if it is not known.
        stream: what the messages are read from, which tells how many bytes were read; None if it does not.
    """

    batches: Iterator[list[Row]]
    columns: Sequence[str] | None = (TEXT,)
    schema: Any = None
    size: int | None = None
    stream: BinaryIO | None = None


def from_arguments(texts: Sequence[str]) -> Source:
    """Messages that are at hand.

    Args:
        texts: the messages.
    """
    rows = (make_row(f"text {number}", {TEXT: text}, TEXT) for number, text in enumerate(texts, 1))
    return Source(in_batches(rows))


def from_stream(stream: BinaryIO) -> Source:
    """The lines of a stream; a line is passed on as soon as it has come.

    Args:
        stream: a buffered stream of bytes, such as `sys.stdin.buffer`.
    """
    return Source([_text_row(number, line) for number, line in lines] for lines in arriving_lines(stream))


def make_row(place: str, fields: dict[str, Any], column: str) -> Row:
    """A row whose message is in one of its columns, with what is wrong with it.

    Args:
        place: the message's place, such as `line 3`.
        fields: the values of its columns, by the column's name.
        column: the name of the message's column.
    """
    text = fields.get(column)
    if text is None:
        return Row(place, fields, "", f"no {column}")
    if not isinstance(text, str):
        return Row(place, fields, "", f"{column} is not text")
    if not is_unicode(value for value in fields.values() if isinstance(value, str)):
        return Row(place, fields, "", "not UTF-8")
    if not text.strip():
        return Row(place, fields, "", "empty")
    return Row(place, fields, text)


def is_unicode(texts: Iterable[str]) -> bool:
    """Whether texts can be written as UTF-8, which undecoded bytes and halves of characters within them prevent.

    Args:
        texts: the texts, with surrogates for the bytes that could not be decoded.
    """
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError:
        return False
    return True


def in_batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Up to BATCH rows at a time.

    Args:
        rows: the messages, which are read only as they are needed.
    """
    rows = iter(rows)
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch


def arriving_lines(stream: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    """Batches of lines without their ends; a batch is what one read brought, or less.

    Args:
        stream: a buffered stream of bytes.

    Yields:
        The number of each line, from 1, and its bytes.
    """
    number, parts = 0, [b""]
    while data := stream.read1(_READ_BYTES):  # type: ignore[attr-defined]
        parts.append(data)
        if b"\n" not in data:
            continue
        *lines, rest = b"".join(parts).split(b"\n")
        parts = [rest]
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            yield [(number + place, line.removesuffix(b"\r")) for place, line in enumerate(batch, 1)]
            number += len(batch)
    if last := b"".join(parts):
        yield [(number + 1, last.removesuffix(b"\r"))]


def decoded(number: int, line: bytes) -> str:
    """The text of a line; `is_unicode` tells whether it was UTF-8.

    Args:
        number: the line's number, from 1; the first line may begin with a byte order mark.
        line: the line's bytes, without the line end.
    """
    if number == 1:
        line = line.removeprefix(codecs.BOM_UTF8)  # the mark some editors put first
    return line.decode("utf-8", errors="surrogateescape")


def _text_row(number: int, line: bytes) -> Row:
    return make_row(f"line {number}", {TEXT: decoded(number, line)}, TEXT)
