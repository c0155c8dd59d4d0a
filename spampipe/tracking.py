"""Records runs in MLflow. It never fails the work it records: a store out of reach costs one warning."""

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

from filelock import FileLock

from spampipe import files, paths
from spampipe.params import Params
from spampipe.training_log import Record

logger = logging.getLogger(__name__)

SWITCH_VARIABLE = "SPAMPIPE_TRACKING"  # off: nothing is recorded, and MLflow is not even imported
EXPERIMENT = "spampipe"
MODEL_TAG = "spampipe.model_md5"  # joins a run to the model file's entry in dvc.lock
_SAMPLING_SECONDS = 1.0
_FLUSH_SECONDS = 5.0


class Run:
    """One MLflow run, or nothing at all once the store has failed; callers need not tell."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self._run_id = client, run_id
        self._pending: list[Any] = []
        self._last_flush = time.monotonic()

    @classmethod
    def absent(cls) -> Self:
        """A run that records nothing."""
        return cls(None, "")

    def log_params(self, params: Params) -> None:
        """Record every setting as `section.key`."""
        from mlflow.entities import Param

        flat = [
            Param(f"{section}.{key}", str(value))
            for section, values in params.model_dump().items()
            for key, value in values.items()
        ]
        self._attempt(lambda: self._client.log_batch(self._run_id, params=flat))

    def log_metrics(self, values: Mapping[str, float | int | None], step: int = 0) -> None:
        """Record metrics, sent in batches every few seconds and at the end; undefined ones (None) are left out."""
        if self._client is None:
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._pending += [Metric(k, float(v), now, step) for k, v in values.items() if v is not None]
        if time.monotonic() - self._last_flush > _FLUSH_SECONDS:
            self._flush()

    def log_record(self, record: Record) -> None:
        """Record a pair of training figures at its step."""
        self.log_metrics(record.metrics(), record.step)

    def log_files(self, locations: Iterable[Path], folder: str | None = None) -> None:
        """Store files, and what lies in directories, as artifacts."""
        for path in locations:
            log = "log_artifacts" if path.is_dir() else "log_artifact"
            self._attempt(partial(self._call, log, str(path), folder))

    def log_datasets(self, locations: Mapping[str, Path]) -> None:
        """Record data files as inputs, each under its context and the md5 that dvc.lock has for it."""
        self._attempt(lambda: self._log_datasets(locations))

    def identify(self, model: Path = paths.CLASSIFIER_WEIGHTS) -> None:
        """Tag the run with the md5 of the model it made, so that later stages find it."""
        self._attempt(lambda: self._client.set_tag(self._run_id, MODEL_TAG, files.digest(model, "md5")))

    def end(self, status: str) -> None:
        """Send what is kept and set the final status: FINISHED, FAILED or KILLED."""
        self._flush()
        self._attempt(lambda: self._client.set_terminated(self._run_id, status))

    def _log_datasets(self, locations: Mapping[str, Path]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = []
        for context, path in locations.items():
            name, md5 = path.as_posix(), files.digest(path, "md5")
            dataset = Dataset(name, md5, source_type="dvc", source=json.dumps({"path": name, "md5": md5}))
            inputs.append(DatasetInput(dataset, [InputTag("mlflow.data.context", context)]))
        self._client.log_inputs(self._run_id, inputs)

    def _flush(self) -> None:
        self._last_flush = time.monotonic()
        pending, self._pending = self._pending, []
        for start in range(0, len(pending), 1000):  # MLflow's limit for a batch
            part = pending[start : start + 1000]
            self._attempt(partial(self._call, "log_batch", part))

    def _call(self, method: str, *arguments: object) -> None:
        getattr(self._client, method)(self._run_id, *arguments)

    def _attempt(self, action: Callable[[], object]) -> None:
        if self._client is None:
            return
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever the store does, the work goes on
            _warn(error)
            self._client = None


@contextmanager
def training_run(params: Params, *, record: bool = True) -> Iterator[Run]:
    """Open a run for the block, with system metrics; it ends FINISHED, FAILED or KILLED as the block does.

    Args:
        params: the settings to record.
        record: False in all but one of several processes that train together.
    """
    if not record:
        yield Run.absent()
        return
    run = _open(lambda client, experiment: _create(client, experiment, params))
    run.log_files([paths.PARAMS])
    monitor = _monitor(run)
    status = "KILLED"
    try:
        yield run
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        _finish(monitor)
        run.end(status)


@contextmanager
def resumed_run(params: Params, model: Path = paths.CLASSIFIER_WEIGHTS) -> Iterator[Run]:
    """The newest run that made this model file; a new one if the store has none, as after a `dvc pull`."""
    md5 = files.digest(model, "md5")

    def find_or_create(client: Any, experiment: str) -> Run:
        found = client.search_runs(
            [experiment], f"tags.`{MODEL_TAG}` = '{md5}'", order_by=["start_time DESC"], max_results=1
        )
        if found:
            return Run(client, found[0].info.run_id)
        run = _create(client, experiment, params)
        run.identify(model)
        return run

    run = _open(find_or_create)
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    finally:
        run.end(status)


def _open(obtain: Callable[[Any, str], Run]) -> Run:
    """Connect to the store and obtain a run from it, unless the user wants none."""
    if os.environ.get(SWITCH_VARIABLE, "on") == "off":
        return Run.absent()
    # MLflow would wait minutes for a server that is down; the user's own settings stand.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    try:
        from mlflow import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        chosen = os.environ.get("MLFLOW_TRACKING_URI")
        if chosen:
            client = MlflowClient(chosen)
            return obtain(client, _experiment(client, None))
        # Stages also run in temporary copies of the repository; the store is the real one's.
        root = paths.repository_root()
        (root / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".dvc" / "tmp" / "mlflow.lock"):  # two runs must not both create its tables
            client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
            return obtain(client, _experiment(client, (root / "mlartifacts").as_uri()))
    except Exception as error:  # noqa: BLE001 - as in Run._attempt
        _warn(error)
        return Run.absent()


def _experiment(client: Any, artifact_location: str | None) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    return found.experiment_id if found else client.create_experiment(EXPERIMENT, artifact_location)


def _create(client: Any, experiment: str, params: Params) -> Run:
    name = os.environ.get("DVC_EXP_NAME") or (
        f"{params.model.name} {params.model.trainable} lr={params.train.learning_rate:g} seed={params.train.seed}"
    )
    tags = {
        "dvc.experiment": os.environ.get("DVC_EXP_NAME"),
        "dvc.baseline": os.environ.get("DVC_EXP_BASELINE_REV"),
    }
    created = client.create_run(experiment, run_name=name, tags={k: v for k, v in tags.items() if v})
    run = Run(client, created.info.run_id)
    run.log_params(params)
    return run


def _monitor(run: Run) -> Any:
    """Sample processor, memory, disk, network and, where there is one, GPU once a second."""
    if run._client is None:
        return None
    try:
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        logging.getLogger("mlflow.system_metrics").setLevel(logging.ERROR)
        monitor = SystemMetricsMonitor(
            run._run_id, sampling_interval=_SAMPLING_SECONDS, tracking_uri=run._client.tracking_uri
        )
        monitor.start()
    except Exception as error:  # noqa: BLE001 - as in Run._attempt
        _warn(error)
        return None
    return monitor


def _finish(monitor: Any) -> None:
    """Stop sampling, and record the last, incomplete second too: a short run has no other."""
    if monitor is None:
        return
    try:
        monitor.finish()
        monitor.publish_metrics(monitor.aggregate_metrics())
        monitor.mlflow_logger.flush()
    except Exception as error:  # noqa: BLE001 - as in Run._attempt
        _warn(error)


def _warn(error: Exception) -> None:
    reason = " ".join(str(error).split())[:200]
    logger.warning("warning: this run is not recorded further in MLflow: %s", reason or type(error).__name__)
