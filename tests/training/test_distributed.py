"""Two processes under torchrun train as one process does on the same global batches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spampipe.core.errors import ParamsError
from spampipe.core.workspace import Workspace
from spampipe.training import distributed
from tests.support import repositories
from tests.support.project import ROOT

PROGRAM = """
import json, sys
from pathlib import Path
import torch
from spampipe.models.frozen_trunk import complete_model
from spampipe.training import distributed
from spampipe.training.examples import prepare
from spampipe.training.loop import fit
from tests.support.tiny_training import TRAIN, VALIDATION, settings
from tests.support.tiny_models import make_classifier

trainable, folder, changes = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
with distributed.processes() as first:
    classifier = make_classifier(trainable=trainable)
    splits = [prepare(complete_model(classifier), table, "fp32", "") for table in (TRAIN, VALIDATION)]
    records = fit(classifier, *splits, settings=settings(**changes))
    figures = [
        (r.quantity, r.step, r.learning_rate, r.train, r.validation, r.train_loss or 0, r.validation_loss or 0)
        for r in records
    ]
    (folder / f"{distributed.rank()}.json").write_text(json.dumps({"first": first, "records": figures}))
    torch.save(classifier.state_dict(), folder / f"{distributed.rank()}.pt")
"""


def run(processes: int, folder: Path, trainable: str, **changes: object) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    launcher = (
        ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    )
    (folder / "program.py").write_text(PROGRAM)
    arguments = [str(folder / "program.py"), trainable, str(folder), json.dumps(changes)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *launcher, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("trainable", "changes"),
    [
        ("last_block", {}),
        ("all", {"accumulation_steps": 2, "class_weights": "balanced", "max_gradient_norm": 0.05}),
        ("lora", {}),
        ("last_block", {"epochs": 7, "learning_rate": 0.01, "schedule": "linear", "patience": 1, "keep": "best"}),
    ],
)
def test_two_processes_give_the_losses_and_weights_of_one(tmp_path, trainable, changes):
    for processes in (1, 2):
        finished = run(processes, tmp_path / str(processes), trainable, **changes)
        assert finished.returncode == 0, finished.stderr
    alone, first, second = (
        json.loads((tmp_path / name).read_text()) for name in ("1/0.json", "2/0.json", "2/1.json")
    )
    assert [alone["first"], first["first"], second["first"]] == [True, True, False]
    assert first["records"] == second["records"]
    for one, two in zip(alone["records"], first["records"], strict=True):
        assert one[:2] == two[:2]
        assert one[2:] == pytest.approx(two[2:], abs=1e-5)
    one, two = (torch.load(tmp_path / name) for name in ("2/0.pt", "2/1.pt"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert ("patience" in changes) == (len(alone["records"]) < changes.get("epochs", 2) * 5)  # 4 steps and 1 epoch


def test_a_batch_that_cannot_be_divided_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    with pytest.raises(ParamsError, match=r"^train\.batch_size: 5 messages .* 2 processes; make it a multiple of 2$"):
        distributed.share(torch.arange(5))


WRITERS = """
import os, sys
from pathlib import Path
from spampipe.core import files
from spampipe.core.workspace import Workspace
from stages import train

replacing = files.replacing

def noted(path):
    with Path(sys.argv[1]).open("a") as notes:
        notes.write(f"{os.environ['RANK']} {path}\\n")
    return replacing(path)

files.replacing = noted
train.main(Workspace())
"""


def test_only_the_first_process_writes_the_outputs(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(WRITERS)
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    variables = {"PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1", "SPAMPIPE_TRUNK_BYTES": "0"}
    repositories.run(
        repository, *launcher, str(tmp_path / "program.py"), str(tmp_path / "notes"), variables=variables
    )
    notes = (tmp_path / "notes").read_text().split()
    assert set(notes[::2]) == {"0"}
    names = Workspace()
    outputs = (names.classifier_weights, names.classifier_card, names.train_steps, names.train_epochs)
    assert set(notes[1::2]) == {str(path) for path in (*outputs, names.train_metrics, names.parameters)}
    written = Workspace(repository)
    rows = [path.read_text().count("\n") - 1 for path in (written.train_steps, written.train_epochs)]
    assert written.train_log.read_text().count("\n") == sum(rows)
