"""Each kind of source, by the clients that users have, against a real server and real wheels."""

import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from spampipe.core import environment
from spampipe.core.errors import FetchError
from spampipe.downloads import fetch, web
from spampipe.downloads.sources import LocalFile, PypiPackage, SourceError, Url
from tests.support.project import ROOT
from tests.support.servers import FileServer, Reply, closed_port, pinned, sha256, write_wheel, zip_of

MEBIBYTE = 1 << 20
BODY = random.Random(1).randbytes(3 * MEBIBYTE + 5)  # more than the chunks it is read in
BROKEN_OFF = Reply(BODY, cut=2 * MEBIBYTE + MEBIBYTE // 2)

REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.CACHE, str(tmp_path / "cache"))
    monkeypatch.delenv(environment.SOURCES, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A path on the server that no other test uses."""
    return f"/{tmp_path.name}"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def reason_of(source: Url | LocalFile | PypiPackage, target: Path) -> str:
    """Why the source does not deliver, one line."""
    with pytest.raises(SourceError) as caught:
        source.retrieve(target)
    reason = str(caught.value)
    assert len(reason.splitlines()) == 1
    return reason


class TestUrl:
    def test_delivers_the_servers_bytes(self, server: FileServer, path: str, out: Path) -> None:
        fetch.fetch(pinned(BODY, Url(server.serve(path, Reply(BODY)))), out)
        assert out.read_bytes() == BODY

    def test_broken_off_download_is_continued_where_it_stopped(
        self, server: FileServer, path: str, out: Path
    ) -> None:
        pin = pinned(BODY, Url(server.serve(path, BROKEN_OFF, Reply(BODY))))
        with pytest.raises(FetchError, match="the connection broke off in the middle"):
            fetch.fetch(pin, out)
        assert not out.exists()
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        first, second = server.asked_for(path)
        assert first.range is None
        have = int(second.range.removeprefix("bytes=").removesuffix("-"))
        assert 0 < have <= len(first.sent)
        assert second.status == 206
        assert second.sent == BODY[have:]

    def test_download_that_breaks_off_again_and_again_still_gets_there(
        self, server: FileServer, path: str, out: Path
    ) -> None:
        pin = pinned(BODY, Url(server.serve(path, *[Reply(BODY, cut=MEBIBYTE + 1)] * 3, Reply(BODY))))
        for _ in range(3):
            with pytest.raises(FetchError):
                fetch.fetch(pin, out)
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        assert [request.range for request in server.asked_for(path)] == [
            None,
            *(f"bytes={n * MEBIBYTE}-" for n in (1, 2, 3)),
        ]

    def test_killed_download_is_continued(self, server: FileServer, path: str, out: Path, tmp_path: Path) -> None:
        release = threading.Event()
        address = server.serve(path, Reply(BODY, cut=BROKEN_OFF.cut, hold=release), Reply(BODY))
        program = (
            "import pathlib, sys; from spampipe.downloads.fetch import Pin, fetch;"
            "from spampipe.downloads.sources import Url;"
            "fetch(Pin('some-file', sys.argv[1], (Url(sys.argv[2]),)), pathlib.Path(sys.argv[3]))"
        )
        command = [sys.executable, "-c", program, sha256(BODY), address, str(out)]
        with subprocess.Popen(command, cwd=ROOT) as process:
            try:
                while process.poll() is None and not any(
                    partial.stat().st_size for partial in tmp_path.glob("cache/files/*.partial")
                ):
                    time.sleep(0.01)
            finally:
                process.kill()
        release.set()
        assert process.returncode == -signal.SIGKILL
        assert not out.exists()
        fetch.fetch(pinned(BODY, Url(address)), out)
        assert out.read_bytes() == BODY
        assert server.asked_for(path)[-1].status == 206

    def test_server_without_ranges_sends_everything_again(self, server: FileServer, path: str, out: Path) -> None:
        pin = pinned(BODY, Url(server.serve(path, BROKEN_OFF, Reply(BODY, ranges=False))))
        with pytest.raises(FetchError):
            fetch.fetch(pin, out)
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        assert [(request.range is None, request.status) for request in server.asked_for(path)] == [
            (True, 200),
            (False, 200),
        ]

    def test_file_that_changed_on_the_server_between_the_attempts_is_fetched_whole(
        self, server: FileServer, path: str, out: Path
    ) -> None:
        new = BODY[::-1]
        pin = pinned(new, Url(server.serve(path, BROKEN_OFF, Reply(new))))
        with pytest.raises(FetchError):
            fetch.fetch(pin, out)
        fetch.fetch(pin, out)
        assert out.read_bytes() == new
        assert [request.status for request in server.asked_for(path)] == [200, 206, 200]

    def test_file_that_shrank_on_the_server_between_the_attempts_is_fetched_whole(
        self, server: FileServer, path: str, out: Path
    ) -> None:
        new = b"much shorter"
        pin = pinned(new, Url(server.serve(path, BROKEN_OFF, Reply(new))))
        with pytest.raises(FetchError):
            fetch.fetch(pin, out)
        fetch.fetch(pin, out)
        assert out.read_bytes() == new
        assert [request.status for request in server.asked_for(path)] == [200, 416, 200]

    def test_leftover_that_is_already_complete_does_no_harm(self, server: FileServer, path: str, out: Path) -> None:
        out.write_bytes(BODY)
        Url(server.serve(path, Reply(BODY))).retrieve(out)
        assert out.read_bytes() == BODY

    @pytest.mark.parametrize(
        ("status", "reason"),
        [(404, "HTTP 404 Not Found"), (403, "HTTP 403 Forbidden"), (500, "HTTP 500 Internal Server Error")],
    )
    def test_http_error_is_the_reason(
        self, server: FileServer, path: str, out: Path, status: int, reason: str
    ) -> None:
        assert reason_of(Url(server.serve(path, Reply(status=status))), out) == reason
        assert not out.exists()

    def test_range_error_without_a_range_is_the_reason(self, server: FileServer, path: str, out: Path) -> None:
        address = server.serve(path, Reply(status=416))
        assert reason_of(Url(address), out).startswith("HTTP 416")
        assert len(server.asked_for(path)) == 1

    def test_error_page_is_not_appended_to_a_broken_off_download(
        self, server: FileServer, path: str, out: Path
    ) -> None:
        pin = pinned(
            BODY, Url(server.serve(path, BROKEN_OFF, Reply(b"<html>", status=404, ranges=False), Reply(BODY)))
        )
        for _ in range(2):
            with pytest.raises(FetchError):
                fetch.fetch(pin, out)
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        assert server.asked_for(path)[-1].status == 206

    def test_gateway_that_is_busy_for_a_moment_is_asked_again(self, server: FileServer, path: str, out: Path) -> None:
        Url(server.serve(path, Reply(status=503), Reply(BODY))).retrieve(out)
        assert out.read_bytes() == BODY

    def test_gateway_that_stays_busy_is_the_reason(self, server: FileServer, path: str, out: Path) -> None:
        assert reason_of(Url(server.serve(path, Reply(status=502))), out) == "HTTP 502 Bad Gateway"

    def test_server_cannot_make_the_user_wait_as_long_as_it_likes(
        self, server: FileServer, path: str, out: Path
    ) -> None:
        address = server.serve(path, Reply(status=429, headers={"Retry-After": "1"}), Reply(BODY))
        assert reason_of(Url(address), out) == "HTTP 429 Too Many Requests"
        assert len(server.asked_for(path)) == 1

    def test_refused_connection_is_the_reason(self, out: Path) -> None:
        assert reason_of(Url(f"http://127.0.0.1:{closed_port()}/file"), out) == "Connection refused"

    def test_failed_encryption_is_the_reason_and_not_tried_again(self, out: Path) -> None:
        with FileServer() as server:
            assert reason_of(Url(server.address.replace("http://", "https://")), out).startswith("SSLError(")
            assert server.connections == 1

    @pytest.mark.parametrize("address", ["http://a..b/file", "http://[::1/file", "http://127.0.0.1:99999/file"])
    def test_malformed_address_is_the_reason(self, out: Path, address: str) -> None:
        assert reason_of(Url(address), out).startswith("Failed to parse")

    @pytest.mark.parametrize("cause", ["Name or service not known", "Temporary failure in name resolution"])
    def test_unknown_host_is_told_without_the_clients_wrappers(self, cause: str) -> None:
        wrapped = f"HTTPSConnectionPool(host='h'): Max retries exceeded (Caused by NameResolutionError('{cause}'))"
        assert web.reason(requests.ConnectionError(wrapped)) == cause

    def test_redirection_is_followed(self, server: FileServer, path: str, out: Path) -> None:
        server.serve(path, Reply(status=302, headers={"Location": f"{path}-moved"}))
        server.serve(f"{path}-moved", Reply(BODY))
        Url(server.address + path).retrieve(out)
        assert out.read_bytes() == BODY


class TestZipMember:
    ARCHIVE = zip_of({"readme": b"no", "data/wanted.txt": BODY})

    @pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    def test_is_read_whatever_the_compression(
        self, server: FileServer, path: str, out: Path, compression: int
    ) -> None:
        archive = zip_of({"a": b"no", "b/c": BODY[:9999]}, compression)
        fetch.fetch(pinned(BODY[:9999], Url(server.serve(path, Reply(archive)), "b/c")), out)
        assert out.read_bytes() == BODY[:9999]

    def test_archive_is_not_kept(self, server: FileServer, path: str, out: Path) -> None:
        Url(server.serve(path, Reply(self.ARCHIVE)), "data/wanted.txt").retrieve(out)
        assert list(out.parent.iterdir()) == [out]

    def test_broken_off_archive_is_continued(self, server: FileServer, path: str, out: Path) -> None:
        replies = Reply(self.ARCHIVE, cut=2 * MEBIBYTE + 1), Reply(self.ARCHIVE)
        pin = pinned(BODY, Url(server.serve(path, *replies), "data/wanted.txt"))
        with pytest.raises(FetchError, match="broke off"):
            fetch.fetch(pin, out)
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        assert server.asked_for(path)[-1].sent == self.ARCHIVE[2 * MEBIBYTE :]

    def test_archive_that_changed_between_the_attempts_is_fetched_whole(
        self, server: FileServer, path: str, out: Path
    ) -> None:
        new = zip_of({"data/wanted.txt": BODY[::-1], "readme": b"the order of the members changed too"})
        replies = Reply(self.ARCHIVE, cut=2 * MEBIBYTE + 1), Reply(new)
        pin = pinned(BODY[::-1], Url(server.serve(path, *replies), "data/wanted.txt"))
        with pytest.raises(FetchError, match="broke off"):
            fetch.fetch(pin, out)
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY[::-1]
        assert [request.status for request in server.asked_for(path)] == [200, 206, 200]

    def test_missing_member_is_the_reason(self, server: FileServer, path: str, out: Path) -> None:
        address = server.serve(path, Reply(self.ARCHIVE))
        assert reason_of(Url(address, "wanted.txt"), out) == "the archive has no member wanted.txt"

    @pytest.mark.parametrize("archive", [ARCHIVE[:-100], b"<html>please log in</html>", b""])
    def test_truncated_archive_is_refused_and_not_kept(
        self, server: FileServer, path: str, out: Path, archive: bytes
    ) -> None:
        address = server.serve(path, Reply(archive), Reply(self.ARCHIVE))
        assert reason_of(Url(address, "data/wanted.txt"), out).startswith("not a whole zip archive")
        Url(address, "data/wanted.txt").retrieve(out)
        assert out.read_bytes() == BODY
        assert server.asked_for(path)[-1].range is None

    @pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    def test_damage_anywhere_in_an_archive_is_a_reason_and_not_a_crash(
        self, tmp_path: Path, out: Path, compression: int
    ) -> None:
        whole = zip_of({"wanted": b"some text " * 20}, compression)
        archive = tmp_path / "archive.zip"
        delivered = 0
        for position in range(len(whole)):
            archive.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
            try:
                LocalFile(archive, "wanted").retrieve(out)
            except SourceError as error:
                assert len(str(error).splitlines()) == 1
            else:
                delivered += 1  # the damage was in a date or the like
                assert out.read_bytes() == b"some text " * 20
        assert delivered < len(whole) / 2

    @pytest.mark.parametrize("member", ["../../evil", "/evil", "a/../../../evil"])
    def test_member_with_a_hostile_path_writes_nowhere_but_to_the_destination(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: str
    ) -> None:
        inner = tmp_path / "a" / "b"
        inner.mkdir(parents=True)
        monkeypatch.chdir(inner)
        archive = tmp_path / "archive.zip"
        archive.write_bytes(zip_of({member: b"harmless"}))
        target = inner / "target"
        LocalFile(archive, member).retrieve(target)
        assert target.read_bytes() == b"harmless"
        assert {file for file in tmp_path.rglob("*") if file.is_file()} == {archive, target}
        assert not Path("/evil").exists()


class TestLocalFile:
    def test_is_copied_and_left_in_place(self, tmp_path: Path, out: Path) -> None:
        copy = tmp_path / "copy"
        copy.write_bytes(BODY)
        fetch.fetch(pinned(BODY, LocalFile(copy)), out)
        assert out.read_bytes() == copy.read_bytes() == BODY

    def test_member_is_read(self, tmp_path: Path, out: Path) -> None:
        archive = tmp_path / "archive.zip"
        archive.write_bytes(zip_of({"a/b": BODY}))
        fetch.fetch(pinned(BODY, LocalFile(archive, "a/b")), out)
        assert out.read_bytes() == BODY
        assert archive.exists()

    @pytest.mark.parametrize("member", [None, "member"])
    def test_missing_file_is_the_reason(self, tmp_path: Path, out: Path, member: str | None) -> None:
        assert reason_of(LocalFile(tmp_path / "none", member), out) == "No such file or directory"

    @pytest.mark.parametrize("member", [None, "member"])
    def test_directory_is_the_reason(self, tmp_path: Path, out: Path, member: str | None) -> None:
        assert reason_of(LocalFile(tmp_path, member), out) == "Is a directory"


class TestPypiPackage:
    MEMBER = "some_package/data/table.csv"
    CONTENT = bytes(range(256)) + b"line\r\nline\n"

    @pytest.fixture(autouse=True)
    def wheels(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder of wheels, which is all that pip looks at."""
        folder = tmp_path / "wheels"
        folder.mkdir()
        for variable in [name for name in os.environ if name.startswith("PIP_")]:
            monkeypatch.delenv(variable)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        return folder

    def test_member_is_read_and_dependencies_are_not_asked_for(self, wheels: Path, out: Path, tmp_path: Path) -> None:
        write_wheel(wheels, "some_package", {self.MEMBER: self.CONTENT}, "Requires-Dist: no-such-package\n")
        fetch.fetch(pinned(self.CONTENT, PypiPackage("some-package==1.0", self.MEMBER)), out)
        assert out.read_bytes() == self.CONTENT
        kept = {file.name for file in tmp_path.glob("cache/files/*") if file.suffix != ".lock"}
        assert kept == {sha256(self.CONTENT)}

    def test_users_pip_configuration_file_is_honoured(
        self, wheels: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_wheel(wheels, "some_package", {self.MEMBER: self.CONTENT})
        configuration = tmp_path / "pip.conf"
        configuration.write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n")
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
        PypiPackage("some-package==1.0", self.MEMBER).retrieve(out)
        assert out.read_bytes() == self.CONTENT

    def test_restored_bytes_are_what_the_hash_is_of(self, wheels: Path, out: Path) -> None:
        write_wheel(wheels, "some_package", {self.MEMBER: self.CONTENT})
        source = PypiPackage("some-package==1.0", self.MEMBER, lambda data: data[::-1])
        fetch.fetch(pinned(self.CONTENT[::-1], source), out)
        assert out.read_bytes() == self.CONTENT[::-1]
        with pytest.raises(FetchError, match="refused"):
            fetch.fetch(pinned(self.CONTENT, source), out)

    def test_bytes_that_cannot_be_restored_are_a_reason(self, wheels: Path, out: Path) -> None:
        write_wheel(wheels, "some_package", {self.MEMBER: self.CONTENT})

        def fail(_: bytes) -> bytes:
            raise TypeError("int() argument\nmust be a string")

        reason = reason_of(PypiPackage("some-package==1.0", self.MEMBER, fail), out)
        assert reason == f"{self.MEMBER} is not what it was (int() argument must be a string)"

    def test_altered_wheel_is_refused(self, wheels: Path, out: Path) -> None:
        write_wheel(wheels, "some_package", {self.MEMBER: self.CONTENT + b"!"})
        with pytest.raises(FetchError, match=r"some-package==1\.0 from the package index, .*: refused"):
            fetch.fetch(pinned(self.CONTENT, PypiPackage("some-package==1.0", self.MEMBER)), out)
        assert not out.exists()

    def test_missing_member_is_the_reason(self, wheels: Path, out: Path) -> None:
        write_wheel(wheels, "some_package", {"some_package/__init__.py": b""})
        reason = reason_of(PypiPackage("some-package==1.0", self.MEMBER), out)
        assert reason == f"the archive has no member {self.MEMBER}"

    def test_unknown_package_is_the_reason(self, out: Path) -> None:
        reason = reason_of(PypiPackage("no-such-package==1.0", "x"), out)
        assert reason == "ERROR: No matching distribution found for no-such-package==1.0"

    def test_unreachable_index_is_the_reason(self, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port()}/simple")
        monkeypatch.setenv("PIP_RETRIES", "1")
        reason = reason_of(PypiPackage("no-such-package==1.0", "x"), out)
        assert reason.endswith("; a package index cannot be reached")

    def test_source_distribution_is_not_run(self, wheels: Path, out: Path, tmp_path: Path) -> None:
        ran = tmp_path / "ran"
        project = tmp_path / "some_package-1.0"
        project.mkdir()
        (project / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: some_package\nVersion: 1.0\n")
        (project / "backend.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
        (project / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
        with tarfile.open(wheels / "some_package-1.0.tar.gz", "w:gz") as archive:
            archive.add(project, project.name)
        assert "No matching distribution" in reason_of(PypiPackage("some-package==1.0", "x"), out)
        assert not ran.exists()


class HubUser:
    """A process that has the hub at an address of ours, as HF_ENDPOINT tells huggingface_hub when it is imported."""

    PROGRAM = """if True:
        import json, os, pathlib, sys
        from spampipe.core.errors import FetchError
        from spampipe.downloads.fetch import Pin, fetch
        from spampipe.downloads.sources import HubFile
        for line in sys.stdin:
            sha256, revision, filename, destination = json.loads(line)
            pin = Pin(filename, sha256, (HubFile("someone/model", revision, filename),))
            try:
                answer = [fetch(pin, pathlib.Path(destination)), None]
            except FetchError as error:
                answer = [None, str(error)]
            print(json.dumps(answer), flush=True)
    """

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.cache = folder / "cache"
        self._log_path = folder / "log"
        ours = {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder), "NO_PROXY": "127.0.0.1"}
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", self.PROGRAM],
                cwd=ROOT,
                env=theirs | ours | {environment.CACHE: str(self.cache)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @property
    def log(self) -> str:
        """What the process wrote to its standard error."""
        return self._log_path.read_text()

    def fetch(self, sha256: str | None, filename: str, destination: Path, revision: str = REVISION) -> str:
        """Returns the hash, or raises the one-line error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([sha256, revision, filename, str(destination)]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self.log
        found, error = json.loads(line)
        if error is not None:
            assert len(error.splitlines()) == 1
            raise FetchError(error)
        return found

    def end(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def user(server: FileServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubUser]:
    user = HubUser(server.address, tmp_path_factory.mktemp("hub"))
    yield user
    user.end()


class TestHubFile:
    @pytest.fixture
    def name(self, tmp_path: Path) -> str:
        """A file on the hub that no other test has."""
        return f"{tmp_path.name}.safetensors"

    def publish(self, server: FileServer, name: str, data: bytes, *first: Reply, etag: str | None = None) -> str:
        """Answer like the hub, after the replies `first`; the path on the server."""
        etag = etag or sha256(data)
        headers = {
            "ETag": f'"{etag}"',
            "X-Repo-Commit": REVISION,
            "X-Linked-Etag": f'"{etag}"',
            "X-Linked-Size": str(len(data)),
            "Accept-Ranges": "bytes",
        }
        path = f"/someone/model/resolve/{REVISION}/{name}"
        replies = [Reply(reply.body, reply.status, headers, cut=reply.cut) for reply in first]
        server.serve(path, *replies, Reply(data, headers=headers))
        return path

    @pytest.mark.parametrize("data", [BODY, b"", b"line\r\nline\n"])
    def test_is_fetched_and_verified(
        self, server: FileServer, user: HubUser, name: str, out: Path, data: bytes
    ) -> None:
        self.publish(server, name, data)
        assert user.fetch(sha256(data), name, out) == sha256(data)
        assert out.read_bytes() == data

    def test_second_fetch_asks_nothing(self, server: FileServer, user: HubUser, name: str, out: Path) -> None:
        path = self.publish(server, name, b"some weights")
        user.fetch(None, name, out)
        asked = len(server.asked_for(path))
        user.fetch(None, name, out.with_name("again"))
        assert out.with_name("again").read_bytes() == b"some weights"
        assert len(server.asked_for(path)) == asked

    def test_nothing_but_the_file_is_kept(self, server: FileServer, user: HubUser, name: str, out: Path) -> None:
        self.publish(server, name, b"kept weights")
        user.fetch(None, name, out)
        kept = {file.name for file in user.cache.glob(f"files/{sha256(b'kept weights')}*")}
        assert kept <= {sha256(b"kept weights"), sha256(b"kept weights") + ".lock"}

    def test_altered_bytes_are_refused(self, server: FileServer, user: HubUser, name: str, out: Path) -> None:
        self.publish(server, name, b"altered weights", etag=sha256(b"genuine weights"))
        out.write_bytes(b"before")
        for pinned_hash in (sha256(b"genuine weights"), None):
            with pytest.raises(FetchError, match=rf"hub someone/model@0123456, {name}: refused, its sha256 is"):
                user.fetch(pinned_hash, name, out)
            assert out.read_bytes() == b"before"

    def test_hash_that_the_hub_records_is_taken_where_none_is_pinned(
        self, server: FileServer, user: HubUser, name: str, out: Path
    ) -> None:
        self.publish(server, name, b"recorded weights")
        assert user.fetch(None, name, out) == sha256(b"recorded weights")
        assert out.read_bytes() == b"recorded weights"

    @pytest.mark.parametrize("data", [BODY[:999], b"", b"line\r\nline\n"])
    def test_small_file_is_verified_by_the_hash_that_git_has_for_it(
        self, server: FileServer, user: HubUser, name: str, out: Path, data: bytes, tmp_path: Path
    ) -> None:
        (tmp_path / "committed").write_bytes(data)
        command = ["git", "hash-object", "--no-filters", "committed"]
        recorded = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
        self.publish(server, name, data, etag=recorded)
        assert user.fetch(None, name, out) == recorded
        assert out.read_bytes() == data

    def test_altered_small_file_is_refused(self, server: FileServer, user: HubUser, name: str, out: Path) -> None:
        self.publish(server, name, b"altered settings", etag="a" * 40)
        with pytest.raises(FetchError, match=rf"hub someone/model@0123456, {name}: refused, its hash is"):
            user.fetch(None, name, out)
        assert not out.exists()

    @pytest.mark.parametrize("etag", ["z" * 40, "z" * 64, "a" * 39])
    def test_hub_that_records_no_hash_is_an_error_where_none_is_pinned(
        self, server: FileServer, user: HubUser, name: str, out: Path, etag: str
    ) -> None:
        self.publish(server, name, b"small file", etag=etag)
        with pytest.raises(FetchError, match="the hub does not record a hash of this file"):
            user.fetch(None, name, out)
        assert user.fetch(sha256(b"small file"), name, out) == sha256(b"small file")

    def test_broken_off_download_is_continued(self, server: FileServer, user: HubUser, name: str, out: Path) -> None:
        data = BODY * 4  # more than the chunks of 10 MiB that it is read in
        whole = Reply(data)
        path = self.publish(server, name, data, whole, whole, Reply(data, cut=11 * MEBIBYTE))
        user.fetch(sha256(data), name, out)
        assert out.read_bytes() == data
        first, second = [request for request in server.asked_for(path) if request.method == "GET"]
        assert 0 < len(second.sent) < len(data)
        assert second.sent == data[-len(second.sent) :]
        assert len(first.sent) < len(data)

    def test_unknown_file_is_the_reason(self, user: HubUser, name: str, out: Path) -> None:
        with pytest.raises(FetchError, match=rf"{name}: .*404"):
            user.fetch(sha256(name.encode()), name, out)

    def test_hub_with_a_disorder_is_not_asked_for_minutes(
        self, server: FileServer, user: HubUser, name: str, out: Path
    ) -> None:
        path = server.serve(f"/someone/model/resolve/{REVISION}/{name}", Reply(status=503)).removeprefix(
            server.address
        )
        with pytest.raises(FetchError, match="503"):
            user.fetch(sha256(name.encode()), name, out)
        assert len(server.asked_for(path)) == 1

    def test_unreachable_hub_is_the_reason_at_once(self, tmp_path: Path, out: Path) -> None:
        user = HubUser(f"http://127.0.0.1:{closed_port()}", tmp_path)
        try:
            with pytest.raises(FetchError, match=r"some-name: Connection refused"):
                user.fetch(sha256(b""), "some-name", out)
            with pytest.raises(
                FetchError, match=r"some-name: its hash could not be looked up at hub .* check the network"
            ):
                user.fetch(None, "some-name", out)
            assert "Retrying" not in user.log
        finally:
            user.end()
