"""Time five of the published variants of chapter 6 on a GPU; time only, since the weights are random.

Run `python -m benchmarks.gpu` after `dvc repro`, on a machine with CUDA. Published minutes are for an A100 and come
from the 19 variants that accompany chapter 6 of "Build a Large Language Model (From Scratch)". As there: the last
position answers, padded to 120 tokens, five epochs, batches of eight, learning rate 5e-5. The clock runs from the
model's being on the GPU to the end of the last epoch, frozen layers' pass and both accuracies after each epoch
included. The data is the workspace's splits, tokenized for GPT-2.
"""

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import flops, timing, training_runs
from spampipe import params
from spampipe.core import command, files
from spampipe.core.errors import SpampipeError
from spampipe.core.workspace import Workspace
from spampipe.models import bases, checkpoint, compute, describing
from spampipe.models.architectures import BaseChoice
from spampipe.models.choices import Precision, Trainable
from spampipe.training import examples, loop

RESULT = timing.RESULTS / "gpu.json"
MATRIX_SIZES = (2048, 8192)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclasses.dataclass(frozen=True)
class Variant:
    """A row of the published table."""

    row: int
    model: str
    trainable: Trainable
    published_minutes: float


VARIANTS = (
    Variant(1, "gpt2-small", "last_block", 0.28),
    Variant(5, "gpt2-small", "all", 0.69),
    Variant(7, "gpt2-large", "last_block", 1.50),
    Variant(8, "gpt2-xl", "last_block", 2.83),
    Variant(9, "gpt2-xl", "all", 8.12),
)


def main() -> None:
    """Write benchmarks/results/gpu.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[variant.row for variant in VARIANTS])
    parser.add_argument("--precision", nargs="+", choices=DTYPES, default=["fp32", "bf16"])
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    device = compute.chosen_device()
    if device.type != "cuda":
        raise SpampipeError("no CUDA device found; benchmarks.gpu needs one")
    compute.configure_torch()
    peaks = {
        name: {size: flops.matrix_rate(device, DTYPES[name], size) for size in MATRIX_SIZES}
        for name in arguments.precision
    }
    with tempfile.TemporaryDirectory() as folder, training_runs.empty_store() as store:
        base = Path(folder)
        bases.fetch_base(BaseChoice("gpt2-small", "random"), base)  # every size has the same tokenizer
        tables = training_runs.tokenize("gpt2-small", base)
        del tables["test"]
        rows = [
            measure(variant, precision, arguments.epochs, tables, device, base, store)
            for variant in VARIANTS
            if variant.row in arguments.rows
            for precision in arguments.precision
        ]
    for row in rows:
        row["share_of_matrix_rate"] = row["flops_per_second"] / max(peaks[row["precision"]].values())
    document = {
        "machine": timing.machine(),
        "settings": {
            "epochs": arguments.epochs,
            "max_length": tables["train"].max_length,
            "batch_size": 8,
            "learning_rate": 5e-5,
        },
        "figures": {"matrix_flops_per_second": peaks, "rows": rows},
    }
    files.write_json(RESULT, document)


def measure(
    variant: Variant,
    precision: Precision,
    epochs: int,
    tables: training_runs.Tables,
    device: torch.device,
    base: Path,
    store: Path,
) -> dict[str, Any]:
    """Train one variant; its minutes, peak memory and operations a second.

    Operations are those of the blocks' weight matrices: with frozen layers, of their one pass over train and
    validation in that pass's time; else of the training steps, forward and twice that backward, without the last
    block, in the whole time. Both are lower bounds.

    Args:
        variant: what is trained.
        precision: of the matrix products.
        epochs: passes over the training messages.
        tables: train and validation.
        device: where it is trained.
        base: the folder of the base model.
        store: the folder for the frozen layers' output.
    """
    settings, length = params.load(Workspace().params), tables["train"].max_length
    changes = {"name": variant.model, "weights": "random", "trainable": variant.trainable, "position": "last"}
    choices = settings.model.model_copy(update=changes | {"causal": True, "dropout": 0.0})
    steps = {"epochs": epochs, "batch_size": 8, "learning_rate": 5e-5, "precision": precision}
    card = describing.describe(choices, tables["train"].label_set, length, precision, base)
    model = checkpoint.create(card, settings.train.seed, 0.0, device, base)
    model.trunk.digest()  # names the store's file; part of loading, not of training
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    flops.synchronize(device)
    start = time.perf_counter()
    train, validation = (examples.prepare(model, table, precision, name, store) for name, table in tables.items())
    flops.synchronize(device)
    prepared = time.perf_counter()
    loop.fit(model.network, train, validation, settings.train.model_copy(update=steps))
    flops.synchronize(device)
    end = time.perf_counter()
    if model.network.trunk_depth:
        rate = sum(flops.trunk_flops(model.network, table) for table in tables.values()) / (prepared - start)
    else:
        seen = epochs * (len(tables["train"]) // 8) * 8 * length
        rate = 3 * flops.block_flops(model.network, -1) * seen / (end - start)
    return {
        **dataclasses.asdict(variant),
        "precision": precision,
        "minutes": (end - start) / 60,
        "frozen_layers_minutes": (prepared - start) / 60,
        "peak_memory_gib": torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None,
        "flops_per_second": rate,
    }


if __name__ == "__main__":
    command.run(main)
