"""Which registered model is the champion: the best one, by a paired test or by a metric."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from spampipe import params
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.evaluation import answers, readers
from spampipe.results import publication, seed_groups, seed_runs
from spampipe.results.seed_groups import Group
from spampipe.tracking.registered_model import RegisteredModel
from spampipe.tracking.store import Store


@dataclass(frozen=True)
class Registered:
    """A version in the registry.

    Attributes:
        version: its number.
        verdict: whether it is the champion, and why.
    """

    version: int
    verdict: str


def register(workspace: Workspace, name: str, metric: str | None = None) -> Registered:
    """Register the workspace's model, once; make it the champion if it is better than the champion there is.

    Better is: right about so many more test messages that chance would rarely give it (`answers.difference`, at
    `check.significance`); or, if a metric is named, a higher value of it.

    Args:
        workspace: the workspace, which holds the model and its results.
        name: the name of the registered model, which is made if there is none.
        metric: the name of one of the runs' metrics, such as test_f1; None for the paired test.

    Raises:
        DataError: there are no results, or the metric is not among theirs.
        StoreError: the MLflow store cannot be reached.
    """
    run_id = publication.publish_workspace(workspace).run_id
    store = Store.open(workspace)
    model = RegisteredModel(store, name)
    version, champion = model.version_of(run_id, _card(workspace)), model.champion()
    if champion is None:
        better, verdict = True, "champion: the first"
    elif champion.run_id == run_id:
        return Registered(version.number, "champion already")
    elif metric:
        better, verdict = has_more(store, champion.run_id, run_id, metric)
    else:
        better, verdict = _is_more_often_right(store, champion.run_id, workspace)
    if better:
        model.make_champion(version)
    return Registered(version.number, verdict)


def register_seeds(workspace: Workspace, name: str, group: Group, metric: str | None = None) -> Registered:
    """Register the model of a group's first seed; make it the champion if the group is better on average.

    Better is: a better mean than that of the champion's group, beyond chance by Welch's t-test at
    `check.significance`. Which seed is registered does not depend on its own result.

    Args:
        workspace: the workspace, whose clone has the experiments and whose params.yaml has the significance.
        name: the name of the registered model, which is made if there is none.
        group: two seeds or more.
        metric: the name of the metric that decides; None for test_accuracy.

    Raises:
        DataError: the metric is not one of both groups, or results of a seed cannot be had.
        StoreError: the MLflow store cannot be reached.
    """
    seed_runs.record(workspace, group)
    run_id = publication.publish_revision(workspace, group.revisions[0]).run_id
    store = Store.open(workspace)
    model = RegisteredModel(store, name)
    version, champion = model.version_of(run_id), model.champion()
    if champion is None:
        better, verdict = True, "champion: the first"
    elif champion.run_id == run_id:
        return Registered(version.number, "champion already")
    else:
        level = params.load(workspace.params).check.significance
        better, verdict = better_on_average(seed_runs.of_run(store, champion.run_id), group, metric, level)
    if better:
        model.make_champion(version)
    return Registered(version.number, verdict)


def _card(workspace: Workspace) -> str | None:
    """The text of the model's card below its header; None in a result of an older version, which has none."""
    if not workspace.model_card.exists():
        return None
    return workspace.model_card.read_text(encoding="utf-8").split("\n---\n", 1)[-1].strip()


def has_more(store: Store, champion: str, challenger: str, metric: str) -> tuple[bool, str]:
    """Whether a run has a higher value of a metric than the champion's run, and that in words.

    Args:
        store: the store, which holds both runs.
        champion: the id of the champion's run.
        challenger: the id of the other run.
        metric: the metric's name.

    Raises:
        DataError: the metric is not one of both runs.
    """
    old, new = (_value(store, run_id, metric) for run_id in (champion, challenger))
    if old is None or new is None:
        raise DataError(f"{metric}: not a metric of both runs; take one of {Workspace().evaluate_metrics}")
    return new > old, f"{'champion' if new > old else 'not champion'}: {metric} {new}, the champion's {old}"


def better_on_average(
    champion: Group | None, challenger: Group, metric: str | None, level: float
) -> tuple[bool, str]:
    """Whether a group's mean is better than that of the champion's group beyond chance, and that in words.

    Args:
        champion: the champion's group; None if it is of none.
        challenger: the other group.
        metric: the name of the metric that decides; None for test_accuracy.
        level: the probability under which a difference counts as beyond chance.

    Raises:
        DataError: the metric is not one of both groups.
    """
    if champion is None:
        return False, "not champion: the champion is of no group of seeds; run `spampipe seeds` with its settings"
    (found,) = seed_groups.compare(champion, challenger, [metric or seed_groups.JUDGED[0]])
    better = found.beyond_chance(level) > 0
    return better, f"{'champion' if better else 'not champion'}: {found.metric}, {found.words('the champion', level)}"


def _value(store: Store, run_id: str, metric: str) -> float | None:
    """A run's metric, None if it has none; from the evaluation's file if it is there, where it is not rounded."""
    recorded = store.run(run_id).metrics.get(metric)
    if recorded is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = store.download(run_id, Workspace().evaluate_metrics.as_posix(), Path(folder))
        return readers.read_metrics(path).get(metric, recorded)


def _is_more_often_right(store: Store, champion: str, workspace: Workspace) -> tuple[bool, str]:
    """Whether the workspace's model is right more often than the champion beyond chance, and that in words."""
    with tempfile.TemporaryDirectory() as folder:
        path = store.download(champion, Workspace().predictions.as_posix(), Path(folder))
        before = readers.read_predictions(path)
    after, level = readers.read_predictions(workspace.predictions), params.load(workspace.params).check.significance
    found = answers.difference("test", before, after)
    if not found.paired:
        return False, "not champion: its test messages are not the champion's; compare by a metric (--by)"
    better = found.beyond_chance(level) > 0
    return better, f"{'champion' if better else 'not champion'}: {found.words('the champion', level)}"
