"""Ask git."""

import subprocess
from pathlib import Path


def git_output(*arguments: str, folder: Path = Path()) -> str | None:
    """What git prints, without the white space around it; None where it cannot be asked, or has no answer.

    Args:
        arguments: git's own.
        folder: where it runs.
    """
    try:
        asked = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return asked.stdout.strip()
