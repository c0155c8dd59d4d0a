"""Run a stage or a command as a program: with the process to itself, and expected errors in one line."""

import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

from spampipe.core import environment
from spampipe.core.errors import SpampipeError, one_line
from spampipe.core.workspace import Workspace

logger = logging.getLogger("spampipe")

# What other packages read from the environment; a user's own values stand.
_VARIABLES = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # cuBLAS needs it to be deterministic
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # MLflow would wait minutes for a server that is down
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
# Loggers of other packages that tell more than a user wants to know, and from which level on they may.
_QUIET = {"alembic": logging.WARNING, "mlflow.system_metrics": logging.ERROR}
_ENDED_BY_SIGPIPE = 128 + 13  # what a shell shows of a program that the signal has ended
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def run(main: Callable[[], None], log: TextIO | None = None) -> None:
    """Call `main` as a program: exit 0, 1 with a one-line error, 130 when interrupted, 141 when nobody reads on.

    For as long as it runs, the process is the program's: its log, its signals and its environment.

    Args:
        main: does the work.
        log: the stream that this package's messages go to; None for standard output.

    Anything that is neither a SpampipeError nor an OSError is a defect and keeps its traceback.
    """
    with ExitStack() as process:
        process.enter_context(logging_to(log or sys.stdout))
        process.enter_context(_variables())
        process.enter_context(_ending_when_told())
        _keep_freed_memory()
        try:
            environment.read()  # refuses a bad value before the work
            for line in environment.misspelt():
                logger.warning("warning: %s", line)
            main()
        except SpampipeError as error:
            sys.exit(f"error: {one_line(error)}")
        except BrokenPipeError:  # whoever read the answers has enough, as in `spampipe errors | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left has nowhere to go
            sys.exit(_ENDED_BY_SIGPIPE)
        except OSError as error:
            sys.exit(f"error: {one_line(error)}; check the path, its permissions and the space on its disk")
        except KeyboardInterrupt:
            sys.stderr.write("interrupted\n")
            sys.exit(130)


def run_stage(stage: Callable[[Workspace], None]) -> None:
    """Call a stage as a program, in the workspace that DVC starts it in; exits as `run` does.

    Args:
        stage: does the work in the workspace that it is given.
    """
    run(lambda: stage(Workspace.here()))


@contextmanager
def logging_to(stream: TextIO) -> Iterator[None]:
    """Within the block, send this package's messages to one stream as plain lines, and nowhere else.

    Args:
        stream: an open text stream.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    levels = {logging.getLogger(name): level for name, level in _QUIET.items()} | {logger: logging.INFO}
    handlers, propagate, before = logger.handlers, logger.propagate, {each: each.level for each in levels}
    logger.handlers, logger.propagate = [handler], False
    for each, level in levels.items():
        each.setLevel(level)
    try:
        yield
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        for each, level in before.items():
            each.setLevel(level)


@contextmanager
def _variables() -> Iterator[None]:
    added = [name for name in _VARIABLES if name not in os.environ]
    os.environ.update({name: _VARIABLES[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _ending_when_told() -> Iterator[None]:
    """Within the block, SIGTERM ends as an interruption does, so that files and open runs are closed properly."""
    if threading.current_thread() is not threading.main_thread():  # Python lets no other thread set a handler
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _keep_freed_memory() -> None:
    """Have glibc keep large freed blocks for the next tensor.

    It would return them to the system, which then clears new pages for every tensor. The process holds no more
    than its peak.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # not in other C libraries
        for option, size in ((_M_MMAP_THRESHOLD, 32 << 20), (_M_TRIM_THRESHOLD, (1 << 31) - 1)):
            library.mallopt(option, size)
