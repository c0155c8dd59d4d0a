"""Run a stage or a command: set logging up, and turn expected errors into one line."""

import logging
import signal
import sys
from collections.abc import Callable

from spampipe.errors import SpampipeError


def run(main: Callable[[], None]) -> None:
    """Call `main` as a program: exit 0, 1 with a one-line error, or 130 when interrupted.

    Anything that is neither a SpampipeError nor an OSError is a defect and keeps its traceback.
    """
    configure_logging()
    # End as an interruption does, so that files in the making and open runs are closed properly.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except SpampipeError as error:
        sys.exit(f"error: {_one_line(error)}")
    except OSError as error:
        sys.exit(f"error: {_one_line(error)}; check the path, its permissions and the space on its disk")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def configure_logging() -> None:
    """Send this package's messages to standard output as plain lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("spampipe")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
