"""Complete the MLflow store from results: those of the workspace, of a revision, of every experiment.

A stage that DVC takes from its run-cache, or pulls, records nothing; nor does one whose store could not be reached.
What the stages would have recorded is in params.yaml, dvc.lock and reports/.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spampipe import params
from spampipe.core import files
from spampipe.core.errors import DataError, ParamsError
from spampipe.core.workspace import Workspace
from spampipe.evaluation import readers
from spampipe.params import Params
from spampipe.results import baseline, history, result
from spampipe.results.history import Revision
from spampipe.tracking import dvc_lock, mlflow_model, provenance, runs
from spampipe.tracking.recorded_runs import Point
from spampipe.tracking.store import Store
from spampipe.training import tables


@dataclass(frozen=True)
class Published:
    """A run that now holds a whole result.

    Attributes:
        title: the experiment's name, the revision, or `workspace`.
        run_id: the run's id.
        added: what it lacked; empty if it was complete.
    """

    title: str
    run_id: str
    added: tuple[str, ...]


def publish_workspace(workspace: Workspace) -> Published:
    """Publish the results that lie in the workspace.

    Args:
        workspace: the workspace, which holds the results, and whose repository has the store if the user names no
            other.

    Raises:
        DataError: they are missing, or are not those of params.yaml and dvc.lock.
        StoreError: the store cannot be reached.
    """
    return _publish(workspace, result.WORKSPACE, provenance.git(workspace), workspace)


def publish_revision(workspace: Workspace, revision: Revision) -> Published:
    """Publish the results of a commit or an experiment.

    Args:
        workspace: the workspace whose clone has the revision.
        revision: the commit or experiment.

    Raises:
        DataError: it has none, or they cannot be had.
        ParamsError: its params.yaml cannot be read.
        StoreError: the store cannot be reached.
    """
    tags = {provenance.COMMIT_TAG: revision.baseline}
    if revision.experiment:
        tags |= {provenance.EXPERIMENT_TAG: revision.experiment, provenance.BASELINE_TAG: revision.baseline}
    needed = [*_needed(history.outputs_of(workspace, revision.commit)), *_corrections(workspace, revision)]
    with history.files_of(workspace, revision, needed) as found:
        tags |= provenance.changes(found, revision.baseline, workspace)
        return _publish(found, revision.title, tags, workspace)


def publish_experiments(workspace: Workspace) -> Iterator[Published]:
    """Publish every DVC experiment of the workspace's clone; the others are published even if one cannot be.

    Args:
        workspace: the workspace whose clone has the experiments, and whose repository has the store if the user names
            no other.

    Raises:
        DataError: at the end, naming those that could not be published.
        StoreError: the store cannot be reached.
    """
    failed = []
    for revision in history.experiments(workspace):
        try:
            yield publish_revision(workspace, revision)
        except (DataError, ParamsError) as error:
            failed.append(str(error))
    if failed:
        raise DataError("; ".join(failed))


def _needed(outputs: set[Path]) -> list[Path]:
    """The files and folders of a revision that are needed, by their paths from the workspace's top.

    Args:
        outputs: what its dvc.lock names.
    """
    names = Workspace()
    data = [names.raw_messages, names.labels, names.splits, names.leftover]
    later = [path for path in (names.leakage, names.leakage_metrics, *_told(names)) if path in outputs]
    return [names.params, names.lock, *_reports(names), *later, *baseline.present(outputs), *_model(names), *data]


def _corrections(workspace: Workspace, revision: Revision) -> list[Path]:
    """The file of corrections that a revision's results come from, if it lies in the repository."""
    lock = history.lock_text(workspace, revision.commit)
    name = dvc_lock.settings(lock).get("balance", {}).get("corrections") if lock else None
    path = Path(name or "/")
    return [] if path.is_absolute() or ".." in path.parts else [path]


def _reports(workspace: Workspace) -> tuple[Path, ...]:
    """The folders of reports that results of every version have."""
    return workspace.train_reports, workspace.evaluate_reports, workspace.figures


def _told(workspace: Workspace) -> tuple[Path, ...]:
    """What tells people of a result; results of older versions have none of it."""
    return workspace.report, workspace.model_card


def _model(workspace: Workspace) -> tuple[Path, ...]:
    return workspace.classifier_weights, workspace.classifier_card, workspace.decision


def _publish(workspace: Workspace, title: str, tags: Mapping[str, str], repository: Workspace) -> Published:
    """Record what a result's run lacks.

    Args:
        workspace: the workspace, which holds the result.
        title: the result's name.
        tags: the tags that say where the result comes from, apart from its data.
        repository: the workspace whose store it is recorded in.
    """
    settings = params.load(workspace.params)
    outputs = _checked_outputs(workspace, settings)
    md5 = outputs[Workspace().classifier_weights]
    corrected = _checked_corrections(workspace, settings.balance.corrections)
    store, recorded = Store.open(repository), settings.recorded()
    origin = {**provenance.data(workspace), **tags}
    found = runs.find(store, recorded, md5)
    run_id = found or runs.find_or_create(store, recorded, settings.title, md5, origin, workspace)
    added = [] if found else ["run"]
    added += _complete(store, run_id, workspace, outputs, corrected)
    current = store.run(run_id)
    for name, value in origin.items():
        known = current.tags.get(name)
        if known is None or (name == provenance.LOCK_TAG and known != value):  # the last stage changed dvc.lock
            store.set_tag(run_id, name, value)
    if current.status != "FINISHED":
        store.end_run(run_id, "FINISHED")
        added += [] if "run" in added else ["status"]
    return Published(title, run_id, tuple(added))


def _checked_outputs(workspace: Workspace, settings: Params) -> dict[Path, str]:
    """The outputs in dvc.lock with their md5, once it is sure that all results belong together.

    Raises:
        DataError: a file is missing, or is not the one that dvc.lock names, or has other settings.
    """
    name = workspace.name_of(workspace.lock)
    if not workspace.lock.exists():
        raise DataError(f"{name}: no such file; run `dvc repro` first")
    text = workspace.lock.read_text(encoding="utf-8")
    outputs = dvc_lock.outputs(text)
    reports = (workspace.train_steps, workspace.train_epochs, workspace.evaluate_metrics, workspace.predictions)
    for path in (*_model(workspace), *reports):
        output = path.relative_to(workspace.root)
        if output not in outputs:
            raise DataError(f"{name}: names no {output}; run `dvc repro` first")
        if not path.exists() or files.digest(path, "md5") != outputs[output]:
            raise DataError(f"{output}: not the one that dvc.lock names; run `dvc checkout` or `dvc repro`")
    result.fail_if_outdated(text, settings)
    return outputs


def _checked_corrections(workspace: Workspace, name: str) -> list[Path]:
    """The file of corrections, if it holds any, once it is sure that the results are made with it.

    Raises:
        DataError: it is not the one that dvc.lock names, or is damaged.
    """
    found = provenance.corrections(workspace, name)
    known = dvc_lock.dependencies(workspace.lock.read_text(encoding="utf-8"))
    if any(files.digest(path, "md5") != known.get(Path(name)) for path in found):
        raise DataError(f"{name}: not the one that dvc.lock names; run `dvc repro`")
    return found


def _complete(
    store: Store, run_id: str, workspace: Workspace, outputs: Mapping[Path, str], corrected: list[Path]
) -> list[str]:
    """Record what the run lacks of curves, metrics, files and the model; say what that was."""
    run, added = store.run(run_id), []
    curves = tables.curves(
        files.read_csv(workspace.train_steps, tables.STEP_COLUMNS),
        tables.read_epochs(workspace.train_epochs),
    )
    names = {name for name, _, _ in curves}
    known = {name: {point.step for point in store.points(run_id, name)} for name in names}
    points = [(name, value, step) for name, value, step in curves if step not in known[name]]
    if points:
        added.append("curves")
    summary = readers.read_metrics(workspace.evaluate_metrics)
    if workspace.leakage_metrics.exists():
        summary |= readers.read_metrics(workspace.leakage_metrics)
    if workspace.baseline_metrics.exists():
        summary |= readers.baseline_for_tracker(workspace.baseline_metrics)
    missing = [(name, value, 0) for name, value in summary.items() if value is not None and name not in run.metrics]
    if missing:
        added.append("metrics")
    store.log_metrics(run_id, [Point(name, value, run.began, step) for name, value, step in (*points, *missing)])
    if _add_files(store, run_id, workspace, outputs, corrected):
        added.append("files")
    if run.model_id is None:
        mlflow_model.log(store, run_id, workspace)
        added.append("model")
    return added


def _add_files(
    store: Store, run_id: str, workspace: Workspace, outputs: Mapping[Path, str], corrected: list[Path]
) -> bool:
    """Store params.yaml, corrections, and what dvc.lock names of the reports, as far as it is not there.

    Returns:
        Whether anything was missing.
    """
    later = (workspace.leakage.parent, workspace.baseline_metrics.parent, *_told(workspace))
    folders = [folder.relative_to(workspace.root) for folder in (*_reports(workspace), *later)]
    reports = [path for path in outputs if any(path.is_relative_to(folder) for folder in folders)]
    found = [("", workspace.params), *((provenance.CORRECTIONS_FOLDER, path) for path in corrected)]
    for report in (workspace.root / report for report in reports):
        paths = report.iterdir() if report.is_dir() else [report]
        found += ((workspace.name_of(path.parent), path) for path in paths)
    stored: dict[str, set[str]] = {}
    added = False
    for parent, path in found:
        if parent not in stored:
            stored[parent] = store.file_names(run_id, parent)
        if path.name not in stored[parent]:
            store.log_file(run_id, path, parent)
            added = True
    return added
