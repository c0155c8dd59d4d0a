"""Tables of a user's own, and the worked example, through DVC, classify, MLflow and its registry."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import spampipe
from spampipe.core import files
from spampipe.core.workspace import Workspace
from spampipe.data import labels
from spampipe.tracking.runs import MODEL_TAG
from tests.support.project import ROOT
from tests.support.repositories import change, run, three_classes, tracked_runs

ASKED = "no \U0001f600: I can not come at 99"


def write_table(path: Path, more: int = 0) -> None:
    """Messages of three labels in columns of other names, by other people's code."""
    lines = [line.split("\t") for line in three_classes().splitlines()]
    lines += [["no", f"I can not come at {n}, either"] for n in range(more)]
    table = pd.DataFrame(
        {
            "ticket": range(len(lines)),
            "kind": [label for label, _ in lines],
            "body": [f"{label} \U0001f600: {text}" for label, text in lines],
        }
    )
    match path.suffix:
        case ".csv":
            table.to_csv(path, index=False)
        case ".jsonl":
            table.to_json(path, orient="records", lines=True, force_ascii=False)
        case ".parquet":
            table.to_parquet(path)


@pytest.mark.parametrize("name", ["tickets.csv", "tickets.jsonl", "tickets.parquet"])
def test_a_table_becomes_a_classifier(repository: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each is run to its end; the repository's settings name two labels of another file until then."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    write_table(repository / name)
    change(repository, "download", dataset=name, text_column="body", label_column="kind", labels=None)
    run(repository, "dvc", "repro", "-q")
    workspace = Workspace(repository)
    assert labels.load(workspace.labels).names == ("no", "perhaps", "yes")
    metrics = json.loads(workspace.evaluate_metrics.read_text())
    assert metrics["test_accuracy"] > 0.8
    truncated = json.loads(workspace.tokens_metrics.read_text())
    assert truncated["train_truncated"] == 0.0 and set(truncated) > {"test_truncated"}

    assert pd.read_csv(workspace.behaviour).empty  # the cases of exams/behaviour.yaml are about ham and spam

    label, _, text = run(repository, "spampipe", "classify", ASKED).stdout.strip().split("\t")
    assert (label, text) == ("no", ASKED)
    newest = tracked_runs(repository)[-1]
    assert newest.data.tags[MODEL_TAG] == files.digest(workspace.classifier_weights, "md5")
    assert newest.data.params["download.text_column"] == "body"
    assert "version 1" in run(repository, "spampipe", "register", "tickets").stdout
    registered = spampipe.load("models:/tickets@champion", repository=repository)
    assert [found.label for found in registered.classify([ASKED])] == ["no"]

    write_table(repository / name, more=5)
    output = run(repository, "dvc", "repro", "split").stdout
    assert re.findall(r"Running stage '([\w-]+)'", output) == ["download", "balance", "split"]


def test_the_example_runs_as_its_page_says(repository: Path) -> None:
    """Its texts are too few for a small random model: it is held to the labels it knows, not to its answers."""
    page = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    experiment, question = (block.split("```")[0] for block in page.split("```sh\n")[1:3])
    change(repository, "download", labels=None)  # as params.yaml is committed
    run(repository, "sh", "-e", "-c", experiment)
    workspace = Workspace(repository)
    known = labels.load(workspace.labels)
    assert known.names == ("Politics", "Sports", "Technology")
    sizes = {name: pd.read_csv(workspace.split_csv(name))["Label"].value_counts() for name in ("train", "test")}
    assert {name: counts.tolist() for name, counts in sizes.items()} == {"train": [21] * 3, "test": [6] * 3}
    answers = run(repository, "sh", "-e", "-c", question).stdout.splitlines()
    assert len(answers) == 2 and {answer.split("\t")[0] for answer in answers} <= set(known.names)
    assert tracked_runs(repository)[-1].info.run_name == "topics"
