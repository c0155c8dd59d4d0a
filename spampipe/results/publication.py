"""Complete the MLflow store from results: those of the workspace, of a revision, of every experiment.

A stage that DVC takes from its run-cache, or pulls, records nothing; neither does one whose store was out of reach.
What the stages would have recorded stands in params.yaml, dvc.lock and reports/.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spampipe import params
from spampipe.core import files, paths
from spampipe.core.errors import DataError, ParamsError
from spampipe.inference import mlflow_model
from spampipe.params import Params
from spampipe.results import gate, history, result
from spampipe.results.history import Revision
from spampipe.tracking import provenance, run_store, runs
from spampipe.training import training_log

_FOLDERS = (paths.TRAIN_REPORTS, paths.EVALUATE_REPORTS, paths.FIGURES)
_MODEL = (paths.CLASSIFIER_WEIGHTS, paths.CLASSIFIER_CARD)
_DATA = (paths.RAW_MESSAGES, paths.SPLITS_FOLDER, paths.LEFTOVER)
_NEEDED = (paths.PARAMS, paths.LOCK, *_FOLDERS, *_MODEL, *_DATA)


@dataclass(frozen=True)
class Published:
    """A run that now holds a whole result.

    Attributes:
        title: the experiment's name, the revision, or `workspace`.
        run_id: of the run.
        added: what it lacked; empty if it was complete.
    """

    title: str
    run_id: str
    added: tuple[str, ...]


def publish_workspace() -> Published:
    """Publish the results that lie in the workspace.

    Raises:
        DataError: they are missing, or are not those of params.yaml and dvc.lock.
    """
    return _publish(Path(), "workspace", provenance.git(Path()))


def publish_revision(revision: Revision) -> Published:
    """Publish the results of a commit or an experiment.

    Raises:
        DataError: it has none, or they cannot be had.
    """
    tags = {provenance.COMMIT_TAG: revision.baseline}
    if revision.experiment:
        tags |= {provenance.EXPERIMENT_TAG: revision.experiment, provenance.BASELINE_TAG: revision.baseline}
    with history.files_of(revision, _NEEDED) as folder:
        tags |= provenance.changes(folder / paths.PARAMS, revision.baseline)
        try:
            return _publish(folder, revision.title, tags)
        except (DataError, ParamsError) as error:
            reason = str(error).replace(f"{folder}/", "")
            raise DataError(f"{revision.title}: {reason}") from error


def publish_experiments() -> Iterator[Published]:
    """Publish every DVC experiment of this clone; one that cannot be does not keep the others back.

    Raises:
        DataError: at the end, naming those that could not be published.
    """
    failed = []
    for revision in history.experiments():
        try:
            yield publish_revision(revision)
        except DataError as error:
            failed.append(str(error))
    if failed:
        raise DataError("; ".join(failed))


def _publish(folder: Path, title: str, tags: Mapping[str, str]) -> Published:
    settings = params.load(folder / paths.PARAMS)
    md5 = _model_md5(folder, settings)
    client, experiment = run_store.require()
    origin = {**provenance.data(folder), **tags}
    found = runs.find(client, experiment, settings, md5)
    run_id = found or runs.find_or_create(client, experiment, settings, md5, origin, folder)
    added = [] if found else ["run"]
    added += _complete(client, run_id, settings, folder)
    current = client.get_run(run_id)
    for name, value in origin.items():
        known = current.data.tags.get(name)
        if known is None or (name == provenance.LOCK_TAG and known != value):  # the last stage changed dvc.lock
            client.set_tag(run_id, name, value)
    if current.info.status != "FINISHED":
        client.set_terminated(run_id, "FINISHED")
        added += [] if "run" in added else ["status"]
    return Published(title, run_id, tuple(added))


def _model_md5(folder: Path, settings: Params) -> str:
    """The model's md5 in dvc.lock, once it is sure that all results belong together."""
    lock_path = folder / paths.LOCK
    if not lock_path.exists():
        raise DataError(f"{lock_path}: no such file; run `dvc repro` first")
    text = lock_path.read_text(encoding="utf-8")
    outputs = provenance.locked_outputs(text)
    for path in (*_MODEL, paths.TRAIN_STEPS, paths.TRAIN_EPOCHS, paths.EVALUATE_METRICS, paths.PREDICTIONS):
        if path not in outputs:
            raise DataError(f"{lock_path}: names no {path}; run `dvc repro` first")
        if not (folder / path).exists() or files.digest(folder / path, "md5") != outputs[path]:
            raise DataError(f"{folder / path}: not the one that dvc.lock names; run `dvc checkout` or `dvc repro`")
    result.require_current(text, settings, folder / paths.PARAMS)
    return outputs[paths.CLASSIFIER_WEIGHTS]


def _complete(client: Any, run_id: str, settings: Params, folder: Path) -> list[str]:
    """Record what the run lacks of curves, metrics, files and the model; say what that was."""
    run, added = client.get_run(run_id), []
    curves = training_log.curves(
        files.read_csv(folder / paths.TRAIN_STEPS, training_log.STEP_COLUMNS),
        files.read_csv(folder / paths.TRAIN_EPOCHS, training_log.EPOCH_COLUMNS),
    )
    known = {
        name: {p.step for p in client.get_metric_history(run_id, name)} for name in {name for name, _, _ in curves}
    }
    points = [(name, value, step) for name, value, step in curves if step not in known[name]]
    if points:
        added.append("curves")
    summary = gate.read_metrics(folder / paths.EVALUATE_METRICS)
    missing = [
        (name, value, 0) for name, value in summary.items() if value is not None and name not in run.data.metrics
    ]
    if missing:
        added.append("metrics")
    began = run.info.start_time / 1000
    runs.log_metrics(client, run_id, [(name, value, began, step) for name, value, step in (*points, *missing)])
    if _add_files(client, run_id, folder):
        added.append("files")
    if not run.outputs.model_outputs:
        mlflow_model.log(client, run_id, settings.evaluate.threshold, folder)
        added.append("model")
    return added


def _add_files(client: Any, run_id: str, folder: Path) -> bool:
    """Store params.yaml and reports as far as they are not there; whether any was missing."""
    reports = [path for part in _FOLDERS for path in (folder / part).iterdir() if path.name != ".gitignore"]  # DVC's
    wanted = [paths.PARAMS, *(path.relative_to(folder) for path in reports)]
    stored: dict[str, set[str]] = {}
    added = False
    for path in wanted:
        parent = "" if path.parent == Path() else path.parent.as_posix()
        if parent not in stored:
            stored[parent] = {Path(artifact.path).name for artifact in client.list_artifacts(run_id, parent or None)}
        if path.name not in stored[parent]:
            client.log_artifact(run_id, str(folder / path), parent or None)
            added = True
    return added
