"""A base model is laid out once in the user's cache, whole or not at all."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spampipe.core import environment
from spampipe.downloads import fetch
from spampipe.models import bases
from spampipe.models.architectures import BaseChoice
from spampipe.models.families.gpt2 import FAMILY
from tests.support.project import ROOT


@pytest.fixture
def cache(gpt2_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds the pinned files alone."""
    shutil.copytree(fetch.cache_directory() / "files", tmp_path / "cache" / "files", copy_function=os.link)
    monkeypatch.setenv(environment.CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def inode(folder: Path) -> int:
    """Tells whether the tokenizer is the one that was laid out before."""
    return FAMILY.tokenizer_path(folder).stat().st_ino


def test_a_base_is_laid_out_as_in_the_workspace_and_once(cache: Path, gpt2_base: Path) -> None:
    folder = bases.cached_base(BaseChoice("gpt2-tiny", "random"))
    assert cache in folder.parents
    assert FAMILY.tokenizer_path(folder).read_bytes() == FAMILY.tokenizer_path(gpt2_base).read_bytes()
    first = inode(folder)
    assert (bases.cached_base(BaseChoice("gpt2-tiny", "random")), inode(folder)) == (folder, first)
    assert bases.cached_base(BaseChoice("gpt2-small", "random")) != folder


def _truncate(folder: Path) -> None:
    path = FAMILY.tokenizer_path(folder)
    path.write_bytes(path.read_bytes()[:1000])


def _change_one_byte(folder: Path) -> None:
    data = bytearray(FAMILY.tokenizer_path(folder).read_bytes())
    data[500] ^= 1
    FAMILY.tokenizer_path(folder).write_bytes(data)


def _be_killed_before_the_end(folder: Path) -> None:
    _truncate(folder)
    (folder / "complete.json").unlink()


DAMAGES: dict[str, Callable[[Path], None]] = {
    "truncated": _truncate,
    "changed": _change_one_byte,
    "missing": lambda folder: FAMILY.tokenizer_path(folder).unlink(),
    "half made": _be_killed_before_the_end,
    "no list": lambda folder: (folder / "complete.json").unlink(),
    "damaged list": lambda folder: (folder / "complete.json").write_bytes(b'{"layout": '),
    "foreign list": lambda folder: (folder / "complete.json").write_bytes(b"[]"),
    "all gone": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_base_that_is_not_whole_is_laid_out_again(cache: Path, gpt2_base: Path, damage: Callable) -> None:
    folder = bases.cached_base(BaseChoice("gpt2-tiny", "random"))
    damage(folder)
    assert bases.cached_base(BaseChoice("gpt2-tiny", "random")) == folder
    assert FAMILY.tokenizer_path(folder).read_bytes() == FAMILY.tokenizer_path(gpt2_base).read_bytes()
    again = inode(folder)
    bases.cached_base(BaseChoice("gpt2-tiny", "random"))
    assert inode(folder) == again


def test_a_base_of_another_pin_or_layout_is_laid_out_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bases.cached_base(BaseChoice("gpt2-tiny", "random"))
    before = inode(folder)
    monkeypatch.setattr(bases, "_LAYOUT", bases._LAYOUT + 1)
    assert inode(bases.cached_base(BaseChoice("gpt2-tiny", "random"))) != before


def test_two_processes_lay_one_base_out_once(cache: Path) -> None:
    program = (
        "from spampipe.models import bases; from spampipe.models.architectures import BaseChoice\n"
        "from spampipe.models.families.gpt2 import FAMILY\n"
        "print(FAMILY.tokenizer_path(bases.cached_base(BaseChoice('gpt2-tiny', 'random'))).stat().st_ino)"
    )
    command = [sys.executable, "-c", program]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert answers[0] == answers[1] != ""
