"""Time what each stage imports before it works, beside importing all that the pipeline uses.

Run `python -m benchmarks.startup`. A stage imports what it needs, and some of it only where it is used (MLflow when
a run is opened, for one): that later part is not counted here.
"""

import argparse
import json
import subprocess
import sys

from benchmarks import timing, workspace
from spampipe.core import command, files

RESULT = timing.RESULTS / "startup.json"
PACKAGES = ("torch", "mlflow", "matplotlib", "transformers", "pandas", "tiktoken")
EVERYTHING = "import torch, mlflow, matplotlib.pyplot, pandas, tiktoken"


def main() -> None:
    """Write benchmarks/results/startup.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    statements = {stage: f"import stages.{stage}" for stage in workspace.stages()}
    rows = {name: measure(code, repeats) for name, code in statements.items()}
    document = {
        "machine": timing.machine(),
        "settings": {"repeats": repeats, "everything": EVERYTHING},
        "figures": {
            "interpreter": measure("pass", repeats),
            "everything": measure(EVERYTHING, repeats),
            "stages": rows,
        },
    }
    files.write_json(RESULT, document)


def measure(code: str, repeats: int) -> dict[str, object]:
    """Seconds of a Python process that runs this code, and which of the large packages it imports."""
    report = f"{code}; import json, sys; print(json.dumps([name for name in {PACKAGES} if name in sys.modules]))"
    # The report's run comes first, and so pays for reading the files from disk.
    found = subprocess.run([sys.executable, "-c", report], check=True, capture_output=True, text=True).stdout
    seconds = timing.repeat(lambda: subprocess.run([sys.executable, "-c", code], check=True), repeats)
    return {"seconds": seconds, "imports": json.loads(found)}


if __name__ == "__main__":
    command.run(main)
