"""Run the book's setting that needs no download: GPT-2's shape with random weights, all layers trained.

Run `python -m benchmarks.from_scratch`; it takes a while without a GPU. The pipeline runs in a temporary copy of
the repository's code, so that the workspace's own results stay. Published figures: the 19 variants that accompany
chapter 6 of "Build a Large Language Model (From Scratch)", row 10.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from spampipe.core import command, files
from spampipe.core.workspace import Workspace

RESULT = Path("benchmarks/results/from_scratch.json")
PUBLISHED = {"train_accuracy": 1.0, "validation_accuracy": 0.9664, "test_accuracy": 0.9367}
SETTINGS = {
    "model": {"name": "gpt2-small", "weights": "random", "trainable": "all", "position": "last"},
    "train": {"learning_rate": 5e-5, "epochs": 5, "precision": "bf16"},
}
STAGES = ("download", "balance", "split", "tokenize_pad", "train", "evaluate")


def main() -> None:
    """Write benchmarks/results/from_scratch.json."""
    settings = yaml.safe_load(Workspace().params.read_text(encoding="utf-8"))
    for section, changes in SETTINGS.items():
        settings[section] |= changes
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for package in ("spampipe", "stages"):
            shutil.copytree(package, copy / package)
        (Workspace(copy).params).write_text(yaml.safe_dump(settings), encoding="utf-8")
        (copy / ".dvc" / "tmp").mkdir(parents=True)
        for stage in STAGES:
            subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=copy, check=True)
        written = [
            json.loads((copy / path).read_text("utf-8"))
            for path in (Workspace().train_metrics, Workspace().evaluate_metrics)
        ]
        metrics = written[0] | written[1]
    document = {
        "settings": SETTINGS,
        "precision": SETTINGS["train"]["precision"],
        "published": PUBLISHED,
        "figures": {name: metrics[name] for name in PUBLISHED},
    }
    files.write_json(RESULT, document)


if __name__ == "__main__":
    command.run(main)
