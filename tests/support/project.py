"""The project that is tested."""

import shutil
from pathlib import Path
from typing import Any

from spampipe.core import yaml12

ROOT = Path(__file__).parent.parent.parent
STAGES = ("download", "balance", "split", "tokenize-pad", "train", "evaluate", "baseline", "plot")


def committed(section: str) -> dict[str, Any]:
    """A section of the committed params.yaml.

    Args:
        section: its name.
    """
    found: dict[str, Any] = yaml12.load((ROOT / "params.yaml").read_text(encoding="utf-8"))[section]
    return found


def place_inputs(folder: Path) -> None:
    """Put the committed files that stages read where they find them: corrections, of which there are none, and cases.

    Args:
        folder: becomes a workspace.
    """
    for name in ("data/corrections.csv", "exams/behaviour.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
