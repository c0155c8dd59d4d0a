"""What training logs while it runs, and that its tables hold what a tracker was shown."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.core import files
from spampipe.models.cost import training_flops
from spampipe.models.frozen_trunk import complete_model
from spampipe.training import tables, training_log
from spampipe.training.examples import TokenExamples
from spampipe.training.loop import fit
from spampipe.training.tables import STEP_COLUMNS
from spampipe.training.training_log import Point, Record, TrainingLog
from tests.support.project import ROOT
from tests.support.tiny_models import make_classifier, make_table
from tests.support.tiny_training import SETTINGS

FIGURES = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """A run's records in order: now and then a loss, an accuracy or both at one step, under any learning rate.

    A classifier has losses over whole sets with all of its accuracies, or with none.
    """
    records = []
    has_losses = draw(st.booleans())
    quantities = st.sampled_from([("loss",), ("accuracy",), ("loss", "accuracy")])
    for step in sorted(draw(st.sets(st.integers(0, 10**6), max_size=8))):
        rate, seen, tokens = draw(FIGURES), draw(st.integers(1, 10**9)), draw(st.integers(1, 10**12))
        for quantity in draw(quantities):
            more = (draw(FIGURES), draw(FIGURES)) if has_losses and quantity == "accuracy" else ()
            figures = draw(FIGURES), draw(FIGURES), *more
            records.append(Record(quantity, step, draw(FIGURES), seen, tokens, rate, *figures))
    return records


def written_and_read(records: Sequence[Record], folder: Path) -> list[tuple[str, float, int]]:
    """The points that a tracker is shown from the files of these records."""
    steps, epochs = folder / "steps.csv", folder / "epochs.csv"
    files.write_csv(steps, tables.steps_table(records))
    files.write_csv(epochs, tables.epochs_table(records))
    return tables.curves(files.read_csv(steps, STEP_COLUMNS), tables.read_epochs(epochs))


@given(logs())
def test_the_tables_hold_every_point_of_every_curve(tmp_path_factory: pytest.TempPathFactory, records) -> None:
    shown = {(name, value, record.step) for record in records for name, value in record.metrics().items()}
    points = written_and_read(records, tmp_path_factory.getbasetemp())
    assert len(points) == len(set(points))
    assert set(points) == shown


RECORDS = [  # a batch of 8; the last epoch ends at a step whose loss is estimated too
    Record("loss", 0, 0.1, 8, 80, 1e-3, 0.7, 0.8),
    Record("accuracy", 9, 1.0, 80, 811, 5e-4, 0.9, 0.8, 0.3, 0.4),
    Record("loss", 19, 2.0, 160, 1605, 1e-4, 0.1, 1 / 3),
    Record("accuracy", 19, 2.0, 160, 1605, 1e-4, 1.0, 0.9, 0.2, 0.5),
]


def test_a_changing_learning_rate_is_published_as_it_was_recorded(tmp_path: Path) -> None:
    points: list[Point] = []
    with TrainingLog(None, lambda examples, tokens: examples, points.append) as log:
        for record in RECORDS:
            log.add(record)
    recorded = [
        (name, value, point.step)
        for point in points
        for name, value in point.metrics.items()
        if not name.endswith("_per_second")
    ]
    assert sorted(recorded) == sorted(written_and_read(RECORDS, tmp_path))
    assert [(value, step) for name, value, step in sorted(recorded) if name == "learning_rate"] == [
        (1e-4, 19),
        (5e-4, 9),
        (1e-3, 0),
    ]


# --- the log -------------------------------------------------------------------------------------------------


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_record_is_a_line_with_its_times_and_speeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 100.0, 102.0, 106.0, 111.0, 112.0])  # made, entered, and each record
    monkeypatch.setattr(training_log.time, "monotonic", lambda: next(clock))
    points: list[Point] = []
    path = tmp_path / "reports" / "log.jsonl"
    with TrainingLog(path, lambda examples, tokens: 10 * examples + tokens, points.append) as log:
        for record in RECORDS:
            log.add(record)
    written = lines(path)
    assert [{name: line[name] for name in asdict(RECORDS[0])} for line in written] == [asdict(r) for r in RECORDS]
    assert [line["seconds"] for line in written] == [2.0, 6.0, 11.0, 12.0]
    speeds = [[line[f"{name}_per_second"] for name in ("examples", "tokens", "flops")] for line in written]
    assert speeds[:3] == [[4.0, 40.0, 80.0], [18.0, 182.75, 362.75], [16.0, 158.8, 318.8]]
    assert speeds[3] == [None, None, None]  # nothing was trained since
    shown = {"train/examples_per_second": 16.0, "train/tokens_per_second": 158.8, "train/flops_per_second": 318.8}
    assert points[2].metrics == {"train/loss": 0.1, "validation/loss": 1 / 3, "learning_rate": 1e-4} | shown
    of_epoch = {"train/epoch_loss": 0.2, "validation/epoch_loss": 0.5}
    assert points[3].metrics == {"train/accuracy": 1.0, "validation/accuracy": 0.9} | of_epoch
    assert [point.step for point in points] == [0, 9, 19, 19]
    assert all(abs(point.time - time.time()) < 60 for point in points)


def test_a_cost_that_is_not_known_is_left_out(tmp_path: Path) -> None:
    points: list[Point] = []
    with TrainingLog(tmp_path / "log.jsonl", lambda examples, tokens: None, points.append) as log:
        log.add(RECORDS[0])
    assert lines(tmp_path / "log.jsonl")[0]["flops_per_second"] is None
    assert {"train/examples_per_second", "train/tokens_per_second"} < set(points[0].metrics)
    assert "train/flops_per_second" not in points[0].metrics


def test_lines_appear_while_training_runs_and_an_earlier_log_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("of an earlier run\n")
    classifier, table = make_classifier(), make_table(19)
    examples = TokenExamples(complete_model(classifier), table)
    seen = []
    with TrainingLog(path, partial(training_flops, classifier)) as log:
        assert path.read_text() == ""

        def listen(record: Record) -> None:
            log.add(record)
            seen.append(len(lines(path)))

        records = fit(classifier, examples, examples, SETTINGS, listen)
    assert seen == list(range(1, len(records) + 1))
    assert [line["train"] for line in lines(path)] == [record.train for record in records]
    assert all(line["flops_per_second"] > 0 for line in lines(path) if line["quantity"] == "loss")


KILLED = """
import json, os, signal, sys
from pathlib import Path
from spampipe.training.training_log import Record, TrainingLog

with TrainingLog(Path(sys.argv[1]), lambda examples, tokens: None) as log:
    for record in json.loads(sys.argv[2]):
        log.add(Record(**record))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_has_logged_is_there(tmp_path: Path) -> None:
    records = json.dumps([asdict(record) for record in RECORDS[:2]])
    command = [sys.executable, "-c", KILLED, str(tmp_path / "log.jsonl"), records]
    assert subprocess.run(command, cwd=ROOT).returncode == -signal.SIGKILL
    assert [line["step"] for line in lines(tmp_path / "log.jsonl")] == [0, 9]


def test_an_interrupted_runs_log_ends_with_its_last_record(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with pytest.raises(KeyboardInterrupt), TrainingLog(path, lambda examples, tokens: None) as log:
        log.add(RECORDS[0])
        raise KeyboardInterrupt
    assert [line["step"] for line in lines(path)] == [0]
