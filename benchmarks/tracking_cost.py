"""What recording runs costs the pipeline: without it, in the repository's store, and with a server down or stuck.

Run `python -m benchmarks.tracking_cost` after `dvc repro`. Each measurement is `dvc repro` from data on disk to
figures in a fresh temporary copy, with an empty store of the frozen layers' outputs. The stuck server is a real one
on the loopback interface that takes every connection and answers none.
"""

import argparse
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import timing, workspace
from spampipe.core import command, files
from spampipe.core.workspace import Workspace

RESULT = timing.RESULTS / "tracking_cost.json"
WAYS = ("no tracking", "the repository's store", "server down", "server stuck")


def main() -> None:
    """Write benchmarks/results/tracking_cost.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    locks = set()
    with stuck_server() as stuck, closed_port() as closed:
        variables = {
            WAYS[0]: {"SPAMPIPE_TRACKING": "off"},
            WAYS[1]: {},
            WAYS[2]: {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{closed}"},
            WAYS[3]: {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{stuck}"},
        }
        for _ in range(arguments.repeats):
            for way in WAYS:
                with workspace.copy({}) as folder:
                    workspace.commit(folder)
                    workspace.run(folder, "dvc", "repro", "download")
                    seconds[way].append(workspace.run(folder, "dvc", "repro", variables=variables[way]))
                    locks.add(Workspace(folder).lock.read_bytes())
    spreads = {way: timing.spread(values) for way, values in seconds.items()}
    document = {
        "machine": timing.machine(),
        "settings": {"repeats": arguments.repeats},
        "figures": {
            "seconds": spreads,
            "beside_local": {way: timing.ratio(spreads[way], spreads[WAYS[1]]) for way in WAYS},
            "same_bytes": len(locks) == 1,
        },
    }
    files.write_json(RESULT, document)


@contextmanager
def stuck_server() -> Iterator[int]:
    """The port of a server that lets everyone connect and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server.getsockname()[1]


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses connections: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


if __name__ == "__main__":
    command.run(main)
