"""How the benchmarks measure: wall times over repeats, and the machine they hold for."""

import datetime
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from spampipe.models import compute
from spampipe.tracking import provenance

RESULTS = Path("benchmarks/results")


def repeat(action: Callable[[], object], repeats: int) -> dict[str, Any]:
    """Wall times of `action` in seconds: all of them, and their minimum, median and maximum."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return spread(seconds)


def spread(values: list[float]) -> dict[str, Any]:
    """The values with their minimum, median and maximum."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values), "values": values}


def ratio(slow: dict[str, Any], fast: dict[str, Any]) -> dict[str, float]:
    """How many times faster `fast` is than `slow`: of the medians, and the least and most the repeats allow."""
    return {
        "min": slow["min"] / fast["max"],
        "median": slow["median"] / fast["median"],
        "max": slow["max"] / fast["min"],
    }


def machine() -> dict[str, Any]:
    """What the figures hold for: processor, device, threads, Python, torch and the date."""
    return {
        "processor": provenance.processor(),
        "device": compute.describe(compute.chosen_device()),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
