"""Files in other formats are named for what they are, with what to do."""

import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.core.errors import DataError
from spampipe.data import collection, file_formats
from tests.support.label_sets import TWO

TABLE = pd.DataFrame({"label": ["ham", "spam"], "text": ["see you, at 5", 'WIN "1000" pounds']})
LINES = b"ham\tsee you, at 5\nspam\tWIN 1000 pounds\n"
AS_CSV = "let its name end in .csv"
COMMAS = f"save it with commas, and {AS_CSV}"
NAMES_FIRST = "and put the names of its columns first"
COLUMNS = "name its columns in download.text_column and download.label_column"


def _archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("own.tsv", LINES)
    return packed.getvalue()


FORMATS = {
    "csv": (TABLE.to_csv(index=False).encode(), f"CSV with a header; {AS_CSV}"),
    "kaggle": (b"v1,v2,,,\r\nham,Go until,,,\r\nspam,Win,,,\r\n", f"CSV with a header; {AS_CSV}"),
    "semicolons": (b"ham;Go until\nspam;Win\n", f"CSV; {COMMAS}"),
    "other labels": (b"text;label\nhello;0\nwin;1\n", f"CSV with a header; {COMMAS}"),
    "csv without header": (TABLE.to_csv(index=False, header=False).encode(), f"CSV; {AS_CSV}"),
    "json lines": (TABLE.to_json(orient="records", lines=True).encode(), "JSON lines; let its name end in .jsonl"),
    "json": (TABLE.to_json(indent=1).encode(), "JSON; write one object a line, and let its name end in .jsonl"),
    "parquet": (b"PAR1" + bytes(100), "Parquet; let its name end in .parquet"),
    "zip": (_archive(), "a zip archive or an Excel workbook; unpack it, or save it as CSV or Parquet"),
    "gzip": (gzip.compress(LINES), "gzip; let its name end in .gz"),
    "utf-16": (LINES.decode().encode("utf-16"), "UTF-16; save it as UTF-8"),
    "header": (b"label\ttext\n" + LINES, "label<TAB>text lines under a header; remove the header"),
    "header of one known name": (b"Class\twords\n" + LINES, "label<TAB>text lines under a header; remove the header"),
    "swapped header": (b"text\tlabel\nsee you\tham\n", f"a table of 2 columns with a header; {COLUMNS}"),
    "three columns": (b"id\tlabel\ttext\n1\tham\tsee you\n", f"a table of 3 columns with a header; {COLUMNS}"),
}


@pytest.mark.parametrize(("data", "expected"), FORMATS.values(), ids=FORMATS)
def test_another_format_is_named_with_what_to_do(tmp_path: Path, data: bytes, expected: str) -> None:
    own = tmp_path / "own"
    own.write_bytes(data)
    with pytest.raises(DataError) as caught:
        collection.fetch_messages("own", tmp_path / "messages.tsv", tmp_path)
    assert str(caught.value) == f"{own}: looks like {expected}"
    assert not (tmp_path / "messages.tsv").exists()


FORMATS_OF_KNOWN_LABELS = FORMATS | {
    "semicolons": (b"ham;Go until\nspam;Win\n", f"CSV without a header; {COMMAS}, {NAMES_FIRST}"),
    "csv without header": (
        TABLE.to_csv(index=False, header=False).encode(),
        f"CSV without a header; {AS_CSV}, {NAMES_FIRST}",
    ),
    "own header": (b"kind\twords\n" + LINES, "label<TAB>text lines under a header; remove the header"),
    "swapped": (b"see you at 5\tham\nWIN\tspam\n", "text<TAB>label lines; put the label first"),
}


@pytest.mark.parametrize(("data", "expected"), FORMATS_OF_KNOWN_LABELS.values(), ids=FORMATS_OF_KNOWN_LABELS)
def test_another_format_is_named_more_closely_where_labels_are_named(
    tmp_path: Path, data: bytes, expected: str
) -> None:
    (tmp_path / "own").write_bytes(data)
    with pytest.raises(DataError) as caught:
        collection.fetch_messages("own", tmp_path / "messages.tsv", tmp_path, names=["ham", "spam"])
    assert str(caught.value) == f"{tmp_path}/own: looks like {expected}"


@pytest.mark.parametrize("damage", [b"ham only\n", b"egg\tHello\n", b"ham\tone\ttwo\n", b"ham\t\xff\n"])
def test_damage_within_a_file_of_the_right_format_keeps_its_line(tmp_path: Path, damage: bytes) -> None:
    own = tmp_path / "own.tsv"
    own.write_bytes(LINES + damage)
    with pytest.raises(DataError, match=f"^{own}, line 3: "):
        collection.fetch_messages("own.tsv", tmp_path / "messages.tsv", tmp_path, names=["ham", "spam"])


@pytest.mark.parametrize(
    "text", ["", "\n \n", "Hello, how are you?\nFine, thanks\n", "ham see you, at 5\n", "a\tb\n", "[1] x\n"]
)
def test_text_of_no_known_format_is_not_guessed_at(text: str) -> None:
    assert file_formats.describe(text.encode(), TWO) is None
    assert file_formats.describe(text.encode(), None) is None


@given(st.binary(max_size=60) | st.text(alphabet='hamspl,;|\t\n"[{', max_size=40).map(str.encode))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    file_formats.describe(data, TWO)
    file_formats.describe(data, None)
