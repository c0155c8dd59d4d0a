"""Server programs that tests start, wait for and stop: the processes themselves, PostgreSQL and sshd."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from tests.support.repositories import environment, run
from tests.support.servers import closed_port

_PATIENCE_SECONDS = 120  # on a machine with more to do
_GRACE_SECONDS = 20


class Daemon:
    """A server process and its children, in a group of their own."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        variables: dict[str, str] | None = None,
        account: str | None = None,
    ) -> None:
        self._command, self._folder, self._account = list(command), folder, account
        self._variables = environment(variables)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], bool]) -> None:
        """Start it and wait until it is ready."""
        assert self._process is None or self._process.poll() is not None, f"{self._command} is still running"
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **_identity(self._account),
            )
            end = time.monotonic() + _PATIENCE_SECONDS
            while not ready():
                if self._process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    log.seek(0)
                    pytest.fail(f"{self._command} did not start\n{log.read().decode()}")
                time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end, and see to it."""
        self._signal(signal.SIGTERM)
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        self.kill()  # children too, if there are any left

    def _signal(self, number: int) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _identity(account: str | None) -> dict[str, object]:
    if account is None:
        return {}
    entry = pwd.getpwnam(account)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def answers(address: str) -> bool:
    """Whether a web server answers there."""
    try:
        return requests.get(address, timeout=5).ok
    except requests.RequestException:
        return False


@contextmanager
def mlflow_server(script: str, port: int, folder: Path) -> Iterator[str]:
    """A tracking server, started by shell commands; yields its address."""
    address = f"http://127.0.0.1:{port}"
    server = Daemon(["sh", "-e", "-c", script], folder)
    server.start(lambda: answers(f"{address}/health"))
    try:
        yield address
    finally:
        server.stop()


@contextmanager
def postgresql() -> Iterator[dict[str, str]]:
    """A PostgreSQL server of its own; yields the variables with which its administrator's programs find it."""
    programs = _postgresql_programs()
    account = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "password").write_text("of the administrator")
        if account:
            shutil.chown(folder / "password", account)
            shutil.chown(folder, account)
        port = closed_port()
        variables = {
            "PATH": f"{programs}{os.pathsep}{environment()['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": "administrator",
            "PGPASSWORD": "of the administrator",
            "PGDATABASE": "postgres",
        }
        data = str(folder / "data")
        create = [str(programs / "initdb"), "-D", data, "-U", "administrator", "--auth=scram-sha-256", "--no-sync"]
        create += [f"--pwfile={folder / 'password'}", "--no-locale", "--encoding=UTF8"]
        subprocess.run(create, cwd=folder, check=True, capture_output=True, **_identity(account))
        serve = [str(programs / "postgres"), "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
        serve += ["-c", "unix_socket_directories=", "-c", "fsync=off"]
        server = Daemon(serve, folder, account=account)
        server.start(lambda: run(folder, "pg_isready", "-q", check=False, variables=variables).returncode == 0)
        try:
            yield variables
        finally:
            server.stop()


def _postgresql_programs() -> Path:
    """Where they are, or skip the test."""
    found = shutil.which("initdb")
    known = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not known:
        pytest.skip("PostgreSQL is not installed")
    if os.geteuid() == 0 and "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root, and there is no account postgres")
    return known[-1].parent


@contextmanager
def ssh_server(folder: Path) -> Iterator[tuple[str, Path]]:
    """An SSH server for the current user; yields user@host:port and the file of the key that it accepts."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        pytest.skip("sshd is not installed")
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():
        pytest.skip("sshd, as root, needs the folder /run/sshd")
    for key in ("host", "user"):
        run(folder, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    port = closed_port()
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "Subsystem": "sftp internal-sftp",
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    server = Daemon([program, "-D", "-e", "-f", str(folder / "sshd_config")], folder)
    server.start(lambda: run(folder, "ssh-keyscan", "-p", str(port), "127.0.0.1", check=False).stdout != "")
    try:
        yield f"{pwd.getpwuid(os.geteuid()).pw_name}@127.0.0.1:{port}", folder / "user"
    finally:
        server.stop()
