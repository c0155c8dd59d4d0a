"""Stands for `python`, `dvc` and `spampipe` in tests: asks warm_server.py for a process that has the imports.

It is started without site packages, in milliseconds. A command that the server does not run, or whose variables an
interpreter or torch reads only when it starts, gets an interpreter of its own.
"""

import json
import os
import signal
import socket
import sys

SOCKET, INTERPRETER, AS_STARTED = "TESTS_WARM_SOCKET", "TESTS_WARM_INTERPRETER", "TESTS_WARM_STARTED_WITH_"
READ_AT_START = ("HOME", "PYTHONPATH", "OMP_NUM_THREADS", "LANG", "LC_ALL", "PYTHONIOENCODING", "PYTHONWARNINGS")


def main() -> None:
    """Run the command that this file was called as; end as it ends."""
    program, arguments, interpreter = os.path.basename(sys.argv[0]), sys.argv[1:], os.environ[INTERPRETER]
    if program == "python":
        module, rest = (arguments[1], arguments[2:]) if arguments[:1] == ["-m"] and arguments[1:] else ("", [])
        original = [interpreter, *arguments]
    else:
        module, rest = program, arguments
        original = [os.path.join(os.path.dirname(interpreter), program), *arguments]
    known = module.partition(".")[0] in ("dvc", "spampipe", "stages")
    same = all(os.environ.get(name) == os.environ.get(AS_STARTED + name) for name in READ_AT_START)
    server = socket.socket(socket.AF_UNIX)
    try:
        if not (known and same):
            raise ConnectionError
        server.connect(os.environ[SOCKET])
    except OSError:
        os.execv(original[0], original)
    name = original[0] if program != "python" else ""
    request = {
        "module": module,
        "program": name,
        "arguments": rest,
        "folder": os.getcwd(),
        "mask": os.umask(0),
        "variables": dict(os.environ),
    }
    socket.send_fds(server, [json.dumps(request).encode() + b"\n"], [0, 1, 2])
    reply = server.makefile("r")
    child = int(reply.readline())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, frame: os.kill(child, received))
    status = int(reply.readline())
    if status < 0:  # the signal that ended it
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main()
