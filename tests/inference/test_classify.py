"""`spampipe classify`: answers as messages come, in any form, whatever is wrong with some of them."""

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spampipe.classifiers.text_classifier import TextClassifier
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.data.labels import LabelSet
from spampipe.inference import answer_files, bulk, message_files, message_rows, prediction
from tests.support import trained
from tests.support.label_sets import TWO
from tests.support.project import ROOT
from tests.support.repositories import change, environment, run
from tests.support.scored import PETS

TEXTS = ["see you at 3", "WIN £1000 now", 'two\n"lines", quoted', "tab\tand comma, 🎉"]


def workspace_of(folder: Path, base: Path, labels: LabelSet) -> Path:
    """A folder with all that the command needs."""
    shutil.copytree(base, Workspace(folder).base)
    trained.save(Workspace(folder), labels)
    return folder


@pytest.fixture(scope="module")
def workspace(gpt2_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace_of(tmp_path_factory.mktemp("workspace"), gpt2_base, TWO)


@pytest.fixture(scope="module")
def classifier(workspace: Path) -> TextClassifier:
    return prediction.load(Workspace(workspace))


def classify(
    workspace: Path, *arguments: str, given: bytes = b"", returns: int = 0, variables: dict[str, str] | None = None
) -> tuple[str, list[str]]:
    """What the command prints, and the lines that it reports."""
    command = ["spampipe", "classify", *arguments]
    done = subprocess.run(
        command, cwd=workspace, env=environment(variables), input=given, capture_output=True, check=False
    )
    assert done.returncode == returns, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done.stdout.decode(), done.stderr.decode().splitlines()


# --- lines ---------------------------------------------------------------------------------------------------


def test_bad_lines_are_reported_by_number_and_the_rest_is_answered(
    workspace: Path, classifier: TextClassifier
) -> None:
    printed, reported = classify(
        workspace, given=b"\xef\xbb\xbfone\r\n\n \t\ntwo\xff\nthree\n\xf0\x9f\x8e\x89", returns=1
    )
    rows = [line.split("\t") for line in printed.splitlines()]
    found = classifier.classify(["one", "three", "🎉"])
    assert rows == [[answer.label, f"{answer.probability:.4f}", answer.text] for answer in found]
    assert reported == [
        "line 2: empty; left out",
        "line 3: empty; left out",
        "line 4: not UTF-8; left out",
        "error: 3 messages were left out, as reported; correct them, the others are answered",
    ]


def test_an_answer_does_not_wait_for_the_next_line(workspace: Path) -> None:
    command = ["spampipe", "classify", "--json"]
    with subprocess.Popen(
        command, cwd=workspace, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for text in ("first", "second"):
            process.stdin.write(text.encode() + b"\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())  # would wait for ever
            assert answer.keys() == {"label", "probability", "text"}
            assert answer["text"] == text
        process.stdin.close()
        assert process.wait() == 0


def test_the_first_answer_needs_no_library_of_the_other_stages(workspace: Path) -> None:
    program = (
        "import sys; from spampipe import cli; cli.main(['classify', 'hello']);"
        "print(sorted({'pandas', 'mlflow', 'matplotlib', 'scipy', 'sklearn', 'pyarrow'} & set(sys.modules)))"
    )
    label, imported = run(workspace, sys.executable, "-c", program).stdout.splitlines()
    assert label.endswith("\thello")
    assert imported == "[]"


def test_the_command_takes_a_threshold_between_0_and_1(workspace: Path) -> None:
    narrow = {"PYTHONIOENCODING": "ascii"}  # what the terminal cannot show is no error
    strict, _ = classify(workspace, "--threshold", "0.99999", "see you", "WIN 🎉", variables=narrow)
    rows = [line.split("\t") for line in strict.splitlines()]
    assert [(label, text) for label, _, text in rows] == [("ham", "see you"), ("ham", "WIN \\U0001f389")]
    printed, reported = classify(workspace, "--threshold", "1", "see you", returns=1)
    assert (printed, len(reported)) == ("", 1)
    assert reported[0].startswith("error: threshold 1.0: must be more than 0 and less than 1")


def test_labels_without_a_positive_one_come_with_their_own_probability(gpt2_base: Path, tmp_path: Path) -> None:
    folder = workspace_of(tmp_path / "pets", gpt2_base, PETS)
    found = prediction.load(Workspace(folder)).probabilities(TEXTS[:2])
    printed, _ = classify(folder, *TEXTS[:2])
    rows = [line.split("\t") for line in printed.splitlines()]
    assert rows == [
        [PETS.names[row.argmax()], f"{row.max():.4f}", text] for row, text in zip(found, TEXTS[:2], strict=True)
    ]
    printed, reported = classify(folder, "--threshold", "0.9", "see you", returns=1)
    assert printed == ""
    assert reported == [
        "error: threshold 0.9: no label of cat, dog, bird is the positive one; leave the threshold out"
    ]


def test_the_most_probable_labels_are_given_each_with_its_own_probability(gpt2_base: Path, tmp_path: Path) -> None:
    folder = workspace_of(tmp_path / "pets", gpt2_base, PETS)
    (row,) = prediction.load(Workspace(folder)).probabilities(TEXTS[:1])
    ranks = [(PETS.names[column], row[column]) for column in (-row).argsort()]
    printed, _ = classify(folder, "--top", "9", TEXTS[0])  # more than there are: all
    cells = [word for name, share in ranks for word in (name, f"{share:.4f}")]
    assert printed == "\t".join([*cells, TEXTS[0]]) + "\n"
    assert classify(folder, "--top", "0", "hello", returns=1)[1] == ["error: --top 0: must be 1 or more"]


@pytest.mark.parametrize("threshold", [0.3, 0.99999])
def test_with_a_threshold_the_given_label_stays_the_first(workspace, threshold):
    strict, lines = prediction.load(Workspace(workspace), threshold=threshold), []
    for top in (None, 1, 2):
        out = io.StringIO()
        source = message_rows.from_arguments(TEXTS[:1])
        bulk.answer(strict, source, answer_files.Lines(out, as_json=True, top=top), 32, progress=False)
        lines.append(json.loads(out.getvalue()))
    plain, one, two = lines
    assert list(plain) == list(one) == ["label", "probability", "text"]
    assert list(two) == ["label", "probability", "label_2", "probability_2", "text"]
    assert plain["label"] == one["label"] == two["label"] == ("spam" if plain["probability"] >= threshold else "ham")
    spam = {two["label"]: two["probability"], two["label_2"]: two["probability_2"]}["spam"]
    assert plain["probability"] == spam and one["probability"] == two["probability"]
    assert two["probability"] + two["probability_2"] == pytest.approx(1)


def test_messages_are_computed_together_as_params_say(workspace: Path, tmp_path: Path) -> None:
    assert bulk.batch_size(Workspace(workspace)) == 32  # there is no params.yaml
    shutil.copy(ROOT / "params.yaml", tmp_path)
    change(tmp_path, "evaluate", batch_size=7)
    assert bulk.batch_size(Workspace(tmp_path)) == 7


class Pieces(io.RawIOBase):
    """A stream whose bytes come in these pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if not self._pieces:
            return 0
        piece = self._pieces[0][: len(buffer)]
        self._pieces[0] = self._pieces[0][len(piece) :]
        if not self._pieces[0]:
            del self._pieces[0]
        buffer[: len(piece)] = piece
        return len(piece)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"\n", b"a\n\nb", b"\r\n", b"word\n" * 300])))
def test_lines_do_not_depend_on_how_their_bytes_come(pieces):
    data = b"".join(pieces)
    expected = data.split(b"\n")
    if expected[-1] == b"":
        del expected[-1]
    batches = list(message_rows.arriving_lines(io.BufferedReader(Pieces(pieces))))
    assert all(len(batch) <= message_rows.BATCH for batch in batches)
    numbered = [line for batch in batches for line in batch]
    assert numbered == [(number, line.removesuffix(b"\r")) for number, line in enumerate(expected, 1)]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.lists(st.binary(max_size=12) | st.sampled_from([b"", b" ", b"hello", b"\xff", b"a\0b"])).map(b"\n".join)
)
def test_every_line_is_answered_in_order_or_reported(classifier, data):
    source = message_rows.from_stream(io.BytesIO(data))
    out = io.StringIO()
    left_out = bulk.answer(classifier, source, answer_files.Lines(out, as_json=True), 32, progress=False)
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    if data.endswith(b"\n") or not data:
        del lines[-1]  # what stands behind the last end of a line is no line
    good = [line for line in lines if (text := line.decode(errors="ignore")).strip() and text.encode() == line]
    assert [answer["text"] for answer in answers] == [line.decode() for line in good]
    assert left_out == len(lines) - len(good)


# --- files ---------------------------------------------------------------------------------------------------


def table() -> pd.DataFrame:
    return pd.DataFrame({"id": ["7", "07", "", "x,y"], "text": TEXTS, "label": ["a", "b", "c", "ü"]})


def write(path: Path, given: pd.DataFrame) -> Path:
    if path.suffix == ".parquet":
        given.to_parquet(path, index=False)
    elif path.suffix == ".jsonl":
        given.to_json(path, orient="records", lines=True)
    else:
        given.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".jsonl":
        return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    found = pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",", dtype=str, keep_default_na=False)
    return found.astype({name: float for name in found.columns if "probability" in name})


def answer_file(classifier: TextClassifier, given: Path, wanted: Path, column: str = "text") -> int:
    with message_files.from_file(given, column) as source, answer_files.to_file(wanted, source) as sink:
        return bulk.answer(classifier, source, sink, 32, progress=False)


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("wanted", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_files_keep_their_columns_and_order(classifier, tmp_path, kind, wanted):
    given = pd.concat([table()] * 100, ignore_index=True)  # more than one batch
    assert len(given) > message_rows.BATCH
    path = write(tmp_path / f"given{kind}", given)
    assert answer_file(classifier, path, tmp_path / f"answers{wanted}") == 0
    answers = read(tmp_path / f"answers{wanted}")
    assert list(answers.columns) == ["id", "text", "label", "predicted_label", "probability"]
    assert answers[["id", "text", "label"]].to_numpy().tolist() == given.to_numpy().tolist()
    expected = {answer.text: answer for answer in classifier.classify(TEXTS)}
    assert answers["predicted_label"].tolist() == [expected[text].label for text in given["text"]]
    probabilities = [expected[text].probability for text in given["text"]]
    assert answers["probability"].tolist() == pytest.approx(probabilities, abs=1e-5)


def test_lines_become_a_table(classifier, tmp_path):
    (tmp_path / "given.TXT").write_text("one\n\nthree\n")
    assert answer_file(classifier, tmp_path / "given.TXT", tmp_path / "new" / "answers.csv") == 1
    answers = read(tmp_path / "new" / "answers.csv")
    assert list(answers.columns) == ["text", "label", "probability"]
    assert answers["text"].tolist() == ["one", "three"]


def test_parquet_keeps_the_columns_types(classifier, tmp_path):
    given = pd.DataFrame({"when": pd.to_datetime(["2026-01-02", None]), "count": [1, 2], "message": ["a", "b"]})
    path = write(tmp_path / "given.parquet", given)
    assert answer_file(classifier, path, tmp_path / "answers.parquet", "message") == 0
    answers = read(tmp_path / "answers.parquet")
    pd.testing.assert_frame_equal(answers[list(given.columns)], given)


@pytest.mark.parametrize("wanted", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_files_hold_as_many_labels_as_are_asked_for(classifier, tmp_path, wanted):
    given = write(tmp_path / "given.csv", table().rename(columns={"label": "label_2"}))
    wanted_file = tmp_path / f"answers{wanted}"
    with message_files.from_file(given, "text") as source, answer_files.to_file(wanted_file, source, 2) as sink:
        assert bulk.answer(classifier, source, sink, 32, progress=False) == 0
    names = ["label", "probability", "predicted_label_2", "probability_2"]
    answers = read(wanted_file)
    assert list(answers.columns) == ["id", "text", "label_2", *names]
    for row, found in zip(answers[names].to_numpy().tolist(), classifier.classify(TEXTS), strict=True):
        (first, likely), (second, rest) = found.ranked
        assert row == [first, pytest.approx(likely, abs=1e-5), second, pytest.approx(rest, abs=1e-5)]


@pytest.mark.parametrize("wanted", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_no_messages_make_an_empty_table(classifier, tmp_path, wanted):
    (tmp_path / "given.csv").write_text("id,text\n")
    assert answer_file(classifier, tmp_path / "given.csv", tmp_path / f"answers{wanted}") == 0
    if wanted == ".jsonl":
        assert (tmp_path / "answers.jsonl").read_bytes() == b""
    else:
        answers = read(tmp_path / f"answers{wanted}")
        assert (list(answers.columns), len(answers)) == (["id", "text", "label", "probability"], 0)


def reported(classifier: TextClassifier, given: Path, wanted: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    with caplog.at_level("WARNING", logger="spampipe"):
        left_out = answer_file(classifier, given, wanted)
    assert left_out == len(caplog.messages)
    return caplog.messages


@pytest.fixture(autouse=True)
def _heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let caplog hear the package's messages, whatever ran before."""
    import logging

    monkeypatch.setattr(logging.getLogger("spampipe"), "propagate", True)


def test_bad_rows_of_files_are_named_where_they_begin(classifier, tmp_path, caplog):
    rows = b'id,text\n1,"two\nlines"\n2,\n3\n\n4,a,b\n\xff,c\n5,last\n'
    (tmp_path / "given.csv").write_bytes(rows)
    assert reported(classifier, tmp_path / "given.csv", tmp_path / "answers.csv", caplog) == [
        "line 4: empty; left out",
        "line 5: 1 fields, the header has 2; left out",
        "line 7: 3 fields, the header has 2; left out",
        "line 8: not UTF-8; left out",
    ]
    assert read(tmp_path / "answers.csv")["text"].tolist() == ["two\nlines", "last"]
    objects = [
        *(b'{"text": "a"}', b"[]", b'{"text": null}', b'{"text": 3}', b'{"id": 3}', b'{"text"', b"", b"\xff"),
        *(b'{"text": "\\ud800"}', b'{"text": "b", "id": 1}', b'{"text": "c"}'),
    ]
    (tmp_path / "given.jsonl").write_bytes(b"\n".join(objects))
    places = [
        "not a JSON object",
        "no text",
        "text is not text",
        "no text",
        "not JSON",
        "not JSON",
        "not UTF-8",
        "not UTF-8",
    ]
    expected = [f"line {number}: {problem}; left out" for number, problem in enumerate(places, 2)]
    assert reported(classifier, tmp_path / "given.jsonl", tmp_path / "answers.jsonl", caplog) == expected
    assert read(tmp_path / "answers.jsonl")["text"].tolist() == ["a", "b", "c"]
    more = "line 10: id: not among the first message's entries; left out"
    assert reported(classifier, tmp_path / "given.jsonl", tmp_path / "answers.csv", caplog) == [*expected, more]
    pd.DataFrame({"text": ["a", None, " "]}).to_parquet(tmp_path / "given.parquet")
    assert reported(classifier, tmp_path / "given.parquet", tmp_path / "answers.csv", caplog) == [
        "row 2: no text; left out",
        "row 3: empty; left out",
    ]


UNUSABLE = {
    "missing": ("given.csv", None, "No such file or directory"),
    "another kind": ("given.xlsx", b"", "its name ends in none of .txt, .csv, .tsv, .jsonl, .parquet"),
    "no column": (
        "given.csv",
        b"id,message\n1,a\n",
        "no column text; name one of its columns by --column: id, message",
    ),
    "no header": ("given.csv", b"", "no column text; name one of its columns by --column: none"),
    "same names": ("given.csv", b"text,a,a\n", "two columns have the same name"),
    "header": ("given.csv", b"text,\xff\n", "line 1: not UTF-8"),
    "open quote": ("given.csv", b'text\na\n"b\nc\n', "line 3: unexpected end of data"),
    "late quote": ("given.tsv", b'text\n"a"b\n', "line 2: "),
    "no Parquet": ("given.parquet", b"PAR1", "not a Parquet file"),
}


@pytest.mark.parametrize(("name", "content", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_file_is_refused_in_one_line_and_loses_nothing(classifier, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "answers.csv").write_text("earlier answers")
    with pytest.raises(DataError, match=r"^[^\n]*$") as caught:
        answer_file(classifier, tmp_path / name, tmp_path / "answers.csv")
    assert str(caught.value).startswith(str(tmp_path / name)) and message in str(caught.value)
    assert (tmp_path / "answers.csv").read_text() == "earlier answers"
    assert {path.name for path in tmp_path.iterdir()} <= {"answers.csv", name}


def test_a_file_may_be_replaced_by_its_answers(classifier, tmp_path):
    path = write(tmp_path / "given.csv", table())
    for _ in range(2):
        assert answer_file(classifier, path, path) == 0
    assert list(read(path).columns) == [
        *("id", "text", "label", "predicted_label", "probability"),
        *("predicted_predicted_label", "predicted_probability"),
    ]


def test_columns_of_mixed_types_are_refused_where_the_file_has_types(classifier, tmp_path):
    (tmp_path / "given.jsonl").write_text('{"text": "a", "id": 1}\n{"text": "b", "id": "two"}\n')
    with pytest.raises(DataError, match=r"^[^\n]*answers.parquet: columns of mixed types [^\n]*$"):
        answer_file(classifier, tmp_path / "given.jsonl", tmp_path / "answers.parquet")
    assert not (tmp_path / "answers.parquet").exists()


def test_the_command_reads_and_writes_files(workspace: Path, tmp_path: Path) -> None:
    text = "word " * 40_000  # more characters than Python's csv takes by default
    with (tmp_path / "given.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["id", "message"], ["1", text], ["2", ""], ["3", "short"]])
    files = ("--input", str(tmp_path / "given.csv"), "--column", "message")
    printed, lines = classify(workspace, *files, "--output", str(tmp_path / "answers.jsonl"), returns=1)
    assert printed == ""
    assert lines[0] == "line 3: empty; left out" and len(lines) == 2
    assert read(tmp_path / "answers.jsonl")["message"].tolist() == [text, "short"]
    printed, _ = classify(workspace, *files, "--json", returns=1)
    assert [json.loads(line)["text"] for line in printed.splitlines()] == [text, "short"]
    _, lines = classify(workspace, *files, "and a text", returns=1)
    assert lines == ["error: messages are given twice; leave out TEXT or --input"]
