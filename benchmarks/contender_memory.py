"""Measure how much memory each contender of a study takes at most, each in a process of its own.

Run `python -m benchmarks.contender_memory studies/sms.yaml`. A process trains on 512 messages of the first fold and
scores the 1,100 that this fold validates and tests; its peak includes Python and torch themselves. Linux and macOS.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import contenders, corpus, draws, outputs
from spampipe.crossvalidation.answering import Answering
from spampipe.models import compute
from spampipe.params import Params

MESSAGES = 512
_BYTES = 1 if sys.platform == "darwin" else 1024  # of the unit that the system counts in


def main() -> None:
    """Write memory.json into the folder of the study's results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the contenders with settings; default: all")
    parser.add_argument("--one", metavar="NAME", help="measure this contender in this process, and print bytes")
    options = parser.parse_args()
    if options.one:
        sys.stdout.write(f"{peak(options.study, options.one)}\n")
        return
    place = options.study.with_suffix("") / outputs.MEMORY
    found: dict[str, Any] = outputs.read_json(place)
    for name, contender in contenders.read(options.study).contenders.items():
        if contender.settings and name in (options.only or [name]):
            program = [sys.executable, "-m", "benchmarks.contender_memory", str(options.study), "--one", name]
            finished = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True)
            found[name] = int(json.loads(finished.stdout.splitlines()[-1]))
            files.write_json(place, found)


def peak(path: Path, name: str) -> int:
    """Train and score one contender, and return the most memory that this process has had, in bytes.

    Args:
        path: the study's file.
        name: of a contender with settings.
    """
    study = contenders.load(path, Params.load(Workspace().params))
    compute.configure_torch()
    messages = corpus.load(study.common, Path.cwd())
    with tempfile.TemporaryDirectory() as folder:  # nothing is kept there yet
        draw = draws.drawn(messages, 0, MESSAGES, study.common.crossvalidate.seed)
        Answering(study, messages, Workspace(Path(folder))).of(name, draw)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES


if __name__ == "__main__":
    command.run(main, log=sys.stderr)
