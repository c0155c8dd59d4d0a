"""Tables of what other hardware changes, and of what the check of the frozen layers' store costs."""

from collections.abc import Callable

from benchmarks.tables import RESULTS, markdown, measured_on, read, spread
from benchmarks.timing import ratio


def other_hardware() -> str:
    """Seconds of `train` and `evaluate` in each way, and beside float32 on the same hardware."""
    document = read(RESULTS / "other_hardware.json")
    seconds, metrics = document["figures"]["seconds"], document["figures"]["metrics"]
    beside = {"bf16, units": "fp32, AVX-512", "bf16, no units": "fp32, AVX2"}
    rows = []
    for way, stages in seconds.items():
        other = beside.get(way)
        times = spread(ratio(stages["train"], seconds[other]["train"]), 2) if other else ""
        accuracy = f"{100 * metrics[way]['test_accuracy']:.2f} %"
        rows.append([way, spread(stages["train"]), spread(stages["evaluate"]), times, accuracy])
    head = ["", "`train`, seconds", "`evaluate`, seconds", "`train`, times its fp32", "test accuracy"]
    return markdown(head, rows) + "\n" + measured_on(document)


def other_hardware_results() -> str:
    """How far results of the same settings are apart."""
    document = read(RESULTS / "other_hardware.json")
    rows = [
        [
            " and ".join(f"*{way}*" for way in pair["between"]),
            f"{pair['largest_loss_difference']:.1e}",
            f"{pair['largest_probability_difference']:.1e}",
            f"{pair['predicted_otherwise']} of {pair['messages']:,}",
            f"{pair['farthest_from_threshold']:.3f}",
        ]
        for pair in document["figures"]["differences"]
    ]
    head = [
        "largest difference between",
        "loss",
        "probability",
        "labelled otherwise",
        "their distance from the threshold",
    ]
    return markdown(head, rows) + "\n" + measured_on(document)


def store_opening() -> str:
    """Seconds to open and read a stored output, with its check and without."""
    document = read(RESULTS / "store_opening.json")
    figures = document["figures"]
    rows = [[f"{figures['mib']:.0f}", spread(figures["checked_seconds"], 2), spread(figures["unchecked_seconds"], 2)]]
    head = ["MiB opened and read", "seconds with the checksum", "without"]
    return markdown(head, rows) + "\n" + measured_on(document)


TABLES: dict[str, Callable[[], str]] = {
    "other_hardware": other_hardware,
    "other_hardware_results": other_hardware_results,
    "store_opening": store_opening,
}
