"""Repositories of the Hugging Face hub: what a commit holds, and which commit a name stands for now."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from spampipe.core import files
from spampipe.core.errors import SourceError
from spampipe.downloads.fetch import cache_directory

_SECONDS = 20.0  # that the hub may take to answer


@dataclass(frozen=True)
class Commit:
    """One commit of a repository.

    Attributes:
        repository: as in `owner/name`.
        revision: its full hash.
        filenames: the paths of all files within the repository.
    """

    repository: str
    revision: str
    filenames: Sequence[str]


def is_commit(revision: str) -> bool:
    """Whether this is the full hash of a commit, and not a name that can come to mean another one.

    Args:
        revision: as a user gives it.
    """
    return re.fullmatch("[0-9a-f]{40}", revision) is not None


def commit(repository: str, revision: str | None) -> Commit:
    """Ask the hub for a commit, through huggingface_hub, which honours HF_ENDPOINT and HF_TOKEN.

    What a full hash stands for is remembered in the cache: a commit never changes.

    Args:
        repository: as in `owner/name`.
        revision: a commit's hash, a branch or a tag; None for the newest commit.

    Raises:
        SourceError: the hub cannot be reached, or has no such repository or revision.
    """
    if revision is None or not is_commit(revision):
        return _asked(repository, revision)
    record = cache_directory() / "commits" / repository / f"{revision}.json"
    try:
        return Commit(repository, revision, json.loads(record.read_text(encoding="utf-8"))["filenames"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        found = _asked(repository, revision)
        if found.revision != revision:
            raise SourceError(f"the hub has no commit {revision}") from None
        files.write_json(record, {"filenames": list(found.filenames)})
        return found


def history(repository: str) -> str:
    """The address of the page that lists a repository's commits.

    Args:
        repository: as in `owner/name`.
    """
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{repository}/commits/main"


def _asked(repository: str, revision: str | None) -> Commit:
    from huggingface_hub import HfApi

    from spampipe.downloads import web  # requests takes long to import

    try:
        found = HfApi().model_info(repository, revision=revision, timeout=_SECONDS)
    except Exception as error:  # the hub's client raises whatever its HTTP library does
        raise SourceError(web.reason(error)) from error
    if found.sha is None or not is_commit(found.sha):
        raise SourceError("the hub names no commit")
    return Commit(repository, found.sha, [each.rfilename for each in found.siblings or []])
