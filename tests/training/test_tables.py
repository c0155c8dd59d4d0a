"""What is left of a run's records: which epoch was kept, and files of earlier versions."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.training import tables
from spampipe.training.tables import EPOCH_COLUMNS
from spampipe.training.training_log import Record

RECORDS = [  # the second of three epochs is the best on validation
    Record("loss", 0, 0.1, 8, 80, 1e-3, 0.7, 0.8),
    Record("accuracy", 9, 1.0, 80, 800, 1e-3, 0.7, 0.6, 0.5, 0.6),
    Record("loss", 15, 1.6, 128, 1280, 1e-3, 0.4, 0.5),
    Record("accuracy", 19, 2.0, 160, 1600, 1e-3, 0.8, 0.9, 0.3, 0.4),
    Record("loss", 20, 2.1, 168, 1680, 1e-3, 0.2, 0.45),
    Record("accuracy", 29, 3.0, 240, 2400, 1e-3, 0.9, 0.8, 0.1, 0.7),
]
WITHOUT_LOSSES = [replace(record, train_loss=None, validation_loss=None) for record in RECORDS]


def test_the_kept_epoch_is_marked() -> None:
    last, best = (tables.epochs_table(RECORDS, keep) for keep in ("last", "best"))
    assert last["kept"].tolist() == [0, 0, 1] and best["kept"].tolist() == [0, 1, 0]
    assert last["validation_loss"].tolist() == [0.6, 0.4, 0.7]
    tie = [*RECORDS[:-1], replace(RECORDS[-1], validation_loss=0.4)]
    assert tables.kept_epoch(tie, "best") == 1  # of two as good, the one that was trained less


def test_the_summary_is_of_what_was_kept() -> None:
    assert tables.summary(RECORDS) == {
        "train_loss": 0.2,
        "validation_loss": 0.45,
        "train_accuracy": 0.9,
        "validation_accuracy": 0.8,
        "steps": 30,
        "examples_seen": 240,
    }
    assert tables.summary(RECORDS, "best") == {
        "train_loss": 0.4,
        "validation_loss": 0.5,
        "train_accuracy": 0.8,
        "validation_accuracy": 0.9,
        "kept_epoch": 2,
        "steps": 30,
        "examples_seen": 240,
    }


def test_a_classifier_without_losses_has_no_such_points(tmp_path: Path) -> None:
    assert tables.kept_epoch(WITHOUT_LOSSES, "best") == 2
    path = tmp_path / "epochs.csv"
    files.write_csv(path, tables.epochs_table(WITHOUT_LOSSES, "best"))
    epochs = tables.read_epochs(path)
    assert epochs.dtypes.astype(str).to_dict() == EPOCH_COLUMNS
    assert epochs["validation_loss"].isna().all() and epochs["kept"].tolist() == [0, 0, 1]
    points = tables.curves(tables.steps_table(WITHOUT_LOSSES), epochs)
    assert {name for name, _, _ in points} == {
        "train/loss",
        "validation/loss",
        "train/accuracy",
        "validation/accuracy",
        "learning_rate",
    }


def test_a_table_of_an_earlier_version_has_the_points_that_were_recorded_then(tmp_path: Path) -> None:
    path = tmp_path / "epochs.csv"
    files.write_csv(path, tables.epochs_table(RECORDS).drop(columns=["train_loss", "validation_loss", "kept"]))
    points = tables.curves(tables.steps_table(RECORDS), tables.read_epochs(path))
    shown = {(name, value, record.step) for record in WITHOUT_LOSSES for name, value in record.metrics().items()}
    assert set(points) == shown


@pytest.mark.parametrize(
    ("column", "cells"),
    [("validation_accuracy", ["", "0.5", "0.5"]), ("kept", ["", "0", "1"]), ("train_loss", "abc")],
)
def test_cells_that_must_not_be_empty_or_are_no_numbers_are_refused(tmp_path: Path, column: str, cells: str) -> None:
    path = tmp_path / "epochs.csv"
    table = tables.epochs_table(RECORDS).astype(object)
    table[column] = list(cells)
    pd.DataFrame(table).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"epochs\.csv: not a table of step, epoch, "):
        tables.read_epochs(path)
