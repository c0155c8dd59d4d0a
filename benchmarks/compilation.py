"""Would torch.compile pay within a run? Time the frozen layers' pass with blocks compiled and without.

Run `python -m benchmarks.compilation` after `dvc repro`; it needs a C++ compiler, which the pipeline does not.
"""

import argparse
import time
from typing import get_args

from benchmarks import flops, timing, training_runs, trunk_rate
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.data.tokens import TokenTable
from spampipe.models import compute
from spampipe.models.choices import Precision
from spampipe.models.frozen_trunk import Model
from spampipe.training import examples

RESULT = timing.RESULTS / "compilation.json"
MODEL = "smollm2-135m"


def main() -> None:
    """Write benchmarks/results/compilation.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=300, help="the first of the train split")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    compute.configure_torch()
    table = tokens.load(Workspace().split_tokens("train")).rows(slice(arguments.messages))
    rows = []
    for precision in get_args(Precision):
        model = trunk_rate.random_model(MODEL, compute.chosen_device())
        trunk_rate.fresh_pass(model, table, precision)
        plain = timing.spread([one_pass(model, table, precision) for _ in range(arguments.repeats)])
        for block in model.network.decoder.blocks:
            block.compile(dynamic=True)
        first = one_pass(model, table, precision)
        compiled = timing.spread([one_pass(model, table, precision) for _ in range(arguments.repeats)])
        cost, gain = first - compiled["median"], plain["median"] - compiled["median"]
        rows.append(
            {
                "precision": precision,
                "seconds": plain,
                "compiled_seconds": compiled,
                "compilation_seconds": cost,
                "tokens_to_break_even": flops.trunk_tokens(model.network, table) * cost / gain if gain > 0 else None,
            }
        )
    settings = {"model": MODEL, "messages": len(table), "tokens": flops.trunk_tokens(model.network, table)}
    files.write_json(RESULT, {"machine": timing.machine(), "settings": settings, "rows": rows})


def one_pass(model: Model, table: TokenTable, precision: Precision) -> float:
    """Seconds of one pass with an empty store."""
    with training_runs.empty_store() as store:
        start = time.perf_counter()
        examples.prepare(model, table, precision, "benchmark", store)
        return time.perf_counter() - start


if __name__ == "__main__":
    command.run(main)
