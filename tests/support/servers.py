"""What the fetching tests fetch from: a real web server on the loopback interface, zip archives and wheels."""

import contextlib
import hashlib
import io
import re
import socket
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from spampipe.downloads.fetch import Pin
from spampipe.downloads.sources import Source

_PATIENCE_SECONDS = 60  # after which a held reply goes on, so that a failing test ends


@dataclass(frozen=True)
class Reply:
    """What the server answers.

    Attributes:
        body: the file as it is on the server.
        status: replaced by 206 or 416 if a range is asked for and honoured.
        headers: on top of Content-Length.
        ranges: whether the server honours ranges.
        cut: the connection closes after so many bytes of what Content-Length promised.
        hold: waited for before the last byte is sent.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    ranges: bool = True
    cut: int | None = None
    hold: threading.Event | None = None


@dataclass(frozen=True)
class Request:
    """What the server was asked, and the part of the file that it sent."""

    method: str
    path: str
    range: str | None
    status: int
    sent: bytes


class FileServer:
    """Serves replies by path; use as a context manager."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.asked = threading.Event()  # set with every request
        self.connections = 0
        self._replies: dict[str, list[Reply]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, path: str, *replies: Reply) -> str:
        """Answer `path` with these in turn, the last one for ever; returns its address."""
        self._replies[path] = list(replies)
        return self.address + path

    def asked_for(self, path: str) -> list[Request]:
        """The requests for one path, in order."""
        return [request for request in self.requests if request.path == path]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next(self, path: str) -> Reply:
        replies = self._replies.get(path, [Reply(status=404)])
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                server.connections += 1
                super().setup()

            def do_GET(self) -> None:
                self._answer()

            def do_HEAD(self) -> None:
                self._answer()

            def _answer(self) -> None:
                reply = server._next(self.path)
                status, part, headers = reply.status, reply.body, dict(reply.headers)
                wanted = self.headers["Range"]
                start = re.fullmatch(r"bytes=(\d+)-", wanted or "")
                if start and reply.ranges:
                    first, size = int(start[1]), len(reply.body)
                    fits = first < size
                    status, part = (206, reply.body[first:]) if fits else (416, b"")
                    headers["Content-Range"] = f"bytes {first}-{size - 1}/{size}" if fits else f"bytes */{size}"
                sent = b"" if self.command == "HEAD" else part[: reply.cut]
                server.requests.append(Request(self.command, self.path, wanted, status, sent))
                server.asked.set()
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(part))}).items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the client may have been killed
                    self.wfile.write(sent[:-1])
                    if reply.hold is not None:
                        reply.hold.wait(_PATIENCE_SECONDS)
                    self.wfile.write(sent[-1:])

            def log_message(self, *ignored: object) -> None:
                pass

        return Handler


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pinned(data: bytes, *sources: Source, name: str = "some-file") -> Pin:
    """A pin of these bytes."""
    return Pin(name, sha256(data), sources)


def zip_of(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def write_wheel(folder: Path, name: str, members: Mapping[str, bytes], metadata: str = "") -> Path:
    """A wheel of version 1.0 that pip accepts."""
    information = f"{name}-1.0.dist-info"
    files = {
        **members,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}".encode(),
        f"{information}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{member},,\n" for member in (*files, f"{information}/RECORD"))
    path = folder / f"{name}-1.0-py3-none-any.whl"
    path.write_bytes(zip_of({**files, f"{information}/RECORD": record.encode()}))
    return path
