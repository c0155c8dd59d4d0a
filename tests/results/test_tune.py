"""`spampipe tune`: the same trials from the same seed, also after a stop, and hopeless ones ended early."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spampipe import params
from spampipe.core import settings
from spampipe.core.errors import DataError, ParamsError
from spampipe.core.workspace import Workspace
from spampipe.results import experiment_runs, history, search, search_runs, trials, tuning
from spampipe.results.parent_runs import PARENT_TAG
from spampipe.results.search_runs import BEST_TAG, SEARCH_TAG
from spampipe.results.trials import Outcome, Trial
from tests.support.project import ROOT
from tests.support.repositories import identify, run, store_of, tracked_runs

DEFAULTS = params.Params.load(ROOT / "params.yaml")

# What training would leave, at once: the loss falls from epoch to epoch, and is higher the further the rate is from
# 0.001.
STAGE = """
import csv, json, math, pathlib, sys
from spampipe import params
train = params.load(pathlib.Path("params.yaml")).train
if train.learning_rate == 0.1:
    sys.exit("error: the loss is no number")
worse = abs(math.log10(train.learning_rate) + 3)
losses = [(1 + worse) / (1 + epoch) for epoch in range(train.epochs)]
kept = next((n for n, (a, b) in enumerate(zip(losses, train.prune_above or [])) if a > b), len(losses) - 1)
losses = losses[: kept + 1]
for name in ("train", "evaluate"):
    pathlib.Path("reports", name).mkdir(parents=True, exist_ok=True)
with open("reports/train/epochs.csv", "w", newline="") as file:
    writer = csv.writer(file)
    moment = ["step", "epoch", "examples_seen", "tokens_seen", "learning_rate"]
    of_epoch = ["train_accuracy", "validation_accuracy", "train_loss", "validation_loss", "kept"]
    writer.writerow(moment + of_epoch)
    for n, loss in enumerate(losses):
        writer.writerow([n, n + 1.0, n, n, train.learning_rate, 0.5, 0.5, loss, loss, int(n == len(losses) - 1)])
pathlib.Path("reports/train/metrics.json").write_text(json.dumps({"validation_loss": 99.0}))
pathlib.Path("reports/evaluate/metrics.json").write_text(json.dumps({"validation_accuracy": 1 - losses[-1] / 10}))
"""
PIPELINE = """
stages:
  train:
    cmd: python stage.py
    params: [train]
    deps: [stage.py]
    outs: [reports/train/epochs.csv, reports/train/metrics.json, reports/evaluate/metrics.json]
"""
SEARCH = {
    "settings": {"train.batch_size": 4},
    "search": {
        "train.learning_rate": {"choices": [1e-5, 1e-3]},
        "train.epochs": {"low": 2, "high": 3},
    },
    "trials": 4,
    "seed": 39,  # the second trial has the values of the first, and the third is worse
    "startup_trials": 2,
    "pruning": "median",
}
BY_FOLDS = {
    "settings": {"crossvalidate.folds": 2, "crossvalidate.group_duplicates": "exact", "train.epochs": 1},
    "search": {"train.learning_rate": {"choices": [1e-7, 3e-3]}},
    "objective": {"by": "crossvalidation"},
    "trials": 3,
    "seed": 27,  # the higher rate is tried twice, then the lower one
    "startup_trials": 2,
    "pruning": "median",
}


@pytest.fixture
def quick(tmp_path: Path) -> Workspace:
    """A repository with a pipeline whose training takes no time."""
    place = tmp_path / "repository"
    place.mkdir()
    for name, text in {
        "params.yaml": (ROOT / "params.yaml").read_text(),
        "dvc.yaml": PIPELINE,
        "stage.py": STAGE,
    }.items():
        (place / name).write_text(text)
    (place / "tune.yaml").write_text(yaml.safe_dump(SEARCH, sort_keys=False))
    run(place, "git", "init", "-q", "-b", "main")
    identify(place)
    run(place, "dvc", "init", "-q")
    run(place, "git", "add", "-A")
    run(place, "git", "commit", "-qm", "code")
    return Workspace(place)


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(quick: Workspace) -> None:
    wanted = search.load(quick.root / "tune.yaml", params.load(quick.params))
    whole = tuning.run(quick, wanted)
    first, second, third, fourth = whole.trials
    assert first.values == second.values and first.course == second.course == pytest.approx((1, 0.5, 1 / 3))
    assert (first.state, second.state, third.state, fourth.state) == ("complete", "complete", "pruned", "complete")
    assert third.values == {"train.learning_rate": 1e-5, "train.epochs": 2}
    assert third.course == (3,) and third.objective is None  # whose median was 1
    assert (whole.best, whole.changes) == (first, {"train.batch_size": 4, **first.values})
    limits = {each.number: result_of(quick, each)["train.prune_above"] for each in whole.trials}
    assert limits == {1: None, 2: None, 3: list(first.course[:2]), 4: list(first.course[:2])}
    assert result_of(quick, third)["train.learning_rate"] == 1e-5
    assert run(quick.root, "git", "status", "--short").stdout == ""

    for each in (third, fourth):
        run(quick.root, "dvc", "exp", "remove", each.name)
    assert tuning.run(quick, wanted, 2).trials == (first, second)  # which are not run again
    again = tuning.run(quick, wanted)
    assert again.trials[:2] == whole.trials[:2] and again.name == whole.name
    assert trials.as_csv(again) == trials.as_csv(whole)
    assert trials.text(again).splitlines()[4].split() == ["3", "1e-05", "2", "-", "pruned"]


def test_a_trial_that_fails_is_noted_once_another_is_complete(quick: Workspace) -> None:
    rates = {"train.learning_rate": {"choices": [0.001, 0.1]}}
    (quick.root / "tune.yaml").write_text(yaml.safe_dump(SEARCH | {"search": rates, "trials": 2, "seed": 10}))
    wanted = search.load(quick.root / "tune.yaml", params.load(quick.params))
    outcome = tuning.run(quick, wanted)
    assert [each.state for each in outcome.trials] == ["complete", "failed"]
    assert outcome.best.number == 1 and outcome.trials[1].objective is None and outcome.trials[1].revision is None
    assert trials.text(outcome).splitlines()[-1].split() == ["2", "0.1", "-", "failed"]
    rates = {"train.learning_rate": {"choices": [0.1, 0.001]}}  # so that it is the first that fails
    (quick.root / "tune.yaml").write_text(yaml.safe_dump(SEARCH | {"search": rates, "trials": 2, "seed": 10}))
    with pytest.raises(DataError, match=r"dvc exp run .* failed"):
        tuning.run(quick, search.load(quick.root / "tune.yaml", params.load(quick.params)))


def result_of(workspace: Workspace, trial: Trial) -> dict[str, object]:
    """The settings of a trial's experiment."""
    assert trial.revision
    with history.files_of(workspace, trial.revision, [Workspace().params]) as found:
        return settings.flat(params.load(found.params).model_dump())


def test_a_search_is_named_by_what_decides_its_trials(quick: Workspace) -> None:
    def name(**changes: object) -> str:
        (quick.root.parent / "other.yaml").write_text(yaml.safe_dump({**SEARCH, **changes}))
        wanted = search.load(quick.root.parent / "other.yaml", params.load(quick.params))
        return experiment_runs.digest(quick, wanted.decisive())

    others = [{"seed": 8}, {"pruning": "none"}, {"settings": {}}, {"objective": {"metric": "validation_accuracy"}}]
    assert name() == name(trials=9)
    assert len({name(), *(name(**each) for each in others), name(search=BY_FOLDS["search"])}) == 6


def test_a_search_by_folds_is_recorded_and_applied(repository: Path) -> None:
    (repository / "folds.yaml").write_text(yaml.safe_dump(BY_FOLDS))
    run(repository, "git", "add", "-A")
    run(repository, "git", "commit", "-qm", "search")
    before = {each.info.run_id for each in tracked_runs(repository)}
    printed = run(repository, "spampipe", "tune", "folds.yaml", "--apply")
    found = re.search(r"^search\t(tune-[0-9a-f]{8})$", printed.stdout, re.MULTILINE)
    assert found, printed.stdout
    name = found[1]
    assert re.search(r"^ +2 +0\.003 +0\.\d+ +complete\n +3 +1e-07 +- +pruned$", printed.stdout, re.MULTILINE)
    best = re.search(rf"^best\t{name}-1\tlog_loss (\S+)$", printed.stdout, re.MULTILINE)
    assert best, printed.stdout
    assert printed.stdout.splitlines()[-1].endswith(" -S train.epochs=1 -S train.learning_rate=0.003")
    assert {each.experiment for each in history.experiments(Workspace(repository))} == {f"{name}-1", f"{name}-2"}

    recorded = [each for each in tracked_runs(repository) if each.info.run_id not in before]
    parent, pruned = (each for ending in ("", "-3") for each in recorded if each.info.run_name == f"{name}{ending}")
    children = [each for each in recorded if each is not parent]
    assert parent.data.tags[SEARCH_TAG] == name and parent.data.tags[BEST_TAG + "train.learning_rate"] == "0.003"
    assert parent.data.metrics["best/log_loss"] == pytest.approx(float(best[1]), rel=1e-3)
    assert {each.data.tags[PARENT_TAG] for each in children} == {parent.info.run_id}
    assert {each.info.status for each in recorded} == {"FINISHED"}
    assert pruned.data.metrics["folds/log_loss"] > parent.data.metrics["best/log_loss"]
    assert pruned.data.params["train.learning_rate"] == "1e-07"
    table = mlflow.MlflowClient(store_of(repository)).download_artifacts(parent.info.run_id, "trials.csv")
    rows = list(csv.DictReader(Path(table).read_text().splitlines()))
    assert [row["experiment"] for row in rows] == [f"{name}-1", f"{name}-2", ""]

    applied = params.load(repository / "params.yaml")
    assert (applied.train.learning_rate, applied.train.epochs, applied.crossvalidate.folds) == (0.003, 1, 2)
    run(repository, "git", "restore", "params.yaml")
    here = Workspace(repository)
    outcome = tuning.run(here, search.load(repository / "folds.yaml", params.load(here.params)))
    assert trials.text(outcome) in printed.stdout  # all of it is kept
    assert search_runs.record(here, outcome) == parent.info.run_id
    assert len(tracked_runs(repository)) == len(before) + len(recorded)


COURSES = st.lists(st.floats(0, 10), min_size=1, max_size=5)


@given(st.lists(st.tuples(COURSES, st.booleans()), max_size=8), st.integers(1, 4))
def test_limits_are_medians_of_complete_trials(found: list[tuple[list[float], bool]], startup: int) -> None:
    ended = [
        Trial(number, "", {}, "complete" if complete else "pruned", 0.0 if complete else None, tuple(course))
        for number, (course, complete) in enumerate(found, 1)
    ]
    complete = [course for course, whole in found if whole]
    limits = trials.limits(ended, startup)
    if len(complete) < startup:
        assert limits is None
        return
    assert limits is not None and len(limits) == max(map(len, complete))
    for epoch, limit in enumerate(limits):
        losses = [course[epoch] for course in complete if epoch < len(course)]
        assert sum(loss <= limit for loss in losses) * 2 >= len(losses) <= 2 * sum(loss >= limit for loss in losses)
        assert len(losses) % 2 == 0 or limit in losses


def test_without_losses_nothing_is_pruned() -> None:
    assert trials.limits([Trial(1, "", {}, "complete", 0.5, ())], 1) is None


def test_of_equal_trials_the_first_is_the_best() -> None:
    found = tuple(
        Trial(number, "", {}, "pruned" if each is None else "complete", each, ())
        for number, each in enumerate([None, 0.5, 0.7, 0.7, 0.1], 1)
    )
    wanted = search.load(ROOT / "experiments" / "tune.yaml", DEFAULTS)
    assert Outcome("tune", wanted, found).best.number == 5
    assert Outcome("tune", replace(wanted, direction="maximize"), found).best.number == 3


def test_the_committed_search_can_be_used() -> None:
    wanted = search.load(ROOT / "experiments" / "tune.yaml", DEFAULTS)
    assert (wanted.metric, wanted.by, wanted.direction) == ("validation_loss", "validation", "minimize")
    assert wanted.common == DEFAULTS and wanted.trials == 20 and len(wanted.dimensions) == 5
    limited = DEFAULTS.changed({"train.prune_above": [0.1]})  # limits are the search's own
    assert search.load(ROOT / "experiments" / "tune.yaml", limited).common == DEFAULTS


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"search": {}}, "search: Dictionary should have at least 1 item"),
        ({"trials": 0}, "trials: must be greater than or equal to 1, but is 0; correct it"),
        ({"pruning": "halving"}, "pruning: must be 'median' or 'none'"),
        ({"search": {"train.epoch": {"low": 1, "high": 2}}}, "train.epoch: unknown key; did you mean train.epochs?"),
        ({"search": {"train.epochs": {"low": 0, "high": 2}}}, "train.epochs: must be greater than or equal to 1"),
        ({"search": {"train.epochs": {"low": 1, "high": 2.5}}}, "train.epochs: must be a valid integer"),
        ({"search": {"train.epochs": {"low": 3, "high": 2}}}, "search.train.epochs: low 3 must be less than high 2"),
        ({"search": {"train.epochs": {"low": 1}}}, "search.train.epochs: give choices, or low and high"),
        ({"search": {"train.epochs": {"low": 1, "choices": [1, 2]}}}, "only one of the two"),
        ({"search": {"train.epochs": {"low": 1, "high": 4, "step": 2}}}, "high must be low and a multiple of step 2"),
        ({"search": {"train.epochs": {"low": 1, "high": 4, "step": 0.5}}}, "step 0.5 must be whole"),
        ({"search": {"model.dropout": {"low": 0, "high": 0.5, "log": True}}}, "log needs a low above 0, and no step"),
        ({"search": {"train.schedule": {"choices": ["linear", "step"]}}}, "train.schedule: must be 'constant'"),
        ({"search": {"split.seed": {"low": 1, "high": 3}}}, "split.seed: trials must have the same messages"),
        ({"search": {"train.prune_above": {"choices": [1, 2]}}}, "`spampipe tune` chooses it itself; leave it out"),
        ({"settings": {"train.prune_above": [0.1]}}, "`spampipe tune` chooses it itself; leave it out"),
        ({"settings": {"train.epochs": 0}}, "train.epochs: must be greater than or equal to 1"),
        ({"objective": {"metric": "test_accuracy"}}, "objective.metric: test_accuracy: those messages are not"),
        ({"objective": {"metric": "validation_los"}}, "did you mean validation_loss?"),
        (
            {"objective": {"metric": "steps"}},
            "objective.direction: missing; say whether to minimize or maximize steps",
        ),
        ({"objective": {"metric": "log_los", "by": "crossvalidation"}}, "did you mean log_loss?"),
        ({"objective": {"direction": "maximize"}}, "objective.direction: lower values of validation_loss are better"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(changes: dict[str, object], wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump({**SEARCH, **changes}))
    with pytest.raises(ParamsError) as raised:
        search.load(path, DEFAULTS)
    assert str(raised.value).startswith(f"{path}: ") and wrong in str(raised.value)
    assert "\n" not in str(raised.value)


def test_too_few_trials_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="--trials 0: must be 1 or more"):
        tuning.run(Workspace(tmp_path), search.load(ROOT / "experiments" / "tune.yaml", DEFAULTS), 0)
