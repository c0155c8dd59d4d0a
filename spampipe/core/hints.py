"""What a user probably meant by a name that does not exist."""

import difflib
from collections.abc import Iterable


def closest(name: object, known: Iterable[str]) -> str:
    """A hint for a name that is not among the known ones, to end an error with.

    Args:
        name: as the user wrote it; from YAML it may be other than a text.
        known: all names that exist, in the order to list them in.

    Returns:
        The one that resembles it most; all of them if none does.
    """
    names = list(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    return f"did you mean {close[0]}?" if close else f"the known ones are {', '.join(names)}"
