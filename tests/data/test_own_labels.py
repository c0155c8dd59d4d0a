"""The labels of a user's own file: found, sorted, and refused where they are likely to be something else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.core.errors import DataError
from spampipe.data import collection, labels, own_labels
from spampipe.data.labels import LabelSet
from tests.support.label_sets import THREE

MANY = b"".join(b"%s\ttext %d\n" % (label, n) for n in range(4) for label in (b"yes", b"no", b"perhaps"))
REMEDY = "double each double quote within the text and put one at its end, or set download.quoting to false"
THEIRS = "put the label before the tab and the text behind it, or name the labels in download.labels"


def _refusal(tmp_path: Path, data: bytes, names: list[str] | None = None) -> str:
    """The one line, without the file's name, of the error that a file must be refused with."""
    own = tmp_path / "own.tsv"
    own.write_bytes(data)
    with pytest.raises(DataError) as caught:
        collection.fetch_messages("own.tsv", tmp_path / "messages.tsv", tmp_path, names=names)
    message = str(caught.value)
    assert not (tmp_path / "messages.tsv").exists()
    assert len(message.splitlines()) == 1
    assert message.startswith(str(own))
    return message.removeprefix(str(own))


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (MANY, ("no", "perhaps", "yes")),
        (MANY + b"once\tonly\n", ("no", "once", "perhaps", "yes")),
        (b"1\ta\n0\tb\n", ("0", "1")),
        (b'"yes"\t"a"\nno\tb\n', ("no", "yes")),
        ("ja\ta\nnö\tb\r\n".encode(), ("ja", "nö")),
        (b"very good\ta\nbad\tb\n", ("bad", "very good")),
        (b"text\thello\nlabel\tthere\ntext\tone\nlabel\ttwo\n", ("label", "text")),  # no names of columns here
        (b"label\thello\nother\tthere\nlabel\tagain\n", ("label", "other")),
    ],
)
def test_labels_are_found_and_sorted(tmp_path: Path, data: bytes, names: tuple[str, ...]) -> None:
    (tmp_path / "own.tsv").write_bytes(data)
    found = collection.fetch_messages("own.tsv", tmp_path / "messages.tsv", tmp_path)
    assert found == LabelSet(names=names, positive=names[1] if len(names) == 2 else None)
    assert (tmp_path / "messages.tsv").read_bytes() == data


@given(
    st.lists(st.text(alphabet="abcXYZ é-0", min_size=1, max_size=5), min_size=2, max_size=8, unique_by=str.casefold)
    .filter(lambda names: all(labels.problem_of_name(name) is None for name in names))
    .filter(lambda names: not {"label", "class", "tag"} & set(names))
)
def test_any_labels_are_found_in_any_order(names: list[str]) -> None:
    data = "".join(f"{name}\ttext {n}\n" for n in range(3) for name in names).encode()
    assert own_labels.find(data, "own.tsv", quoting=True).names == tuple(sorted(names))


def test_labels_that_are_named_stand_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "own.tsv").write_bytes(MANY)
    named = collection.fetch_messages("own.tsv", tmp_path / "out", tmp_path, names=["yes", "perhaps", "no"])
    assert named == LabelSet(names=("yes", "perhaps", "no"), positive=None)


@pytest.mark.parametrize(
    ("data", "names", "reason"),
    [
        (MANY + b"ys\ttypo\n", ["no", "perhaps", "yes"], ", line 13: label 'ys' is none of no, perhaps, yes; "),
        (b"yes\ta\nNo\tb\nno\tc\n", ["no", "yes"], ", line 2: label 'No' is neither no nor yes; "),
        (MANY, ["no", "perhaps", "sure", "yes"], ": 12 messages, none of them labelled sure; "),
        (b"perhaps\ta\n" * 3, ["no", "yes"], ", line 1: label 'perhaps' is neither no nor yes; "),
    ],
)
def test_other_labels_than_those_named_are_refused(
    tmp_path: Path, data: bytes, names: list[str], reason: str
) -> None:
    assert _refusal(tmp_path, data, names).startswith(reason)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", ": 0 messages, so no label is found; a classifier needs two labels or more"),
        (b"yes\ta\nyes\tb\n", ": 2 messages, all of them labelled yes; a classifier needs two labels or more"),
        (b"\ta\nyes\tb\n", ", line 1: label '' is empty; correct the line"),
        (b"yes\ta\nno\tb\nno \tc\n", ", line 3: label 'no ' begins or ends with white space; correct the line"),
        (b'yes\ta\n"a\tb"\tc\n', ", line 2: label 'a\\tb' holds a tab or a line end; correct the line"),
        (b"yes\ta\nno\t \n", ", line 2: the text is empty; correct the line"),
        (b"yes\ta\nno\tb\tc\n", ", line 2: expected label<TAB>text, found 3 fields; correct the line"),
        (
            b"no\ta\nyes\tb\nNo\tc\nno\td\nno\te\nno\tf\n",
            ", line 3: label 'No' is also spelt 'no'; spell it in one way or, if both are meant, name the labels in "
            "download.labels",
        ),
        (
            "no\ta\nn\u00f6\tb\nno\u0308\tc\nno\td\nno\te\nno\tf\n".encode(),  # the same letter in two spellings
            ", line 3: label 'n\u006f\u0308' is also spelt 'n\u00f6'; spell it in one way or, if both are meant, "
            "name the labels in download.labels",
        ),
    ],
)
def test_what_no_label_set_can_be_made_of_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    assert _refusal(tmp_path, data) == reason


@pytest.mark.parametrize("rows", [5, 3000])
def test_texts_before_the_tab_are_no_labels(tmp_path: Path, rows: int) -> None:
    swapped = "".join(f"see you at {n}\t{THREE.names[n % 3]}\n" for n in range(rows)).encode()
    assert _refusal(tmp_path, swapped) == f": {rows} different labels in {rows} messages; {THEIRS}"


@pytest.mark.parametrize(("count", "refused"), [(1000, False), (1001, True)])
def test_very_many_labels_have_to_be_named(tmp_path: Path, count: int, refused: bool) -> None:
    data = "".join(f"label {n % count}\ttext {n}\n" for n in range(3 * count)).encode()
    if refused:
        assert _refusal(tmp_path, data) == f": {count} different labels in {3 * count} messages; {THEIRS}"
    (tmp_path / "own.tsv").write_bytes(data)
    names = [f"label {n}" for n in range(count)] if refused else None
    assert len(collection.fetch_messages("own.tsv", tmp_path / "messages.tsv", tmp_path, names=names)) == count


@pytest.mark.parametrize(
    ("rows", "refused"),
    [(["a", "b", "c", "a", "b"], True), (["a", "b", "c", "a", "b", "c"], False), (["a", "b"], False)],
)
def test_labels_of_more_than_half_of_the_rows_are_refused(tmp_path: Path, rows: list[str], refused: bool) -> None:
    data = "".join(f"{label}\ttext\n" for label in rows).encode()
    if refused:
        assert _refusal(tmp_path, data) == f": 3 different labels in 5 messages; {THEIRS}"
    else:
        assert len(own_labels.find(data, "own.tsv", quoting=True)) == len(set(rows))


@pytest.mark.parametrize("header", [b"label\ttext\n", b"Category\tMessage\n", b"v1\tv2\n", b"class\twords\n"])
def test_names_of_columns_are_no_message(tmp_path: Path, header: bytes) -> None:
    expected = ": looks like label<TAB>text lines under a header; remove the header"
    assert _refusal(tmp_path, header + MANY) == expected
    assert _refusal(tmp_path, header + MANY, ["no", "perhaps", "yes"]) == expected


@pytest.mark.parametrize(
    ("lone", "line"),
    [
        (b'yes\t"lone quote\nno\tnormal 5" pipe\n', 14),
        (b'yes\t"lone quote\r\nno\tnormal 5" pipe\r\n', 14),
        (b'yes\t"one\ntwo\nperhaps\tthree" x\n', 15),
    ],
)
def test_a_text_that_runs_on_over_a_message_of_a_found_label_is_refused(
    tmp_path: Path, lone: bytes, line: int
) -> None:
    message = _refusal(tmp_path, MANY + lone)
    expected = f"a double quote opens the text, which runs on over the message of line {line}; {REMEDY}"
    assert message == f", line 13: {expected}"


def test_a_label_that_only_stands_within_quotes_is_told_as_a_quote_that_does_not_end(tmp_path: Path) -> None:
    message = _refusal(tmp_path, b'yes\ta\nyes\t"b\nno\tc" d\n')
    expected = f"a double quote opens the text, which runs on over the message of line 3; {REMEDY}"
    assert message == f", line 2: {expected}"


def test_a_quoted_text_may_have_lines_with_tabs_that_begin_with_no_label(tmp_path: Path) -> None:
    data = MANY + b'yes\t"Dear all,\nnothing\tnew\n\tagain"\n'
    assert own_labels.find(data, "own.tsv", quoting=True) == THREE
    (tmp_path / "own.tsv").write_bytes(data)
    assert collection.fetch_messages("own.tsv", tmp_path / "messages.tsv", tmp_path) == THREE


def test_without_quoting_labels_may_hold_quotes(tmp_path: Path) -> None:
    (tmp_path / "own.tsv").write_bytes(b'"yes\ta\n"no"\t"b\n"yes\t"c"\n')
    found = collection.fetch_messages("own.tsv", tmp_path / "messages.tsv", tmp_path, quoting=False)
    assert found.names == ('"no"', '"yes')
    assert (tmp_path / "messages.tsv").read_bytes() == b'"""yes"\ta\n"""no"""\t"""b"\n"""yes"\t"""c"""\n'
