"""Starts and ends the server whose processes have the imports that most of a command's time would go into."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support import warm_client, warm_server

PROGRAMS = "TESTS_WARM_PROGRAMS"  # the folder that stands first on the path of tests' commands


class WarmServer:
    """A server for this process and those that it starts, which find it through variables.

    It answers once its imports are done; until then commands have interpreters of their own.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="warm"))
        client = Path(warm_client.__file__).read_text(encoding="utf-8")
        for name in ("python", "dvc", "spampipe"):
            program = self._folder / name
            program.write_text(f"#!{sys.executable} -IS\n{client}", encoding="utf-8")
            program.chmod(0o755)
        address = str(self._folder / "socket")
        os.environ |= {
            warm_client.SOCKET: address,
            warm_client.INTERPRETER: sys.executable,
            PROGRAMS: str(self._folder),
            **{
                warm_client.AS_STARTED + name: os.environ[name]
                for name in warm_client.READ_AT_START
                if name in os.environ
            },
        }
        self._process = subprocess.Popen([sys.executable, warm_server.__file__, address])

    def stop(self) -> None:
        """End it; commands that are running go on."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder)
