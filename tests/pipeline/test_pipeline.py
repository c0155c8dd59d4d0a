"""The whole pipeline in a real DVC repository, with a tiny model and few messages."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import torch
import yaml

from spampipe.core import files
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data.catalogue import DATASETS
from spampipe.tracking.runs import MODEL_TAG
from tests.support.project import ROOT
from tests.support.repositories import change, environment, own_messages, run, tracked_runs

FIGURES = ("loss", "accuracy", "confusion", "precision_recall", "probabilities", "reliability")


def reran(output: str) -> list[str]:
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def test_every_output_is_there(finished: Path) -> None:
    for path in (
        *(
            Workspace().raw_messages,
            Workspace().labels,
            Workspace().balanced,
            Workspace().leftover,
            Workspace().base / "tokenizer.tiktoken",
        ),
        *(Workspace().split_csv(split) for split in SPLITS),
        *(Workspace().leakage, Workspace().leakage_metrics),
        *(Workspace().split_tokens(split) for split in (*SPLITS, LEFTOVER_SPLIT)),
        *(Workspace().classifier_weights, Workspace().classifier_card, Workspace().decision),
        *(Workspace().train_steps, Workspace().train_epochs, Workspace().train_metrics, Workspace().parameters),
        *(Workspace().report, Workspace().model_card),
        *(
            Workspace().evaluate_metrics,
            Workspace().split_metrics,
            Workspace().predictions,
            Workspace().confusion,
            Workspace().roc,
            Workspace().precision_recall,
        ),
        *(Workspace().figures / f"{figure}.{kind}" for figure in FIGURES for kind in ("png", "pdf")),
    ):
        assert (finished / path).stat().st_size > 0, path


def test_reports_cover_every_message(finished: Path) -> None:
    metrics = json.loads((Workspace(finished).evaluate_metrics).read_text())
    assert metrics["test_accuracy"] > 0.9  # the two classes share hardly a word
    assert 0 <= metrics["leftover_false_positive_rate"] <= 1
    predictions = pd.read_csv(Workspace(finished).predictions)
    assert list(predictions.columns) == ["split", "row", "text", "label", "predicted", "probability"]
    counts = predictions["split"].value_counts().to_dict()
    assert counts == {"train": 84, "leftover": 50, "test": 24, "validation": 12}
    test = predictions[predictions["split"] == "test"]
    assert metrics["test_accuracy"] == (test["label"] == test["predicted"]).mean()


def test_a_second_run_does_nothing(repository: Path) -> None:
    output = run(repository, "dvc", "repro").stdout
    assert "Running stage" not in output
    assert "up to date" in output


def test_an_experiment_reruns_what_it_touches_and_shows_in_diffs(repository: Path) -> None:
    output = run(repository, "dvc", "exp", "run", "-n", "short", "-S", "train.epochs=1").stdout
    assert reran(output) == ["train", "evaluate", "plot"]
    difference = json.loads(run(repository, "dvc", "params", "diff", "--json").stdout)
    assert difference["params.yaml"] == {"train.epochs": {"old": 2, "new": 1, "diff": -1}}
    steps = json.loads(run(repository, "dvc", "metrics", "diff", "--json").stdout)[str(Workspace().train_metrics)][
        "steps"
    ]
    assert (steps["old"], steps["new"]) == (20, 10)

    first, second = tracked_runs(repository)
    assert second.info.run_name == "short"
    assert (first.data.params["train.epochs"], second.data.params["train.epochs"]) == ("2", "1")
    assert first.data.tags[MODEL_TAG] != second.data.tags[MODEL_TAG]


def test_an_experiment_elsewhere_records_in_the_one_store(repository: Path) -> None:
    """In a temporary copy, with a learning rate that DVC writes as 2e-05."""
    run(repository, "dvc", "exp", "run", "--temp", "-n", "elsewhere", "-S", "train.learning_rate=0.00002", "train")
    newest = tracked_runs(repository)[-1]
    assert newest.info.run_name == "elsewhere"
    assert newest.data.params["train.learning_rate"] == "2e-05"
    assert newest.info.status == "FINISHED"
    assert "/mlartifacts/" in newest.info.artifact_uri
    assert ".dvc" not in newest.info.artifact_uri


def test_one_run_holds_what_all_stages_recorded(finished: Path) -> None:
    (tracked,) = tracked_runs(finished)
    assert tracked.info.status == "FINISHED"
    assert tracked.data.tags[MODEL_TAG] == files.digest(Workspace(finished).classifier_weights, "md5")
    reported = json.loads((Workspace(finished).evaluate_metrics).read_text())
    assert tracked.data.metrics["test_accuracy"] == pytest.approx(reported["test_accuracy"])
    assert any(name.startswith("system/") for name in tracked.data.metrics)

    client = mlflow.MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")
    curve = client.get_metric_history(tracked.info.run_id, "train/loss")
    assert [point.step for point in curve] == [0, 4, 8, 12, 16]
    assert len(client.get_metric_history(tracked.info.run_id, "validation/accuracy")) == 2
    stored = {artifact.path for artifact in client.list_artifacts(tracked.info.run_id)}
    assert stored == {"params.yaml", "models", "reports", "logs"}
    folders = {artifact.path for artifact in client.list_artifacts(tracked.info.run_id, "reports")}
    assert folders == {
        *(f"reports/{name}" for name in ("split", "train", "evaluate", "figures", "baseline")),
        str(Workspace().report),
    }
    cards = {artifact.path for artifact in client.list_artifacts(tracked.info.run_id, "models")}
    assert cards == {str(Workspace().model_card)}
    for name, share in json.loads(Workspace(finished).leakage_metrics.read_text()).items():
        assert tracked.data.metrics[name] == pytest.approx(share, abs=1e-5)  # MLflow rounds
    baseline = json.loads(Workspace(finished).baseline_metrics.read_text())
    for model in ("majority", "tfidf-logistic", "tfidf-svm"):
        recorded = tracked.data.metrics[f"versus/{model}/test_accuracy"]
        assert recorded == pytest.approx(baseline[model]["test_accuracy"], abs=1e-5)  # MLflow rounds
    digests = {data.dataset.name: data.dataset.digest for data in tracked.inputs.dataset_inputs}
    assert digests["data/splits/test.csv"] == files.digest(Workspace(finished).split_csv("test"), "md5")


def test_a_run_says_what_it_was_made_from(finished: Path) -> None:
    (tracked,) = tracked_runs(finished)
    assert tracked.info.run_name == "gpt2-tiny last_block lr=0.003 seed=123"
    tags = tracked.data.tags
    lock = yaml.safe_load((Workspace(finished).lock).read_text())
    assert tags["dvc.splits_md5"] == lock["stages"]["split"]["outs"][0]["md5"]
    assert tags["dvc.raw_md5"] == files.digest(Workspace(finished).raw_messages, "md5")
    assert tags["version.torch"] == torch.__version__
    assert tags["mlflow.source.git.commit"] == run(finished, "git", "rev-parse", "HEAD~1").stdout.strip()
    assert (tags["mlflow.source.git.branch"], tags["git.dirty"]) == ("main", "false")
    for stage in ("train", "evaluate", "plot"):
        assert tracked.data.metrics[f"time/{stage}_seconds"] > 0
        assert tracked.data.metrics[f"memory/{stage}_peak_mib"] > 50


def test_code_that_was_not_committed_is_recorded(repository: Path) -> None:
    change(repository, "train", epochs=1)
    run(repository, sys.executable, "-m", "stages.train")
    newest = tracked_runs(repository)[-1]
    commit = run(repository, "git", "rev-parse", "HEAD").stdout.strip()
    assert (newest.data.tags["mlflow.source.git.commit"], newest.data.tags["git.dirty"]) == (commit, "true")
    folder = Path(newest.info.artifact_uri.removeprefix("file://"))
    assert "+  epochs: 1" in (folder / "provenance" / "uncommitted.diff").read_text()


def test_another_evaluation_of_one_model_is_a_sibling_with_the_same_curves(repository: Path) -> None:
    run(repository, "dvc", "exp", "run", "-n", "strict", "-S", "evaluate.threshold=0.9")
    first, second = tracked_runs(repository)
    assert second.info.run_name == "strict" and second.info.status == "FINISHED"
    assert first.data.tags[MODEL_TAG] == second.data.tags[MODEL_TAG]
    assert (first.data.params["evaluate.threshold"], second.data.params["evaluate.threshold"]) == ("0.5", "0.9")
    client = mlflow.MlflowClient(f"sqlite:///{repository / 'mlflow.db'}")
    curves = [
        [(point.step, point.value) for point in client.get_metric_history(each.info.run_id, "train/loss")]
        for each in (first, second)
    ]
    assert curves[0] == curves[1] != []
    run(repository, "dvc", "repro", "--force", "--single-item", "plot")
    assert len(tracked_runs(repository)) == 2


def test_a_run_that_is_killed_is_killed(repository: Path) -> None:
    """At once, if it can say so itself; else when the next stage finds its process gone."""
    change(repository, "train", epochs=100_000)
    before = len(tracked_runs(repository))
    for number, statuses in ((signal.SIGTERM, ["KILLED"]), (signal.SIGKILL, ["KILLED", "RUNNING"])):
        begin_training_and_kill(repository, number)
        assert [each.info.status for each in tracked_runs(repository)[before:]] == statuses
    change(repository, "train", epochs=1)
    run(repository, sys.executable, "-m", "stages.train")
    assert [each.info.status for each in tracked_runs(repository)[before:]] == ["KILLED", "KILLED", "FINISHED"]


def begin_training_and_kill(repository: Path, number: signal.Signals) -> None:
    """Send a signal to the stage `train`, once its run is in the store."""
    before = len(tracked_runs(repository))
    stage = [sys.executable, "-m", "stages.train"]
    with subprocess.Popen(stage, cwd=repository, env=environment(), stdout=subprocess.DEVNULL) as process:
        while len(tracked_runs(repository)) == before:
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(number)


def test_data_stages_import_neither_torch_nor_mlflow() -> None:
    for stage in ("download", "balance", "split", "tokenize_pad", "plot"):
        program = f"import sys, stages.{stage}; assert not {{'torch', 'mlflow'}} & set(sys.modules)"
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_two_processes_run_the_train_stage_and_record_one_run(repository: Path) -> None:
    before = len(tracked_runs(repository))
    alone = json.loads((Workspace(repository).train_metrics).read_text())
    command = "OMP_NUM_THREADS=1 python -m torch.distributed.run --standalone --nproc-per-node 2 -m stages.train"
    run(repository, "sh", "-c", command)
    assert len(tracked_runs(repository)) == before + 1
    assert json.loads((Workspace(repository).train_metrics).read_text()) == pytest.approx(alone, abs=0.01)


def test_a_clone_evaluates_and_classifies_after_a_pull(repository: Path, tmp_path: Path) -> None:
    run(repository, "dvc", "remote", "add", "-d", "shared", str(tmp_path / "remote"))
    run(repository, "git", "commit", "-qam", "remote")
    run(repository, "dvc", "push", "-q")
    run(tmp_path, "git", "clone", "-q", str(repository), "clone")
    clone = tmp_path / "clone"
    run(clone, "dvc", "pull", "-q")
    assert "Running stage" not in run(clone, "dvc", "repro").stdout
    expected = (Workspace(clone).evaluate_metrics).read_bytes()
    (Workspace(clone).evaluate_metrics).unlink()
    no_fetching = "SPAMPIPE_CACHE=/nonexistent SPAMPIPE_TRACKING=off python -m stages.evaluate"
    run(clone, "sh", "-c", no_fetching)
    assert (Workspace(clone).evaluate_metrics).read_bytes() == expected
    text = "WIN 5000 pounds now, text 3 to claim your prize"
    label, probability, echoed = run(clone, "python", "-m", "spampipe", "classify", text).stdout.strip().split("\t")
    assert (label, echoed) == ("spam", text)
    assert float(probability) > 0.5


BAD_SETTINGS = {
    "train.epochs": ("train.epoch=1", "train.epoch: unknown key"),
    "fractions": ("split.train_fraction=0.95", "leave no test set"),
    "context": ("tokenize_pad.max_length=4096", "gpt2-tiny reads at most 1024 tokens"),
    "batch": ("train.batch_size=500", "fewer than one batch of 500"),
    "dataset": ("download.dataset=missing.tsv", "missing.tsv is neither a known data set"),
}


@pytest.mark.parametrize(("setting", "message"), BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_bad_settings_end_in_one_line_and_lose_nothing(repository: Path, setting: str, message: str) -> None:
    model = (Workspace(repository).classifier_weights).read_bytes()
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
    assert (Workspace(repository).classifier_weights).read_bytes() == model


def test_too_large_a_batch_is_refused_before_any_work_and_opens_no_run(repository: Path) -> None:
    before = len(tracked_runs(repository))
    change(repository, "train", batch_size=500)
    failed = run(repository, "python", "-m", "stages.train", check=False)
    (line,) = failed.stderr.strip().splitlines()
    assert line.startswith("error: 84 training messages are fewer than one batch of 500")
    assert failed.stdout == ""
    assert len(tracked_runs(repository)) == before


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
    assert (Workspace(repository).raw_messages).read_text() == own_messages()


def test_balancing_may_leave_nothing_out(repository: Path) -> None:
    settings = yaml.safe_load((repository / "params.yaml").read_text())
    settings["balance"]["strategy"] = "none"
    (repository / "params.yaml").write_text(yaml.safe_dump(settings))
    run(repository, "dvc", "repro", "evaluate", variables={"SPAMPIPE_TRACKING": "off"})
    summary = json.loads((Workspace(repository).evaluate_metrics).read_text())
    assert summary["leftover_false_positive_rate"] is None


def test_an_edited_own_file_reruns_what_depends_on_it(repository: Path) -> None:
    with (repository / "own.tsv").open("a") as own:
        own.write("ham\tone more\n")
    assert "own.tsv" in run(repository, "dvc", "status", "download").stdout
    assert reran(run(repository, "dvc", "repro", "split").stdout) == ["download", "balance", "split"]
    assert (Workspace(repository).raw_messages).read_text().endswith("one more\n")
    assert reran(run(repository, "dvc", "repro", "split").stdout) == []


def test_own_files_elsewhere_are_watched_too(repository: Path, tmp_path: Path) -> None:
    own = tmp_path / "elsewhere.tsv"
    own.write_text(own_messages() + "ham\tone more\n")
    experiment = ("dvc", "exp", "run", "--temp", "-S", f"download.dataset={own}", "balance")
    assert reran(run(repository, *experiment).stdout) == ["download", "balance"]
    own.write_text(own_messages() + "ham\tanother\n")
    assert reran(run(repository, *experiment).stdout) == ["download", "balance"]
    change(repository, "download", dataset="../elsewhere.tsv")
    assert reran(run(repository, "dvc", "repro", "balance").stdout)[0] == "download"
    assert (Workspace(repository).raw_messages).read_text() == own.read_text()


def test_an_own_file_that_an_experiment_elsewhere_does_not_have_is_named(repository: Path) -> None:
    (repository / "untracked.tsv").write_text(own_messages())
    experiment = ("dvc", "exp", "run", "--temp", "-S", "download.dataset=untracked.tsv", "split")
    failed = run(repository, *experiment, check=False)
    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr and "untracked.tsv" in failed.stderr.splitlines()[-1]


def test_known_collections_are_files_that_dvc_can_watch() -> None:
    assert all((ROOT / name).is_file() for name in DATASETS)


def test_one_class_only_is_refused(repository: Path) -> None:
    (repository / "own.tsv").write_text("ham\tone\nham\ttwo\n")
    failed = run(repository, "python", "-m", "stages.download", check=False)
    assert (failed.returncode, len(failed.stderr.strip().splitlines())) == (1, 1)
    assert "none of them labelled spam" in failed.stderr


@pytest.mark.usefixtures("minilm_base", "smollm2_base")  # so that their files are there
@pytest.mark.parametrize(
    ("name", "position", "causal"), [("minilm-l6", "mean", False), ("smollm2-135m", "last_real", True)]
)
def test_a_pretrained_model_goes_through_all_stages_by_its_name_alone(
    repository: Path, name: str, position: str, causal: bool
) -> None:
    settings = ("-S", f"model.name={name}", "-S", "model.weights=pretrained")
    output = run(repository, "dvc", "exp", "run", "-n", "pretrained", *settings).stdout
    assert reran(output) == ["download", "tokenize-pad", "train", "evaluate", "plot"]
    workspace = Workspace(repository)
    card = json.loads(workspace.classifier_card.read_text())
    assert {name: card[name] for name in ("base", "position", "causal", "trainable")} == {
        "base": name,
        "position": position,
        "causal": causal,
        "trainable": "last_block",
    }
    metrics = json.loads(workspace.evaluate_metrics.read_text())
    assert metrics["test_accuracy"] > 0.95  # the two classes share hardly a word
    for figure in FIGURES:
        assert (repository / workspace.figures / f"{figure}.png").stat().st_size > 0
    texts = ["see you at 5 for lunch, 3 of us", "WIN 5000 pounds now, text 4 to claim your prize"]
    answers = run(repository, "spampipe", "classify", *texts).stdout.splitlines()
    assert [answer.split("\t")[0] for answer in answers] == ["ham", "spam"]
    assert tracked_runs(repository)[-1].data.params["model.name"] == name
