"""Write the tables and pictures of README.md and docs/ from the files that hold the figures.

Run `python -m benchmarks.render` after the pipeline and the benchmarks. Each table stands between two comments,
`<!-- NAME -->` and `<!-- end -->`; everything else is left alone.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spampipe import command, files, paths
from spampipe.errors import DataError

RESULTS = Path("benchmarks/results")
PICTURES = Path("docs/figures")
DOCUMENTS = (Path("README.md"), *sorted(Path("docs").glob("*.md")))


def main() -> None:
    """Rewrite the tables in place, and copy the two training curves to docs/figures/."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        files.write_bytes(document, re.sub(MARKED, fill, text).encode("utf-8"))
    PICTURES.mkdir(parents=True, exist_ok=True)
    for figure in ("loss", "accuracy"):
        shutil.copyfile(paths.FIGURES / f"{figure}.png", PICTURES / f"{figure}.png")


MARKED = re.compile(r"<!-- (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def fill(found: re.Match[str]) -> str:
    """One marked table, anew."""
    name = found[1]
    if name not in TABLES:
        raise DataError(f"no table is called {name}; the known ones are {', '.join(TABLES)}")
    return f"<!-- {name} -->\n{TABLES[name]()}\n<!-- end -->"


def results() -> str:
    """The committed seed, five seeds and the baseline, side by side."""
    once = read(paths.EVALUATE_METRICS)
    seeds = read(RESULTS / "seeds.json")["figures"]
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


def tuning() -> str:
    """Validation results of each learning rate and epoch, for each precision tried."""
    return "\n\n".join(
        tuning_table(read(RESULTS / f"tuning_{precision}.json"), precision) for precision in ("fp32", "bf16")
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


TABLES: dict[str, Callable[[], str]] = {"results": results, "tuning": tuning, "from_scratch": from_scratch}


def percent(share: float) -> str:
    """A share as a percentage with two decimals, without the sign."""
    return f"{100 * share:.2f}"


def read(path: Path) -> dict[str, Any]:
    """A results file."""
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` and the benchmarks first")
    return dict(json.loads(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    command.run(main)
