"""Tell which format a file of messages is in that is not `label<TAB>text` lines."""

import csv
import json
import re

from spampipe.data.messages import LABELS

_LOOKED_AT = 1 << 16  # bytes at the file's begin
_UNPACK, _RECODE = "unpack it first", "save it as UTF-8"
_CONVERT = 'convert it as README.md shows under "Your own messages"'
_SIGNATURES = {
    b"PAR1": ("Parquet", _CONVERT),
    b"ARROW1": ("Arrow", _CONVERT),
    b"SQLite format 3\0": ("an SQLite database", _CONVERT),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", _CONVERT),
    b"PK\x03\x04": ("a zip archive or an Excel workbook", f"unpack it, or {_CONVERT}"),
    b"\x1f\x8b": ("gzip", _UNPACK),
    b"BZh": ("bzip2", _UNPACK),
    b"\xfd7zXZ\0": ("xz", _UNPACK),
    b"(\xb5/\xfd": ("Zstandard", _UNPACK),
    b"\xff\xfe": ("UTF-16", _RECODE),
    b"\xfe\xff": ("UTF-16", _RECODE),
}
_JSON_BEGIN = re.compile(r"\s*[\[{]\s*(?:[\"\[{]|$)")
_COLUMN_NAMES = {"label", "class", "category", "target", "text", "message", "sms", "spam"}


def describe(data: bytes) -> str | None:
    """What the file looks like and what to do; None if no format is recognized.

    Args:
        data: the bytes of a file that could not be read as `label<TAB>text` lines.
    """
    for begin, (name, remedy) in _SIGNATURES.items():
        if data.startswith(begin):
            return f"looks like {name}; {remedy}"
    text = data[:_LOOKED_AT].decode("utf-8", errors="replace").removeprefix("\ufeff")
    lines = [line for line in text.splitlines() if line.strip()][:2]
    if not lines:
        return None
    if _JSON_BEGIN.match(lines[0]):
        return f"looks like {_json(lines[0])}; {_CONVERT}"
    return _tabbed(lines) if "\t" in lines[0] else _delimited(lines)


def _json(line: str) -> str:
    try:
        json.loads(line)
    except ValueError:
        return "JSON"
    return "JSON lines"


def _tabbed(lines: list[str]) -> str | None:
    first, second = (line.split("\t") for line in (*lines, "")[:2])
    if _is_label(first[0]):
        return None
    if len(first) == 2 and _is_label(first[1]):
        return "looks like text<TAB>label lines; put the label first"
    if not _is_header(first, second):
        return None
    if len(first) == 2 and _is_label(second[0]):
        return "looks like label<TAB>text lines under a header; remove the header"
    return f"looks like a table of {len(first)} columns with a header; {_CONVERT}"


def _delimited(lines: list[str]) -> str | None:
    for delimiter in ",;|":
        first, second = (next(csv.reader([line], delimiter=delimiter), []) for line in (*lines, "")[:2])
        if len(first) > 1 and _is_header(first, second):
            return f"looks like CSV with a header; {_CONVERT}"
        if len(first) > 1 and (_is_label(first[0]) or _is_label(first[-1])):
            return f"looks like CSV without a header; {_CONVERT}"
    return None


def _is_header(first: list[str], second: list[str]) -> bool:
    """Whether the first row names columns: by their names, or as the labels begin with the second row."""
    if any(map(_is_label, first)):
        return False
    return any(map(_is_label, second)) or any(name.strip().lower() in _COLUMN_NAMES for name in first)


def _is_label(field: str) -> bool:
    return field.strip().lower() in LABELS
