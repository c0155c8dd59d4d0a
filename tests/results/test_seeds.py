"""`spampipe seeds`, in a repository whose pipeline has run, and what is made of its groups."""

import csv
import re
import statistics
from pathlib import Path

import mlflow
import pytest
import yaml

from spampipe.core.errors import DataError, ParamsError
from spampipe.core.workspace import Workspace
from spampipe.evaluation import readers
from spampipe.params import Params
from spampipe.results import result, seed_groups, seeds
from spampipe.results.parent_runs import PARENT_TAG
from spampipe.results.seed_runs import GROUP_TAG
from tests.support.project import ROOT
from tests.support.recipes import run_recipe
from tests.support.repositories import identify, run, store_of, tracked_runs

TRAIN = ["train.seed"]
FEWER = {"seeds 5": "seeds 2", "train.learning_rate=0.0004": "evaluate.threshold=0.999"}


def test_groups_of_seeds_are_run_found_again_recorded_compared_and_registered(
    repository: Path, tmp_path: Path
) -> None:
    before = readers.read_metrics(Workspace(repository).evaluate_metrics)
    printed = run_recipe("seeds", repository, FEWER)
    first, second = re.findall(r"^group\t(seeds-[0-9a-f]{8})$", printed.stdout, re.MULTILINE)
    assert run(repository, "git", "status", "--short").stdout == ""
    assert readers.read_metrics(Workspace(repository).evaluate_metrics) == before
    groups = {name: seed_groups.find(Workspace(repository), name) for name in (first, second)}
    for place, name in enumerate((first, second)):
        assert printed.stdout.split("group\t")[1 + place].strip() == f"{name}\n\n{seed_groups.text(groups[name])}"
        for seed in (1, 2):
            member = result.named(Workspace(repository), f"{name}-{seed}")
            assert member.settings["train.seed"] == seed and member.settings["split.seed"] == 123
            assert member.settings["evaluate.threshold"] == (0.999 if place else 0.5)
            assert member.metrics["test_f1"] == groups[name].values["test_f1"][seed - 1]

    runs = tracked_runs(repository)
    check_runs(repository, groups[second])
    run(repository, "dvc", "exp", "remove", f"{first}-2")
    again = run(repository, "spampipe", "seeds", "2")  # as after a command that was stopped
    assert f"{first}-1 is there already\n{first}-2: seed 2 of 2\n" in again.stderr
    assert again.stdout == printed.stdout.split("group\t")[0] + "group\t" + printed.stdout.split("group\t")[1]
    assert [each.info.run_id for each in tracked_runs(repository)] == [each.info.run_id for each in runs]

    names = {"seeds-1a2b3c4d": first, "seeds-5e6f7a8b": second, "spam-classifier": "sms"}
    judged = run_recipe("judge-seeds", repository, names).stdout
    bounds = re.findall(r"^ok\ttest_accuracy\t(\S+) >= 0.9$", judged, re.MULTILINE)
    assert list(map(float, bounds)) == [statistics.mean(groups[first].values["test_accuracy"])] * 2
    assert re.search(rf"^ok\ttest_f1\tmean .* of 2 seeds, {second} .* of 2: ", judged, re.MULTILINE)
    assert judged.endswith("sms\tversion 1\tchampion: the first\n")
    assert (repository / "seeds.md").read_text() == (seed_groups.report(groups[second], groups[first], 0.05) + "\n")
    other = run(repository, "spampipe", "register", "sms", "--seeds", second, "--by", "test_recall").stdout
    assert re.match(r"sms\tversion 2\tnot champion: test_recall, mean .* of 2 seeds, the champion .* of 2: ", other)
    compared = run_recipe("compare-more", repository, {"faster": f"{first}-1", "slower": f"{second}-2"}).stdout
    assert re.search(r"^evaluate\.threshold +0\.5 +0\.5 +0\.999$", compared, re.MULTILINE)
    assert "B beside A: " in compared and "C - A: f1" in compared and "B - A: recall" in compared


def check_runs(repository: Path, group: seed_groups.Group) -> None:
    """The group's run, and those of its seeds below it."""
    runs = {each.info.run_name: each for each in tracked_runs(repository)}
    parent = runs[group.name]
    assert (parent.info.status, parent.data.tags[GROUP_TAG]) == ("FINISHED", group.name)
    for seed in (1, 2):
        child = runs[f"{group.name}-{seed}"]
        assert (child.info.status, child.data.tags[PARENT_TAG]) == ("FINISHED", parent.info.run_id)
    found = group.spreads()["test_recall"]
    figures = {"mean": found.mean, "deviation": found.deviation, "interval_low": found.interval[0]}
    for figure, value in figures.items():
        assert parent.data.metrics[f"{figure}/test_recall"] == pytest.approx(value, rel=1e-4)
    client = mlflow.MlflowClient(store_of(repository))
    table = Path(client.download_artifacts(parent.info.run_id, "seeds.csv")).read_text()
    rows = list(csv.DictReader(table.splitlines()))
    assert [row["metric"] for row in rows] == list(group.values)
    assert [(float(row["1"]), float(row["2"])) for row in rows] == list(group.values.values())


@pytest.fixture
def committed(tmp_path: Path) -> Workspace:
    """A workspace with settings that are committed, and without results."""
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    run(tmp_path, "git", "init", "-q")
    identify(tmp_path)
    run(tmp_path, "git", "add", "-A")
    run(tmp_path, "git", "commit", "-qm", "settings")
    return Workspace(tmp_path)


def test_a_group_is_named_by_what_decides_its_results(committed: Workspace) -> None:
    name = seeds.group_name(committed, {}, TRAIN)
    assert name == seeds.group_name(committed, {"train.seed": 5}, TRAIN)
    assert name == seeds.group_name(committed, {"check.significance": 0.01}, TRAIN)
    others = [
        seeds.group_name(committed, {"train.epochs": 77}, TRAIN),
        seeds.group_name(committed, {}, [*TRAIN, "split.seed"]),
    ]
    settings = Params.load(committed.params).changed({"train.epochs": 78})
    committed.params.write_text(yaml.safe_dump(settings.model_dump()))
    others.append(seeds.group_name(committed, {}, TRAIN))
    run(committed.root, "git", "commit", "-qam", "epochs")
    others.append(seeds.group_name(committed, {}, TRAIN))
    assert len({name, *others}) == 5
    assert all(re.fullmatch("seeds-[0-9a-f]{8}", each) for each in (name, *others))


@pytest.mark.parametrize(
    ("count", "assignments", "complaint"),
    [
        (1, [], "seeds 1: must be 2 or more, for one has no spread"),
        (2, ["train.seed=3"], "-S train.seed=3: `spampipe seeds` chooses train.seed itself; leave it out"),
        (2, ["split.seed=3"], "-S split.seed=3: `spampipe seeds` chooses split.seed itself; leave it out"),
        (2, ["train.epochs"], "-S train.epochs: must be section.key=value, such as train.epochs=1"),
        (2, ["train.epoch=1"], "train.epoch: unknown key; did you mean train.epochs?"),
        (2, ["train.epochs=[1"], "-S train.epochs=[1: the value cannot be read ("),
        (2, ["train.epochs=none"], "train.epochs: must be a valid integer"),
    ],
)
def test_what_cannot_be_run_is_refused_before_any_work(
    committed: Workspace, count: int, assignments: list[str], complaint: str
) -> None:
    with pytest.raises(ParamsError, match=re.escape(complaint)):
        seeds.run(committed, count, assignments, split=True)


def test_what_cannot_be_judged_is_refused_in_one_line(committed: Workspace, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="1a2b3c4d: no group of seeds here; there is none; `spampipe seeds 5` makes one"
    ):
        seed_groups.find(committed, "1a2b3c4d")
    for arguments, surplus in ((("check", "HEAD", "--seeds", "a"), "HEAD"), (("report", "--seeds", *"abc"), "c")):
        failed = run(tmp_path, "spampipe", *arguments, check=False)
        assert failed.returncode == 1
        assert failed.stderr == f"error: {surplus}: --seeds takes one group or two and no revision; leave it out\n"


def test_without_a_commit_there_is_nothing_to_start_from(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    run(tmp_path, "git", "init", "-q")
    with pytest.raises(DataError, match="no commit to start experiments from; run `git commit` first"):
        seeds.run(Workspace(tmp_path), 2, [])
