"""Run a stage or a command: set logging up, and turn expected errors into one line."""

import logging
import signal
import sys
from collections.abc import Callable
from typing import TextIO

from spampipe.errors import SpampipeError, one_line


def run(main: Callable[[], None], log: TextIO | None = None) -> None:
    """Call `main` as a program: exit 0, 1 with a one-line error, or 130 when interrupted.

    Args:
        main: the work.
        log: where messages go; standard output if not given.

    Anything that is neither a SpampipeError nor an OSError is a defect and keeps its traceback.
    """
    configure_logging(log or sys.stdout)
    # End as an interruption does, so that files in the making and open runs are closed properly.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except SpampipeError as error:
        sys.exit(f"error: {one_line(error)}")
    except OSError as error:
        sys.exit(f"error: {one_line(error)}; check the path, its permissions and the space on its disk")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def configure_logging(stream: TextIO) -> None:
    """Send this package's messages to `stream` as plain lines."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("spampipe")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
