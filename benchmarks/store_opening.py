"""What the checksum of the frozen layers' store costs at each opening.

Run `python -m benchmarks.store_opening`. Opens an output of the size of the default pipeline's four together, with
its checksum and without, its file in the system's cache.
"""

from unittest import mock

from benchmarks import timing, training_runs
from spampipe.core import command, files
from spampipe.training import trunk_store

RESULT = timing.RESULTS / "store_opening.json"
SHAPE = (130_000, 576)  # tokens, width
REPEATS = 5


def main() -> None:
    """Write benchmarks/results/store_opening.json."""
    with training_runs.empty_store() as store:

        def use() -> float:
            found = trunk_store.obtain(store, {"benchmark": 1}, SHAPE, lambda array: array.fill(1.0))
            return float(found.sum())

        use()
        (path,) = store.glob("*.f32")
        content = path.read_bytes()[:64]
        checked = timing.repeat(use, REPEATS)
        with mock.patch.object(trunk_store, "_checksum", lambda *_: content):
            unchecked = timing.repeat(use, REPEATS)
    figures = {"mib": 4 * SHAPE[0] * SHAPE[1] / 2**20, "checked_seconds": checked, "unchecked_seconds": unchecked}
    files.write_json(RESULT, {"machine": timing.machine(), "settings": {"repeats": REPEATS}, "figures": figures})


if __name__ == "__main__":
    command.run(main)
