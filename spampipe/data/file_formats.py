"""Tell which format a file of messages is in that is not what its name says."""

import csv
import json
import re
from collections.abc import Sequence

from spampipe.data.labels import LabelSet

_LOOKED_AT = 1 << 16  # bytes at the file's begin
_UNPACK, _RECODE, _EXPORT = "unpack it first", "save it as UTF-8", "save it as CSV or Parquet"
_AS_CSV = "let its name end in .csv"
_NAME_COLUMNS = "name its columns in download.text_column and download.label_column"
_SIGNATURES = {
    b"PAR1": ("Parquet", "let its name end in .parquet"),
    b"ARROW1": ("Arrow", _EXPORT),
    b"SQLite format 3\0": ("an SQLite database", _EXPORT),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", _EXPORT),
    b"PK\x03\x04": ("a zip archive or an Excel workbook", f"unpack it, or {_EXPORT}"),
    b"\x1f\x8b": ("gzip", "let its name end in .gz"),
    b"BZh": ("bzip2", _UNPACK),
    b"\xfd7zXZ\0": ("xz", _UNPACK),
    b"(\xb5/\xfd": ("Zstandard", _UNPACK),
    b"\xff\xfe": ("UTF-16", _RECODE),
    b"\xfe\xff": ("UTF-16", _RECODE),
}
_JSON_BEGIN = re.compile(r"\s*[\[{]\s*(?:[\"\[{]|$)")
# What columns are called, as in v1 and v2 of Kaggle's copies of many data sets.
_LABEL_COLUMNS = {"label", "labels", "class", "category", "target", "topic", "intent", "sentiment", "tag", "v1"}
_TEXT_COLUMNS = {"text", "texts", "message", "messages", "sms", "content", "sentence", "review", "body", "v2"}


def describe(data: bytes, labels: LabelSet | None) -> str | None:
    """What the file looks like and what to do; None if no format is recognized.

    Args:
        data: the bytes of a file that could not be read as `label<TAB>text` lines.
        labels: the label set that it should have; None if any labels will do.
    """
    if found := of_signature(data):
        return found
    text = data[:_LOOKED_AT].decode("utf-8", errors="replace").removeprefix("\ufeff")
    lines = [line for line in text.splitlines() if line.strip()][:2]
    if not lines:
        return None
    if _JSON_BEGIN.match(lines[0]):
        return f"looks like {_json(lines[0])}"
    known = {name.lower() for name in labels.names} if labels else set()
    return _tabbed(lines, known) if "\t" in lines[0] else _delimited(lines, known)


def of_signature(data: bytes, kind: str = "") -> str | None:
    """What the file is by its first bytes, and what to do; None if they are no format's, or that of its kind.

    Args:
        data: the bytes of a file that could not be read.
        kind: the end of its name, such as `.parquet`.
    """
    for begin, (name, remedy) in _SIGNATURES.items():
        if data.startswith(begin) and not (kind == ".parquet" and name == "Parquet"):
            return f"looks like {name}; {remedy}"
    return None


def describe_header(fields: Sequence[str], *, only: bool) -> str | None:
    """What a file whose labels may be any looks like if its first row holds names of columns; else None.

    Args:
        fields: label and text of the first row.
        only: whether no other row has this label.
    """
    label, text = _plain(fields)
    if label in _LABEL_COLUMNS and (only or text in _TEXT_COLUMNS):
        return "looks like label<TAB>text lines under a header; remove the header"
    if label in _TEXT_COLUMNS and text in _LABEL_COLUMNS:
        return f"looks like a table of 2 columns with a header; {_NAME_COLUMNS}"
    return None


def _json(line: str) -> str:
    try:
        json.loads(line)
    except ValueError:
        return "JSON; write one object a line, and let its name end in .jsonl"
    return "JSON lines; let its name end in .jsonl"


def _tabbed(lines: list[str], known: set[str]) -> str | None:
    first, second = (_plain(line.split("\t")) for line in (*lines, "")[:2])
    if first[0] in known:
        return None
    if not known and len(first) == 2:
        return describe_header(first, only=False)
    if len(first) == 2 and first[1] in known:
        return "looks like text<TAB>label lines; put the label first"
    if not _is_header(first, second, known):
        return None
    if len(first) == 2 and (second[0] in known or first[0] in _LABEL_COLUMNS):
        return "looks like label<TAB>text lines under a header; remove the header"
    return f"looks like a table of {len(first)} columns with a header; {_NAME_COLUMNS}"


def _delimited(lines: list[str], known: set[str]) -> str | None:
    for delimiter in ",;|":
        rows = [next(csv.reader([line], delimiter=delimiter), []) for line in (*lines, "")[:2]]
        first, second = map(_plain, rows)
        remedy = _AS_CSV if delimiter == "," else f"save it with commas, and {_AS_CSV}"
        if len(first) == 1:
            continue
        if _is_header(first, second, known):
            return f"looks like CSV with a header; {remedy}"
        if first[0] in known or first[-1] in known:
            return f"looks like CSV without a header; {remedy}, and put the names of its columns first"
        if not known and len(first) == len(second) and not any(field[:1] == " " for row in rows for field in row):
            return f"looks like CSV; {remedy}"  # in prose, a space follows a comma
    return None


def _is_header(first: list[str], second: list[str], known: set[str]) -> bool:
    """Whether the first row names columns: by their names, or as the labels begin with the second row."""
    if known & set(first):
        return False
    return bool(known & set(second)) or bool((_LABEL_COLUMNS | _TEXT_COLUMNS) & set(first))


def _plain(fields: Sequence[str]) -> list[str]:
    return [field.strip().lower() for field in fields]
