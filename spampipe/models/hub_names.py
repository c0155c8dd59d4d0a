"""Repositories of the hub as params.yaml names them. No torch here."""

import re
from dataclasses import dataclass

from spampipe.downloads.fetch import HUB

_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_NAME = re.compile(rf"{re.escape(HUB)}({_WORD}/{_WORD})")


@dataclass(frozen=True)
class HubRepository:
    """A base model in a repository of the hub.

    Attributes:
        path: as in `owner/name`.
        revision: the full hash of one commit; None where none is chosen yet.
    """

    path: str
    revision: str | None = None

    @property
    def name(self) -> str:
        """What params.yaml calls it, the revision apart."""
        return HUB + self.path


def is_hub_name(name: str) -> bool:
    """Whether a model's name is that of a repository of the hub, whatever follows `hub:`.

    Args:
        name: as `model.name` has it.
    """
    return name.startswith(HUB)


def named_repository(name: str) -> str:
    """The repository that a model's name stands for.

    Args:
        name: `hub:OWNER/NAME`.

    Returns:
        `OWNER/NAME`.

    Raises:
        ValueError: the name is of another form.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name}: a repository of the hub is named hub:OWNER/NAME, as in its address")
    return found[1]
