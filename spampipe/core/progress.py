"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

import logging
import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Counts units of work, and shows how many are done; use it as a context manager.

    Args:
        description: what is done, at the begin of the bar or line.
        total: units of work in all; None if that is not known.
        unit: what is counted, in the plural.
        in_bytes: whether the unit is bytes, which a bar shows in thousands, millions and so on.
        shown: whether to show anything; if not, nothing happens.
    """

    def __init__(
        self, description: str, total: int | None, unit: str, *, in_bytes: bool = False, shown: bool = True
    ) -> None:
        self._description = description
        self._total = total
        self._unit = unit
        self._done = 0
        self._last_line = time.monotonic()
        self._shown = shown
        on_terminal = shown and sys.stderr.isatty()
        self._bar = (
            tqdm(total=total, desc=description, unit=unit, unit_scale=in_bytes, leave=False) if on_terminal else None
        )

    def advance(self, amount: int = 1) -> None:
        """Count more units as done.

        Args:
            amount: how many.
        """
        self._done += amount
        if self._bar is not None:
            self._bar.update(amount)
        elif self._shown and time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            of_total = f" of {self._total}" if self._total else ""
            logger.info("%s: %d%s %s", self._description, self._done, of_total, self._unit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
