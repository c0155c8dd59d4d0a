"""What people have found wrong in a data set: a file of corrected labels, put on top of the raw messages."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spampipe.core.errors import DataError
from spampipe.core.hints import closest
from spampipe.data import messages
from spampipe.data.labels import LabelSet
from spampipe.data.records import RawText

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

TO_FILL_IN = ("correction", "by", "reason")
COLUMNS = ("text", "label", *TO_FILL_IN)
REMOVE = "remove"  # instead of a label: the message is left out

_SHOWN = 40  # characters of a wrong value
_QUOTE_REMEDY = "double each double quote within the text and put one at its end"


@dataclass(frozen=True)
class Correction:
    """One row.

    Attributes:
        text: the message's.
        label: the class index that it has.
        corrected: the class index that it shall have; None if it shall be removed.
        error: makes an error that names the row's line, of what is wrong with it.
    """

    text: str
    label: int
    corrected: int | None
    error: Callable[[str], DataError]


def read(path: Path, labels: LabelSet) -> list[Correction]:
    """Read a file of corrections.

    Args:
        path: a CSV file with the columns COLUMNS; others are ignored, and so are rows without a correction.
        labels: the label set of the messages.

    Raises:
        DataError: the file is missing or damaged, or has a row that cannot be used; the error names its line.
    """
    raw = RawText(_bytes(path), path, quoting=True, separator=",", quote_remedy=_QUOTE_REMEDY)
    records = list(raw.records())
    names = records[0].fields if records else []
    for name in COLUMNS:
        if names.count(name) != 1:
            shown = ", ".join(names) or "none"
            raise DataError(f"{path}: needs one column {name}, but its columns are {shown}; correct the header")
    found: list[Correction] = []
    first: dict[str, str] = {}
    for record in records[1:]:
        if len(record.fields) != len(names):
            problem = f"expected {len(names)} fields as in the header, found {len(record.fields)}"
            raise raw.error(
                record, f"{problem}; correct the line, or put a field that holds a comma in double quotes"
            )
        row = dict(zip(names, record.fields, strict=True))
        if not row["correction"].strip():
            continue
        wrong = _problem_of(row, labels)
        if wrong:
            raise raw.error(record, wrong)
        other = first.setdefault(row["text"], row["correction"])
        if other != row["correction"]:
            raise raw.error(record, f"another row corrects the same text to {other}; remove one of the two")
        corrected = None if row["correction"] == REMOVE else labels.names.index(row["correction"])
        label = labels.names.index(row["label"])
        found.append(Correction(row["text"], label, corrected, partial(raw.error, record)))
    return found


def apply(table: "pd.DataFrame", path: Path, labels: LabelSet) -> "pd.DataFrame":
    """Correct the labels of messages, and remove messages; the log says how many.

    Args:
        table: columns Label (class indices) and Text, as they were fetched. It stays as it is.
        path: the file of corrections, each of which changes every message of its text and label.
        labels: the label set.

    Returns:
        The messages that remain, in their order and with their index.

    Raises:
        DataError: as `read` raises; or a correction is of no message, or a class has none left.
    """
    corrections = read(path, labels)
    if not corrections:
        return table
    places = table.groupby(["Label", "Text"]).indices
    corrected, kept = table["Label"].to_numpy(copy=True), np.ones(len(table), dtype=bool)
    for each in corrections:
        positions = places.get((each.label, each.text))
        if positions is None:
            named = f"no message with the label {labels.names[each.label]} has the text {each.text[:_SHOWN]!r}"
            raise each.error(f"{named}; copy both from the data, or remove the row")
        if each.corrected is None:
            kept[positions] = False
        else:
            corrected[positions] = each.corrected
    changed = int((corrected != table["Label"]).sum())
    logger.info("%s: %d labels changed, %d messages removed", path, changed, int((~kept).sum()))
    result = table.assign(Label=corrected)[kept]
    messages.require_every_class(result, labels, path, "a classifier needs every class; correct fewer")
    return result


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; balance.corrections in params.yaml names the file") from None


def _problem_of(row: Mapping[str, str], labels: LabelSet) -> str | None:
    """What keeps a row with a correction from being used, and the remedy; None if nothing does."""
    label, correction = row["label"], row["correction"]
    if label not in labels.names:
        return f"label {label[:_SHOWN]!r}: no such label; {closest(label, labels.names)}"
    if correction == REMOVE and REMOVE in labels.names:
        return f"correction {REMOVE!r} may also be the label of that name; rename the label in the data"
    if correction not in (*labels.names, REMOVE):
        known = closest(correction, (*labels.names, REMOVE))
        return f"correction {correction[:_SHOWN]!r}: neither a label nor {REMOVE}; {known}"
    for column, what in (("by", "who has corrected it"), ("reason", "why")):
        if not row[column].strip():
            return f"column {column} is empty; say {what}"
    return None
