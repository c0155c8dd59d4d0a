"""Write the tables and pictures of README.md and docs/ from the files that hold the figures.

Run `python -m benchmarks.render` after the pipeline and the benchmarks. Each table stands between two comments,
`<!-- NAME -->` and `<!-- end -->`; everything else is left alone.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    tables,
    tables_choice,
    tables_experiments,
    tables_hardware,
    tables_pipeline,
    tables_studies,
    tables_training,
)
from spampipe.core import command, files
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace

TABLES: dict[str, Callable[[], str]] = (
    tables_studies.TABLES
    | tables_pipeline.TABLES
    | tables_training.TABLES
    | tables_hardware.TABLES
    | tables_experiments.TABLES
    | tables_choice.TABLES
)
PICTURES = Path("docs/figures")
DOCUMENTS = (Path("README.md"), *sorted(Path("docs").glob("*.md")))


def main() -> None:
    """Rewrite the tables in place, and copy the two training curves to docs/figures/."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        files.write_bytes(document, re.sub(MARKED, fill, text).encode("utf-8"))
    PICTURES.mkdir(parents=True, exist_ok=True)
    for figure in ("loss", "accuracy"):
        shutil.copyfile(Workspace().figures / f"{figure}.png", PICTURES / f"{figure}.png")


MARKED = re.compile(r"<!-- (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def fill(found: re.Match[str]) -> str:
    """One marked table, anew."""
    name = found[1]
    if name not in TABLES:
        raise DataError(f"no table is called {name}; the known ones are {', '.join(TABLES)}")
    try:
        table = TABLES[name]()
    except tables.NotMeasuredError as error:
        table = f"{error}"
    return f"<!-- {name} -->\n{table}\n<!-- end -->"


if __name__ == "__main__":
    command.run(main)
