"""Raw message files are read as pandas reads them, damage is named by line, and tables survive their files."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from spampipe.core.errors import DataError
from spampipe.data import messages
from spampipe.data.labels import LabelSet
from tests.support.label_sets import THREE, TWO

GOOD = b"ham\tSee you at 5\nspam\tWin a prize\n"


def _as_pandas_reads(data: bytes) -> list[list[str]]:
    table = pd.read_csv(io.BytesIO(data), sep="\t", header=None, keep_default_na=False, dtype=str)
    return table.to_numpy().tolist()


def _as_parsed(data: bytes) -> list[list[str]]:
    table = messages.parse(data, "messages.tsv", TWO)
    return [[TWO.names[label], text] for label, text in zip(table["Label"], table["Text"], strict=True)]


def test_real_file_is_read_as_pandas_reads_it(raw_messages):
    data = raw_messages.read_bytes()
    parsed = messages.parse(data, raw_messages, TWO)
    expected = pd.read_csv(raw_messages, sep="\t", header=None, keep_default_na=False)
    assert parsed["Text"].tolist() == expected[1].tolist()
    assert parsed["Label"].tolist() == (expected[0] == "spam").astype(int).tolist()
    assert (len(parsed), int(parsed["Label"].sum())) == (5572, 747)
    assert {column: str(kind) for column, kind in parsed.dtypes.items()} == messages.COLUMNS


# Quotes everywhere, line ends and tabs within quotes only: most such files are in order.
PLAIN = st.text(alphabet='ab" é,', min_size=1, max_size=8).filter(str.strip)
QUOTED = st.text(alphabet='a\t\n\r" ', max_size=8).map(lambda text: '"x' + text.replace('"', '""') + '"')


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(TWO.names), PLAIN | QUOTED | st.builds(str.__add__, QUOTED, PLAIN))))
def test_whatever_is_accepted_pandas_reads_the_same_way(rows):
    data = GOOD + "".join(f"{label}\t{text}\n" for label, text in rows).encode()
    try:
        parsed = _as_parsed(data)
    except DataError:
        reject()
    assert parsed == _as_pandas_reads(data)


@pytest.mark.parametrize("text", ["NA", "null", "nan", "None", "1", "true", "-", "#N/A"])
def test_texts_that_look_like_missing_values_or_numbers_stay_texts(text, tmp_path):
    table = messages.parse(GOOD + f"ham\t{text}\n".encode(), "messages.tsv", TWO)
    assert table["Text"].iloc[-1] == text
    messages.write(tmp_path / "table.csv", table)
    assert messages.read(tmp_path / "table.csv", TWO)["Text"].iloc[-1] == text


@pytest.mark.parametrize(
    ("damaged", "line", "reason"),
    [
        (GOOD + b"egg\tHello\n", 3, "label 'egg' is neither ham nor spam"),
        (GOOD + b"Spam\tHello\n", 3, "label 'Spam' is neither ham nor spam"),
        (b"ham\t\n" + GOOD, 1, "the text is empty"),
        (GOOD + b"ham\t \n", 3, "the text is empty"),
        (GOOD + b"ham\tHel\0lo\n", 3, "holds a NUL byte"),
        (b"ham\tcaf\xe9\n" + GOOD, 1, "not UTF-8"),
        (GOOD + GOOD + b"ham\t\xff\n" + GOOD, 5, "not UTF-8"),
        (GOOD + b"ham\tone\ttwo\n", 3, "found 3 fields"),
        (GOOD + b"ham only\n" + GOOD, 3, "found 1 fields"),
        (GOOD + b"\n\negg\tHello\n", 5, "label 'egg'"),  # blank lines count, though they hold no message
        (GOOD + b'ham\t"two\nlines"\negg\tHello\n', 5, "label 'egg'"),  # so do the lines of a quoted text
        (GOOD + b'ham\t"one\ntwo"\tthree\n', 3, "found 3 fields"),  # and a message is named by its first
        (GOOD + b'ham\t"never closed\n' + GOOD, 3, "a double quote opens the text and is never closed"),
        (GOOD + b'ham\t"never closed', 3, "a double quote opens the text and is never closed"),
    ],
)
def test_damage_is_named_with_its_line(damaged, line, reason):
    with pytest.raises(DataError) as caught:
        messages.parse(damaged, "messages.tsv", TWO)
    assert str(caught.value).startswith(f"messages.tsv, line {line}: ")
    assert reason in str(caught.value)


LONE_QUOTE = b'ham\t"lone quote start\nham\tnormal 5" pipe\n'


@pytest.mark.parametrize(
    "own", [GOOD + LONE_QUOTE, GOOD + LONE_QUOTE.replace(b"\n", b"\r\n"), GOOD + b'ham\t"a\nspam\tb" c\td\n']
)
def test_a_text_of_an_own_file_that_runs_on_over_another_message_names_both_lines(own):
    with pytest.raises(DataError) as caught:
        messages.parse(own, "own.tsv", TWO, own=True)
    assert str(caught.value) == (
        "own.tsv, line 3: a double quote opens the text, which runs on over the message of line 4; double each "
        "double quote within the text and put one at its end, or set download.quoting to false"
    )


def test_a_quoted_text_of_an_own_file_may_have_several_lines():
    table = messages.parse(GOOD + b'ham\t"one\ntwo ""2""\nhamster\tx"\n', "own.tsv", TWO, own=True)
    assert table["Text"].iloc[-1] == 'one\ntwo "2"\nhamster\tx'


def test_without_quoting_each_line_is_a_message():
    table = messages.parse(GOOD + LONE_QUOTE + b'spam\t""\n', "own.tsv", TWO, quoting=False, own=True)
    assert table["Text"].tolist()[2:] == ['"lone quote start', 'normal 5" pipe', '""']
    assert table["Label"].tolist() == [0, 1, 0, 0, 1]


LINES = st.text(alphabet='ab" é,', min_size=1, max_size=8).filter(str.strip)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(TWO.names), LINES), max_size=8))
def test_messages_read_without_quoting_are_written_so_that_all_stages_read_the_same(rows):
    data = GOOD + "".join(f"{label}\t{text}\n" for label, text in rows).encode()
    table = messages.parse(data, "own.tsv", TWO, quoting=False, own=True)
    assert table["Text"].tolist()[2:] == [text for _, text in rows]
    pd.testing.assert_frame_equal(messages.parse(messages.unparse(table, TWO), "messages.tsv", TWO), table)


@pytest.mark.parametrize("text", ["x" * 1_000_000, '"' + "é\n" * 200_000 + '"'], ids=["plain", "quoted"])
def test_a_message_may_have_a_million_characters(tmp_path, text):
    limit = csv.field_size_limit()
    table = messages.parse(GOOD + f"ham\t{text}\n".encode(), "own.tsv", TWO, own=True)
    assert table["Text"].iloc[-1] == text.strip('"')
    messages.write(tmp_path / "table.csv", table)
    pd.testing.assert_frame_equal(messages.read(tmp_path / "table.csv", TWO), table)
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("data", "missing"), [(b"", "ham"), (b"\n", "ham"), (b"ham\tHello\n", "spam"), (b"spam\tWin\n", "ham")]
)
def test_every_class_is_needed(data, missing):
    with pytest.raises(DataError, match=f"^messages.tsv: . messages, none of them labelled {missing}"):
        messages.parse(data, "messages.tsv", TWO)


def test_byte_order_mark_is_no_part_of_the_first_label():
    assert messages.parse(b"\xef\xbb\xbfham\tone\nspam\ttwo\n", "raw.tsv", TWO)["Text"].tolist() == ["one", "two"]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_line_ends_are_no_part_of_the_text(ending):
    data = GOOD.replace(b"\n", ending or b"\n") + b"ham\tBye" + ending
    assert _as_parsed(data)[-1] == ["ham", "Bye"]
    assert len(_as_parsed(data)) == 3


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(str.strip)
AWKWARD = st.text(alphabet="a\"'\r\n,\t ;\\#", min_size=1).filter(str.strip)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), TEXTS | AWKWARD), max_size=5))
@example([(0, "a\rb"), (1, "\rc\r"), (0, "d\r\ne"), (1, '"'), (0, '",\r"'), (1, "\ufeffx"), (0, " x ")])
def test_tables_survive_their_files(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "table.csv"
    table = pd.DataFrame(rows, columns=list(messages.COLUMNS)).astype(messages.COLUMNS)
    messages.write(path, table)
    pd.testing.assert_frame_equal(messages.read(path, TWO), table)


def test_written_tables_end_lines_in_a_newline_and_quote_only_where_needed(tmp_path):
    path = tmp_path / "table.csv"
    table = pd.DataFrame({"Label": [0, 1, 0], "Text": ["plain", 'a "b", c', "x\r\ny\rz"], "Other": [1, 2, 3]})
    messages.write(path, table)
    assert path.read_bytes() == b'Label,Text\n0,plain\n1,"a ""b"", c"\n0,"x\r\ny\rz"\n'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"Label,Text\n0,Hello\n2,Win\n", "row 1: label 2 is not one of 0 to 1"),
        (b"Label,Text\n0,Hello\n1, \n", "row 1: the text is empty"),
        (b"Label,Text\n0\n", "row 0: the text is empty"),
    ],
)
def test_damaged_table_is_named_with_its_row(tmp_path, content, reason):
    path: Path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        messages.read(path, TWO)
    assert str(caught.value) == f"{path}, {reason}; run its stage again"


THREE_CLASSES = b"yes\tof course\nno\tnever\nperhaps\tlet me see\nno\tnot at all\n"


def test_more_than_two_classes_are_read_in_the_label_sets_order(tmp_path):
    table = messages.parse(THREE_CLASSES, "own.tsv", THREE)
    assert table["Label"].tolist() == [2, 0, 1, 0]
    messages.write(tmp_path / "table.csv", table)
    pd.testing.assert_frame_equal(messages.read(tmp_path / "table.csv", THREE), table)
    with pytest.raises(DataError, match="row 0: label 2 is not one of 0 to 1"):
        messages.read(tmp_path / "table.csv", TWO)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (THREE, "line 5: label 'maybe' is none of no, perhaps, yes; correct the line"),
        (
            LabelSet(names=tuple(f"{n:02}" for n in range(12)), positive=None),
            "line 1: label 'yes' is none of 00, 01, 02, 03, 04, 05, 06, 07, 08, 09 and 2 more; correct the line",
        ),
    ],
)
def test_a_label_of_none_of_many_classes_is_named_with_its_line(labels, reason):
    with pytest.raises(DataError) as caught:
        messages.parse(THREE_CLASSES + b"maybe\tx\n", "own.tsv", labels, own=True)
    assert str(caught.value) == f"own.tsv, {reason}, or change download.labels"


LABELS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=6).filter(
    lambda name: name.strip()
)


@st.composite
def labelled(draw):
    """A label set, and a table with at least one message of each class."""
    names = draw(st.lists(LABELS, min_size=2, max_size=5, unique=True))
    rows = [(index, draw(TEXTS | AWKWARD)) for index in range(len(names))]
    rows += draw(st.lists(st.tuples(st.integers(0, len(names) - 1), TEXTS | AWKWARD), max_size=5))
    table = pd.DataFrame(draw(st.permutations(rows)), columns=list(messages.COLUMNS)).astype(messages.COLUMNS)
    return LabelSet(names=tuple(names), positive=None), table


@given(labelled())
def test_any_labels_and_texts_are_read_from_what_is_written_of_them(labels_and_table):
    labels, table = labels_and_table
    pd.testing.assert_frame_equal(messages.parse(messages.unparse(table, labels), "messages.tsv", labels), table)
