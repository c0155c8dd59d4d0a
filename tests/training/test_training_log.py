"""What a tracker is shown during training can be read from the tables that training writes."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.core import files
from spampipe.tracking.connection import ADDRESS_VARIABLE
from spampipe.tracking.run import Run
from spampipe.tracking.store import Store
from spampipe.training import training_log
from spampipe.training.training_log import EPOCH_COLUMNS, STEP_COLUMNS, Record
from stages import train
from tests.support import stores

FIGURES = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """A run's records in order: now and then a loss, an accuracy or both at one step, under any learning rate."""
    records = []
    quantities = st.sampled_from([("loss",), ("accuracy",), ("loss", "accuracy")])
    for step in sorted(draw(st.sets(st.integers(0, 10**6), max_size=8))):
        rate, seen, tokens = draw(FIGURES), draw(st.integers(1, 10**9)), draw(st.integers(1, 10**12))
        for quantity in draw(quantities):
            records.append(Record(quantity, step, draw(FIGURES), seen, tokens, rate, draw(FIGURES), draw(FIGURES)))
    return records


def written_and_read(records: Sequence[Record], folder: Path) -> list[tuple[str, float, int]]:
    """The points that a tracker is shown from the files of these records."""
    steps, epochs = folder / "steps.csv", folder / "epochs.csv"
    files.write_csv(steps, training_log.steps_table(records))
    files.write_csv(epochs, training_log.epochs_table(records))
    return training_log.curves(files.read_csv(steps, STEP_COLUMNS), files.read_csv(epochs, EPOCH_COLUMNS))


@given(logs())
def test_the_tables_hold_every_point_of_every_curve(tmp_path_factory: pytest.TempPathFactory, records) -> None:
    shown = {(name, value, record.step) for record in records for name, value in record.metrics().items()}
    points = written_and_read(records, tmp_path_factory.getbasetemp())
    assert len(points) == len(set(points))
    assert set(points) == shown


def test_a_changing_learning_rate_is_published_as_it_was_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    workspace = stores.empty(tmp_path)
    records = [  # a batch of 8; the last epoch ends at a step whose loss is estimated too
        Record("loss", 0, 0.1, 8, 80, 1e-3, 0.7, 0.8),
        Record("accuracy", 9, 1.0, 80, 811, 5e-4, 0.9, 0.8),
        Record("loss", 19, 2.0, 160, 1605, 1e-4, 0.1, 1 / 3),
        Record("accuracy", 19, 2.0, 160, 1605, 1e-4, 1.0, 0.9),
    ]
    run = Run(lambda action: action())
    run.open(workspace, lambda store: store.create_run("training", {}, {}))
    tell = train.teller(run, lambda examples, tokens: examples)
    for record in records:
        tell(record)
    run.end("FINISHED")
    store = Store.open(workspace)
    recorded = [
        (point.name, point.value, point.step)
        for name in store.run(run.run_id).metrics
        if not name.endswith("_per_second")
        for point in store.points(run.run_id, name)
    ]
    published = [(name, float(f"{value:.5g}"), step) for name, value, step in written_and_read(records, tmp_path)]
    assert sorted(recorded) == sorted(published)  # as MLflow is to show them
    assert [(value, step) for name, value, step in sorted(recorded) if name == "learning_rate"] == [
        (1e-4, 19),
        (5e-4, 9),
        (1e-3, 0),
    ]
