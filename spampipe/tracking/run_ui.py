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
from spampipe.tracking import run_store, run_view

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 10.0
_SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # processes for judges of agents, of which there are none
    "MLFLOW_DISABLE_TELEMETRY": "true",  # and no banner about it
    "UVICORN_LOG_LEVEL": "warning",  # no line for each request
}


def show(port: int, announce: Callable[[str], None]) -> None:
    """Prepare the view; then serve the store until interrupted, unless a server of the user's does.

    Args:
        port: of this machine, to serve on.
        announce: told the view's address, once it can be opened.

    Raises:
        StoreError: if the store cannot be reached or the port cannot be used.
    """
    chosen = os.environ.get(run_store.ADDRESS_VARIABLE, "")
    served = chosen.startswith(("http://", "https://"))
    if not served:
        _require_free(port)
    client, experiment = run_store.require()
    run_view.prepare(client, experiment)
    if served:
        announce(run_view.address(chosen, experiment))
        return
    command, environment = _command(client.tracking_uri, port), {**_SETTINGS, **os.environ}
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
        announce(run_view.address(f"http://{HOST}:{port}", experiment))
        output.show_from_now_on()
        logger.info("served until Ctrl-C")
        raise _ended(server.wait())
    except KeyboardInterrupt:
        output.hold()  # the server's own words about its interruption
        logger.info("ended")
    finally:
        _end(server)


class _Output:
    """What a server says: held back until it can be used, so that its address is the first line."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server, self._held, self._shown = server, list[str](), threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def show_from_now_on(self) -> None:
        """Pass on what it says."""
        self._shown.set()

    def hold(self) -> None:
        """Hold back again what it says."""
        self._shown.clear()

    def show_held(self) -> None:
        """Pass on what it has said, once it has ended."""
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


def _require_free(port: int) -> None:
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
