"""The tables about training and prediction beside other implementations; benchmarks.render puts them in place."""

import json
from collections.abc import Callable
from typing import Any

from benchmarks import timing
from spampipe.errors import DataError


def against_the_book() -> str:
    """The book's loop, and this project's at the book's position and at its own."""
    document = read("against_the_book")
    model, epochs = document["settings"]["model"], document["settings"]["epochs"]
    title = f"{model}, random weights, {epochs} epochs"
    lines = [f"| {title} | seconds | times faster | largest difference of a loss |", "|---|---:|---:|---:|"]
    lines.append(f"| the book's loop, fp32 | {span(document['book']['seconds'], 0)} | | |")
    for row in document["spampipe"]:
        difference = f"{row['largest_loss_difference']:.1e}" if "largest_loss_difference" in row else ""
        cells = (span(row["seconds"], 1), span(row["times_faster"], 1), difference)
        lines.append(f"| position `{row['position']}`, {row['precision']} | {' | '.join(cells)} |")
    return with_machine(lines, document)


def same_accuracy() -> str:
    """Accuracy and time with and without the shortcuts."""
    document = read("same_accuracy")
    lines = [f"| {len(document['seeds'])} seeds | test accuracy | seconds | times faster |", "|---|---:|---:|---:|"]
    for row in document["ways"]:
        cells = (shares(row["test_accuracy"]), span(row["seconds"], 0), span(row["times_faster"], 1))
        lines.append(f"| {row['way']}, {row['precision']} | {' | '.join(cells)} |")
    return with_machine(lines, document)


def against_trainer() -> str:
    """The Trainer of transformers and this project's loop, for each precision."""
    document = read("against_trainer")
    title = f"{document['params']['model']['name']}, {document['settings']['epochs']} epochs"
    lines = [f"| {title} | seconds | test accuracy | times faster |", "|---|---:|---:|---:|"]
    for name, rows in (("transformers' Trainer", document["trainer"]), ("spampipe", document["spampipe"])):
        for precision, row in rows.items():
            faster = span(document["times_faster"][precision], 1) if name == "spampipe" else ""
            lines.append(
                f"| {name}, {precision} | {span(row['seconds'], 0)} | {shares(row['test_accuracy'])} | {faster} |"
            )
    lines.append(f"| the faster precision of each | | | {span(document['times_faster']['best'], 1)} |")
    return with_machine(lines, document)


def prediction_speed() -> str:
    """Messages a second: beside the book's function, then beside transformers' pipeline."""
    document = read("prediction_speed")
    book, rows = document["book"], document["pipeline"]["rows"]
    lines = ["| | messages/s | times faster |", "|---|---:|---:|"]
    base = document["settings"]["base"]
    lines.append(f"| {base}: the book's `classify_review`, fp32 | {rate(book['classify_review'])} | |")
    for row in book["spampipe"]:
        title = f"{base}: spampipe, `{row['position']}`, {row['precision']}"
        lines.append(f"| {title} | {rate(row)} | {span(row['times_faster'], 1)} |")
    for row in rows:
        size, precision = row["best_batch_size"], row["precision"]
        theirs = rate(row["pipeline"][str(size)])
        lines.append(f"| trained model: transformers' pipeline, batches of {size}, {precision} | {theirs} | |")
        ours, faster = rate(row["spampipe"]), span(row["times_faster"], 2)
        lines.append(f"| trained model: spampipe, {precision} | {ours} | {faster} |")
    lines.append(f"| the faster precision of each | | {span(document['pipeline']['best_times_faster'], 2)} |")
    return with_machine(lines, document)


TABLES: dict[str, Callable[[], str]] = {
    "against_the_book": against_the_book,
    "same_accuracy": same_accuracy,
    "against_trainer": against_trainer,
    "prediction_speed": prediction_speed,
}


def with_machine(lines: list[str], document: dict[str, Any]) -> str:
    """A table, and below it the machine and the day that its figures hold for."""
    machine = document["machine"]
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['device']}; {machine['date']}."
    return "\n".join([*lines, "", f"Median (minimum to maximum). {where}"])


def span(values: dict[str, float], decimals: int) -> str:
    """Median, and minimum to maximum where they differ."""
    low, middle, high = (f"{values[name]:,.{decimals}f}" for name in ("min", "median", "max"))
    return middle if low == high else f"{middle} ({low} to {high})"


def rate(row: dict[str, Any]) -> str:
    """Messages a second."""
    return span(row["messages_per_second"], 1)


def shares(values: dict[str, float]) -> str:
    """Accuracies as percentages."""
    return f"{span({name: 100 * values[name] for name in ('min', 'median', 'max')}, 2)} %"


def read(name: str) -> dict[str, Any]:
    """A results file."""
    path = timing.RESULTS / f"{name}.json"
    if not path.exists():
        raise DataError(f"{path}: no such file; run `python -m benchmarks.{name}` first")
    return dict(json.loads(path.read_text(encoding="utf-8")))
