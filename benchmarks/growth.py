"""Time and peak memory of each stage as the messages grow from a thousand to a hundred thousand.

Run `python -m benchmarks.growth` after `dvc repro`; it needs Linux, whose /proc tells a process's memory. The
messages are synthetic: real ones, drawn anew by a fixed seed, with some words exchanged for others of the same
class. The model is gpt2-tiny with random weights, so that the pipeline's own cost shows; one epoch, no balancing.
Each size runs once, in a temporary copy of the repository, without MLflow.
"""

import argparse
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import timing, workspace
from spampipe.core import command, files
from spampipe.core.errors import SpampipeError
from spampipe.core.workspace import Workspace
from spampipe.data import labels as labels_
from spampipe.data import messages as messages_

RESULT = timing.RESULTS / "growth.json"
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
SETTINGS: dict[str, dict[str, Any]] = {
    "balance": {"strategy": "none"},
    "model": {"name": "gpt2-tiny", "weights": "random", "trainable": "last_block", "position": "last_real"},
    "train": {"epochs": 1},
}
EXCHANGED = 0.3  # the share of a message's words
SEED = 123
SECONDS_BETWEEN_SAMPLES = 0.02


def main() -> None:
    """Write benchmarks/results/growth.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument(
        "--store-mebibytes", type=int, default=256, help="how large the frozen layers' store may grow"
    )
    arguments = parser.parse_args()
    if not Path("/proc/self/status").exists():
        raise SpampipeError("needs Linux: memory is read from /proc")
    document = {
        "machine": timing.machine(),
        "settings": {"params": SETTINGS, "store_mebibytes": arguments.store_mebibytes, "exchanged_words": EXCHANGED},
        "figures": [grow(size, arguments.store_mebibytes) for size in arguments.sizes],
    }
    files.write_json(RESULT, document)


def grow(size: int, store_mebibytes: int) -> dict[str, Any]:
    """Run the stages on this many messages."""
    with workspace.copy(SETTINGS) as folder:
        collection = folder / "collection.tsv"
        collection.write_text(synthetic(size), encoding="utf-8")
        workspace.change_params(folder, {"download": {"dataset": str(collection)}})
        variables = {"SPAMPIPE_TRACKING": "off", "SPAMPIPE_TRUNK_BYTES": str(store_mebibytes << 20)}
        stages = {stage: measure(folder, f"stages.{stage}", variables) for stage in workspace.stages()}
        store = sum(path.stat().st_size for path in Workspace(folder).trunk_store.glob("*.f32"))
    seconds = sum(stage["seconds"] for stage in stages.values())
    return {
        "messages": size,
        "seconds": seconds,
        "messages_per_second": size / seconds,
        "store_mib": store / 2**20,
        "stages": stages,
    }


def synthetic(size: int) -> str:
    """A collection of `label<TAB>text` lines with the real one's classes and, nearly, its lengths."""
    raw, labels = Workspace().raw_messages, labels_.load(Workspace().labels)
    real = messages_.parse(raw.read_bytes(), raw, labels)
    known = [(label, text.replace('"', "'").split()) for label, text in zip(real["Label"], real["Text"], strict=True)]
    words: list[list[str]] = [[] for _ in labels.names]
    for label, text in known:
        words[label] += text
    draw = random.Random(SEED)
    lines = []
    for _ in range(size):
        label, text = draw.choice(known)
        changed = [draw.choice(words[label]) if draw.random() < EXCHANGED else word for word in text]
        lines.append(f"{labels.names[label]}\t{' '.join(changed)}\n")
    return "".join(lines)


def measure(folder: Path, module: str, variables: dict[str, str]) -> dict[str, float]:
    """Run a stage, watching its memory.

    Anonymous memory is what the stage itself needs; resident memory also counts pages of mapped files, which the
    system takes back when it wants. The process's own high-water mark is read, since the one that waiting for a
    child reports begins at its parent's size.
    """
    peaks = {"RssAnon": 0, "VmHWM": 0}
    start = time.perf_counter()
    arguments = [sys.executable, "-m", module]
    process = subprocess.Popen(arguments, cwd=folder, env=workspace.environment(variables))
    while process.poll() is None:
        for name, kibibytes in status(process.pid).items():
            peaks[name] = max(peaks[name], kibibytes)
        time.sleep(SECONDS_BETWEEN_SAMPLES)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SpampipeError(f"{module} ended with status {process.returncode}")
    return {
        "seconds": seconds,
        "peak_anonymous_mib": peaks["RssAnon"] / 2**10,
        "peak_resident_mib": peaks["VmHWM"] / 2**10,
    }


def status(process: int) -> dict[str, int]:
    """The process's anonymous memory now and its peak resident memory, in KiB; nothing once it has ended."""
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: int(value) for name, value in re.findall(r"^(RssAnon|VmHWM):\s+(\d+) kB$", text, re.MULTILINE)}


if __name__ == "__main__":
    command.run(main)
