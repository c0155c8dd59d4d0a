"""A user's own table, in any format, becomes the messages that every later stage reads."""

import csv
import gzip
import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from spampipe.core.errors import DataError, ParamsError
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import collection, labels, messages, tables, tokens
from spampipe.data.labels import LabelSet
from spampipe.data.tables import Columns
from stages import balance, download, split, tokenize_pad
from tests.support import repositories
from tests.support.project import ROOT, place_inputs

TRAPS = ["NA", "null", "nan", "None", "N/A", "-", "007", "1e5", "true", '"quoted" at the begin', " around ", "x"]
AWKWARD = [
    *TRAPS,
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u05e9\u05dc\u05d5\u05dd",
    "a\r\nb",
    "a\nb",
    "a\rb",
    "a\tb",
    'say "hi"',
    ";|,",
]
PACKED = ("", ".gz")


def as_bytes(kind: str, table: pd.DataFrame) -> bytes:
    """A table in a format, written by other people's code."""
    if kind == ".parquet":
        stream = io.BytesIO()
        table.to_parquet(stream, index=False)
        return stream.getvalue()
    if kind == ".jsonl":
        lines = (json.dumps(row, ensure_ascii=False) for row in table.to_dict(orient="records"))
        return "".join(f"{line}\n" for line in lines).encode()
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t" if kind == ".tsv" else ",", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(table.columns)
    writer.writerows(table.itertuples(index=False))
    return text.getvalue().encode()


def placed(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def fetched(folder: Path, name: str, **options: object) -> tuple[LabelSet, list[tuple[str, str]]]:
    """The label set of a file, and the label and text of each of its messages as later stages read them."""
    raw = folder / "messages.tsv"
    found = collection.fetch_messages(name, raw, folder, **options)
    table = messages.parse(raw.read_bytes(), raw, found)
    return found, list(zip(found.names_of(table["Label"].to_numpy()).tolist(), table["Text"], strict=True))


def refusal(folder: Path, name: str, data: bytes, error: type[Exception] = DataError, **options: object) -> str:
    """The one line, behind the file's name, that a file is refused with."""
    path = placed(folder, name, data)
    with pytest.raises(error) as caught:
        collection.fetch_messages(name, folder / "messages.tsv", folder, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert not (folder / "messages.tsv").exists()
    return message.removeprefix(str(path))


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("kind", tables.KINDS)
def test_every_text_survives_every_format(tmp_path: Path, kind: str, packed: str) -> None:
    rows = [(("yes", "no", "NA")[number % 3], text) for number, text in enumerate(AWKWARD * 3)]
    table = pd.DataFrame(
        {"id": range(len(rows)), "text": [text for _, text in rows], "label": [name for name, _ in rows]}
    )
    placed(tmp_path, f"own{kind}{packed}", as_bytes(kind, table))
    columns = Columns(label="label") if kind == ".tsv" else Columns()
    found, read = fetched(tmp_path, f"own{kind}{packed}", columns=columns)
    assert found == LabelSet(names=("NA", "no", "yes"), positive=None)
    assert read == rows


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
ROWS = st.lists(TEXTS.filter(str.strip), min_size=12, max_size=16)


@settings(max_examples=20)
@given(ROWS, st.sampled_from(tables.KINDS), st.booleans())
def test_any_text_goes_through_the_stages_to_the_splits(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], kind: str, named: bool
) -> None:
    folder = tmp_path_factory.mktemp("chain")
    document = yaml.safe_load((ROOT / "params.yaml").read_text())
    document["download"] |= {"dataset": f"own{kind}", "text_column": "body", "label_column": "kind"}
    document["balance"]["strategy"] = "none"
    document["split"] |= {"train_fraction": 0.4, "validation_fraction": 0.3, "stratify": True}
    (folder / "params.yaml").write_text(yaml.safe_dump(document))
    place_inputs(folder)
    table = pd.DataFrame({"kind": ["b", "a"] * (len(texts) // 2) + ["a"] * (len(texts) % 2), "body": texts})
    placed(folder, f"own{kind}", as_bytes(kind, table))
    workspace = Workspace(folder)
    names = ["a", "b"]
    found = collection.fetch_messages(
        f"own{kind}",
        workspace.raw_messages,
        folder,
        columns=Columns("body", "kind"),
        names=names if named else None,
    )
    labels.save(workspace.labels, found)
    balance.main(workspace)
    split.main(workspace)
    parts = pd.concat([messages.read(workspace.split_csv(name), found) for name in SPLITS])
    dealt = sorted(zip(parts["Label"].map(dict(enumerate(names))), parts["Text"], strict=True))
    assert dealt == sorted(zip(table["kind"], texts, strict=True))


def test_several_columns_are_joined_by_a_line_end_and_empty_ones_left_out(tmp_path: Path) -> None:
    placed(tmp_path, "own.csv", b"label,subject,body\na,Hi,there\nb,,alone\na,both,\n")
    _, read = fetched(tmp_path, "own.csv", columns=Columns(text=["subject", "body"]))
    assert read == [("a", "Hi\nthere"), ("b", "alone"), ("a", "both")]


@pytest.mark.parametrize("kind", [".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("given", "names"), [([0, 1, 1], ("0", "1")), ([True, False, True], ("false", "true")), ([-5, 10**15, 3], None)]
)
def test_numbers_and_truth_values_are_labels(
    tmp_path: Path, kind: str, given: list[object], names: tuple[str, ...] | None
) -> None:
    table = pd.DataFrame({"text": ["a", "b", "c"] * 2, "label": given * 2})
    placed(tmp_path, f"own{kind}", as_bytes(kind, table))
    found, read = fetched(tmp_path, f"own{kind}")
    assert [label for label, _ in read] == [json.dumps(value) for value in given] * 2
    assert names is None or (found.names, found.positive) == (names, names[1])


def test_a_categorical_column_is_a_column_of_texts(tmp_path: Path) -> None:
    table = pd.DataFrame({"text": ["a", "b"], "label": pd.Categorical(["no", "yes"])})
    placed(tmp_path, "own.parquet", as_bytes(".parquet", table))
    assert fetched(tmp_path, "own.parquet")[1] == [("no", "a"), ("yes", "b")]


def test_a_mark_and_empty_lines_are_no_part_of_a_table(tmp_path: Path) -> None:
    placed(tmp_path, "own.csv", b"\xef\xbb\xbflabel,text\r\n\r\na,x\r\nb,y")
    placed(tmp_path, "own.jsonl", b'\xef\xbb\xbf{"label": "a", "text": "x"}\r\n\n{"label": "b", "text": "y"}')
    for name in ("own.csv", "own.jsonl"):
        assert fetched(tmp_path, name)[1] == [("a", "x"), ("b", "y")]


def test_endings_may_be_written_large(tmp_path: Path) -> None:
    placed(tmp_path, "OWN.CSV", b"label,text\na,x\nb,y\n")
    assert fetched(tmp_path, "OWN.CSV")[1] == [("a", "x"), ("b", "y")]


@pytest.mark.parametrize("name", ["own.tsv.gz", "own.txt.gz"])
def test_lines_without_a_header_may_be_packed(tmp_path: Path, name: str) -> None:
    placed(tmp_path, name, b"a\tx\nb\ty\n")
    assert fetched(tmp_path, name)[1] == [("a", "x"), ("b", "y")]
    assert (tmp_path / "messages.tsv").read_bytes() == b"a\tx\nb\ty\n"


def test_without_quoting_double_quotes_of_a_table_are_characters(tmp_path: Path) -> None:
    placed(tmp_path, "own.csv", b'label,text\na,"x\nb,5" pipe\n')
    assert fetched(tmp_path, "own.csv", quoting=False)[1] == [("a", '"x'), ("b", '5" pipe')]


def test_labels_that_are_named_fix_the_order_and_refuse_others(tmp_path: Path) -> None:
    data = b"label,text\na,x\nb,y\n"
    placed(tmp_path, "own.csv", data)
    assert fetched(tmp_path, "own.csv", names=["b", "a"])[0].names == ("b", "a")
    (tmp_path / "messages.tsv").unlink()
    expected = ", line 3: label 'b' is neither a nor c; correct the line, or change download.labels"
    assert refusal(tmp_path, "own.csv", data, names=["a", "c"]) == expected
    expected = ": 2 messages, none of them labelled c; a classifier needs every class"
    assert refusal(tmp_path, "own.csv", data, names=["a", "b", "c"]) == expected


CSV = b"label,text\na,x\nb,y\n"
NO_TEXT = "column text has no value; fill it in, or remove the row"
NO_LABEL = "column label has no label; label the row, or remove it"
REFUSED = {
    "text column": (
        "own.csv",
        b"a,b\n1,2\n",
        ": no column text; its columns are a, b; name another in download.text_column",
    ),
    "label column": (
        "own.jsonl",
        b'{"text": "x", "kind": "a"}\n',
        ": no column label; its columns are text, kind; name another in download.label_column",
    ),
    "nothing": ("own.csv", b"", ": no column text; its columns are none; name another in download.text_column"),
    "semicolons": (
        "own.csv",
        b"text;label\nx;a\n",
        ": no column text; its columns are text;label; name another in download.text_column",
    ),
    "two of a name": ("own.csv", b"text,text,label\n", ": two columns are called text; rename one"),
    "more fields": (
        "own.csv",
        CSV + b"a,x,z\n",
        ", line 4: expected 2 fields as in the header, found 3; correct the line, or put a field that holds a "
        "separator in double quotes",
    ),
    "fewer fields": (
        "own.csv",
        b'label,text\na,"x\n\ny"\nb\n',
        ", line 5: expected 2 fields as in the header, found 1; correct the line, or put a field that holds a "
        "separator in double quotes",
    ),
    "open quote": (
        "own.csv",
        CSV + b'a,"x\nb,y\n',
        ", line 4: a double quote opens the text and is never closed; double each double quote within the text and "
        "put one at its end, or set download.quoting to false",
    ),
    "no text": ("own.csv", CSV + b"a, \n", ", line 4: the text is empty; fill it in, or remove the row"),
    "no label": ("own.csv", CSV + b",z\n", f", line 4: {NO_LABEL}"),
    "label with spaces": (
        "own.csv",
        CSV + b"a ,z\n",
        ", line 4: label 'a ' begins or ends with white space; correct the row",
    ),
    "one label": (
        "own.csv",
        b"label,text\na,x\na,y\n",
        ": 2 messages, all of them labelled a; a classifier needs two labels or more",
    ),
    "only a header": (
        "own.csv",
        b"label,text\n",
        ": 0 messages, so no label is found; a classifier needs two labels or more",
    ),
    "two spellings": (
        "own.csv",
        b"label,text\n" + b"a,x\nb,y\n" * 3 + b"A,z\n",
        ", line 8: label 'A' is also spelt 'a'; spell it in one way or, if both are meant, name the labels in "
        "download.labels",
    ),
    "not UTF-8": ("own.csv", CSV + b"a,\xff\n", ", line 4: not UTF-8 (invalid start byte); save the file as UTF-8"),
    "NUL": ("own.csv", CSV + b"a,\0\n", ", line 4: holds a NUL byte; correct the line, or fetch the file again"),
    "null": ("own.jsonl", b'\n{"text": null, "label": "a"}\n', f", line 2: {NO_TEXT}"),
    "NaN": ("own.jsonl", b'{"text": NaN, "label": "a"}\n', f", line 1: {NO_TEXT}"),
    "absent": ("own.jsonl", b'{"text": "x", "label": "a"}\n{"label": "a"}\n', f", line 2: {NO_TEXT}"),
    "null label": ("own.jsonl", b'{"text": "x", "label": null}\n', f", line 1: {NO_LABEL}"),
    "number": (
        "own.jsonl",
        b'{"text": 5, "label": "a"}\n',
        ", line 1: column text: 5 is not a text; write it as one",
    ),
    "fraction": (
        "own.jsonl",
        b'{"text": "x", "label": 0.5}\n',
        ", line 1: column label: 0.5 is no label; write it as a text or a whole number",
    ),
    "half a character": (
        "own.jsonl",
        b'{"text": "\\ud83d", "label": "a"}\n',
        ", line 1: column text holds a NUL byte or half a character; correct the row",
    ),
    "NUL in JSON": (
        "own.jsonl",
        b'{"text": "\\u0000", "label": "a"}\n',
        ", line 1: column text holds a NUL byte or half a character; correct the row",
    ),
    "array": ("own.jsonl", b'[{"text": "x"}]\n', ", line 1: not a JSON object; write one object a line"),
    "no JSON": (
        "own.jsonl",
        b"text\n",
        ", line 1: not JSON (Expecting value: line 1 column 1 (char 0)); write one object a line",
    ),
    "missing text": (
        "own.parquet",
        as_bytes(".parquet", pd.DataFrame({"text": ["x", None], "label": ["a", "b"]})),
        f", row 2: {NO_TEXT}",
    ),
    "missing label": (
        "own.parquet",
        as_bytes(".parquet", pd.DataFrame({"text": ["x", "y"], "label": [1, float("nan")]})),
        ", row 1: column label: 1.0 is no label; write it as a text or a whole number",
    ),
    "NaN label": (
        "own.parquet",
        as_bytes(".parquet", pd.DataFrame({"text": ["y", "x"], "label": [float("nan"), 1]})),
        f", row 1: {NO_LABEL}",
    ),
    "Parquet called CSV": (
        "own.csv",
        as_bytes(".parquet", pd.DataFrame({"text": ["x"]})),
        ": looks like Parquet; let its name end in .parquet",
    ),
    "gzip called CSV": ("own.csv", gzip.compress(CSV), ": looks like gzip; let its name end in .gz"),
}


@pytest.mark.parametrize(("name", "data", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_with_a_table_is_one_line(tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    assert refusal(tmp_path, name, data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"PAR1",
        as_bytes(".parquet", pd.DataFrame({"text": ["x"] * 99, "label": ["a"] * 99}))[:-20],
        as_bytes(".parquet", pd.DataFrame({"text": ["x"] * 99, "label": ["a"] * 99}))[30:],
        CSV,
        b"",
    ],
    ids=["begin", "end missing", "begin missing", "CSV", "empty"],
)
def test_a_damaged_parquet_file_is_one_line(tmp_path: Path, data: bytes) -> None:
    message = refusal(tmp_path, "own.parquet", data)
    assert message.startswith(": not a whole Parquet file (") and message.endswith("); write it again")


@pytest.mark.parametrize(
    "damage", [lambda data: CSV, lambda data: data[:-9], lambda data: data[:20] + b"??" + data[22:]]
)
def test_a_damaged_gzip_file_is_one_line(tmp_path: Path, damage) -> None:
    (tmp_path / "own.csv.gz").write_bytes(damage(gzip.compress(CSV)))
    with pytest.raises(DataError) as caught:
        collection.fetch_messages("own.csv.gz", tmp_path / "messages.tsv", tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/own.csv.gz: not a whole gzip file (") and len(message.splitlines()) == 1


def test_columns_of_a_file_that_has_none_are_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, "own.txt", b"a\tx\nb\ty\n", ParamsError, columns=Columns(text="body"))
    assert message == (
        "params.yaml: download.text_column and download.label_column are for files whose names end in "
        f".tsv, .csv, .jsonl, .parquet; set both to null, or rename {tmp_path}/own.txt"
    )


@pytest.mark.parametrize(("columns", "named"), [(Columns(text="x"), "text"), (Columns(label="x"), "label")])
def test_columns_of_a_published_data_set_are_refused(tmp_path: Path, columns: Columns, named: str) -> None:
    with pytest.raises(ParamsError) as caught:
        collection.fetch_messages("trec-questions", tmp_path / "messages.tsv", tmp_path, columns=columns)
    assert str(caught.value) == f"params.yaml: download.{named}_column: trec-questions has no columns; set it to null"


@pytest.mark.parametrize("copies", [1, 3])
def test_a_thousand_labels_are_as_good_as_their_rows(tmp_path: Path, copies: int) -> None:
    data = "label,text\n" + "".join(f"class {n % 1000},text {n}\n" for n in range(1000 * copies))
    if copies == 1:
        assert refusal(tmp_path, "own.csv", data.encode()) == (
            ": 1000 different labels in 1000 messages; name the column of the labels in download.label_column, or "
            "name the labels in download.labels"
        )
        return
    placed(tmp_path, "own.csv", data.encode())
    assert len(fetched(tmp_path, "own.csv")[0]) == 1000


@pytest.fixture
def workspace(tmp_path: Path, gpt2_base: Path) -> Workspace:
    """The committed settings with a model that is quickly there; `gpt2_base` has fetched its tokenizer."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    place_inputs(tmp_path)
    repositories.change(tmp_path, "model", name="gpt2-tiny", weights="random")
    return Workspace(tmp_path)


def three_topics() -> pd.DataFrame:
    """Tickets in columns of other names, with an emoji, a line end and a right-to-left word in some."""
    lines = [line.split("\t") for line in repositories.three_classes().splitlines()]
    marks = ["\U0001f600", "two\nlines", "\u05e9\u05dc\u05d5\u05dd"]
    return pd.DataFrame(
        {
            "number": range(len(lines)),
            "kind": [label for label, _ in lines],
            "body": [f"{text} {marks[n % 3]}" for n, (_, text) in enumerate(lines)],
        }
    )


@pytest.mark.parametrize("name", ["tickets.csv", "tickets.jsonl", "tickets.parquet", "tickets.tsv.gz"])
def test_the_data_stages_take_a_table(workspace: Workspace, name: str) -> None:
    table = three_topics()
    placed(workspace.root, name, as_bytes(Path(name.removesuffix(".gz")).suffix, table))
    repositories.change(workspace.root, "download", dataset=name, text_column="body", label_column="kind")
    for stage in (download, balance, split, tokenize_pad):
        stage.main(workspace)
    known = labels.load(workspace.labels)
    assert known == LabelSet(names=("no", "perhaps", "yes"), positive=None)
    parts = {name: messages.read(workspace.split_csv(name), known) for name in (*SPLITS, LEFTOVER_SPLIT)}
    together = pd.concat(list(parts.values()))
    assert sorted(together["Text"]) == sorted(table["body"])
    for name, part in parts.items():
        assert tokens.load(workspace.split_tokens(name)).labels.tolist() == part["Label"].tolist()
    assert set(json.loads(workspace.tokens_metrics.read_text())) == {f"{name}_truncated" for name in parts}


def test_a_label_with_two_rows_is_named_with_its_count(workspace: Workspace) -> None:
    data = as_bytes(".csv", pd.concat([three_topics(), pd.DataFrame({"kind": ["rare"] * 2, "body": ["a", "b"]})]))
    placed(workspace.root, "tickets.csv", data)
    repositories.change(workspace.root, "download", dataset="tickets.csv", text_column="body", label_column="kind")
    download.main(workspace)
    for strategy in ("undersample", "none"):
        repositories.change(workspace.root, "balance", strategy=strategy)
        with pytest.raises(DataError) as caught:
            balance.main(workspace)
        assert str(caught.value) == (
            "label rare has 2 messages, but each of train, validation, test needs one; add messages of it, or leave "
            "it out of the data"
        )


def test_a_thousand_labels_are_split_with_stratify_only(workspace: Workspace) -> None:
    data = "label,text\n" + "".join(f"class {n % 1000},text {n}\n" for n in range(3000))
    placed(workspace.root, "own.csv", data.encode())
    repositories.change(workspace.root, "download", dataset="own.csv")
    for stage in (download, balance):
        stage.main(workspace)
    with pytest.raises(
        DataError, match=r"^the \w+ split: \d+ messages, none of them labelled class \d+; .* to true$"
    ):
        split.main(workspace)
    repositories.change(workspace.root, "split", stratify=True)
    split.main(workspace)
    for name in SPLITS:
        assert messages.read(workspace.split_csv(name), labels.load(workspace.labels))["Label"].nunique() == 1000
