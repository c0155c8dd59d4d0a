"""Records runs in MLflow, beside the work they are of, which they neither hold up nor fail.

All that is recorded waits in a queue for a thread of its own. A store that cannot be reached costs one warning, and
one that is slow a small share of the stage's time: `spampipe publish` records what is missing.
"""

import io
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from spampipe.core import environment, files, paths
from spampipe.core.errors import one_line
from spampipe.params import Params
from spampipe.tracking import provenance, run_store, runs
from spampipe.tracking.background import Action, Background
from spampipe.tracking.system_metrics import SystemMetrics
from spampipe.training.training_log import Record

logger = logging.getLogger(__name__)

_FLUSH_SECONDS = 5.0


class Run:
    """One MLflow run.

    Args:
        perform: does each action, at once or later, in order.
    """

    def __init__(self, perform: Callable[[Action], object]) -> None:
        self._perform = perform
        self._client: Any = None
        self._pending: list[Any] = []
        self._started = self._last_flush = time.monotonic()
        self._last_record: tuple[float, Record | None] = (self._started, None)
        self.run_id = ""

    def open(self, obtain: Callable[[Any, str], str]) -> None:
        """Connect to the store, and obtain the run's id from its client and the id of its experiment."""

        def connect() -> None:
            self._client, experiment = run_store.connect()
            self.run_id = obtain(self._client, experiment)

        self._perform(connect)

    def log_metrics(self, values: Mapping[str, float | int | None], step: int = 0) -> None:
        """Record metrics, sent in batches every few seconds and at the end; undefined ones (None) are left out."""
        now = time.time()
        self._pending += [(name, float(value), now, step) for name, value in values.items() if value is not None]
        if time.monotonic() - self._last_flush > _FLUSH_SECONDS:
            self._flush()

    def log_record(self, record: Record, flops: Callable[[int, int], int]) -> None:
        """Record a pair of training figures at its step, and how fast training has been since the one before.

        Args:
            record: the figures.
            flops: the operations for so many messages and tokens.
        """
        now = time.monotonic()
        then, last = self._last_record
        self._last_record = (now, record)
        examples = record.examples_seen - (last.examples_seen if last else 0)
        tokens = record.tokens_seen - (last.tokens_seen if last else 0)
        work = {"examples": examples, "tokens": tokens, "flops": flops(examples, tokens)}
        rates = {f"train/{name}_per_second": amount / (now - then) for name, amount in work.items() if examples}
        figures = record.metrics()
        if last and last.step == record.step:  # its learning rate is recorded already
            del figures["learning_rate"]
        self.log_metrics(figures | rates, record.step)

    def log_files(self, locations: Iterable[Path], folder: str | None = None) -> None:
        """Store files, and what lies in directories, as artifacts."""
        for path in locations:
            self._call("log_artifacts" if path.is_dir() else "log_artifact", str(path), folder)

    def log_text(self, text: str, name: str) -> None:
        """Store a text as an artifact, unless it is empty."""
        if text:
            self._call("log_text", text, name)

    def record(self, action: Callable[[Any, str], object]) -> None:
        """Have the store's client and the run's id do something else."""
        self._perform(lambda: action(self._client, self.run_id))

    def identify(self, model: Path = paths.CLASSIFIER_WEIGHTS) -> None:
        """Tag the run with the md5 of the model it made, so that later stages find it."""
        self._perform(lambda: self._client.set_tag(self.run_id, runs.MODEL_TAG, files.digest(model, "md5")))

    def log_cost(self, stage: str) -> None:
        """Record the stage's wall time so far and its peak memory."""
        costs = {f"time/{stage}_seconds": time.monotonic() - self._started, f"memory/{stage}_peak_mib": _peak_mib()}
        torch = environment.torch_on_cuda()
        if torch is not None:
            costs[f"memory/{stage}_gpu_peak_mib"] = torch.cuda.max_memory_allocated() / 2**20
        self.log_metrics(costs)

    def measure(self, metrics: SystemMetrics) -> None:
        """Sample the machine from now on."""
        self._perform(lambda: metrics.start(self._client, self.run_id))

    def end(self, status: str) -> None:
        """Send what is kept and set the final status: FINISHED, FAILED or KILLED."""
        self._flush()
        self._call("set_terminated", status)

    def abandon(self) -> None:
        """Mark the run as KILLED, at once: it will not be completed. Nothing happens where even that fails."""
        if self.run_id:
            with suppress(Exception):
                self._client.set_terminated(self.run_id, "KILLED")

    def _flush(self) -> None:
        self._last_flush = time.monotonic()
        pending, self._pending = self._pending, []
        if pending:
            self._perform(lambda: runs.log_metrics(self._client, self.run_id, pending))

    def _call(self, method: str, *arguments: object) -> None:
        self._perform(lambda: getattr(self._client, method)(self.run_id, *arguments))


@contextmanager
def training_run(params: Params, *, record: bool = True) -> Iterator[Run]:
    """Open a run for the block, with system metrics; it ends FINISHED, FAILED or KILLED as the block does.

    Args:
        params: the settings to record.
        record: False in all but one of several processes that train together.
    """

    def create(client: Any, experiment: str) -> str:
        return runs.create(client, experiment, params, provenance.tags())

    with _recording("train", create, record=record) as run:
        run.log_files([paths.PARAMS])
        yield run


@contextmanager
def resumed_run(params: Params, stage: str, model: Path = paths.CLASSIFIER_WEIGHTS) -> Iterator[Run]:
    """Reopen, for the block, the run of this model file and of the settings it is evaluated with.

    See `runs.find_or_create`.

    Args:
        params: the settings of this stage and of those before it.
        stage: its name, for the log and its costs.
        model: the file; if there is none, nothing is recorded.
    """

    def obtain(client: Any, experiment: str) -> str:
        md5, tags = files.digest(model, "md5"), provenance.tags()
        run_id = runs.find_or_create(client, experiment, params, md5, tags)
        client.set_tag(run_id, provenance.LOCK_TAG, tags.get(provenance.LOCK_TAG, ""))
        return run_id

    with _recording(stage, obtain, record=model.exists()) as run:
        yield run


@contextmanager
def _recording(stage: str, obtain: Callable[[Any, str], str], *, record: bool) -> Iterator[Run]:
    """Obtain a run, keep the stage's log, and end the run as the block ends."""
    if not environment.read().tracking or not record:
        yield Run(lambda action: None)
        return
    start = time.monotonic()
    metrics, loaded = SystemMetrics(), threading.Event()

    def fail(error: Exception) -> None:
        loaded.set()
        _warn(error)
        run.abandon()

    background = Background(fail)
    run = Run(background.perform)
    background.perform(_load)
    background.perform(loaded.set)
    run.open(obtain)
    run.measure(metrics)
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("spampipe").addHandler(handler)
    status = "KILLED"
    try:
        yield run
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        log.write(traceback.format_exc())
        raise
    finally:
        logging.getLogger("spampipe").removeHandler(handler)
        run.log_cost(stage)
        background.perform(metrics.finish)
        run.log_text(log.getvalue(), f"logs/{stage}.log")
        run.end(status)
        loaded.wait()
        if not background.finish(run_store.patience(time.monotonic() - start)):
            _warn(TimeoutError(f"the server is slow ({environment.TRACKING_PATIENCE} sets the seconds to wait)"))


def _load() -> None:
    """Import MLflow, which takes a second or two."""
    import mlflow  # noqa: F401


def _peak_mib() -> float:
    """The most memory this process has had, in MiB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _warn(error: Exception) -> None:
    logger.warning(
        "warning: not recorded further in MLflow: %s; `spampipe publish` completes the run", one_line(error, 200)
    )
