"""A process that has imported other people's packages, and forks itself for each command that a test runs.

The project's own modules are imported by the command's process, from the command's folder. Run as
`python warm_server.py SOCKET`; it ends with the process that started it.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from typing import Any

PACKAGES = (
    *("torch", "numpy", "pandas", "scipy.stats", "sklearn.metrics", "sklearn.linear_model", "tiktoken", "tokenizers"),
    *("safetensors.torch", "pydantic", "yaml", "psutil", "filelock", "matplotlib.figure"),
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_pdf", "pyarrow.parquet"),
    *("mlflow", "mlflow.tracking", "mlflow.store.tracking.sqlalchemy_store", "mlflow.pyfunc", "alembic.command"),
    *("dvc.cli", "dvc.repo", "dvc.repo.reproduce", "dvc.commands.repro", "dvc.commands.experiments.run"),
    *("dvc.repo.experiments", "dvc.repo.experiments.queue.celery", "dvc.repo.experiments.executor.local", "dvc.api"),
)
_LOOKS_SECONDS = 0.01


def main() -> None:
    """Import the packages, then run commands until the process that started this one is gone."""
    address, parent = sys.argv[1], os.getppid()
    for name in PACKAGES:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a thread would be missing in the processes that are forked"
    gc.freeze()  # objects so far are left alone, so that the forks share their memory
    request = _serve(address, parent)
    if request is not None:
        _become(request)
        if request["module"] == "dvc":
            from dvc.cli import main as dvc

            sys.exit(dvc())
        name = request["module"] + (".__main__" if request["module"] == "spampipe" else "")
        runpy.run_module(name, run_name="__main__", alter_sys=True)


def _serve(address: str, parent: int) -> dict[str, Any] | None:
    """In a forked process, what it is to run; in the server, None at the end."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{address}.new")
        server.listen(64)
        os.rename(f"{address}.new", address)
        server.settimeout(5)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended processes need not be waited for
        while os.getppid() == parent:
            with contextlib.suppress(TimeoutError):
                connection, _ = server.accept()
                if os.fork() == 0:
                    server.close()
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    connection.settimeout(None)
                    return _supervised(connection)
                connection.close()
    return None


def _supervised(connection: socket.socket) -> dict[str, Any]:
    """Fork the command's process, where the request is returned; wait for it, and say how it ended."""
    data, descriptors, *_ = socket.recv_fds(connection, 1 << 20, 3)
    while not data.endswith(b"\n"):
        data += connection.recv(1 << 20)
    child = os.fork()
    if child == 0:
        connection.close()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        found: dict[str, Any] = json.loads(data)
        return found
    for descriptor in descriptors:
        os.close(descriptor)
    connection.send(b"%d\n" % child)
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if select.select([connection], [], [], _LOOKS_SECONDS)[0]:  # the client never writes: it was killed
            os.kill(child, signal.SIGKILL)
            os._exit(1)
    with contextlib.suppress(BrokenPipeError):
        connection.send(b"%d\n" % os.waitstatus_to_exitcode(ended[1]))
    os._exit(0)


def _become(request: dict[str, Any]) -> None:
    """Have this process be as a new interpreter that was started for the request."""
    os.chdir(request["folder"])
    os.umask(request["mask"])
    os.environ.clear()
    os.environ.update(request["variables"])
    program = request["program"]
    sys.argv = [program or request["module"], *request["arguments"]]
    sys.path[0] = os.path.dirname(program) if program else request["folder"]
    sys.modules.pop("__mp_main__", None)
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(os.fdopen(0, "rb", closefd=False), encoding="utf-8")
    for number, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        binary = os.fdopen(number, "wb", closefd=False)
        stream = io.TextIOWrapper(binary, encoding="utf-8", errors=errors, line_buffering=number == 2)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    main()
