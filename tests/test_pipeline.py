"""The whole pipeline in a real DVC repository, with a tiny model and few messages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import yaml
from mlflow.entities import Run

from spampipe import files, paths
from spampipe.tracking import EXPERIMENT, MODEL_TAG
from tests.conftest import ROOT

COPIED = ("stages", "spampipe", "dvc.yaml", ".dvcignore", ".gitignore")
CHANGES = {
    "download": {"dataset": "own.tsv"},
    "model": {"name": "gpt2-tiny", "weights": "random"},
    "train": {"epochs": 2, "eval_every_steps": 4, "learning_rate": 0.003},
}
STAGES = ("download", "balance", "split", "tokenize-pad", "train", "evaluate", "plot")
FIGURES = ("loss", "accuracy", "confusion", "precision_recall")


def run(repository: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A command with this interpreter's programs first on the path, and no settings of the user's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment |= {"DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    finished = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    if check and finished.returncode != 0:
        pytest.fail(f"{' '.join(command)}\n{finished.stdout}\n{finished.stderr}")
    return finished


def own_messages() -> str:
    """Two easily told classes, with repeated texts among them."""
    ham = [f"ham\tsee you at {n % 12} for lunch, {n % 7} of us" for n in range(110)]
    spam = [f"spam\tWIN {n}000 pounds now, text {n % 9} to claim your prize" for n in range(60)]
    return "\n".join([*ham, *spam]) + "\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, gpt2_base: Path) -> Path:
    """A repository whose pipeline has run and been committed; tests work on copies."""
    repository = tmp_path_factory.mktemp("pipeline") / "repository"
    repository.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, repository / name)
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, values in CHANGES.items():
        settings[section] |= values
    (repository / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    (repository / "own.tsv").write_text(own_messages())
    run(repository, "git", "init", "-q")
    run(repository, "git", "config", "user.name", "tester")
    run(repository, "git", "config", "user.email", "tester@example.org")
    run(repository, "dvc", "init", "-q")
    shutil.copyfile(ROOT / ".dvc" / "config", repository / ".dvc" / "config")
    run(repository, "dvc", "repro")
    run(repository, "git", "add", "-A")
    run(repository, "git", "commit", "-qm", "baseline")
    return repository


@pytest.fixture
def repository(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "repository", symlinks=True))


def tracked_runs(repository: Path) -> list[Run]:
    client = mlflow.MlflowClient(f"sqlite:///{repository / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], order_by=["start_time ASC"]))


def test_every_output_is_there(finished: Path) -> None:
    for path in (
        *(paths.RAW_MESSAGES, paths.BALANCED, paths.LEFTOVER, paths.base_tokenizer()),
        *(paths.split_csv(split) for split in paths.SPLITS),
        *(paths.split_tokens(split) for split in (*paths.SPLITS, paths.LEFTOVER_SPLIT)),
        *(paths.CLASSIFIER_WEIGHTS, paths.CLASSIFIER_CARD),
        *(paths.TRAIN_STEPS, paths.TRAIN_EPOCHS, paths.TRAIN_METRICS),
        *(
            paths.EVALUATE_METRICS,
            paths.SPLIT_METRICS,
            paths.PREDICTIONS,
            paths.CONFUSION,
            paths.ROC,
            paths.PRECISION_RECALL,
        ),
        *(paths.FIGURES / f"{figure}.{kind}" for figure in FIGURES for kind in ("png", "pdf")),
    ):
        assert (finished / path).stat().st_size > 0, path


def test_reports_cover_every_message(finished: Path) -> None:
    metrics = json.loads((finished / paths.EVALUATE_METRICS).read_text())
    assert metrics["test_accuracy"] > 0.9  # the two classes share hardly a word
    assert 0 <= metrics["leftover_false_positive_rate"] <= 1
    predictions = pd.read_csv(finished / paths.PREDICTIONS)
    assert list(predictions.columns) == ["split", "row", "text", "label", "predicted", "probability"]
    counts = predictions["split"].value_counts().to_dict()
    assert counts == {"train": 84, "leftover": 50, "test": 24, "validation": 12}
    test = predictions[predictions["split"] == "test"]
    assert metrics["test_accuracy"] == (test["label"] == test["predicted"]).mean()


def test_a_second_run_does_nothing(repository: Path) -> None:
    output = run(repository, "dvc", "repro").stdout
    assert "Running stage" not in output
    assert "up to date" in output


def test_forced_runs_leave_the_lock_byte_identical(repository: Path) -> None:
    before = (repository / "dvc.lock").read_bytes()
    output = run(repository, "dvc", "repro", "--force").stdout
    assert [line for line in output.splitlines() if line.startswith("Running stage")] == [
        f"Running stage '{stage}':" for stage in STAGES
    ]
    assert (repository / "dvc.lock").read_bytes() == before


def test_an_experiment_reruns_what_it_touches_and_shows_in_diffs(repository: Path) -> None:
    output = run(repository, "dvc", "exp", "run", "-n", "short", "-S", "train.epochs=1").stdout
    reran = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
    assert reran == ["train", "evaluate", "plot"]
    difference = json.loads(run(repository, "dvc", "params", "diff", "--json").stdout)
    assert difference["params.yaml"] == {"train.epochs": {"old": 2, "new": 1, "diff": -1}}
    steps = json.loads(run(repository, "dvc", "metrics", "diff", "--json").stdout)[str(paths.TRAIN_METRICS)]["steps"]
    assert (steps["old"], steps["new"]) == (20, 10)

    first, second = tracked_runs(repository)
    assert second.info.run_name == "short"
    assert (first.data.params["train.epochs"], second.data.params["train.epochs"]) == ("2", "1")
    assert first.data.tags[MODEL_TAG] != second.data.tags[MODEL_TAG]


def test_an_experiment_elsewhere_records_in_the_one_store(repository: Path) -> None:
    """In a temporary copy, with a learning rate that DVC writes as 2e-05, which YAML 1.1 takes for text."""
    run(repository, "dvc", "exp", "run", "--temp", "-n", "elsewhere", "-S", "train.learning_rate=0.00002")
    newest = tracked_runs(repository)[-1]
    assert newest.info.run_name == "elsewhere"
    assert newest.data.params["train.learning_rate"] == "2e-05"
    assert newest.info.status == "FINISHED"
    assert "/mlartifacts/" in newest.info.artifact_uri
    assert ".dvc" not in newest.info.artifact_uri


def test_one_run_holds_what_all_stages_recorded(finished: Path) -> None:
    (tracked,) = tracked_runs(finished)
    assert tracked.info.status == "FINISHED"
    assert tracked.data.tags[MODEL_TAG] == files.digest(finished / paths.CLASSIFIER_WEIGHTS, "md5")
    reported = json.loads((finished / paths.EVALUATE_METRICS).read_text())
    assert tracked.data.metrics["test_accuracy"] == pytest.approx(reported["test_accuracy"])
    assert any(name.startswith("system/") for name in tracked.data.metrics)

    client = mlflow.MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")
    curve = client.get_metric_history(tracked.info.run_id, "train/loss")
    assert [point.step for point in curve] == [0, 4, 8, 12, 16]
    assert len(client.get_metric_history(tracked.info.run_id, "validation/accuracy")) == 2
    stored = {artifact.path for artifact in client.list_artifacts(tracked.info.run_id)}
    assert stored == {"params.yaml", "reports"}
    folders = {artifact.path for artifact in client.list_artifacts(tracked.info.run_id, "reports")}
    assert folders == {"reports/train", "reports/evaluate", "reports/figures"}
    digests = {data.dataset.name: data.dataset.digest for data in tracked.inputs.dataset_inputs}
    assert digests["data/splits/test.csv"] == files.digest(finished / paths.split_csv("test"), "md5")


def test_an_unreachable_store_costs_one_warning(repository: Path) -> None:
    before = len(tracked_runs(repository))
    command = "MLFLOW_TRACKING_URI=http://127.0.0.1:9 python -m stages.train"
    output = run(repository, "sh", "-c", command)
    assert output.stdout.count("not recorded") == 1
    assert len(tracked_runs(repository)) == before


def test_tracking_can_be_switched_off_and_then_imports_no_mlflow(repository: Path) -> None:
    before = len(tracked_runs(repository))
    program = (
        "import sys; from stages import train; train.main(); assert not [m for m in sys.modules if 'mlflow' in m]"
    )
    run(repository, "sh", "-c", f'SPAMPIPE_TRACKING=off python -c "{program}"')
    assert len(tracked_runs(repository)) == before


def test_data_stages_import_neither_torch_nor_mlflow() -> None:
    for stage in ("download", "balance", "split", "tokenize_pad", "plot"):
        program = f"import sys, stages.{stage}; assert not {{'torch', 'mlflow'}} & set(sys.modules)"
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_two_processes_run_the_train_stage_and_record_one_run(repository: Path) -> None:
    before = len(tracked_runs(repository))
    alone = json.loads((repository / paths.TRAIN_METRICS).read_text())
    command = "OMP_NUM_THREADS=1 python -m torch.distributed.run --standalone --nproc-per-node 2 -m stages.train"
    run(repository, "sh", "-c", command)
    assert len(tracked_runs(repository)) == before + 1
    assert json.loads((repository / paths.TRAIN_METRICS).read_text()) == pytest.approx(alone, abs=0.01)


def test_a_clone_evaluates_and_classifies_after_a_pull(repository: Path, tmp_path: Path) -> None:
    run(repository, "dvc", "remote", "add", "-d", "shared", str(tmp_path / "remote"))
    run(repository, "git", "commit", "-qam", "remote")
    run(repository, "dvc", "push", "-q")
    run(tmp_path, "git", "clone", "-q", str(repository), "clone")
    clone = tmp_path / "clone"
    run(clone, "dvc", "pull", "-q")
    assert "Running stage" not in run(clone, "dvc", "repro").stdout
    expected = (clone / paths.EVALUATE_METRICS).read_bytes()
    (clone / paths.EVALUATE_METRICS).unlink()
    no_fetching = "SPAMPIPE_CACHE=/nonexistent python -m stages.evaluate"
    run(clone, "sh", "-c", no_fetching)
    assert (clone / paths.EVALUATE_METRICS).read_bytes() == expected
    text = "WIN 5000 pounds now, text 3 to claim your prize"
    label, probability, echoed = run(clone, "python", "-m", "spampipe", "classify", text).stdout.strip().split("\t")
    assert (label, echoed) == ("spam", text)
    assert float(probability) > 0.5


BAD_SETTINGS = {
    "train.epochs": ("train.epoch=1", "train.epoch: unknown key"),
    "fractions": ("split.train_fraction=0.95", "leave no test set"),
    "context": ("tokenize_pad.max_length=4096", "gpt2-tiny reads at most 1024 tokens"),
    "batch": ("train.batch_size=500", "fewer than one batch of 500"),
    "dataset": ("download.dataset=missing.tsv", "missing.tsv is neither a known collection"),
}


@pytest.mark.parametrize(("setting", "message"), BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_bad_settings_end_in_one_line_and_lose_nothing(repository: Path, setting: str, message: str) -> None:
    model = (repository / paths.CLASSIFIER_WEIGHTS).read_bytes()
    section, value = setting.split("=")
    group, key = section.split(".")
    settings = yaml.safe_load((repository / "params.yaml").read_text())
    settings[group][key] = yaml.safe_load(value)
    (repository / "params.yaml").write_text(yaml.safe_dump(settings))
    stage = "stages.download" if group == "download" else "stages.train"
    failed = run(repository, "python", "-m", stage, check=False)
    assert failed.returncode == 1
    (line,) = failed.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert (repository / paths.CLASSIFIER_WEIGHTS).read_bytes() == model


DAMAGES = {
    "label": (b"hma\tcome over\n", "line 171: label 'hma'"),
    "empty text": (b"ham\t \n", "line 171: the text is empty"),
    "NUL": (b"ham\tcome\0over\n", "line 171: holds a NUL byte"),
    "UTF-8": (b"ham\tcome \xff over\n", "line 171: not UTF-8"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_raw_file_is_named_with_its_line(repository: Path, damage: bytes, message: str) -> None:
    (repository / "own.tsv").write_bytes(own_messages().encode() + damage)
    failed = run(repository, "python", "-m", "stages.download", check=False)
    assert failed.returncode == 1
    (line,) = failed.stderr.strip().splitlines()
    assert f"own.tsv, {message}" in line
    assert (repository / paths.RAW_MESSAGES).read_text() == own_messages()


def test_balancing_may_leave_nothing_out(repository: Path) -> None:
    settings = yaml.safe_load((repository / "params.yaml").read_text())
    settings["balance"]["strategy"] = "none"
    (repository / "params.yaml").write_text(yaml.safe_dump(settings))
    run(repository, "dvc", "repro")
    summary = json.loads((repository / paths.EVALUATE_METRICS).read_text())
    assert summary["leftover_false_positive_rate"] is None


def test_one_class_only_is_refused(repository: Path) -> None:
    (repository / "own.tsv").write_text("ham\tone\nham\ttwo\n")
    failed = run(repository, "python", "-m", "stages.download", check=False)
    assert (failed.returncode, len(failed.stderr.strip().splitlines())) == (1, 1)
    assert "none of them labelled spam" in failed.stderr
