"""Run DVC from this process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TextIO

from spampipe.core.errors import DataError


def run(*arguments: str, folder: Path, output: int | TextIO | None = None) -> None:
    """DVC with this interpreter, also for the stages.

    Args:
        arguments: what stands behind `dvc` on a command line.
        folder: the folder that it runs in.
        output: what subprocess takes for a stream, for all that it prints; None: standard error.

    Raises:
        DataError: it fails.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [sys.executable, "-m", "dvc", *arguments]
    variables = os.environ | {"PATH": path}
    finished = subprocess.run(
        command, cwd=folder, env=variables, stdout=output or sys.stderr, stderr=output, check=False
    )
    if finished.returncode:
        raise DataError(f"`dvc {' '.join(arguments)}` failed; what it printed says why")
