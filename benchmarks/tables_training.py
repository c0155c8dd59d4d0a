"""Tables of training and prediction beside other implementations."""

from collections.abc import Callable
from typing import Any

from benchmarks.tables import RESULTS, markdown, measured_on, percent, read, spread


def speed() -> str:
    """All opponents in a few lines, for the first page."""
    book, trainer, prediction, pipeline = (
        read(RESULTS / f"{name}.json")
        for name in ("against_the_book", "against_trainer", "prediction_speed", "pipeline")
    )
    runs = {(row["position"], row["precision"]): row["times_faster"] for row in book["spampipe"]}
    reviews = {(row["position"], row["precision"]): row["times_faster"] for row in prediction["book"]["spampipe"]}
    figures = pipeline["figures"]
    fastest = {"trainer": trainer["times_faster"]["best"], "pipeline": prediction["pipeline"]["best_times_faster"]}
    rows = [
        ["training, beside the book's loop: same setting, same losses, fp32", spread(runs["last", "fp32"])],
        ["... same setting, bf16", spread(runs["last", "bf16"])],
        ["... the default position, without padding, bf16", spread(runs["last_real", "bf16"])],
        ["training, beside transformers' Trainer, both in fp32", spread(trainer["times_faster"]["fp32"])],
        ["... each in its faster precision", spread(fastest["trainer"])],
        ["prediction, beside the book's `classify_review`", spread(reviews["last_real", "bf16"])],
        ["... beside transformers' pipeline, each at its fastest", spread(fastest["pipeline"])],
        ["a second experiment's `train`, beside the first's", spread(figures["train_ratio"])],
    ]
    whole = f"\nThe whole pipeline after the download: {spread(figures['repro'])} seconds."
    return markdown(["", "times faster"], rows) + "\n" + whole + measured_on(pipeline)


def against_the_book() -> str:
    """The book's loop, and this project's at the book's position and at its own."""
    document = read(RESULTS / "against_the_book.json")
    settings = document["settings"]
    rows = [["the book's loop, fp32", spread(document["book"]["seconds"], 0), "", ""]]
    for row in document["spampipe"]:
        difference = f"{row['largest_loss_difference']:.1e}" if "largest_loss_difference" in row else ""
        title = f"position `{row['position']}`, {row['precision']}"
        rows.append([title, spread(row["seconds"]), spread(row["times_faster"]), difference])
    head = [f"{settings['model']}, random weights, {settings['epochs']} epochs", "seconds", "times faster"]
    return markdown([*head, "largest difference of a loss"], rows) + "\n" + measured_on(document)


def same_accuracy() -> str:
    """Accuracy with and without the shortcuts."""
    document = read(RESULTS / "same_accuracy.json")
    rows = [
        [f"{row['way']}, {row['precision']}", shares(row["test_accuracy"]), shares(row["validation_accuracy"])]
        for row in document["ways"]
    ]
    head = [
        f"{len(document['seeds'])} seeds, {document['settings']['epochs']} epochs",
        "test accuracy",
        "validation accuracy",
    ]
    return markdown(head, rows) + "\n" + measured_on(document)


def against_trainer() -> str:
    """The Trainer of transformers and this project's loop, for each precision."""
    document = read(RESULTS / "against_trainer.json")
    faster = document["times_faster"]
    rows = []
    for title, key in (("transformers' Trainer", "trainer"), ("spampipe", "spampipe")):
        for precision, row in document[key].items():
            ratio = spread(faster[precision]) if key == "spampipe" else ""
            rows.append([f"{title}, {precision}", spread(row["seconds"], 0), shares(row["test_accuracy"]), ratio])
    rows.append(["the faster precision of each", "", "", spread(faster["best"])])
    title = f"{document['params']['model']['name']}, {document['settings']['epochs']} epochs"
    return markdown([title, "seconds", "test accuracy", "times faster"], rows) + "\n" + measured_on(document)


def prediction_speed() -> str:
    """Messages a second: beside the book's function, then beside transformers' pipeline."""
    document = read(RESULTS / "prediction_speed.json")
    book, base = document["book"], document["settings"]["base"]
    rows = [[f"{base}: the book's `classify_review`, fp32", rate(book["classify_review"]), ""]]
    for row in book["spampipe"]:
        title = f"{base}: spampipe, `{row['position']}`, {row['precision']}"
        rows.append([title, rate(row), spread(row["times_faster"])])
    for row in document["pipeline"]["rows"]:
        size, precision = row["best_batch_size"], row["precision"]
        theirs = rate(row["pipeline"][str(size)])
        rows.append([f"trained model: transformers' pipeline, batches of {size}, {precision}", theirs, ""])
        ours = [rate(row["spampipe"]), spread(row["times_faster"], 2)]
        rows.append([f"trained model: spampipe, {precision}", *ours])
    best = spread(document["pipeline"]["best_times_faster"], 2)
    rows.append(["trained model: the faster precision of each", "", best])
    return markdown(["", "messages a second", "times faster"], rows) + "\n" + measured_on(document)


def rate(row: dict[str, Any]) -> str:
    """Messages a second."""
    return spread(row["messages_per_second"])


def shares(values: dict[str, float]) -> str:
    """Accuracies as percentages, the median and from the least to the most."""
    low, middle, high = (percent(values[name]) for name in ("min", "median", "max"))
    return f"{middle} %" if low == high else f"{middle} ({low} to {high}) %"


TABLES: dict[str, Callable[[], str]] = {
    "speed": speed,
    "against_the_book": against_the_book,
    "same_accuracy": same_accuracy,
    "against_trainer": against_trainer,
    "prediction_speed": prediction_speed,
}
