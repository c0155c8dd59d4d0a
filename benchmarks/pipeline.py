"""Time the pipeline from data on disk to figures: as a whole, stage by stage, and as a second experiment.

Run `python -m benchmarks.pipeline` after `dvc repro`, which leaves the downloads in the user cache. Each repeat
works in fresh temporary copies of the repository, with runs recorded in MLflow and nothing cached: the frozen
layers' store is empty. `--model gpt2-tiny --repeats 1` is a quick try.
"""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks import timing, workspace
from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.models.catalogue import BASE_MODELS

RESULT = timing.RESULTS / "pipeline.json"
SECOND_RATE = 0.0001  # the second experiment's learning rate
PARTED = ("train", "evaluate")


def main() -> None:
    """Write benchmarks/results/pipeline.json."""
    defaults = params.load(Workspace().params)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", choices=BASE_MODELS, default=defaults.model.name)
    arguments = parser.parse_args()
    changes: workspace.Changes = {"model": {"name": arguments.model}}
    if not BASE_MODELS[arguments.model].has_pretrained_weights:
        changes = {"model": {"name": arguments.model, "weights": "random"}}

    dvc = [with_dvc(changes) for _ in range(arguments.repeats)]
    alone = [stage_by_stage(changes) for _ in range(arguments.repeats)]
    figures = {name: timing.spread([run[name] for run in dvc]) for name in dvc[0]}
    stages = {name: timing.spread([run[0][name] for run in alone]) for name in alone[0][0]}
    second_train = stages.pop("second_train")
    parts = {
        stage: {part: timing.spread([run[1][stage][part] for run in alone]) for part in alone[0][1][stage]}
        for stage in PARTED
    }
    document = {
        "machine": timing.machine(),
        "settings": {
            "repeats": arguments.repeats,
            "model": changes["model"],
            "train": defaults.train.model_dump(),
            "second_learning_rate": SECOND_RATE,
        },
        "figures": {
            **figures,
            "stages": stages,
            "second_train": second_train,
            "experiment_ratio": timing.ratio(figures["repro"], figures["second_experiment"]),
            "train_ratio": timing.ratio(stages["train"], second_train),
            "parts": parts,
        },
    }
    files.write_json(RESULT, document)


def with_dvc(changes: workspace.Changes) -> dict[str, float]:
    """Seconds of `dvc repro` after the download, and of a second experiment that changes the learning rate."""
    with workspace.copy(changes) as folder:
        workspace.commit(folder)
        workspace.run(folder, "dvc", "repro", "download")
        return {
            "repro": workspace.run(folder, "dvc", "repro"),
            "second_experiment": workspace.run(
                folder, "dvc", "exp", "run", "-S", f"train.learning_rate={SECOND_RATE}"
            ),
        }


def stage_by_stage(changes: workspace.Changes) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Seconds of each stage without DVC, of `train` with another learning rate, and of the longest ones' parts."""
    with workspace.copy(changes) as folder, tempfile.TemporaryDirectory() as elsewhere:
        workspace.run(folder, "stages.download")
        seconds = {stage: workspace.run(folder, f"stages.{stage}") for stage in workspace.stages()[1:]}
        workspace.change_params(folder, {"train": {"learning_rate": SECOND_RATE}})
        seconds["second_train"] = workspace.run(folder, "stages.train")
        parts = {}
        for stage in PARTED:
            destination = Path(elsewhere) / f"{stage}.json"
            # Another repository root: the store is empty again, and `evaluate` finds there what `train` put in.
            variables = {"DVC_ROOT": elsewhere}
            workspace.run(folder, "benchmarks.stage_parts", stage, str(destination), variables=variables)
            parts[stage] = json.loads(destination.read_text(encoding="utf-8"))
        return seconds, parts


if __name__ == "__main__":
    command.run(main)
