"""Pinned files: the right bytes from the first source that has them, kept in a cache of verified files."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock

from spampipe.core import environment, files, yaml12
from spampipe.core.errors import FetchError, SourceError, one_line
from spampipe.core.hints import closest
from spampipe.core.yaml12 import YamlError
from spampipe.downloads.sources import HubFile, Source, source_at

logger = logging.getLogger(__name__)

_SHA256_DIGITS = 64  # in hexadecimal

HUB = "hub:"  # begins the name of a file of any repository of the hub, `hub:OWNER/NAME/FILE`


@dataclass(frozen=True)
class Pin:
    """A file that is known by its hash.

    Attributes:
        name: what users call it, in errors and in their sources file.
        sha256: the hash of its bytes in hexadecimal; None only for a file of the hub, whose hash the hub has
            recorded in the pinned commit, that of git for small files.
        sources: the places to look for it, in this order.
    """

    name: str
    sha256: str | None
    sources: tuple[Source, ...]


def fetch(pin: Pin, destination: Path, *, known: Sequence[Pin] = ()) -> str:
    """Put the pinned file at `destination`.

    Args:
        pin: the file to fetch.
        destination: the path to put it at; replaced in one step, and only by bytes that match the hash.
        known: every pin there is. A name in the user's sources file that none of them has is misspelt; with none
            given, names are not checked.

    Returns:
        The hash of the file in hexadecimal: its sha256, or for a small file of the hub without one that of git.

    Raises:
        FetchError: no source delivered; one line lists each with its reason.
    """
    verified = cached(pin, known=known)
    with files.replacing(destination) as temporary:
        shutil.copyfile(verified, temporary)
    return verified.name


def cached(pin: Pin, *, known: Sequence[Pin] = ()) -> Path:
    """Put the pinned file into the cache, if it is not there.

    Args:
        pin: the file to fetch.
        known: as for `fetch`.

    Returns:
        Its path there, whose name is its hash. The file is not to be changed.

    Raises:
        FetchError: as in `fetch`.
    """
    sources = _overridden(pin, known) or pin.sources
    expected = pin.sha256 or _published_hash(pin)
    path = cache_directory() / "files" / expected
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):  # two experiments may want the same file at once
        if path.exists() and files.recorded_digest(path, expected) != expected:
            logger.warning("%s: the cached copy is damaged; fetching it again", pin.name)
            path.unlink()
        if not path.exists():
            _retrieve(pin, expected, sources, path)
    return path


def cache_directory() -> Path:
    """Where verified files are kept for every experiment and clone of this user."""
    return environment.read().cache or platformdirs.user_cache_path("spampipe")


def _retrieve(pin: Pin, expected: str, sources: Sequence[Source], target: Path) -> None:
    reasons = []
    for number, source in enumerate(sources, 1):
        # Named by hash and source, so that a broken-off download is continued, and only by its own source.
        partial = target.with_name(f"{expected}.{number}.partial")
        logger.info("%s: fetching from %s", pin.name, source)
        try:
            continued = _leftovers(partial)
            source.retrieve(partial)
            if files.recorded_digest(partial, expected) != expected and continued:
                _discard(partial)  # what was left over may have been from another version of the file
                source.retrieve(partial)
            found = files.recorded_digest(partial, expected)
        except SourceError as error:
            reasons.append(f"{source}: {error}")
            continue
        if found == expected:
            partial.replace(target)
            for other in range(1, len(sources) + 1):
                _discard(target.with_name(f"{expected}.{other}.partial"))
            return
        _discard(partial)
        kind = "sha256" if len(expected) == _SHA256_DIGITS else "hash"
        reasons.append(f"{source}: refused, its {kind} is {found[:12]}... and not {expected[:12]}...")
    tried = one_line("; ".join(f"({n}) {r}" for n, r in enumerate(reasons, 1)))
    raise FetchError(
        f"{pin.name} could not be fetched. Tried {tried}. "
        f"Check the network, or name your own copy in the file that {environment.SOURCES} points to"
    )


def _published_hash(pin: Pin) -> str:
    """The hash in the hub's record of the pinned commit, remembered after the first answer."""
    for source in pin.sources:
        if isinstance(source, HubFile):
            record = cache_directory() / "hashes" / f"{pin.name}-{source.revision}"
            if not record.exists():
                try:
                    files.write_bytes(record, source.published_hash().encode())
                except SourceError as error:
                    raise FetchError(
                        f"{pin.name}: its hash could not be looked up at {source}: {error}; check the network"
                    ) from error
            return record.read_text()
    raise FetchError(f"{pin.name}: neither a hash nor a hub file to take it from")


def _overridden(pin: Pin, known: Sequence[Pin]) -> list[Source]:
    """The places the user's sources file names for this pin; none if it names none."""
    path = environment.read().sources
    if path is None:
        return []
    try:
        document = yaml12.load(path.read_text(encoding="utf-8")) or {}
    except (OSError, YamlError, UnicodeDecodeError) as error:
        raise FetchError(f"{path} ({environment.SOURCES}): cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise FetchError(f"{path} ({environment.SOURCES}): expected lines of the form `name: location`")
    names = {pin.name} | {other.name for other in known}
    for name in document:
        if known and name not in names and not str(name).startswith(HUB):
            raise FetchError(f"{path} ({environment.SOURCES}): {name}: no such file; {closest(name, sorted(names))}")
    locations = document.get(pin.name, [])
    if isinstance(locations, str):
        locations = [locations]
    if not isinstance(locations, list) or not all(isinstance(location, str) for location in locations):
        raise FetchError(
            f"{path} ({environment.SOURCES}): {pin.name}: expected an address or path, or a list of them"
        )
    return [source_at(location, path.parent) for location in locations]


def _leftovers(partial: Path) -> bool:
    return any(partial.parent.glob(f"{partial.name}*"))


def _discard(partial: Path) -> None:
    for path in partial.parent.glob(f"{partial.name}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
