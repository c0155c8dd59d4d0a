"""How results and times differ on hardware without bfloat16 units, without AVX-512, and with another thread count.

Run `python -m benchmarks.other_hardware` after `dvc repro`, on a processor that has bfloat16 units. Each way runs
`train` and `evaluate` as DVC does, in one temporary copy of the repository, with an empty store of the frozen layers'
outputs; the ways take turns. Without units means that torch and its libraries are told to use AVX2 at most.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import timing, workspace
from spampipe.classifiers import decision
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.evaluation import readers
from spampipe.training import tables

RESULT = timing.RESULTS / "other_hardware.json"
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
WAYS: dict[str, tuple[str, dict[str, str]]] = {
    "bf16, units": ("bf16", {}),
    "bf16, no units": ("bf16", AVX2),
    "fp32, AVX-512": ("fp32", {}),
    "fp32, AVX2": ("fp32", AVX2),
    "bf16, units, one thread": ("bf16", {"OMP_NUM_THREADS": "1"}),
}
# Each precision's usual way, and what it is compared with.
PAIRS = (
    ("bf16, units", "bf16, no units"),
    ("bf16, units", "bf16, units, one thread"),
    ("fp32, AVX-512", "fp32, AVX2"),
)


def main() -> None:
    """Write benchmarks/results/other_hardware.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2)
    repeats = parser.parse_args().repeats
    seconds: dict[str, dict[str, list[float]]] = {way: {"train": [], "evaluate": []} for way in WAYS}
    outcomes: dict[str, dict[str, Any]] = {}
    with workspace.copy({}) as folder:
        workspace.commit(folder)
        workspace.run(folder, "dvc", "repro", "tokenize-pad")
        for _ in range(repeats):
            for way, (precision, variables) in WAYS.items():
                shutil.rmtree(folder / ".spampipe", ignore_errors=True)
                workspace.change_params(folder, {"train": {"precision": precision}})
                for stage in ("train", "evaluate"):
                    off = {**variables, "SPAMPIPE_TRACKING": "off"}
                    seconds[way][stage].append(workspace.run(folder, f"stages.{stage}", variables=off))
                outcomes[way] = outcome(folder)
    figures = {
        "seconds": {
            way: {stage: timing.spread(values) for stage, values in each.items()} for way, each in seconds.items()
        },
        "metrics": {way: found["metrics"] for way, found in outcomes.items()},
        "differences": [difference(one, other, outcomes[one], outcomes[other]) for one, other in PAIRS],
    }
    files.write_json(RESULT, {"machine": timing.machine(), "settings": {"repeats": repeats}, "figures": figures})


def outcome(folder: Path) -> dict[str, Any]:
    """The losses, metrics and predictions that lie in a copy, and the threshold that they were made with."""
    found = Workspace(folder)
    return {
        "metrics": readers.read_metrics(found.train_metrics) | readers.read_metrics(found.evaluate_metrics),
        "steps": files.read_csv(found.train_steps, tables.STEP_COLUMNS),
        "predictions": readers.read_predictions(found.predictions),
        "threshold": decision.load(found.decision).threshold,
    }


def difference(one: str, other: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """How far two outcomes are apart.

    Returns:
        The largest difference of a loss estimate, of each metric, and of a probability; how many messages are
        predicted otherwise, of how many; and how far the probabilities of these are from the threshold at most.
    """
    losses = [table[["train_loss", "validation_loss"]] for table in (before["steps"], after["steps"])]
    old, new = before["predictions"], after["predictions"]
    changed = old["predicted"] != new["predicted"]
    ties = pd.concat([(table["probability"] - before["threshold"]).abs()[changed] for table in (old, new)])
    return {
        "between": [one, other],
        "largest_loss_difference": float((losses[0] - losses[1]).abs().max().max()),
        "metrics": {name: abs(before["metrics"][name] - after["metrics"][name]) for name in before["metrics"]},
        "largest_probability_difference": float((old["probability"] - new["probability"]).abs().max()),
        "predicted_otherwise": int(changed.sum()),
        "messages": len(old),
        "farthest_from_threshold": float(ties.max()) if len(ties) else 0.0,
    }


if __name__ == "__main__":
    command.run(main)
