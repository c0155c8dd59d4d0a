"""Files are replaced whole or not at all, and a program ends with a code and a line that say what happened."""

import hashlib
import json
import logging
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from spampipe.core import command, files
from spampipe.core.errors import DataError, one_line
from tests.support.project import ROOT

LOGGER = logging.getLogger("spampipe")


class _BrokenOffError(Exception):
    pass


@pytest.mark.parametrize("error", [_BrokenOffError, KeyboardInterrupt])
def test_broken_off_replacement_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(error), files.replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_broken_off_first_write_leaves_nothing(tmp_path):
    with pytest.raises(_BrokenOffError), files.replacing(tmp_path / "table.csv"):
        raise _BrokenOffError
    assert list(tmp_path.iterdir()) == []


def test_new_content_appears_only_at_the_end(tmp_path):
    path = tmp_path / "made" / "on the way" / "table.csv"
    files.write_bytes(path, b"old")
    with files.replacing(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
        assert temporary.parent == path.parent  # the same disk, so that the move is one step
        assert temporary.suffix == path.suffix  # from which matplotlib takes the format
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o000, 0o666)])
def test_files_have_the_mode_that_the_umask_asks_for(tmp_path, umask, mode):
    path = tmp_path / "table.csv"
    before = os.umask(umask)
    try:
        files.write_bytes(path, b"new")
    finally:
        after = os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert after == umask


def test_another_threads_new_files_keep_their_mode(tmp_path):
    """The umask belongs to the whole process; looking it up by setting it would show in other threads' files."""
    ending = threading.Event()

    def write() -> None:
        while not ending.is_set():
            files.write_bytes(tmp_path / "table.csv", b"new")

    before = os.umask(0o077)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        modes = set()
        for number in range(3000):
            handle = os.open(tmp_path / str(number), os.O_CREAT | os.O_WRONLY, 0o666)
            modes.add(stat.S_IMODE(os.fstat(handle).st_mode))
            os.close(handle)
    finally:
        ending.set()
        writer.join()
        os.umask(before)
    assert modes == {0o600}


def test_json_is_readable_text(tmp_path):
    path = tmp_path / "metrics.json"
    value = {"accuracy": 0.1, "rate": None, "name": "naïve"}
    files.write_json(path, value)
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert text == '{\n  "accuracy": 0.1,\n  "rate": null,\n  "name": "naïve"\n}\n'


def test_digest_of_known_bytes(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert files.digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.digest(path, "md5") == "900150983cd24fb0d6963f7d28e17f72"


@pytest.mark.parametrize("size", [0, 2**20, 2**21 + 17])
def test_digest_of_many_chunks(tmp_path, size):
    path = tmp_path / "long"
    data = (b"0123456789abcdef!" * (size // 17 + 1))[:size]
    path.write_bytes(data)
    assert files.digest(path) == hashlib.sha256(data).hexdigest()


COLUMNS = {"name": "str", "count": "int64", "share": "float64"}


def test_tables_survive_their_files(tmp_path):
    table = pd.DataFrame({"name": ["NA", "", "a,b\r"], "count": [1, -2, 3], "share": [0.1, 1 / 3, 1e-300]})
    files.write_csv(tmp_path / "table.csv", table)
    pd.testing.assert_frame_equal(files.read_csv(tmp_path / "table.csv", COLUMNS), table, check_exact=True)


def test_numbers_are_written_as_asked(tmp_path):
    files.write_csv(tmp_path / "table.csv", pd.DataFrame({"count": [1], "share": [1 / 3]}), float_format="%.3f")
    assert (tmp_path / "table.csv").read_bytes() == b"count,share\n1,0.333\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a table of name, count, share (No columns"),
        (b"name,count\na,1\n", "columns are ['name', 'count'], not ['name', 'count', 'share']; run its stage"),
        (b"count,name,share\n1,a,0.5\n", "columns are ['count', 'name', 'share'], not"),
        (b"name,count,share\na,one,0.5\n", "not a table of name, count, share (invalid literal"),
        (b"name,count,share\na,1.5,0.5\n", "not a table of name, count, share (cannot safely convert"),
        (b"name,count,share\na,1,much\n", "not a table of name, count, share (could not convert"),
        (b"name,count,share\na,1\n", "not a table of name, count, share (could not convert"),
        (b"name,count,share\na,1,0.5\nb,2,0.5,more\n", "not a table of name, count, share (Error tokenizing data"),
        (b"name,count,share\nmore,a,1,0.5\n", "rows have more fields than name, count, share; run its stage"),
        (b'name,count,share\n"a,1,0.5\n', "not a table of name, count, share (Error tokenizing data"),
        (b"name,count,share\n\xff,1,0.5\n", "not a table of name, count, share ('utf-8' codec"),
    ],
)
def test_file_that_is_no_such_table_is_refused(tmp_path, content, reason):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        files.read_csv(path, COLUMNS)
    assert str(caught.value).startswith(f"{path}: {reason}")
    assert len(str(caught.value).splitlines()) == 1


def test_other_columns_are_left_out_where_they_may_be(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("share,more,name,count\n0.5,1,NA,2\n")
    expected = pd.DataFrame({"name": ["NA"], "count": [2], "share": [0.5]})
    pd.testing.assert_frame_equal(files.read_csv(path, COLUMNS, others=True), expected)
    with pytest.raises(DataError, match="columns are"):
        files.read_csv(path, COLUMNS | {"missing": "str"}, others=True)


def test_missing_table_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv: no such file; run `dvc repro` or `dvc pull`"):
        files.read_csv(tmp_path / "absent.csv", COLUMNS)


def _run(body: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program whose `main` is `body`, in `folder`."""
    program = f"""
import logging, os, pathlib, signal
from spampipe.core import command, errors

def main():
    {body}

signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may run in the background, where it is ignored
command.run(main)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("raise errors.SpampipeError('a.csv: bad')", "error: a.csv: bad"),
        ("raise errors.DataError()", "error: DataError"),
        ("raise errors.DataError('a.csv:\\n  bad;\\tcorrect it\\n')", "error: a.csv: bad; correct it"),
        (
            "pathlib.Path('absent.csv').read_bytes()",
            "error: [Errno 2] No such file or directory: 'absent.csv'; "
            "check the path, its permissions and the space on its disk",
        ),
    ],
)
def test_expected_errors_are_one_line_and_exit_code_1(tmp_path, body, line):
    done = _run(body, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line + "\n")


@pytest.mark.parametrize(
    ("error", "longest", "line"),
    [
        (ValueError("a\n  b\tc "), None, "a b c"),
        (ValueError("a" * 9), 4, "aaaa"),
        (ValueError(), None, "ValueError"),
        (ValueError(" \n"), 5, "ValueError"),
        ("a\nb", None, "a b"),
        ("", 5, ""),
    ],
)
def test_an_error_is_one_line(error, longest, line):
    assert one_line(error, longest) == line


def test_defects_keep_their_traceback(tmp_path):
    done = _run("raise ValueError('a defect')", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("\nValueError: a defect\n")


def test_success_is_exit_code_0_with_the_log_on_standard_output(tmp_path):
    done = _run("logging.getLogger('spampipe.downloads.fetch').info('fetched %s', 'a.csv')", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "fetched a.csv\n", "")


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_interrupted_program_cleans_up(tmp_path, number):
    body = f"""
    from spampipe.core import command, files
    with files.replacing(pathlib.Path("table.csv")) as temporary:
        temporary.write_text("half of the n")
        os.kill(os.getpid(), signal.{number})
        raise SystemExit("not interrupted")
    """.strip()
    done = _run(body, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_a_program_leaves_the_process_as_it_was(tmp_path):
    """Signals, log, environment: what `run` changes, it changes for the program alone."""
    before = (signal.getsignal(signal.SIGTERM), dict(os.environ), os.getcwd(), [*LOGGER.handlers], LOGGER.propagate)
    seen = []

    def main() -> None:
        seen.append((signal.getsignal(signal.SIGTERM), os.environ.get("CUBLAS_WORKSPACE_CONFIG"), LOGGER.propagate))

    command.run(main)
    assert seen == [(signal.default_int_handler, ":4096:8", False)]
    after = (signal.getsignal(signal.SIGTERM), dict(os.environ), os.getcwd(), [*LOGGER.handlers], LOGGER.propagate)
    assert after == before


def test_the_users_own_variables_stand(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    seen = []
    command.run(lambda: seen.append(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]))
    assert seen == ["77"] == [os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]]


def test_only_programs_change_the_process():
    """No library module but `command`, which programs begin with, sets what holds for the whole process."""
    changes = re.compile(
        r"os\.environ\[[^]]*\] *=|os\.environ\.(update|setdefault|pop)|os\.(putenv|umask|chdir)|signal\.signal"
        r"|\.propagate =|mallopt\(|\.setLevel\("
    )
    changing = {path.name for path in (ROOT / "spampipe").rglob("*.py") if changes.search(path.read_text())}
    assert changing == {"command.py"}


def test_a_program_whose_output_nobody_reads_ends_without_a_word(tmp_path):
    body = "[print('line', flush=True) for _ in range(100_000)]"
    program = f"from spampipe.core import command\ncommand.run(lambda: {body})"
    reading = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert reading.stdout.readline() == "line\n"
    reading.stdout.close()
    assert (reading.stderr.read(), reading.wait()) == ("", 141)
