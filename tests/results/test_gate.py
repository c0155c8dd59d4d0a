"""Bounds of metrics, of label sets of every kind."""

import shutil
from pathlib import Path

import pytest

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.results import gate
from tests.support.project import ROOT
from tests.support.repositories import change

THREE_LABELS = {"test_accuracy": 0.9, "test_macro_recall": 0.85, "test_recall_not_sure": 0.7}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The committed settings, and metrics of labels of which none is positive."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    found = Workspace(tmp_path)
    files.write_json(found.evaluate_metrics, THREE_LABELS)
    return found


def test_metrics_of_each_label_can_have_bounds(workspace: Workspace) -> None:
    change(workspace.root, "check", minimum={"test_accuracy": 0.8, "test_recall_not_sure": 0.75}, maximum={})
    assert [(found.what, found.passed) for found in gate.check(workspace)] == [
        ("test_accuracy", True),
        ("test_recall_not_sure", False),
    ]


def test_a_bound_of_a_metric_that_only_other_labels_have_is_named_with_the_one_meant(workspace: Workspace) -> None:
    change(workspace.root, "check", minimum={"test_recall": 0.9}, maximum={})
    complaint = (
        r"json: has no test_recall \(did you mean test_macro_recall\?\); change `check` in params.yaml, or run"
    )
    with pytest.raises(DataError, match=complaint):
        gate.check(workspace)
