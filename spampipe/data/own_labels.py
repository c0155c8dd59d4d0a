"""Find the label set of a user's own file, and refuse what only looks like labels."""

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from spampipe.core.errors import DataError
from spampipe.data import file_formats, labels, messages
from spampipe.data.labels import LabelSet
from spampipe.data.records import RawText, Record

_MOST_LABELS = 1_000
_NAME_THEM = "name the labels in download.labels"
_SHOWN = 40  # characters of a label


def find(data: bytes, source: str | Path, *, quoting: bool) -> LabelSet:
    """The labels that stand in a file of `label<TAB>text` lines, sorted.

    Args:
        data: the file's bytes, UTF-8.
        source: its name, for errors.
        quoting: false if double quotes are characters like others, and each line is a message.

    Raises:
        DataError: naming the line that is no message, or what is wrong with the labels: fewer than two, so many that
            they must be something else, the name of a column, or two that are the same to the eye.
    """
    raw = RawText(data, source, quoting)
    first: dict[str, Record] = {}
    counts: dict[str, int] = {}
    for record in raw.records():
        problem = messages.problem_of(record.fields, None, own=True) or _problem_of_label(record.fields[0])
        if problem:
            raise raw.error(record, problem)
        label = record.fields[0]
        first.setdefault(label, record)
        counts[label] = counts.get(label, 0) + 1
    _refuse_header(source, first, counts)
    if len(counts) < 2:
        for record in raw.records():  # the others may stand within quotes
            raw.refuse_run_on(record, None)
    swapped = "put the label before the tab and the text behind it"
    return _label_set(source, counts, swapped, lambda label, problem: raw.error(first[label], problem))


def among(found: Sequence[str], source: str | Path, error: Callable[[int, str], DataError]) -> LabelSet:
    """The labels of a table's rows, sorted.

    Args:
        found: the label of each row.
        source: the table's name, for errors.
        error: makes an error that names a row, of its position in `found` and what is wrong with it.

    Raises:
        DataError: as `find` does.
    """
    counts: dict[str, int] = {}
    for label in found:
        counts[label] = counts.get(label, 0) + 1
    swapped = "name the column of the labels in download.label_column"
    return _label_set(source, counts, swapped, lambda label, problem: error(found.index(label), problem))


def _label_set(
    source: str | Path, counts: dict[str, int], swapped: str, error: Callable[[str, str], DataError]
) -> LabelSet:
    """The label set that occurs so often, in the file's order; `swapped` is the remedy if these are no labels."""
    _require_several(source, counts)
    _require_few(source, counts, swapped)
    _require_distinct(counts, error)
    return labels.found_in(set(counts))


def _problem_of_label(label: str) -> str | None:
    problem = labels.problem_of_name(label)
    return f"label {label[:_SHOWN]!r} {problem}; correct the line" if problem else None


def _refuse_header(source: str | Path, first: dict[str, Record], counts: dict[str, int]) -> None:
    """The names of columns would become a class and a message of it."""
    for label, record in first.items():
        if description := file_formats.describe_header(record.fields, only=counts[label] == 1):
            raise DataError(f"{source}: {description}")
        return


def _require_several(source: str | Path, counts: dict[str, int]) -> None:
    if len(counts) >= 2:
        return
    found = f"all of them labelled {next(iter(counts))[:_SHOWN]}" if counts else "so no label is found"
    raise DataError(f"{source}: {sum(counts.values())} messages, {found}; a classifier needs two labels or more")


def _require_few(source: str | Path, counts: dict[str, int], swapped: str) -> None:
    """Texts, numbers of rows or the like, where labels should be, differ from row to row."""
    rows = sum(counts.values())
    if len(counts) > _MOST_LABELS or (len(counts) > 2 and len(counts) > rows / 2):
        raise DataError(f"{source}: {len(counts)} different labels in {rows} messages; {swapped}, or {_NAME_THEM}")


def _require_distinct(counts: dict[str, int], error: Callable[[str, str], DataError]) -> None:
    """A label that is spelt in two ways would be two classes."""
    seen: dict[str, str] = {}
    for label in counts:
        other = seen.setdefault(unicodedata.normalize("NFC", label).casefold(), label)
        if other != label:
            problem = f"label {label[:_SHOWN]!r} is also spelt {other[:_SHOWN]!r}"
            raise error(label, f"{problem}; spell it in one way or, if both are meant, {_NAME_THEM}")
