"""`spampipe variants`: a file of variants, run through DVC's own queue in a repository of one quick stage."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from spampipe.core.errors import ParamsError
from spampipe.core.workspace import Workspace
from spampipe.params import Params
from spampipe.results import batches, experiment_queue, variant_figures, variant_runs, variant_tables, variants
from spampipe.results.variant_figures import Figures
from tests.support.project import ROOT
from tests.support.repositories import environment, identify, run, tracked_runs

DEFAULTS = Params.load(ROOT / "params.yaml")
NINETEEN = ROOT / "experiments" / "variants.yaml"
STAGE = """
import pathlib, sys, time, yaml
epochs = yaml.safe_load(open("params.yaml"))["train"]["epochs"]
time.sleep(20 if epochs == 3 and not pathlib.Path({hurry!r}).exists() else 0)
if epochs == 2 and not pathlib.Path({mended!r}).exists(): sys.exit("it cannot be two")
place = pathlib.Path("reports/evaluate")
place.mkdir(parents=True, exist_ok=True)
rows = ["split,messages,accuracy", "train,30,1.0", f"validation,7,{{6 / 7}}", f"test,300,{{(270 + epochs) / 300}}"]
(place / "splits.csv").write_text("\\n".join(rows) + "\\n")
"""
PIPELINE = {
    "cmd": "python stage.py",
    "params": ["train"],
    "deps": ["stage.py"],
    "outs": ["reports/evaluate/splits.csv"],
}


def document(*epochs: int) -> dict[str, object]:
    """A file of variants that differ in their epochs."""
    published = {"train": 99.0, "validation": 90.0, "test": 91.0, "minutes": 0.5}
    each = {
        f"row-{count}": {
            "question": "long",
            "says": f"{count} epochs",
            "published": published,
            "settings": {"train.epochs": count},
        }
        for count in epochs
    }
    groups = {"plain": {"says": "as they are", "settings": {"train.batch_size": 4}}}
    return {
        "source": "a book",
        "questions": {"long": "How long?"},
        "settings": {},
        "variants": each,
        "groups": groups,
    }


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A committed repository with DVC, settings and a stage that fails for two epochs and dawdles for three."""
    place = tmp_path / "small"
    place.mkdir()
    marks = {name: str(tmp_path / name) for name in ("hurry", "mended")}
    (place / "stage.py").write_text(STAGE.format(**marks))
    (place / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (place / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"evaluate": PIPELINE}}))
    (place / "studies.yaml").write_text(yaml.safe_dump(document(2, 3)))
    run(place, "git", "init", "-q")
    identify(place)
    run(place, "dvc", "init", "-q")
    run(place, "git", "add", "-A")
    run(place, "git", "commit", "-qm", "code")
    return place


def end(process: subprocess.Popen[str]) -> None:
    """Kill a command and, as a power cut would, what works in DVC's queue for it, each by its own id."""
    folder = Path(process.args[-1]).parent  # type: ignore[index]
    for each in psutil.process_iter(["pid"]):
        try:
            if each.cwd().startswith(str(folder)) and {"queue-worker", "exec-run", "stage.py"} & set(each.cmdline()):
                each.kill()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_variants_are_run_resumed_and_retried(small: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spampipe", "variants", str(small / "studies.yaml")]
    off, here = {"SPAMPIPE_TRACKING": "off"}, Workspace(small)
    names = variant_runs.experiments(here, variants.load(small / "studies.yaml", DEFAULTS)["plain"])
    with (tmp_path / "log").open("w") as log:
        killed = subprocess.Popen(command, cwd=small, env=environment(off), stderr=log, stdout=log, text=True)
        while not any(task.name == names["row-3"] and task.computing for task in experiment_queue.tasks(here)):
            assert killed.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.2)
        end(killed)
    before = {task.name: task for task in experiment_queue.tasks(here)}
    assert (before[names["row-3"]].state, before[names["row-3"]].computing) == (experiment_queue.RUNNING, False)
    assert before[wrong := names["row-2"]].state == experiment_queue.FAILED

    (tmp_path / "hurry").touch()
    failed = run(small, *command, check=False, variables=off)
    assert failed.returncode == 1
    assert failed.stderr.endswith(
        f"error: {wrong}: failed; `dvc queue logs {wrong}` shows why, and the same command tries again\n"
    )
    (again,) = experiment_queue.tasks(here)  # what is finished has left
    assert (again.name, again.state) == (wrong, experiment_queue.FAILED)
    assert again.revision != before[wrong].revision
    assert "it cannot be two" in run(small, "dvc", "queue", "logs", wrong).stdout
    found = run(small, *command, "--table", variables=off).stdout
    assert found == failed.stdout
    assert re.search(r"^row-2 +How long\? 2 epochs +99\.00 +90\.00 +91\.00 +- ", found, re.MULTILINE)
    assert re.search(r"^row-3 .* 91\.00 +100\.00 +85\.71 +91\.00 \[87\.2", found, re.MULTILINE)
    assert variant_figures.read(small / "studies" / "plain.csv") == {"row-3": Figures(30, 30, 6, 7, 273, 300)}
    assert run(small, "git", "status", "--short").stdout == "?? studies/\n"


def test_a_name_changes_with_what_decides_the_result(small: Path) -> None:
    here, two = Workspace(small), DEFAULTS.changed({"train.epochs": 2})
    name = batches.name_of(here, "a", DEFAULTS)
    (small / "README.md").write_text("nothing to do with it")
    run(small, "git", "add", "-A")
    run(small, "git", "commit", "-qm", "words")
    assert name == batches.name_of(here, "a", DEFAULTS.changed({"check.significance": 0.01}))
    others = [batches.name_of(here, "a", two)]
    (small / "stage.py").write_text("print()\n")
    others.append(batches.name_of(here, "a", DEFAULTS))
    run(small, "git", "commit", "-qam", "code")
    others.append(batches.name_of(here, "a", DEFAULTS))
    assert len({name, *others}) == 4 and all(re.fullmatch("a-[0-9a-f]{8}", each) for each in others)
    assert batches.assignments(DEFAULTS, two) == ["train.epochs=2"]
    assert batches.assignments(DEFAULTS.changed({"train.patience": 3}), DEFAULTS) == ["train.patience=null"]


def test_mlflow_has_a_run_above_those_of_the_variants(repository: Path) -> None:
    path = repository / "studies.yaml"
    path.write_text(yaml.safe_dump(document(1)))
    settings = Params.load(repository / "params.yaml")
    group = variants.load(path, settings)["plain"]
    name = variant_runs.experiments(Workspace(repository), group)["row-1"]
    options = [word for each in batches.assignments(settings, group.params["row-1"]) for word in ("-S", each)]
    run(repository, "dvc", "exp", "run", "--temp", "--name", name, *options)
    printed = run(repository, "spampipe", "variants", "studies.yaml", "--only", "row-1")
    assert f"{name} is there already" in printed.stderr
    runs = {each.info.run_name: each for each in tracked_runs(repository)}
    assert runs[name].data.tags["mlflow.parentRunId"] == runs["studies-plain"].info.run_id
    assert runs["studies-plain"].data.metrics.keys() >= {"test_accuracy/row-1", "train_accuracy/row-1"}
    seconds = variant_figures.read_seconds(repository / "studies" / "plain_seconds.json")
    assert seconds["row-1"] == pytest.approx(runs[name].data.metrics["time/train_seconds"], abs=0.06)


def test_the_nineteen_are_as_published() -> None:
    groups = variants.load(NINETEEN, DEFAULTS)
    gpt2, smollm2 = groups["gpt2"], groups["smollm2"]
    assert [int(name.split("-")[1]) for name in gpt2.params] == list(range(1, 20))
    known = {name: variant.published for name, variant in gpt2.variants.items()}
    checked = {
        "row-01-last-token": (96.63, 99.33, 95.00, 0.28),
        "row-06-medium": (87.50, 91.28, 84.67, 0.75),
        "row-10-random-weights": (100.00, 96.64, 93.67, 0.69),
        "row-13-model-context": (83.08, 87.92, 78.33, 2.46),
        "row-19-mean": (97.79, 99.33, 96.33, 0.32),
    }
    for name, figures in checked.items():
        found = known[name]
        assert (found.train, found.validation, found.test, found.minutes) == figures
    assert sum(found.test for found in known.values()) == pytest.approx(1763.66)
    assert gpt2.params["row-18-ignore-index"] == gpt2.params["row-01-last-token"]
    answered = [other for others in smollm2.stand_for.values() for other in others]
    assert {*answered, *smollm2.params} == set(gpt2.params) and len(answered) + len(smollm2.params) == 19
    assert {each.model.name for each in smollm2.params.values()} == {"smollm2-135m"}
    assert "row-13-model-context" not in smollm2.chosen() and len(smollm2.chosen()) == 12
    assert smollm2.chosen(["row-13-model-context"]) == ["row-13-model-context"]


@pytest.mark.parametrize(("right", "within"), [(281, "yes"), (240, "no")])
def test_the_table_says_whether_the_published_figure_lies_within(right: int, within: str) -> None:
    group = variants.load(NINETEEN, DEFAULTS)["gpt2"]
    figures = {"row-10-random-weights": Figures(1045, 1045, 144, 149, right, 300)}
    headings, *rows = variant_tables.rows(group, figures, {"row-10-random-weights": 90.0})
    row = dict(zip(headings, rows[9], strict=True))
    assert row["published within"] == within and row["minutes"] == "1.5" and row["validation %"] == "96.64"
    assert row["test %"].startswith(f"{right / 3:.2f} [") and rows[0][5:9] == ["-"] * 4


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"source": 3}, "source: must be a valid string, but is 3"),
        ({"groups": {}}, "groups: Dictionary should have at least 1 item"),
        ({"questions": {"short": "?"}}, "row-1: question long: not among the questions"),
        (
            {"settings": {"train.epoch": 3}},
            "groups.plain: row-1: train.epoch: unknown key; did you mean train.epochs?",
        ),
        (
            {"groups": {"x": {"says": "x", "on_demand": ["row-9"]}}},
            "groups.x: row-9: no such variant; did you mean row-",
        ),
        (
            {"groups": {"x": {"says": "x", "stand_for": {"row-1": ["row-2"], "row-2": ["row-3"]}}}},
            "groups.x.stand_for: row-2 is answered by another itself",
        ),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(change: dict[str, object], wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(document(1, 2, 3) | change))
    with pytest.raises(ParamsError) as raised:
        variants.load(path, DEFAULTS)
    assert str(raised.value).startswith(f"{path}: ") and wrong in str(raised.value) and "\n" not in str(raised.value)


def test_what_cannot_be_chosen_is_refused() -> None:
    groups = variants.load(NINETEEN, DEFAULTS)
    with pytest.raises(ParamsError, match="--group smol: no such group; did you mean smollm2"):
        variants.one_of(groups, "smol")
    with pytest.raises(ParamsError, match="--only row-08-xl: answered by row-01-last-token in group smollm2"):
        groups["smollm2"].chosen(["row-08-xl"])
    with pytest.raises(ParamsError, match="--only row-1: no such variant"):
        groups["gpt2"].chosen(["row-1"])
