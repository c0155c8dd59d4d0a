"""Run the book's setting that needs no download: GPT-2's shape with random weights, all layers trained.

Run `python -m benchmarks.from_scratch`; it takes a while without a GPU. The pipeline runs in a temporary copy of
the repository, so that the workspace's own results stay. Published figures: the 19 variants that accompany
chapter 6 of "Build a Large Language Model (From Scratch)", row 10.
"""

from pathlib import Path
from typing import Any

from benchmarks import workspace
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.evaluation import readers

RESULT = Path("benchmarks/results/from_scratch.json")
PUBLISHED = {"train_accuracy": 1.0, "validation_accuracy": 0.9664, "test_accuracy": 0.9367}
SETTINGS: dict[str, dict[str, Any]] = {
    "model": {"name": "gpt2-small", "weights": "random", "trainable": "all", "position": "last"},
    "train": {"learning_rate": 5e-5, "epochs": 5, "precision": "bf16"},
}


def main() -> None:
    """Write benchmarks/results/from_scratch.json."""
    with workspace.copy(SETTINGS) as folder:
        workspace.commit(folder)
        workspace.run(folder, "dvc", "repro", "evaluate")
        written = Workspace(folder).train_metrics, Workspace(folder).evaluate_metrics
        metrics = {name: value for path in written for name, value in readers.read_metrics(path).items()}
    document = {
        "settings": SETTINGS,
        "precision": SETTINGS["train"]["precision"],
        "published": PUBLISHED,
        "figures": {name: metrics[name] for name in PUBLISHED},
    }
    files.write_json(RESULT, document)


if __name__ == "__main__":
    command.run(main)
