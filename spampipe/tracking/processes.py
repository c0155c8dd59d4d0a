"""Which process of which machine writes to a run, and whether it is still there."""

import os
import socket

import psutil


def this_process() -> str:
    """Host, number and start of this process, which together no other process has."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def has_ended(process: str) -> bool:
    """Whether a process has certainly ended.

    Args:
        process: what `this_process` returned in that process. Whether a process of another machine has ended is not
            known here, and counts as no.
    """
    host, _, rest = process.partition(" ")
    if host != socket.gethostname():
        return False
    number, started = rest.split(" ")
    try:
        return f"{psutil.Process(int(number)).create_time():.2f}" != started
    except psutil.NoSuchProcess:
        return True
