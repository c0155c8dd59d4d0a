"""DVC's plots, as `dvc plots show` and `dvc plots diff` fill them in, for two labels and for many."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from spampipe.core import files
from spampipe.core.workspace import Workspace
from spampipe.data.labels import EVEN, LabelSet
from spampipe.evaluation import curves, reports
from spampipe.evaluation.scored import judged
from tests.support.label_sets import TWO
from tests.support.project import ROOT
from tests.support.repositories import identify, run

CURVES = {"roc": ("false_positive_rate", "true_positive_rate"), "precision-recall": ("recall", "precision")}


def write_reports(folder: Path, labels: LabelSet, seed: int) -> None:
    """Of messages whose probabilities tell something of their labels; each label stands in both columns."""
    random = np.random.default_rng(seed)
    classes = np.arange(20 * len(labels)) % len(labels)
    scores = np.exp(random.normal(size=(len(classes), len(labels))) + 3 * np.eye(len(labels))[classes])
    texts = [f"message {number}" for number in range(len(classes))]
    split = judged("test", texts, classes, scores / scores.sum(axis=1, keepdims=True), labels, EVEN)
    workspace = Workspace(folder)
    files.write_csv(workspace.roc, curves.roc(split, labels))
    files.write_csv(workspace.precision_recall, curves.precision_recall(split, labels))
    files.write_csv(workspace.confusion, reports.confusion(split, labels))


def plots(repository: Path, labels: LabelSet, *command: str) -> dict[str, dict[str, Any]]:
    """What DVC fills the templates of the evaluation's plots with, by the plot's name.

    Args:
        repository: an empty folder, which becomes one with a commit and other results in the workspace.
        labels: of the results.
        command: of DVC.
    """
    repository.mkdir()
    wanted = [plot for plot in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"] if plot.keys() & EVALUATION]
    (repository / "dvc.yaml").write_text(yaml.safe_dump({"plots": wanted}))
    write_reports(repository, labels, 1)
    run(repository, "git", "init", "-q", "-b", "main")
    identify(repository)
    run(repository, "dvc", "init", "-q")
    shutil.copytree(ROOT / ".dvc" / "plots", repository / ".dvc" / "plots")
    run(repository, "git", "add", "-A")
    run(repository, "git", "commit", "-qm", "results")
    write_reports(repository, labels, 2)
    shown = json.loads(run(repository, "dvc", "plots", *command, "--json").stdout)
    assert not shown.get("errors")
    found = {name: plot for name, (plot,) in shown["data"].items()}
    return {
        name: json.loads(plot["content"]) if isinstance(plot["content"], str) else plot["content"]
        for name, plot in found.items()
    }


EVALUATION = {"confusion", *CURVES}


@pytest.mark.parametrize("count", [2, 6, 50])
def test_a_table_of_several_labels_has_a_curve_for_each(count: int, tmp_path: Path) -> None:
    names = tuple(f"label {number}" for number in range(count))
    labels = TWO if count == 2 else LabelSet(names=names, positive=None)
    shown = plots(tmp_path / "repository", labels, "diff", "HEAD")
    assert set(shown) == EVALUATION
    for name, (x, y) in CURVES.items():
        plot, rows = shown[name], shown[name]["data"]["values"]
        assert (plot["spec"]["encoding"]["x"]["field"], plot["spec"]["encoding"]["y"]["field"]) == (x, y)
        assert "DVC_METRIC" not in json.dumps(plot)
        assert {made["as"]: made["calculate"] for made in plot["transform"]} == {
            "panel": "isValid(datum.label) ? datum.rev : ''",
            "curve": "isValid(datum.label) ? datum.label : datum.rev",
        }
        drawn = {(row["rev"] if "label" in row else "", row.get("label", row["rev"])) for row in rows}
        revisions = ("workspace", "HEAD")
        assert drawn == (
            {("", each) for each in revisions}
            if count == 2
            else {(each, name) for each in revisions for name in names}
        )
        assert plot["facet"]["column"]["field"] == "panel" and plot["spec"]["encoding"]["color"]["field"] == "curve"
        assert len(rows) <= 2 * 2 * 2 * 20 * count  # not messages times labels
    cells = shown["confusion"]["data"]["values"]
    assert {row["actual"] for row in cells} == {row["predicted"] for row in cells} == set(labels.names)
