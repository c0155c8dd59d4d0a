"""What is recorded for people to read, and what the champion is chosen by."""

import json
from pathlib import Path

import mlflow
import pytest

from spampipe.core import paths
from spampipe.results import registry
from spampipe.tracking import runs

FIGURES = {"test_f1": (0.9765081, 0.9765082), "train/loss": (0.012345678, 12345.678), "steps": (4008, 1234567)}


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[mlflow.MlflowClient, list[str]]:
    """Two runs of a store, whose metrics are FIGURES."""
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment, known = client.create_experiment("figures", (tmp_path / "artifacts").as_uri()), []
    for place in (0, 1):
        known.append(client.create_run(experiment).info.run_id)
        runs.log_metrics(client, known[-1], [(name, values[place], 0.0, 0) for name, values in FIGURES.items()])
        file = tmp_path / paths.EVALUATE_METRICS.name
        file.write_text(json.dumps({"test_f1": FIGURES["test_f1"][place]}))
        client.log_artifact(known[-1], str(file), paths.EVALUATE_REPORTS.as_posix())
    return client, known


def test_values_are_recorded_with_five_digits_and_whole_numbers_in_full(
    recorded: tuple[mlflow.MlflowClient, list[str]],
) -> None:
    client, known = recorded
    found = [client.get_run(run_id).data.metrics for run_id in known]
    assert found == [
        {"test_f1": 0.97651, "train/loss": 0.012346, "steps": 4008},
        {"test_f1": 0.97651, "train/loss": 12346, "steps": 1234567},
    ]


def test_the_champion_is_chosen_by_what_is_not_rounded(recorded: tuple[mlflow.MlflowClient, list[str]]) -> None:
    client, (first, second) = recorded
    assert registry._higher(client, first, second, "test_f1")[0]
    assert not registry._higher(client, second, first, "test_f1")[0]
