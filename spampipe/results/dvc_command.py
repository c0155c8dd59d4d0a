"""Run DVC from this process."""

import os
import subprocess
import sys
from pathlib import Path

from spampipe.core.errors import DataError


def run(*arguments: str, folder: Path) -> None:
    """DVC with this interpreter, also for the stages; what it prints goes to standard error.

    Args:
        arguments: what stands behind `dvc` on a command line.
        folder: the folder that it runs in.

    Raises:
        DataError: it fails.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [sys.executable, "-m", "dvc", *arguments]
    finished = subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}, stdout=sys.stderr, check=False)
    if finished.returncode:
        raise DataError(f"`dvc {' '.join(arguments)}` failed; what it printed says why")
