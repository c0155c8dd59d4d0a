"""Groups of seeds without a repository: their tables, and how two are judged."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.params import Params
from spampipe.results import gate, parent_runs, registry, seed_groups, seed_runs
from spampipe.results.seed_groups import Group
from spampipe.tracking import connection
from spampipe.tracking.store import Store
from tests.support import stores
from tests.support.project import ROOT

GOOD = Group("seeds-aaaaaaaa", (1, 2, 3), {"test_accuracy": (0.97, 0.975, 0.98), "test_f1": (0.9, 0.91, 0.93)})
POOR = Group("seeds-bbbbbbbb", (1, 2, 3), {"test_accuracy": (0.90, 0.91, 0.905), "test_f1": (0.92, 0.9, 0.91)})
SAME = Group("seeds-cccccccc", (1, 2), {"test_accuracy": (0.96, 0.96), "test_macro_f1": (0.5, 0.5)})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    bounds = {"minimum": {"test_accuracy": 0.95}, "maximum": {}, "significance": 0.05}
    settings = Params.load(ROOT / "params.yaml").model_dump() | {"check": bounds}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    return Workspace(tmp_path)


def test_a_table_has_the_figures_and_every_value() -> None:
    assert seed_groups.text(GOOD).splitlines() == [
        "metric            mean        sd       95 % interval  seed 1  seed 2  seed 3  better is",
        "-------------  -------  --------  ------------------  ------  ------  ------  ---------",
        "test_accuracy    0.975     0.005  0.96258 to 0.98742    0.97   0.975    0.98  higher",
        "test_f1        0.91333  0.015275  0.87539 to 0.95128     0.9    0.91    0.93  higher",
    ]
    cells = [cell.strip() for cell in seed_groups.markdown(GOOD).splitlines()[2].split("|")[1:-1]]
    assert cells == ["test_accuracy", "0.975", "0.005", "0.96258 to 0.98742", "0.97", "0.975", "0.98", "higher"]


@given(
    st.dictionaries(
        st.sampled_from(["test_accuracy", "test_recall_a,b", 'odd "name"']),
        st.tuples(*[st.floats(0, 1)] * 3),
        min_size=1,
    )
)
def test_a_table_that_was_recorded_gives_the_same_group(values: dict[str, tuple[float, ...]]) -> None:
    group = Group("seeds-dddddddd", (1, 2, 5), values)
    assert seed_groups.of_csv(group.name, seed_groups.as_csv(group)) == group


@pytest.mark.parametrize(
    "lines", ["", "metric,mean,standard deviation,low,high,one\n", "metric,1,2,3,4,1\nf1,0,0,0,0,x\n"]
)
def test_a_damaged_table_is_refused(lines: str) -> None:
    with pytest.raises(DataError, match=r"seeds-x: its recorded table is damaged .*; run `spampipe seeds` again"):
        seed_groups.of_csv("seeds-x", lines)


def test_groups_are_compared_by_the_main_metrics_that_both_have_corrected_for_their_number() -> None:
    accuracy, f1 = seed_groups.compare(POOR, GOOD)
    raw = [
        stats.ttest_ind(GOOD.values[name], POOR.values[name], equal_var=False).pvalue
        for name in ("test_accuracy", "test_f1")
    ]
    assert raw[0] < raw[1]
    assert [accuracy.metric, f1.metric] == ["test_accuracy", "test_f1"]
    assert [accuracy.p_value, f1.p_value] == pytest.approx([2 * raw[0], raw[1]])
    assert [accuracy.beyond_chance(0.05), f1.beyond_chance(0.05)] == [1, 0]
    (shared,) = seed_groups.compare(SAME, GOOD)
    assert shared.metric == "test_accuracy"
    with pytest.raises(DataError, match="f1: not of both groups; the known ones are test_accuracy, test_f1"):
        seed_groups.compare(POOR, GOOD, ["f1"])
    alone = Group("seeds-eeeeeeee", (1,), {"test_accuracy": (0.9,)})
    with pytest.raises(DataError, match="one seed has no spread"):
        seed_groups.compare(alone, GOOD)


def test_check_holds_the_mean_against_bounds_and_another_group(workspace: Workspace) -> None:
    assert [finding.line() for finding in gate.check_seeds(workspace, SAME)] == ["ok\ttest_accuracy\t0.96 >= 0.95"]
    assert [finding.passed for finding in gate.check_seeds(workspace, GOOD, POOR)] == [True, True, True]
    bound, accuracy, f1 = gate.check_seeds(workspace, POOR, GOOD)
    assert (bound.passed, accuracy.passed, f1.passed) == (False, False, True)
    assert bound.detail == "0.905 >= 0.95"
    assert accuracy.detail.startswith("mean 0.905 of 3 seeds, seeds-aaaaaaaa 0.975 of 3: worse beyond chance")
    lacking = Group("seeds-eeeeeeee", (1, 2), {"test_f1": (0.9, 0.91)})
    with pytest.raises(DataError, match="seeds-eeeeeeee: has no test_accuracy"):
        gate.check_seeds(workspace, lacking)


def test_a_report_has_the_tests_and_both_means() -> None:
    lines = seed_groups.report(POOR, GOOD, 0.05).splitlines()
    assert lines[0] == "## seeds-aaaaaaaa beside seeds-bbbbbbbb"
    assert "- test_accuracy: mean 0.975 of 3 seeds, seeds-bbbbbbbb 0.905 of 3: better beyond chance" in lines[2]
    assert "- test_f1: mean 0.91333 of 3 seeds, seeds-bbbbbbbb 0.91 of 3: no difference beyond chance" in lines[3]
    row = [cell.strip() for cell in lines[7].split("|")[1:-1]]
    assert row == ["test_accuracy", "0.905 ± 0.005", "0.975 ± 0.005", "higher"]


def test_the_champions_group_is_read_from_the_store_and_only_a_better_mean_replaces_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(connection.ADDRESS_VARIABLE, raising=False)
    store = Store.open(stores.empty(tmp_path))
    alone = store.create_run("alone", {}, {})
    parent = store.create_run(POOR.name, {seed_runs.GROUP_TAG: POOR.name}, {})
    child = store.create_run("child", {parent_runs.PARENT_TAG: parent}, {})
    assert seed_runs.of_run(store, alone) is None and seed_runs.of_run(store, child) is None
    store.log_text(parent, seed_groups.as_csv(POOR), seed_runs.KIND.table)
    champion = seed_runs.of_run(store, child)
    assert champion == POOR
    for challenger, metric, better, words in (
        (GOOD, None, True, "champion: test_accuracy, mean 0.975 of 3 seeds, the champion 0.905 of 3: better beyond"),
        (GOOD, "test_f1", False, "not champion: test_f1, mean 0.91333 of 3 seeds, the champion 0.91 of 3: no diff"),
        (POOR, None, False, "not champion: test_accuracy"),
    ):
        found, said = registry.better_on_average(champion, challenger, metric, 0.05)
        assert found == better and said.startswith(words), said
    assert registry.better_on_average(None, GOOD, None, 0.05) == (
        False,
        "not champion: the champion is of no group of seeds; run `spampipe seeds` with its settings",
    )
