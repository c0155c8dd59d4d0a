"""A team's day: one clone runs, queues and pushes experiments; another pulls, repeats and publishes them."""

import json
import time
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run

from spampipe.core.workspace import Workspace
from spampipe.results import lookup
from spampipe.tracking.runs import CURVES, MODEL_TAG
from tests.support.recipes import run_recipe
from tests.support.repositories import copied, identify, run, store_of, tracked_runs

PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def team(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two clones of one git server with one DVC remote: A has run four experiments, one of them in vain; B none."""
    folder = tmp_path_factory.mktemp("team")
    a, b, server = folder / "a", folder / "b", folder / "server.git"
    copied(finished, a)
    (a / "mlflow.db").unlink()  # a new store, which two workers start at once
    run(a, "git", "clone", "-q", "--bare", ".", str(server))
    run(a, "git", "remote", "add", "origin", str(server))
    run(a, "dvc", "remote", "add", "-d", "team", str(folder / "remote"))
    run(a, "git", "commit", "-qam", "Name the team's remote")
    run(a, "git", "push", "-q", "origin", "main")
    run(a, "dvc", "exp", "run", "--queue", "-n", "wild", "-S", "train.learning_rate=1e38")
    run_recipe("queue", a, {"range(1, 4)": "range(1, 3)"})
    start = time.monotonic()
    while any(word in (status := run(a, "dvc", "queue", "status").stdout) for word in ("Queued", "Running")):
        assert time.monotonic() - start < PATIENCE_SECONDS, status
        time.sleep(5)  # each look costs a second of work
    run_recipe("experiments", a)
    run_recipe("push-experiments", a)
    run(folder, "git", "clone", "-q", str(server), "b")
    identify(b)
    return a, b


def test_all_queued_experiments_are_in_the_one_store_with_their_names(team: tuple[Path, Path]) -> None:
    runs = tracked_runs(team[0])
    good = {each.info.run_name: each for each in runs if each.info.status == "FINISHED"}
    names = set(run(team[0], "dvc", "exp", "ls", "--name-only").stdout.split())
    assert set(good) == names
    settings = [(each.data.params["train.seed"], each.data.params["train.learning_rate"]) for each in good.values()]
    assert sorted(settings) == [("1", "0.003"), ("123", "0.0004"), ("2", "0.003")]
    changed = [each.data.tags["changed"] for each in good.values()]
    assert sorted(changed) == ["train.learning_rate=0.0004", "train.seed=1", "train.seed=2"]
    (failed,) = [each for each in runs if each.info.status != "FINISHED"]
    assert (failed.info.run_name, failed.info.status) == ("wild", "FAILED")
    log = Path(failed.info.artifact_uri.removeprefix("file://")) / "logs" / "train.log"
    assert "lower train.learning_rate" in log.read_text()


def test_differences_are_short_tables(team: tuple[Path, Path]) -> None:
    params = run(team[0], "dvc", "params", "diff").stdout.splitlines()
    assert params[1].split() == ["params.yaml", "train.learning_rate", "0.003", "0.0004"]
    metrics = json.loads(run(team[0], "dvc", "metrics", "diff", "--all", "--json").stdout)
    names = Workspace()
    early = (names.leakage_metrics, names.tokens_metrics)
    paths = (*early, names.train_metrics, names.evaluate_metrics, names.baseline_metrics)
    assert set(metrics) == {str(path) for path in paths}
    assert all(len(metrics[str(path)]) <= 10 for path in (names.train_metrics, names.evaluate_metrics))
    of_the_linear = metrics[str(names.baseline_metrics)]["tfidf-svm.test_accuracy"]
    assert of_the_linear["old"] == of_the_linear["new"]  # the same for every experiment on the same data
    rows = [line.split() for line in run(team[0], "spampipe", "experiments").stdout.splitlines()]
    assert ["faster", "train.learning_rate=0.0004", "1", "1", "0", "1"] in rows
    assert {tuple(row[1:2]) for row in rows if len(row) == 6} >= {("train.seed=1",), ("train.seed=2",)}
    assert ["wild", "train.learning_rate=1e+38", "-", "-", "-", "-"] in rows
    assert ["(failed)"] in rows


def test_a_colleague_has_the_experiment_by_name_at_no_cost(team: tuple[Path, Path]) -> None:
    a, b = team
    run_recipe("pull", b)
    run(b, "dvc", "pull", "--run-cache")
    again = run(b, "dvc", "exp", "run", "--pull", "-n", "again", "-S", "train.seed=2")
    assert "Running stage" not in again.stdout
    assert "Stage 'train' is cached - skipping run" in again.stdout
    run(b, "git", "reset", "-q", "--hard")
    taken = run_recipe("take-experiment", b).stdout
    assert "Running stage" not in taken
    weights = [(Workspace(clone).classifier_weights).read_bytes() for clone in (a, b)]
    assert weights[0] == weights[1]

    first = taken.splitlines()[-1].split("\t")
    assert (first[0], first[2]) == ("workspace", "run, curves, metrics, files, model")
    (theirs,) = [each for each in tracked_runs(a) if each.info.run_name == "faster"]
    (ours,) = tracked_runs(b)
    assert ours.info.status == "FINISHED"
    assert ours.data.params == theirs.data.params
    assert ours.data.tags[MODEL_TAG] == theirs.data.tags[MODEL_TAG]
    assert curves(b, ours) == curves(a, theirs)
    figures = [{k: v for k, v in each.data.metrics.items() if "/" not in k} for each in (ours, theirs)]
    assert figures[0] == figures[1]
    only_there = ("logs", "provenance", Workspace().train_log.as_posix())  # of the process that trained
    assert artifacts(b, ours) >= {path for path in artifacts(a, theirs) if not path.startswith(only_there)}
    assert ours.inputs.dataset_inputs and ours.outputs.model_outputs

    published = [line.split("\t") for line in run_recipe("publish", b).stdout.splitlines()]
    assert published[0] == ["workspace", first[1], "complete already"]
    assert published[1][2] == "run, curves, metrics, files, model"  # the baseline, which nobody ran here
    assert {line[0] for line in published[2:]} == {"again", "faster"}
    changed = [each.data.tags.get("changed", "") for each in tracked_runs(b)]
    assert sorted(changed) == ["", "train.learning_rate=0.0004", "train.seed=2"]


def test_where_maps_all_four_ways(team: tuple[Path, Path]) -> None:
    a, _ = team
    (tracked,) = [each for each in tracked_runs(a) if each.info.run_name == "faster"]
    md5 = tracked.data.tags[MODEL_TAG]
    answer = run_recipe("where", a).stdout
    lines = [line.split("\t") for line in answer.splitlines()]
    assert lines[0] == ["model", md5]
    assert lines[1] == ["run", tracked.info.run_id, "faster", "FINISHED"]
    assert lines[2][:2] == ["experiment", "faster"]
    for name in (md5, tracked.info.run_id, lines[2][2]):
        assert lookup.where(Workspace(a), name).lines() == answer.splitlines()
    commit = run(a, "git", "rev-parse", "HEAD").stdout.strip()
    assert f"revision\t{commit}\tHEAD main" in lookup.where(Workspace(a), "main").lines()


def curves(repository: Path, tracked: Run) -> dict[str, list[tuple[int, float]]]:
    client = mlflow.MlflowClient(store_of(repository))
    return {
        name: sorted((point.step, point.value) for point in client.get_metric_history(tracked.info.run_id, name))
        for name in tracked.data.metrics
        if name.startswith(CURVES) and not name.endswith("_per_second")
    }


def artifacts(repository: Path, tracked: Run) -> set[str]:
    client = mlflow.MlflowClient(store_of(repository))
    found, folders = set(), [""]
    while folders:
        for artifact in client.list_artifacts(tracked.info.run_id, folders.pop() or None):
            (folders.append if artifact.is_dir else found.add)(artifact.path)
    return {path for path in found if not path.endswith(".gitignore")}
