"""Do a sequence of actions beside the main work, which they neither delay nor cause to fail."""

import queue
import threading
from collections.abc import Callable

Action = Callable[[], object]


class Background:
    """A thread that does what it is given, in order, until one action fails."""

    def __init__(self, on_failure: Callable[[Exception], object]) -> None:
        """Start the thread.

        Args:
            on_failure: called once, with what the first failing action raised; later actions are dropped.
        """
        self._on_failure = on_failure
        self._actions: queue.SimpleQueue[Action | None] = queue.SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def perform(self, action: Action) -> None:
        """Do this after what was given before, and return at once.

        Args:
            action: the action, which the thread calls; what it returns is dropped.
        """
        self._actions.put(action)

    def finish(self, patience: float | None) -> bool:
        """Wait for the actions that are not done yet.

        Args:
            patience: seconds after which what is left is dropped; None to wait as long as it takes.

        Returns:
            Whether all actions were done in time.
        """
        self._actions.put(None)
        self._thread.join(patience)
        done = not self._thread.is_alive()
        self._stopped = True
        return done

    def _work(self) -> None:
        while (action := self._actions.get()) is not None:
            if self._stopped:
                continue
            try:
                action()
            except Exception as error:  # noqa: BLE001 - whatever fails here, the main work goes on
                self._stopped = True
                self._on_failure(error)
