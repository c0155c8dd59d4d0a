"""Labelled text messages: what the raw file means, and the tables made of it."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.data.labels import LabelSet
from spampipe.data.records import RawText, written

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {"Label": "int64", "Text": "str"}

_SHOWN_CHARACTERS, _SHOWN_NAMES = 40, 10  # of a wrong label, and of the right ones


def parse(
    data: bytes, source: str | Path, labels: LabelSet, *, quoting: bool = True, own: bool = False
) -> "pd.DataFrame":
    r"""Read a raw file of `label<TAB>text` lines.

    A text that begins with a double quote runs on to the closing one, over line ends if need be: that is how
    the book's `pandas.read_csv(sep="\t")` reads its data set, whose 5,574 lines are 5,572 messages.

    Args:
        data: the file's bytes, UTF-8.
        source: its name, for errors.
        labels: the label set; every label must occur, and no other.
        quoting: false if double quotes are characters like others, and each line is a message.
        own: whether it is a user's own file, in which no message may run on over the start of another.

    Returns:
        Columns Label (class indices) and Text, in the file's order.

    Raises:
        DataError: naming the line that is damaged, or the label that is missing.
    """
    import pandas as pd

    raw = RawText(data, source, quoting)
    index = {name: number for number, name in enumerate(labels.names)}
    numbers, texts = [], []
    for record in raw.records():
        if own:
            raw.refuse_run_on(record, index)
        if problem := problem_of(record.fields, index, own):
            raise raw.error(record, problem)
        label, text = record.fields
        numbers.append(index[label])
        texts.append(text)
    table = pd.DataFrame({"Label": numbers, "Text": texts}).astype(COLUMNS)
    require_every_class(table, labels, source)
    return table


def unparse(table: "pd.DataFrame", labels: LabelSet) -> bytes:
    """A raw file that `parse` reads as this table.

    Args:
        table: columns Label (class indices) and Text.
        labels: the label set.
    """
    names = labels.names_of(table["Label"].to_numpy())
    return "".join(written([str(name), text]) for name, text in zip(names, table["Text"], strict=True)).encode()


def problem_of(fields: list[str], labels: Collection[str] | None, own: bool) -> str | None:
    """What keeps a record from being a message, and the remedy; None if it is one.

    Args:
        fields: what tabs separate in the record.
        labels: all labels there are, in class order; None if any label will do.
        own: whether the record stands in a user's own file.
    """
    remedy = "correct the line" if own else "correct the line, or fetch the file again"
    if len(fields) != 2:
        return f"expected label<TAB>text, found {len(fields)} fields; {remedy}"
    label, text = fields
    if labels is not None and label not in labels:
        if own:
            remedy += ", or change download.labels"
        return f"label {label[:_SHOWN_CHARACTERS]!r} is {_none_of(tuple(labels))}; {remedy}"
    return None if text.strip() else f"the text is empty; {remedy}"


def require_every_class(
    table: "pd.DataFrame", labels: LabelSet, source: str | Path, why: str = "a classifier needs every class"
) -> None:
    """Raise unless a table has at least one message of each class.

    Args:
        table: with a column Label (class indices).
        labels: the label set.
        source: where the messages are from, for the error.
        why: ends the error: why each is needed, and the remedy if there is one.

    Raises:
        DataError: naming the source and the class that is missing.
    """
    present = set(table["Label"])
    for index, name in enumerate(labels.names):
        if index not in present:
            raise DataError(f"{source}: {len(table)} messages, none of them labelled {name}; {why}")


def read(path: Path, labels: LabelSet) -> "pd.DataFrame":
    """Read a table of messages that a stage wrote.

    Args:
        path: a CSV file.
        labels: the label set.

    Returns:
        Columns Label (class indices) and Text.

    Raises:
        DataError: the file is missing, or has other columns, labels or empty texts.
    """
    table = files.read_csv(path, COLUMNS)
    for row in table.index[~table["Label"].isin(range(len(labels)))]:
        label = table["Label"][row]
        raise DataError(f"{path}, row {row}: label {label} is not one of 0 to {len(labels) - 1}; run its stage again")
    for row in table.index[table["Text"].str.strip() == ""]:
        raise DataError(f"{path}, row {row}: the text is empty; run its stage again")
    return table


def write(path: Path, table: "pd.DataFrame") -> None:
    """Write a table of messages as CSV.

    Args:
        path: the file, which is replaced in one step.
        table: columns Label and Text; others are left out.
    """
    files.write_csv(path, table[list(COLUMNS)])


def _none_of(names: tuple[str, ...]) -> str:
    if len(names) == 2:
        return f"neither {names[0]} nor {names[1]}"
    more = len(names) - _SHOWN_NAMES
    return f"none of {', '.join(names[:_SHOWN_NAMES])}" + (f" and {more} more" if more > 0 else "")
