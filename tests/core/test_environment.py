"""This project's environment variables: each is read strictly, before the work, and named when it cannot be used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spampipe.core import environment
from spampipe.core.errors import SettingError
from spampipe.core.workspace import Workspace
from spampipe.models import compute
from tests.support import repositories
from tests.support.project import ROOT


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.NAMES:
        monkeypatch.delenv(name, raising=False)


BAD = {
    environment.TRACKING: ("maybe", "OFF", "0", "false", " off"),
    environment.TRACKING_PATIENCE: ("nan", "inf", "-1", "long"),
    environment.TRUNK_BYTES: ("-1", "2 GB", "1.5", "٣"),
    environment.DEVICE: ("gpu", "CUDA", "cuda:1"),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_value_that_cannot_be_used_is_one_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        environment.read()
    assert str(caught.value).startswith(f"{name}: must be ")
    assert str(caught.value).endswith(f"but is {value!r}; change or unset it")


def test_what_is_set_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = ("off", "2.5", "0", "/some/cache", "sources.yaml", "cpu")
    for name, value in zip(environment.NAMES, values, strict=True):
        monkeypatch.setenv(name, value)
    expected = environment.Environment(False, 2.5, 0, Path("/some/cache"), Path("sources.yaml"), "cpu")
    assert environment.read() == expected


def test_what_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = environment.read()
    for name in environment.NAMES:
        monkeypatch.setenv(name, "")
    assert environment.read() == usual == environment.Environment(True, None, 8 << 30, None, None, "auto")


def test_a_bad_value_ends_a_stage_before_its_work(repository: Path) -> None:
    for name, value in (("SPAMPIPE_TRACKING", "maybe"), ("SPAMPIPE_TRACKING_PATIENCE", "nan")):
        Workspace(repository).classifier_card.unlink(missing_ok=True)
        stage = (sys.executable, "-m", "stages.train")
        failed = repositories.run(repository, *stage, check=False, variables={name: value})
        assert (failed.returncode, failed.stdout) == (1, "")
        assert failed.stderr.startswith(f"error: {name}: must be ") and failed.stderr.count("\n") == 1
        assert not Workspace(repository).classifier_card.exists()
    assert len(repositories.tracked_runs(repository)) == 1


def test_a_misspelt_name_is_a_warning() -> None:
    program = "from spampipe.core import command; command.run(lambda: None)"
    variables = os.environ | {"SPAMPIPE_TRAKING": "off"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=variables, capture_output=True, text=True)
    line = "warning: SPAMPIPE_TRAKING: no such variable; did you mean SPAMPIPE_TRACKING?\n"
    assert (done.returncode, done.stdout) == (0, line)


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setenv(environment.DEVICE, name)
    with pytest.raises(SettingError, match=f"^SPAMPIPE_DEVICE: torch finds no {name} device here, only cpu; change"):
        compute.chosen_device()


@pytest.mark.parametrize(("chosen", "device"), [("auto", "cuda"), ("cpu", "cpu"), ("cuda", "cuda"), ("mps", "mps")])
def test_the_named_device_is_taken(chosen: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setenv(environment.DEVICE, chosen)
    assert compute.chosen_device() == torch.device(device)
    assert (environment.torch_on_cuda() is torch) == (device == "cuda")
