"""Records runs in MLflow, beside the work that they describe, which they neither delay nor cause to fail.

All that is recorded waits in a queue for a thread of its own. A store that cannot be reached costs one warning, and
one that is slow a small share of the stage's time: `spampipe publish` records what is missing.
"""

import io
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spampipe.core import environment, files
from spampipe.core.errors import one_line
from spampipe.core.workspace import Workspace
from spampipe.tracking import connection, provenance, runs
from spampipe.tracking.background import Background
from spampipe.tracking.run import Run
from spampipe.tracking.runs import Settings
from spampipe.tracking.store import Store
from spampipe.tracking.system_metrics import SystemMetrics

logger = logging.getLogger(__name__)


@contextmanager
def training_run(workspace: Workspace, settings: Settings, title: str, *, enabled: bool = True) -> Iterator[Run]:
    """Open a run for the block, with system metrics; it ends FINISHED, FAILED or KILLED as the block does.

    Args:
        workspace: the workspace that is trained in.
        settings: the values that decide the run's result, by `section.key`.
        title: the run's name, unless it is a DVC experiment, which has a name.
        enabled: False in all but one of several processes that train together; nothing is recorded then.
    """

    def create(store: Store) -> str:
        return runs.create(store, settings, title, provenance.tags(workspace), workspace)

    with _opened("train", workspace, create, enabled=enabled) as run:
        run.log_files([workspace.params])
        yield run


@contextmanager
def resumed_run(workspace: Workspace, settings: Settings, title: str, stage: str) -> Iterator[Run]:
    """Reopen, for the block, the run of the workspace's model and of the settings it is evaluated with.

    See `runs.find_or_create`. If there is no model, nothing is recorded.

    Args:
        workspace: the workspace that the stage is run in.
        settings: the values of this stage and of those before it, by `section.key`.
        title: the name of a run that has to be made, unless it is a DVC experiment, which has a name.
        stage: the stage's name, for the log and the costs.
    """
    model = workspace.classifier_weights

    def obtain(store: Store) -> str:
        md5, tags = files.digest(model, "md5"), provenance.tags(workspace)
        run_id = runs.find_or_create(store, settings, title, md5, tags, workspace)
        store.set_tag(run_id, provenance.LOCK_TAG, tags.get(provenance.LOCK_TAG, ""))
        return run_id

    with _opened(stage, workspace, obtain, enabled=model.exists()) as run:
        yield run


@contextmanager
def _opened(stage: str, workspace: Workspace, obtain: Callable[[Store], str], *, enabled: bool) -> Iterator[Run]:
    """A run that is open during the block, keeps the stage's log, and ends as the block does."""
    if not environment.read().tracking or not enabled:
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
    run.open(workspace, obtain)
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
        if not background.finish(connection.patience(time.monotonic() - start)):
            _warn(TimeoutError(f"the server is slow ({environment.TRACKING_PATIENCE} sets the seconds to wait)"))


def _load() -> None:
    """Import MLflow, which takes a second or two."""
    import mlflow  # noqa: F401


def _warn(error: Exception) -> None:
    logger.warning(
        "warning: not recorded further in MLflow: %s; `spampipe publish` completes the run", one_line(error, 300)
    )
