"""Compare the frozen layers' pass with what the machine's matrix products reach, and show where its time goes.

Run `python -m benchmarks.trunk_rate` after `dvc repro`. The pass runs as in the pipeline, through
`examples.prepare` with an empty store, on random weights; the weights' hash is taken before the clock starts.
Operations are counted as two for each entry of the blocks' weight matrices and each real token: attention's own
products are not counted, padding is not either, and both cost time.
"""

import argparse
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import flops, timing, training_runs
from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.data import labels, tokens
from spampipe.data.tokens import TokenTable
from spampipe.models import bases, checkpoint, compute, describing
from spampipe.models.architectures import BaseChoice
from spampipe.models.choices import Precision
from spampipe.models.frozen_trunk import Model
from spampipe.training import examples

RESULT = timing.RESULTS / "trunk_rate.json"
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
FIXED_LENGTHS = (30, 120)
MATRIX_SIZE = 2048

# The first kind with a part of the operator's name decides.
KINDS = {
    "attention": ("attention",),
    "matrix products": ("mm", "linear", "matmul", "conv"),
    "activation": ("gelu", "silu"),
    "copies and casts": ("copy", "clone", "cat", "index", "repeat", "embedding", "mask", "contiguous"),
    "fills of new memory": ("fill", "zero"),
    "norms and elementwise": ("norm", "sum", "mul", "add", "sub", "div", "pow", "mean", "rsqrt", "sin", "cos", "neg"),
}


def main() -> None:
    """Write benchmarks/results/trunk_rate.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=8192, help="tokens in one pass, about")
    parser.add_argument("--models", nargs="+", default=["smollm2-135m", "gpt2-small"])
    arguments = parser.parse_args()
    compute.configure_torch()
    device = compute.chosen_device()
    peaks = {name: flops.matrix_rate(device, dtype, MATRIX_SIZE) for name, dtype in DTYPES.items()}
    rows = []
    for name in arguments.models:
        model = random_model(name, device)
        tables = messages(model, arguments.tokens)
        for precision in PRECISIONS:
            fresh_pass(model, tables["30"], precision)  # warm up
            for lengths, table in tables.items():
                row = {"model": name, "precision": precision, "lengths": lengths}
                rows.append(row | rate(model, table, precision, arguments.repeats, peaks[precision]))
            rows[-1]["profile"] = operators(model, table, precision)  # of the last: real lengths
    document = {
        "machine": timing.machine(),
        "settings": {"repeats": arguments.repeats, "tokens": arguments.tokens, "matrix_size": MATRIX_SIZE},
        "figures": {"matrix_flops_per_second": peaks, "rows": rows},
    }
    files.write_json(RESULT, document)


def random_model(name: str, device: torch.device) -> Model:
    """A classifier of this shape with untrained weights, all but its last block frozen."""
    changes = {"name": name, "weights": "random", "trainable": "last_block", "position": "last_real"}
    settings = params.load(Workspace().params).model.model_copy(update=changes | {"causal": True, "dropout": 0.0})
    known, base = labels.load(Workspace().labels), bases.cached_base(BaseChoice(name, "random"))
    return checkpoint.create(describing.describe(settings, known, 120, "fp32", base), 0, 0.0, device, base)


def messages(model: Model, wanted: int) -> dict[str, TokenTable]:
    """About as many tokens as wanted: in messages of one length, and in the first ones of the train split."""
    draw = np.random.default_rng(0)
    train = tokens.load(Workspace().split_tokens("train"))
    tables = {}
    for length in FIXED_LENGTHS:
        shape = (max(1, wanted // length), length)
        ids = draw.integers(0, model.network.decoder.config.vocabulary_size, shape, dtype=np.int32)
        columns = np.full(len(ids), length, dtype=np.int32)
        tables[str(length)] = TokenTable(ids, columns, np.zeros_like(columns), train.label_set)
    count = max(1, int((train.lengths.cumsum() <= wanted).sum()))
    tables["train split"] = train.rows(slice(count))
    return tables


def rate(model: Model, table: TokenTable, precision: Precision, repeats: int, peak: float) -> dict[str, Any]:
    """Seconds of the pass, its operations a second, and their share of the matrix products' rate."""
    work = flops.trunk_flops(model.network, table)
    seconds = timing.repeat(lambda: fresh_pass(model, table, precision), repeats)
    rates = timing.spread([work / value for value in seconds["values"]])
    shares = timing.spread([value / peak for value in rates["values"]])
    return {
        "messages": len(table),
        "tokens": flops.trunk_tokens(model.network, table),
        "seconds": seconds,
        "flops_per_second": rates,
        "share_of_matrix_rate": shares,
    }


def fresh_pass(model: Model, table: TokenTable, precision: Precision) -> None:
    """The pass as the pipeline runs it, with nothing in the store yet."""
    with training_runs.empty_store() as store:
        examples.prepare(model, table, precision, "benchmark", store)


def operators(model: Model, table: TokenTable, precision: Precision) -> dict[str, float]:
    """The share of the pass's time that each kind of operator takes, on the device itself."""
    on_gpu = model.network.head.weight.device.type == "cuda"
    activities = [ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]
    with profile(activities=activities) as profiler:
        fresh_pass(model, table, precision)
    totals = dict.fromkeys((*KINDS, "other"), 0.0)
    for event in profiler.key_averages():
        totals[kind(event.key)] += event.self_device_time_total if on_gpu else event.self_cpu_time_total
    everything = sum(totals.values())
    return {name: total / everything for name, total in totals.items()}


def kind(operator: str) -> str:
    """What an operator of the profile is."""
    for name, parts in KINDS.items():
        if any(part in operator.lower() for part in parts):
            return name
    return "other"


if __name__ == "__main__":
    command.run(main)
