"""One MLflow run that is open: what a stage tells it is recorded, at once or later."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from spampipe.core import environment, files
from spampipe.core.workspace import Workspace
from spampipe.tracking import mlflow_model, runs
from spampipe.tracking.background import Action
from spampipe.tracking.recorded_runs import Point
from spampipe.tracking.store import Store
from spampipe.tracking.system_metrics import SystemMetrics

_FLUSH_SECONDS = 5.0


class Run:
    """One MLflow run, which a stage tells what it has to record.

    Every method but `abandon` returns at once if `perform` does.
    """

    def __init__(self, perform: Callable[[Action], object]) -> None:
        """A run that is yet to be opened.

        Args:
            perform: called with each action, which it does at once or later, in order; if it does nothing, nothing
                is recorded.
        """
        self._perform = perform
        self._store: Store | None = None
        self._pending: list[Point] = []
        self._started = self._last_flush = time.monotonic()
        self.run_id = ""

    def open(self, workspace: Workspace, obtain: Callable[[Store], str]) -> None:
        """Open the store, and have a run begun or found there.

        Args:
            workspace: the workspace whose repository has the store, if the user names no other.
            obtain: begins or finds the run in the store, and returns its id.
        """

        def connect() -> None:
            self._store = Store.open(workspace)
            self.run_id = obtain(self._store)

        self._perform(connect)

    def log_metrics(self, values: Mapping[str, float | int | None], step: int = 0) -> None:
        """Record metrics, sent in batches every few seconds and at the end.

        Args:
            values: the metrics' values by name; undefined ones (None) are left out.
            step: the number of the batch of training that they were taken after.
        """
        now = time.time()
        self._pending += [Point(name, float(value), now, step) for name, value in values.items() if value is not None]
        if time.monotonic() - self._last_flush > _FLUSH_SECONDS:
            self._flush()

    def log_files(self, locations: Iterable[Path], folder: str = "") -> None:
        """Store files, and what lies in directories.

        Args:
            locations: the files' and directories' paths.
            folder: the folder among the run's files that they are put into; empty for the top.
        """
        chosen = list(locations)

        def log(store: Store) -> None:
            for path in chosen:
                store.log_file(self.run_id, path, folder)

        self._tell(log)

    def log_text(self, text: str, name: str) -> None:
        """Store a text as a file of the run, unless it is empty.

        Args:
            text: the text.
            name: the file's path among the run's files, such as logs/train.log.
        """
        if text:
            self._tell(lambda store: store.log_text(self.run_id, text, name))

    def log_model(self, workspace: Workspace) -> None:
        """Store the classifier of a workspace, so that MLflow can load it; see `mlflow_model.log`.

        Args:
            workspace: the workspace that holds the classifier and its threshold.
        """
        self._tell(lambda store: mlflow_model.log(store, self.run_id, workspace))

    def identify(self, model: Path) -> None:
        """Tag the run with the md5 of the model file it made, so that later stages find it.

        Args:
            model: the model file, which is read when the tag is set.
        """
        self._tell(lambda store: store.set_tag(self.run_id, runs.MODEL_TAG, files.digest(model, "md5")))

    def log_cost(self, stage: str) -> None:
        """Record the seconds since the run was made here, and the most memory in MiB, as a stage's.

        Args:
            stage: the stage's name, which becomes part of the metrics' names.
        """
        costs = {f"time/{stage}_seconds": time.monotonic() - self._started, f"memory/{stage}_peak_mib": _peak_mib()}
        torch = environment.torch_on_cuda()
        if torch is not None:
            costs[f"memory/{stage}_gpu_peak_mib"] = torch.cuda.max_memory_allocated() / 2**20
        self.log_metrics(costs)

    def measure(self, metrics: SystemMetrics) -> None:
        """Record the use of the machine from now on.

        Args:
            metrics: the sampler, which is started here; whoever made it finishes it.
        """
        self._tell(lambda store: metrics.start(store, self.run_id))

    def end(self, status: str) -> None:
        """Send the metrics that are still kept, and set the final status.

        Args:
            status: FINISHED, FAILED or KILLED.
        """
        self._flush()
        self._tell(lambda store: store.end_run(self.run_id, status))

    def abandon(self) -> None:
        """Mark the run as KILLED, at once: it will not be completed. Nothing happens where even that fails."""
        if self._store is not None and self.run_id:
            with suppress(Exception):
                self._store.end_run(self.run_id, "KILLED")

    def _flush(self) -> None:
        self._last_flush = time.monotonic()
        pending, self._pending = self._pending, []
        if pending:
            self._tell(lambda store: store.log_metrics(self.run_id, pending))

    def _tell(self, action: Callable[[Store], object]) -> None:
        """Have something done to the store, which is open by then."""

        def perform() -> None:
            assert self._store is not None  # `open` was the first action, and none follows one that failed
            action(self._store)

        self._perform(perform)


def _peak_mib() -> float:
    """The most memory this process has had, in MiB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
