"""A labelled file in each format becomes texts of the model's labels, or one line that says what is wrong."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from spampipe.core.errors import DataError, ParamsError, SpampipeError
from spampipe.core.workspace import Workspace
from spampipe.data import labels, messages
from spampipe.data.labels import LabelSet
from spampipe.data.tables import Columns
from spampipe.exams import labelled_texts
from spampipe.exams.labelled_texts import LabelledTexts
from tests.support.label_sets import THREE, TWO

ROWS = [("ham", "see you at 5"), ("spam", 'WIN £1000, "now"'), ("ham", "two\nlines")]
UNNAMED = Columns()


def read(path: Path, columns: Columns = UNNAMED, *pairs: str, quoting: bool = True) -> LabelledTexts:
    renamed = labelled_texts.renames(pairs, TWO)
    return labelled_texts.read(path, columns, TWO, renamed, quoting=quoting)


def write(folder: Path, end: str) -> Path:
    """ROWS in a format of this name."""
    path, table = folder / f"own{end}", pd.DataFrame(ROWS, columns=["label", "text"])
    if end == ".parquet":
        table.to_parquet(path)
    elif end.startswith(".jsonl"):
        data = "".join(json.dumps(row) + "\n" for row in table.to_dict("records")).encode()
        path.write_bytes(gzip.compress(data) if end.endswith(".gz") else data)
    else:
        table.to_csv(path, index=False, sep="\t" if ".tsv" in end else ",")
    return path


@pytest.mark.parametrize("end", [".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".parquet"])
def test_every_format_gives_the_same_texts(end: str, tmp_path: Path) -> None:
    found = read(write(tmp_path, end), Columns("text", "label"))
    assert found.texts == [text for _, text in ROWS]
    assert found.labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize("name", ["own.tsv", "own.txt", "own"])
def test_lines_without_a_header_are_read_as_the_pipeline_reads_them(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text('ham\tsee you\nspam\t"WIN"\n')
    assert read(path).texts == ["see you", "WIN"]
    assert read(path, quoting=False).texts == ["see you", '"WIN"']


def test_labels_are_renamed_and_one_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("text,label\na,no\nb,maybe=not\n")
    assert read(path, UNNAMED, "no=ham", "maybe=not=ham").labels.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("name", "content", "columns", "pairs", "complaint"),
    [
        ("own.csv", "text,label\na,ham\nb,Spam\n", UNNAMED, (), "own.csv, line 3: label 'Spam' is none of"),
        ("own.csv", "text,label\na,ham\nb,yes\n", UNNAMED, (), "rename it, as in --map 'yes=ham'"),
        ("own.csv", "text,label\n", UNNAMED, (), "own.csv: holds no messages"),
        ("own.csv", "body,label\na,ham\n", UNNAMED, (), "its columns are body, label; name another in --text-column"),
        ("own.csv", "text,topic\na,ham\n", UNNAMED, (), "name another in --label-column"),
        ("own.csv", 'text,label\n"a,ham\n', UNNAMED, (), "or give --no-quoting"),
        ("own.csv", "text,label\n ,ham\n", UNNAMED, (), "own.csv, line 2: the text is empty"),
        ("own.txt", "ham\ta\n", Columns("text"), (), "--label-column are for files that end in .tsv, .csv"),
        ("own.tsv", "text\tlabel\na\tham\n", UNNAMED, (), "name its columns in --text-column and"),
        ("own.tsv", "label\ttext\nham\ta\n", UNNAMED, (), "own.tsv: looks like label<TAB>text lines under a"),
        ("own.txt", "ham a\n", UNNAMED, (), "own.txt, line 1: expected label<TAB>text, found 1 fields"),
        ("own.parquet", "PK\3\4", UNNAMED, (), "own.parquet: looks like a zip archive"),
        ("own.csv.gz", "text,label", UNNAMED, (), "own.csv.gz: not a whole gzip file"),
        ("own.csv", "text,label\na,ham\n", UNNAMED, ("yes",), "--map yes: must be a label of the file and one"),
        ("own.csv", "text,label\na,ham\n", UNNAMED, ("yes=spma",), "the model has no label spma; did you mean spam?"),
        ("own.csv", "text,label\na,yes\n", UNNAMED, ("ye=spam",), "has no label ye; did you mean yes?"),
        ("own.csv", "text,label\na,ham\n", UNNAMED, ("a=ham", "a=spam"), "a is renamed twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line(
    name: str, content: str, columns: Columns, pairs: tuple[str, ...], complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(SpampipeError) as caught:
        read(path, columns, *pairs)
    message = str(caught.value)
    assert complaint in message and "\n" not in message and "download." not in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: No such file or directory; --on names the file"):
        read(tmp_path / "nowhere.csv")


def test_the_test_split_is_given_in_the_models_order(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    labels.save(workspace.labels, TWO)
    table = pd.DataFrame({"Label": [0, 1, 1], "Text": ["a", "b", "c"]}).astype(messages.COLUMNS)
    messages.write(workspace.split_csv("test"), table)
    turned = LabelSet(names=("spam", "ham"), positive="spam")
    assert labelled_texts.test_split(workspace, TWO).labels.tolist() == [0, 1, 1]
    assert labelled_texts.test_split(workspace, turned).labels.tolist() == [1, 0, 0]
    with pytest.raises(DataError, match="its labels are ham, spam, but the model's are no, perhaps, yes"):
        labelled_texts.test_split(workspace, THREE)


def test_texts_that_were_trained_on_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    assert labelled_texts.trained_on(["a"], path, TWO) is None
    messages.write(path, pd.DataFrame({"Label": [0, 1], "Text": ["a", "b"]}).astype(messages.COLUMNS))
    assert labelled_texts.trained_on(["a", "c", "a", "A"], path, TWO) == 2


def test_a_pair_may_hold_an_equals_sign() -> None:
    assert labelled_texts.renames(["a=b=ham"], TWO) == {"a=b": "ham"}
    with pytest.raises(ParamsError):
        labelled_texts.renames(["=ham"], TWO)
