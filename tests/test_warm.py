"""Commands of tests end, print and are killed as in an interpreter of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import warm_client
from tests.support.repositories import environment
from tests.support.warm import PROGRAMS, WarmServer


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """One of this module's own, once it answers."""
    before = dict(os.environ)
    own = WarmServer()
    while not Path(os.environ[warm_client.SOCKET]).exists():
        time.sleep(0.2)
    yield
    own.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def folder(tmp_path: Path, server: None) -> Path:
    """A folder with a stage of its own."""
    stages = tmp_path / "stages"
    stages.mkdir()
    (stages / "__init__.py").touch()
    (stages / "show.py").write_text(
        "import os, sys, time\n"
        "print(os.getcwd(), sys.argv[1:], os.environ.get('GIVEN'), 'torch' in sys.modules, __name__)\n"
        "print(sys.stdin.read(), file=sys.stderr)\n"
        "time.sleep(float(sys.argv[1]))\n"
        "sys.exit(int(sys.argv[2]))\n"
    )
    return tmp_path


COMMAND = ("python", "-m", "stages.show")


def test_a_command_has_its_folder_arguments_variables_and_streams(folder: Path) -> None:
    found = subprocess.run(
        [*COMMAND, "0", "7"],
        cwd=folder,
        env=environment({"GIVEN": "ü"}),
        input="asked",
        capture_output=True,
        text=True,
    )
    assert found.stdout == f"{folder} ['0', '7'] ü True __main__\n"
    assert (found.stderr, found.returncode) == ("asked\n", 7)


def test_a_command_has_the_mask_of_new_files(folder: Path) -> None:
    (folder / "stages" / "make.py").write_text("import os; os.mkdir('made')\n")
    subprocess.run(["sh", "-c", "umask 002; python -m stages.make"], cwd=folder, env=environment(), check=True)
    assert (folder / "made").stat().st_mode & 0o777 == 0o775


@pytest.mark.parametrize("variable", ["HOME", "PYTHONPATH"])
def test_what_an_interpreter_reads_when_it_starts_needs_one_of_its_own(folder: Path, variable: str) -> None:
    variables = environment({variable: str(folder)})
    found = subprocess.run([*COMMAND, "0", "0"], cwd=folder, env=variables, input="", capture_output=True, text=True)
    assert "False __main__" in found.stdout


def test_other_programs_have_an_interpreter_of_their_own(folder: Path) -> None:
    program = "import sys; print('torch' in sys.modules, sys.executable)"
    found = subprocess.run(["python", "-c", program], cwd=folder, env=environment(), capture_output=True, text=True)
    assert found.stdout == f"False {sys.executable}\n"
    assert os.environ[PROGRAMS] in environment()["PATH"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_killed_is_gone(folder: Path, number: signal.Signals) -> None:
    command = [*COMMAND, "60", "0"]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        time.sleep(1)
        process.send_signal(number)
        assert process.wait() == -number
        assert process.stdout.read() is not None  # nobody holds the other end any more


def test_spampipe_and_dvc_are_served_too(folder: Path) -> None:
    for program, shown in (("spampipe", "usage: spampipe"), ("dvc", "Data Version Control")):
        found = subprocess.run([program, "--help"], cwd=folder, env=environment(), capture_output=True, text=True)
        assert shown in found.stdout and found.returncode == 0
