"""Tables of how good the classifier is: the committed run, seeds, baseline, tuning, and the book from scratch."""

from collections.abc import Callable
from typing import Any

from benchmarks.tables import RESULTS, markdown, measured_on, percent, read
from spampipe import params
from spampipe.core.workspace import Workspace


def results() -> str:
    """The committed seed, five seeds and the baseline, side by side."""
    once = read(Workspace().evaluate_metrics)
    seeds = read(RESULTS / "seeds.json")["figures"][params.load(Workspace().params).train.precision]
    baseline = read(RESULTS / "baseline.json")["figures"]
    rows = {
        "test accuracy": "test_accuracy",
        "test accuracy, texts seen nowhere in training": "test_accuracy_unseen",
        "test precision": "test_precision",
        "test recall": "test_recall",
        "test F1": "test_f1",
        "false alarms among the 4,078 unused ham": "leftover_false_positive_rate",
    }
    lines = ["| | this seed | five seeds | TF-IDF + linear SVM |", "|---|---:|---:|---:|"]
    for title, name in rows.items():
        five = f"{percent(seeds[name]['mean'])} ± {percent(seeds[name]['std'])}"
        lines.append(f"| {title} | {percent(once[name])} % | {five} % | {percent(baseline[name])} % |")
    return "\n".join(lines)


def precision() -> str:
    """Both precisions over the same seeds."""
    document = read(RESULTS / "seeds.json")
    rows = {
        "validation accuracy": "validation_accuracy",
        "test accuracy": "test_accuracy",
        "test accuracy, texts seen nowhere in training": "test_accuracy_unseen",
        "false alarms among the unused ham": "leftover_false_positive_rate",
    }
    of_precision = document["figures"].values()
    cells = [
        [
            title,
            *(f"{percent(figures[name]['mean'])} ± {percent(figures[name]['std'])} %" for figures in of_precision),
        ]
        for title, name in rows.items()
    ]
    return markdown([f"{len(document['seeds'])} seeds", *document["figures"]], cells) + "\n" + measured_on(document)


def tuning() -> str:
    """Validation results of each learning rate and epoch, for each precision tried."""
    return "\n\n".join(
        tuning_table(read(RESULTS / f"tuning_{precision}.json", f"tuning --precision {precision}"), precision)
        for precision in ("fp32", "bf16")
    )


def tuning_table(document: dict[str, Any], precision: str) -> str:
    """One row a learning rate and number of epochs, as Markdown."""
    lines = [
        f"| {precision}: learning rate | epochs | validation loss | validation accuracy | test accuracy |",
        "|---:|---:|---:|---:|---:|",
    ]
    for row in document["rows"]:
        loss = f"{row['validation_loss_mean']:.4f} ± {row['validation_loss_std']:.4f}"
        shares = [
            f"{percent(row[f'{figure}_mean'])} ± {percent(row[f'{figure}_std'])} %"
            for figure in ("validation_accuracy", "test_accuracy")
        ]
        lines.append(f"| {row['learning_rate']:g} | {row['epochs']} | {loss} | {' | '.join(shares)} |")
    return "\n".join(lines)


def from_scratch() -> str:
    """The book's setting without a download, beside the published figures."""
    ours = read(RESULTS / "from_scratch.json")
    lines = ["| gpt2-small, random weights, all layers | validation accuracy | test accuracy |", "|---|---:|---:|"]
    for title, figures in (("published", ours["published"]), (f"here, {ours['precision']}", ours["figures"])):
        cells = (f"{percent(figures[name])} %" for name in ("validation_accuracy", "test_accuracy"))
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def questions() -> str:
    """Each kind of model on the TREC questions, over splits and seeds."""
    document = read(RESULTS / "questions.json", "questions")
    titles = {
        "svm": "TF-IDF + linear SVM",
        "probe": "SmolLM2, probe",
        "last_block": "SmolLM2, last block",
        "depth": "SmolLM2, 23 blocks, the last of them trained",
        "lora": "SmolLM2, 23 blocks, LoRA in all of them",
        "minilm": "MiniLM, all layers",
    }
    rows = []
    for name, title in titles.items():
        if name in document["models"]:
            found = document["models"][name]
            several = len(found["seeds"]) > 1
            shares = [
                percent(value["mean"]) + (f" ± {percent(value['std'])} %" if several else " %")
                for value in (found["figures"][figure] for figure in ("test_accuracy", "test_macro_f1"))
            ]
            rows.append([title, str(len(found["seeds"])), *shares])
    table = markdown(["six labels", "splits and seeds", "test accuracy", "macro F1"], rows)
    return table + "\n" + measured_on(document)


TABLES: dict[str, Callable[[], str]] = {
    "results": results,
    "precision": precision,
    "tuning": tuning,
    "from_scratch": from_scratch,
    "questions": questions,
}
