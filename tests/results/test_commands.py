"""What `spampipe` says of results, in a repository whose pipeline has run."""

import re
import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import yaml

from spampipe.core import files
from spampipe.core.errors import DataError, ParamsError, QualityError
from spampipe.core.workspace import Workspace
from spampipe.evaluation import readers
from spampipe.results import gate, history, publication, registry, result
from spampipe.results.verification import Verdict
from spampipe.tracking.connection import ADDRESS_VARIABLE
from spampipe.tracking.provenance import LOCK_TAG
from spampipe.tracking.runs import CURVES, EVALUATE_TAG
from tests.support.recipes import run_recipe
from tests.support.repositories import change, copied, run, store_of, tracked_runs

SPAMPIPE = ("spampipe",)


@pytest.fixture(scope="module")
def changed(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose baseline is the champion, and whose workspace is an experiment of one epoch."""
    repository = copied(finished, tmp_path_factory.mktemp("changed") / "repository")
    registered = run_recipe("register", repository, {"spam-classifier": "sms"}).stdout
    assert registered.split("\t") == ["sms", "version 1", "champion: the first\n"]
    run(repository, "dvc", "exp", "run", "-n", "short", "-S", "train.epochs=1")
    return repository


@pytest.fixture(autouse=True)
def _own_store_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)


@pytest.fixture
def workspace(repository: Path) -> Workspace:
    """A copy of the finished pipeline, for one test."""
    return Workspace(repository)


def one_line_error(repository: Path, *arguments: str) -> str:
    failed = run(repository, *SPAMPIPE, *arguments, check=False)
    assert failed.returncode == 1
    (line,) = failed.stderr.strip().splitlines()
    assert line.startswith("error: ")
    return line


def test_verify_makes_the_same_bytes_again(repository: Path) -> None:
    (repository / "params.yaml").write_text("what lies in the workspace does not count")
    shutil.rmtree(repository / ".dvc" / "cache")
    lines = run_recipe("verify", repository).stdout.splitlines()
    lock = yaml.safe_load(Workspace(repository).lock.read_text())
    outputs = [out for stage in lock["stages"].values() for out in stage["outs"]]
    assert [line.split() for line in lines[1:-1]] == [[o["path"], o["md5"], o["md5"], "identical"] for o in outputs]
    assert lines[-1] == f"{len(outputs)} of {len(outputs)} outputs identical"


DATA, MODEL = Workspace().splits, Workspace().classifier_weights
SAME = {DATA: ("a" * 32, "a" * 32), MODEL: ("b" * 32, "b" * 32)}
METRICS = {"test_accuracy": (0.97, 0.95), "train_loss": (0.1, 0.103), "test_false_positives": (2, 6), "steps": (8, 8)}


@pytest.mark.parametrize(
    ("outputs", "metrics", "complaint"),
    [
        (SAME, {}, None),
        (SAME | {MODEL: ("b" * 32, "c" * 32)}, METRICS, None),
        (SAME | {MODEL: ("b" * 32, "c" * 32)}, METRICS | {"test_accuracy": (0.97, 0.94)}, "test_accuracy: beyond"),
        (SAME | {MODEL: ("b" * 32, "c" * 32)}, METRICS | {"train_loss": (0.1, 0.104)}, "train_loss: beyond"),
        (SAME | {MODEL: ("b" * 32, "c" * 32)}, METRICS | {"steps": (8, 9)}, "steps: beyond"),
        (SAME | {MODEL: ("b" * 32, "c" * 32)}, METRICS | {"test_recall": (0.9, None)}, "test_recall: beyond"),
        (SAME | {DATA: ("a" * 32, None)}, METRICS, "data/splits: must have the same bytes"),
    ],
)
def test_verify_allows_what_floating_point_explains(outputs, metrics, complaint) -> None:
    verdict = Verdict(outputs, metrics)
    same = sum(before == after for before, after in outputs.values())
    assert verdict.table().splitlines()[-1] == f"{same} of 2 outputs identical"
    assert verdict.identical == (same == 2)
    if complaint is None:
        verdict.fail_unless_same()
    else:
        with pytest.raises(QualityError, match=complaint):
            verdict.fail_unless_same()


def test_check_holds_metrics_against_bounds(workspace: Workspace) -> None:
    lines = [line.split("\t")[:2] for line in run_recipe("check", workspace.root).stdout.splitlines()]
    bounds, messages = ["test_accuracy", "leftover_false_positive_rate"], ["test messages", "leftover messages"]
    bounds += ["beside tfidf-logistic", "beside tfidf-svm"]  # for information
    assert lines == [["ok", name] for name in (*bounds, *bounds, *messages)]
    change(workspace.root, "check", minimum={"test_accuracy": 1.01})
    failed = one_line_error(workspace.root, "check")
    assert "test_accuracy: 1.0 >= 1.01; improve the model, or change `check`" in failed
    change(workspace.root, "check", minimum={"accuracy": 0.5})
    with pytest.raises(ParamsError, match=r"metrics\.json has no accuracy; did you mean test_accuracy\?"):
        gate.check(workspace)
    with pytest.raises(DataError, match="neither an experiment nor a revision"):
        history.resolve(workspace, "nowhere")


def test_register_names_a_champion_only_for_a_reason(changed: Path) -> None:
    workspace = Workspace(changed)
    printed = run(changed, *SPAMPIPE, "register", "sms").stdout
    assert printed == "sms\tversion 2\tnot champion: no difference: 24 of 24 right, as in the champion\n"
    second = registry.register(workspace, "sms")
    assert f"sms\tversion {second.version}\t{second.verdict}\n" == printed  # and no third version
    lower = registry.register(workspace, "sms", "train/loss")
    assert lower.verdict.startswith("champion: train/loss")  # a shorter training leaves a higher loss
    client = mlflow.MlflowClient(store_of(changed))
    assert client.get_model_version_by_alias("sms", "champion").version == 2
    assert registry.register(workspace, "sms").verdict == "champion already"
    client.set_registered_model_alias("sms", "champion", "1")
    with pytest.raises(DataError, match="no_such: not a metric"):
        registry.register(workspace, "sms", "no_such")


def test_a_registered_model_predicts_where_there_is_no_repository(changed: Path, tmp_path: Path) -> None:
    values = {"spam-classifier": "sms", "sqlite:///mlflow.db": store_of(changed), "0.99": "0.9999999"}
    answers = run_recipe("predict", tmp_path, values, variables={"PYTHONPATH": ""}).stdout
    assert re.findall("spam|ham", answers) == ["spam", "ham", "ham", "ham"]


def test_report_shows_what_a_change_does(changed: Path) -> None:
    run_recipe("report", changed)
    report = (changed / "report.md").read_text()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in report.splitlines()]
    assert ["train.epochs", "2", "1"] in cells
    assert ["train: steps", "20", "10", "-10", ""] in cells
    assert "- test messages: no difference: 24 of 24 right, as in HEAD" in report
    assert "✅" not in report
    chart = report[report.index("```mermaid") :].splitlines()
    assert [len(line.split(",")) for line in chart if line.startswith("  line")] == [3, 3]
    assert "The chart ends at 72 messages seen, where the shorter run ends; HEAD goes on to 136," in report


def test_compare_shows_two_results_side_by_side(changed: Path) -> None:
    text = run_recipe("compare", changed, {"faster": "short"}).stdout
    against_the_workspace, against_the_commit = (
        part.splitlines() for part in re.split(r"(?<=.)\n(?=A  short)", text)
    )
    assert against_the_workspace == [
        *("A  short", "B  workspace", ""),
        "no difference: the same settings, metrics and predictions",
    ]
    assert ["train.epochs", "1", "2"] in [line.split() for line in against_the_commit]
    assert "test messages, B beside A: no difference: 24 of 24 right, as in A" in against_the_commit
    assert max(map(len, against_the_commit)) <= 80
    for name, complaint in (
        ("nowhere", "neither an experiment nor"),
        ("HEAD~1", "neither in git nor in DVC's cache"),
    ):
        with pytest.raises(DataError, match=complaint):
            result.named(Workspace(changed), name)


def test_experiments_lists_what_each_changed_and_how_far_it_is(changed: Path) -> None:
    run(changed, "dvc", "exp", "run", "--queue", "-n", "later", "-S", "train.seed=5")
    try:
        rows = [line.split() for line in run(changed, *SPAMPIPE, "experiments").stdout.splitlines()]
        markdown = run(changed, *SPAMPIPE, "experiments", "--markdown", "--all-commits").stdout
    finally:
        run(changed, "dvc", "queue", "remove", "later")
    assert ["workspace", "train.epochs=1", "1", "1", "0", "1"] in rows
    assert ["main", "1", "1", "0", "1"] in rows
    assert ["short", "train.epochs=1", "1", "1", "0", "1"] in rows
    assert ["later", "train.seed=5", "-", "-", "-", "-"] in rows
    assert ["(queued)", "train.epochs=1"] in rows
    names = [line.split("|")[1].strip() for line in markdown.splitlines()]
    assert names[2:] == ["workspace", "main (baseline)", "short", "later (queued)"]


def test_back_to_what_is_committed(repository: Path) -> None:
    figure = (Workspace(repository).figures / "loss.png").read_bytes()
    change(repository, "plot", width_inches=5.0)
    run(repository, "dvc", "repro")
    assert "M  dvc.lock" in run(repository, "git", "status", "--short").stdout  # `git checkout .` would leave it
    run_recipe("back", repository)
    assert run(repository, "git", "status", "--short").stdout == ""
    assert run(repository, "dvc", "status").stdout == "Data and pipelines are up to date.\n"
    assert (Workspace(repository).figures / "loss.png").read_bytes() == figure


def test_results_of_other_settings_are_neither_compared_nor_published(workspace: Workspace) -> None:
    change(workspace.root, "train", epochs=7)
    complaint = "params.yaml: train is not what dvc.lock holds results of; run `dvc repro`"
    for action in (result.in_workspace, publication.publish_workspace):
        with pytest.raises(DataError, match=complaint):
            action(workspace)
    assert one_line_error(workspace.root, "compare", "HEAD") == f"error: {complaint}"


def test_errors_lists_the_mistakes_the_surest_first_one_a_line(repository: Path) -> None:
    assert run(repository, *SPAMPIPE, "errors").stdout == ""  # nothing is misclassified there
    table = pd.read_csv(Workspace(repository).predictions, keep_default_na=False)
    first, second = table.index[table["split"] == "test"][:2]
    for row, probability, text in ((first, 0.6, "two\nlines"), (second, 0.95, "surer")):
        table.loc[row, ["text", "label", "predicted", "probability"]] = [text, "ham", "spam", probability]
    Workspace(repository).predictions.unlink()
    table.to_csv(Workspace(repository).predictions, index=False)
    listed = run(repository, *SPAMPIPE, "errors", "--split", "test").stdout
    assert listed == "ham\tspam\t0.9500\tsurer\nham\tspam\t0.6000\ttwo lines\n"
    assert run(repository, *SPAMPIPE, "errors", "--split", "leftover").stdout == ""
    Workspace(repository).predictions.unlink()
    assert "predictions.csv: no such file; run `dvc repro`" in one_line_error(repository, "errors")


def test_results_of_a_version_without_some_columns_can_be_compared_with(repository: Path) -> None:
    lock, steps = Workspace(repository).lock.read_bytes(), Workspace(repository).train_steps
    fewer = pd.read_csv(steps).drop(columns=["tokens_seen", "learning_rate"])
    steps.unlink()  # it may be a link into the cache
    fewer.to_csv(steps, index=False)
    run(repository, "dvc", "commit", "-q", "--force", "train")
    run(repository, "git", "commit", "-qam", "older")
    assert "steps.csv: columns are ['step', 'epoch', 'examples_seen'" in one_line_error(repository, "publish", "HEAD")
    Workspace(repository).lock.write_bytes(lock)
    run(repository, "dvc", "checkout", "-q")
    report = run(repository, *SPAMPIPE, "report", "HEAD").stdout
    first, second = [line for line in report.splitlines() if line.startswith("  line")]
    assert first == second


def test_publish_refuses_results_that_do_not_belong_together(workspace: Workspace) -> None:
    metrics = readers.read_metrics(workspace.evaluate_metrics)
    files.write_json(workspace.evaluate_metrics, metrics | {"test_accuracy": 0.5})
    with pytest.raises(DataError, match=r"metrics\.json: not the one that dvc.lock names"):
        publication.publish_workspace(workspace)


def test_publish_restores_a_lost_store_to_the_point_and_completes_a_killed_run(workspace: Workspace) -> None:
    repository = workspace.root
    (before,) = tracked_runs(repository)
    curves = points(repository)
    assert [len(curves[name]) for name in ("train/loss", "validation/accuracy", "learning_rate")] == [5, 2, 7]
    client = mlflow.MlflowClient(store_of(repository))
    client.update_run(before.info.run_id, status="KILLED")
    client.delete_tag(before.info.run_id, EVALUATE_TAG)
    assert publication.publish_workspace(workspace).added == ("status",)
    assert publication.publish_workspace(workspace).added == ()
    workspace.mlflow_store.rename(repository / "lost.db")
    assert run(repository, *SPAMPIPE, "publish", "HEAD").stdout.endswith("\trun, curves, metrics, files, model\n")
    shutil.copy(workspace.mlflow_store, repository / "restored.db")  # by the old name, MLflow here still has the lost
    restored = f"sqlite:///{repository / 'restored.db'}"
    (after,) = tracked_runs(repository, restored)
    assert after.info.run_id != before.info.run_id
    assert after.info.status == "FINISHED"
    assert after.data.params == before.data.params
    assert points(repository, restored) == curves


def points(repository: Path, store: str | None = None) -> dict[str, list[tuple[int, float]]]:
    """The steps and values of the only run's curves, but for its speeds, which no file has."""
    (tracked,) = tracked_runs(repository, store)
    client = mlflow.MlflowClient(store or store_of(repository))
    return {
        name: sorted((point.step, point.value) for point in client.get_metric_history(tracked.info.run_id, name))
        for name in tracked.data.metrics
        if name.startswith(CURVES) and not name.endswith("_per_second")
    }


def test_publish_brings_the_locks_md5_up_to_date_and_then_changes_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = workspace.root
    (before,) = tracked_runs(repository)
    lock = files.digest(workspace.lock, "md5")
    assert before.data.tags[LOCK_TAG] != lock  # the last stage saw dvc.lock before DVC completed it
    changed = []
    set_tag = mlflow.MlflowClient.set_tag

    def watched(client: mlflow.MlflowClient, run_id: str, name: str, value: str) -> None:
        changed.append(name)
        set_tag(client, run_id, name, value)

    monkeypatch.setattr(mlflow.MlflowClient, "set_tag", watched)
    assert publication.publish_workspace(workspace).added == ()
    (after,) = tracked_runs(repository)
    assert (changed, after.data.tags) == ([LOCK_TAG], before.data.tags | {LOCK_TAG: lock})
    assert publication.publish_workspace(workspace).added == ()
    assert changed == [LOCK_TAG]
