"""Shows the recorded runs: prepares the view of them and serves MLflow's pages."""

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from spampipe.core.errors import StoreError
from spampipe.core.workspace import Workspace
from spampipe.data import labels
from spampipe.tracking import connection, run_view
from spampipe.tracking.store import Store

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 10.0
_SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # starts no processes for jobs, of which this project has none
    "MLFLOW_DISABLE_TELEMETRY": "true",  # MLflow's makers are told nothing, and its pages do not ask about it
    "UVICORN_LOG_LEVEL": "warning",  # no line for each request
}


def show(workspace: Workspace, port: int, announce: Callable[[str], None]) -> None:
    """Prepare the view; then serve the store until interrupted, unless a server of the user's does.

    Args:
        workspace: the workspace whose repository has the store, if the user names no other.
        port: the port of this machine to serve on.
        announce: called with the view's address, once it can be opened.

    Raises:
        StoreError: the store cannot be reached, or the port cannot be used.
    """
    server_of_the_user = connection.server()
    if not server_of_the_user:
        _check_that_free(port)
    store = Store.open(workspace)
    run_view.prepare(store, labels.load(workspace.labels) if workspace.labels.exists() else None)
    if server_of_the_user:
        announce(run_view.address(server_of_the_user, store.experiment))
        return
    command, environment = _command(store.address, port), {**_SETTINGS, **os.environ}
    server = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    output = _Output(server)
    try:
        try:
            _await_answer(server, port)
        except StoreError:
            output.show_held()
            raise
        announce(run_view.address(f"http://{HOST}:{port}", store.experiment))
        output.show_from_now_on()
        logger.info("served until Ctrl-C")
        raise _ended(server.wait())
    except KeyboardInterrupt:
        output.hold()  # what the server prints about its interruption
        logger.info("ended")
    finally:
        _end(server)


def has_browser() -> bool:
    """Whether there is a browser with windows of its own: one in the terminal would take the terminal over."""
    return sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    )


class _Output:
    """What a server prints: held back until it can be used, so that its address is the first line."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server, self._held, self._shown = server, list[str](), threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def show_from_now_on(self) -> None:
        """Show what the server prints."""
        self._shown.set()

    def hold(self) -> None:
        """Hold back again what the server prints."""
        self._shown.clear()

    def show_held(self) -> None:
        """Show what was held back, once the server has ended."""
        self._thread.join(_PATIENCE_SECONDS)
        logger.info("%s", "\n".join(self._held))

    def _read(self) -> None:
        assert self._server.stdout is not None  # it is a pipe
        for line in self._server.stdout:
            if self._shown.is_set():
                logger.info("%s", line.rstrip())
            else:
                self._held.append(line.rstrip())


def _command(store: str, port: int) -> list[str]:
    options = {"--host": HOST, "--port": str(port), "--workers": "1", "--backend-store-uri": store}
    return [sys.executable, "-m", "mlflow", "ui", *(word for option in options.items() for word in option)]


def _check_that_free(port: int) -> None:
    if not 0 < port < 2**16:
        raise StoreError(f"{port} is no port; choose one from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((HOST, port))
        except OSError as error:
            remedy = "choose another: spampipe ui --port, or make ui PORT="
            raise StoreError(f"port {port} cannot be used: {error.strerror}; {remedy}") from error


def _await_answer(server: subprocess.Popen[str], port: int) -> None:
    while True:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=_POLL_SECONDS):
            return
        with suppress(subprocess.TimeoutExpired):
            raise _ended(server.wait(_POLL_SECONDS))


def _ended(code: int) -> StoreError:
    return StoreError(f"mlflow ui ended with exit code {code}; the lines above say why")


def _end(server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
