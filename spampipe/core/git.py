"""Ask git."""

import subprocess
from pathlib import Path


def git_output(*arguments: str, folder: Path) -> str | None:
    """What git prints, without the white space around it; None where it cannot be asked, or has no answer.

    Args:
        arguments: what stands behind `git` on a command line.
        folder: the folder that git runs in; its repository is the one that is asked.
    """
    try:
        asked = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return asked.stdout.strip()
