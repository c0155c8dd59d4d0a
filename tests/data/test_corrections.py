"""Corrections of labels: what they change, and how every kind of wrong row is refused."""

import logging
import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.data import corrections, labels, messages
from spampipe.data.labels import LabelSet
from stages import balance
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT, place_inputs

HEADER = "text,label,correction,by,reason\n"
TABLE = pd.DataFrame(
    {"Label": [0, 1, 0, 0, 1], "Text": ["see you", "WIN now", "call me", "see you", "see you"]}
).astype(messages.COLUMNS)


def file_of(folder: Path, text: str) -> Path:
    path = folder / "reviewed.csv"
    path.write_bytes(text.encode())
    return path


def refusal(folder: Path, text: str, known: LabelSet = TWO) -> str:
    """The rest of the error's one line, behind the file's name."""
    path = file_of(folder, text)
    with pytest.raises(DataError) as caught:
        corrections.apply(TABLE, path, known)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.startswith(str(path))
    return message.removeprefix(str(path))


def test_the_committed_file_changes_nothing_and_has_the_columns_to_fill_in() -> None:
    path = ROOT / "data" / "corrections.csv"
    assert path.read_text() == HEADER == ",".join(corrections.COLUMNS) + "\n"
    assert corrections.apply(TABLE, path, TWO) is TABLE


def test_every_message_of_the_text_and_the_label_is_changed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rows = "see you,ham,spam,ann,a chain letter\nWIN now,spam,remove,bob,no whole message\n"
    path, before = file_of(tmp_path, HEADER + rows), TABLE.copy()
    found = corrections.apply(TABLE, path, TWO)
    pd.testing.assert_frame_equal(TABLE, before)
    assert found.to_dict("list") == {"Label": [1, 0, 1, 1], "Text": ["see you", "call me", "see you", "see you"]}
    assert found.index.tolist() == [0, 2, 3, 4] and found.dtypes.equals(TABLE.dtypes)
    assert caplog.messages == [f"{path}: 2 labels changed, 1 messages removed"]


def test_other_columns_and_rows_without_a_correction_are_ignored(tmp_path: Path) -> None:
    header = "number,reason,text,label,suggested,correction,by\n"
    rows = '1,,see you,ham,spam,,\n2,,not there,ham,spam," ",\n3,"asks, for money",call me,ham,spam,spam,ann\n'
    found = corrections.apply(TABLE, file_of(tmp_path, header + rows), TWO)
    assert found["Label"].tolist() == [0, 1, 1, 0, 1]


def test_a_label_may_be_confirmed_and_a_row_repeated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rows = "call me,ham,ham,ann,a friend\n" + 2 * "see you,ham,spam,ann,a chain letter\n"
    rows += "see you,spam,spam,bob,the same\n"
    found = corrections.apply(TABLE, file_of(tmp_path, HEADER + rows), TWO)
    assert found["Label"].tolist() == [1, 1, 0, 1, 1]
    assert caplog.messages[0].endswith("2 labels changed, 0 messages removed")


FINE = "call me,ham,spam,ann,asks for money\n"
WRONG = {
    FINE + "gone,ham,spam,ann,why\n": (
        ", line 3: no message with the label ham has the text 'gone'; copy both from the data, or remove the row"
    ),
    "WIN now,ham,spam,ann,why\n": (
        ", line 2: no message with the label ham has the text 'WIN now'; copy both from the data, or remove the row"
    ),
    "see you,hem,spam,ann,why\n": ", line 2: label 'hem': no such label; did you mean ham?",
    "see you,ham,spma,ann,why\n": ", line 2: correction 'spma': neither a label nor remove; did you mean spam?",
    "see you,ham,spam,,why\n": ", line 2: column by is empty; say who has corrected it",
    "see you,ham,remove,ann, \n": ", line 2: column reason is empty; say why",
    FINE + "call me,ham,remove,bob,why\n": (
        ", line 3: another row corrects the same text to spam; remove one of the two"
    ),
    "see you,ham,spam,ann,why,not\n": (
        ", line 2: expected 5 fields as in the header, found 6; correct the line, or put a field that holds a comma "
        "in double quotes"
    ),
    '"see you,ham,spam,ann,why\n': (
        ", line 2: a double quote opens the text and is never closed; double each double quote within the text and "
        "put one at its end"
    ),
    "".join(f"{text},ham,remove,ann,why\n" for text in ("see you", "call me")): (
        ": 2 messages, none of them labelled ham; a classifier needs every class; correct fewer"
    ),
}


@pytest.mark.parametrize("rows", WRONG)
def test_a_wrong_row_is_named_with_its_line(tmp_path: Path, rows: str) -> None:
    assert refusal(tmp_path, HEADER + rows) == WRONG[rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ": needs one column text, but its columns are none; correct the header"),
        ("text,label,by,reason\n", ": needs one column correction, but its columns are text, label, by, reason; "),
        (
            "text,label,correction,by,by,reason\n",
            ": needs one column by, but its columns are text, label, correction",
        ),
    ],
)
def test_a_header_without_the_columns_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert refusal(tmp_path, text).startswith(expected)


def test_a_label_that_is_called_remove_cannot_be_meant_by_accident(tmp_path: Path) -> None:
    known = LabelSet(names=("keep", "remove"), positive=None)
    problem = refusal(tmp_path, HEADER + "see you,keep,remove,ann,why\n", known)
    assert problem == ", line 2: correction 'remove' may also be the label of that name; rename the label in the data"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        corrections.apply(TABLE, tmp_path / "none.csv", TWO)
    problem = "No such file or directory; balance.corrections in params.yaml names the file"
    assert str(caught.value) == f"{tmp_path / 'none.csv'}: {problem}"


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
CHANGES = st.none() | st.sampled_from([*THREE.names, corrections.REMOVE])


@given(st.dictionaries(TEXTS, st.tuples(st.integers(0, 2), CHANGES), max_size=8), st.integers(1, 3))
def test_any_texts_are_found_again_in_a_file_of_this_projects(
    tmp_path_factory: pytest.TempPathFactory, wanted: dict[str, tuple[int, str | None]], copies: int
) -> None:
    """As `spampipe suspects` writes it; each text stands in the data several times."""
    anchors = pd.DataFrame({"Label": range(3), "Text": [f"one of the messages labelled {n}" for n in range(3)]})
    rows = [(label, text) for text, (label, _) in wanted.items()]
    table = pd.concat([anchors, *[pd.DataFrame(rows, columns=["Label", "Text"])] * copies], ignore_index=True)
    table = table.astype(messages.COLUMNS)
    filled = [(text, THREE.names[label], to or "", "ann", "why") for text, (label, to) in wanted.items()]
    path = tmp_path_factory.mktemp("corrections") / "reviewed.csv"
    files.write_csv(path, pd.DataFrame(filled, columns=list(corrections.COLUMNS)))
    expected = []
    for label, text in zip(table["Label"], table["Text"], strict=True):
        to = wanted.get(text, (label, None))[1]
        if to != corrections.REMOVE:
            expected.append((THREE.names.index(to) if to else label, text))
    found = corrections.apply(table, path, THREE)
    assert list(zip(found["Label"], found["Text"], strict=True)) == expected


def test_the_stage_balances_corrected_messages_and_leaves_the_raw_ones(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    place_inputs(tmp_path)
    labels.save(workspace.labels, TWO)
    raw = "".join(f"ham\tsee you at {n}\n" for n in range(30)) + "".join(f"spam\tWIN {n}\n" for n in range(20))
    workspace.raw_messages.write_text(raw)
    reviewed = tmp_path / "data" / "corrections.csv"
    reviewed.write_text(HEADER + "see you at 3,ham,spam,ann,a trap\nsee you at 4,ham,remove,ann,no message\n")
    balance.main(workspace)
    assert workspace.raw_messages.read_text() == raw
    balanced, leftover = (messages.read(path, TWO) for path in (workspace.balanced, workspace.leftover))
    assert balanced["Label"].value_counts().to_dict() == {0: 21, 1: 21} and len(leftover) == 7
    assert balanced.loc[balanced["Text"] == "see you at 3", "Label"].tolist() == [1]
    assert "see you at 4" not in {*balanced["Text"], *leftover["Text"]}
