"""Download over http(s), continuing what an earlier, interrupted download has left."""

from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from spampipe.core.errors import SourceError, one_line
from spampipe.core.progress import Progress

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_CHUNK_BYTES = 1 << 20
_LONGEST_REASON = 200  # characters
_CAUSES = (
    "Name or service not known",
    "Temporary failure in name resolution",
    "Connection refused",
    "timed out",
)


def download(address: str, target: Path) -> None:
    """Download to a file; bytes that lie there already are kept if the server continues after them.

    Args:
        address: the URL, `http://` or `https://`.
        target: the file, or what an interrupted download has left of it.

    Raises:
        SourceError: with the reason in one line.
    """
    have = target.stat().st_size if target.exists() else 0
    # Without compression, lengths and ranges count the file's own bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with _session() as session:
        try:
            with session.get(
                address, headers=headers, stream=True, timeout=(_CONNECT_SECONDS, _READ_SECONDS)
            ) as response:
                if have and response.status_code == requests.codes.requested_range_not_satisfiable:
                    target.unlink()  # it reaches the end of the server's file, or is of another version
                    download(address, target)
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
        except (requests.RequestException, HTTPError) as error:  # requests lets some of urllib3's errors through
            raise SourceError(reason(error)) from error


def reason(error: Exception) -> str:
    """Why a client of http failed, on one line, without the errors it was wrapped in.

    Args:
        error: of requests, urllib3 or a library that uses them.
    """
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}"
    text = str(error)
    for cause in _CAUSES:
        if cause in text:
            return cause
    if "Connection broken" in text or "ended prematurely" in text:
        return "the connection broke off in the middle"
    return one_line(text.rpartition("(Caused by ")[2] or error, _LONGEST_REASON)


def _session() -> requests.Session:
    retries = Retry(
        total=3,
        connect=2,
        other=0,  # above all a certificate that is not trusted
        backoff_factor=0.5,
        status_forcelist=(502, 503, 504),
        raise_on_status=False,
        respect_retry_after_header=False,  # it may ask for hours; another source is quicker
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries))
    return session
