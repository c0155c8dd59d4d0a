"""What is recorded for people to read, and what the champion is chosen by."""

import json

import pytest
from mlflow.entities import LoggedModelOutput

from spampipe.core.errors import DataError
from spampipe.results import registry
from spampipe.tracking import connection
from spampipe.tracking.recorded_runs import Point
from spampipe.tracking.registered_model import RegisteredModel, Version
from spampipe.tracking.store import Store
from tests.support import stores

FIGURES = {"test_f1": (0.9765081, 0.9765082), "train/loss": (0.012345678, 12345.678), "steps": (4008, 1234567)}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[str]]:
    """Two runs of a store, whose metrics are FIGURES."""
    workspace, known = stores.empty(tmp_path_factory.mktemp("store")), []
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(connection.ADDRESS_VARIABLE, raising=False)
        store = Store.open(workspace)
    for place in (0, 1):
        known.append(store.create_run("figures", {}, {}))
        store.log_metrics(known[-1], [Point(name, values[place], 0.0, 0) for name, values in FIGURES.items()])
        workspace.evaluate_reports.mkdir(parents=True, exist_ok=True)
        workspace.evaluate_metrics.write_text(json.dumps({"test_f1": FIGURES["test_f1"][place]}))
        store.log_file(known[-1], workspace.evaluate_metrics, workspace.name_of(workspace.evaluate_reports))
    return store, known


def test_values_are_recorded_with_five_digits_and_whole_numbers_in_full(recorded: tuple[Store, list[str]]) -> None:
    store, known = recorded
    assert [store.run(run_id).metrics for run_id in known] == [
        {"test_f1": 0.97651, "train/loss": 0.012346, "steps": 4008},
        {"test_f1": 0.97651, "train/loss": 12346, "steps": 1234567},
    ]


def test_the_champion_is_chosen_by_what_is_not_rounded(recorded: tuple[Store, list[str]]) -> None:
    store, (first, second) = recorded
    assert registry.has_more(store, first, second, "test_f1")[0]
    assert not registry.has_more(store, second, first, "test_f1")[0]
    with pytest.raises(DataError, match="no_such: not a metric of both runs; take one of reports/evaluate/metrics"):
        registry.has_more(store, first, second, "no_such")


def test_a_registered_model_is_found_again_and_only_its_champion_has_the_alias(
    recorded: tuple[Store, list[str]],
) -> None:
    store, known = recorded
    for number, run_id in enumerate(known, 1):
        model_id = store.client.create_logged_model(store.experiment, "model", source_run_id=run_id).model_id
        store.client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
        for _ in range(2):
            assert RegisteredModel(store, "model").version_of(run_id) == Version(number, run_id)
    assert RegisteredModel(store, "model").champion() is None
    RegisteredModel(store, "model").make_champion(Version(2, known[1]))
    assert RegisteredModel(store, "model").champion() == Version(2, known[1])
