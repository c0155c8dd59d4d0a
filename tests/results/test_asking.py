"""`spampipe prompt`: an experiment like any other, in a repository whose pipeline has run."""

import json
import shutil
from pathlib import Path

import pytest

from spampipe.classifiers import catalogue
from spampipe.classifiers.prompt import PromptClassifier
from spampipe.core import files
from spampipe.core.workspace import Workspace
from spampipe.tracking.runs import MODEL_TAG
from tests.support.repositories import run, tracked_runs


def test_a_prompt_is_an_experiment_with_metrics_a_run_and_a_model(repository: Path) -> None:
    (repository / "own.yaml").write_text(
        "instruction: ''\nquestion: 'Is {text} spam?'\nanswers: {ham: no, spam: yes}\n"
    )
    asked = ("prompt", "--shots", "2", "--calibrate", "--template", "../own.yaml")
    printed = run(repository / "data", "spampipe", *asked).stdout  # from any folder of the repository
    (heading, name), *metrics = [line.split("\t") for line in printed.splitlines()]
    workspace = Workspace(repository)
    reported = json.loads(workspace.evaluate_metrics.read_text())
    assert heading == "experiment" and [metric for metric, _ in metrics] == list(reported)
    assert name in run(repository, "dvc", "exp", "list", "--name-only").stdout.split()
    changed = {"model.trainable=prompt", "model.prompt_shots=2", "model.prompt_calibrate=true"}
    rows = run(repository, "spampipe", "experiments", "--markdown").stdout
    assert all(change in rows for change in (*changed, "model.prompt_template=own.yaml")), rows
    newest = tracked_runs(repository)[-1]
    assert (newest.info.run_name, newest.info.status) == (name, "FINISHED")
    assert newest.data.tags[MODEL_TAG] == files.digest(workspace.classifier_weights, "md5")
    assert newest.data.metrics["test_accuracy"] == pytest.approx(reported["test_accuracy"])

    (repository / "own.yaml").write_text("question: none\n")
    stale = json.loads(run(repository, "dvc", "status", "--json").stdout)
    assert stale.keys() == {"train"}  # it is a dependency of the stage
    loaded = catalogue.load(workspace)  # and is not needed to classify
    assert isinstance(loaded, PromptClassifier) and len(loaded.describe()["examples"]) == 2
    labelled = run(repository, "spampipe", "classify", "--top", "2", "see you at 3").stdout.split("\t")
    assert {labelled[0], labelled[2]} == {"ham", "spam"}
    assert run(repository, "spampipe", "compare", "HEAD").stdout.count("model.trainable")
    assert "version 1" in run(repository, "spampipe", "register", "asked").stdout
    assert "model.trainable" in run(repository, "spampipe", "report", "HEAD").stdout


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--template", "nowhere.yaml"), "nowhere.yaml: no such file; model.prompt_template names the question's"),
        (("--shots", "-1"), "model.prompt_shots: must be greater than or equal to 0, but is -1; change it"),
        (("--model", "gpt5"), "model.name: gpt5: no such model; the known ones are"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_work(
    finished: Path, tmp_path: Path, options: tuple[str, str], complaint: str
) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(finished / name, tmp_path)
    failed = run(tmp_path, "spampipe", "prompt", *options, check=False)
    assert (failed.returncode, failed.stdout) == (1, "")
    (line,) = failed.stderr.strip().splitlines()
    assert line.startswith(f"error: {complaint}")
