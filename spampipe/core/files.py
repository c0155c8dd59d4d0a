"""Write files whole or not at all, and hash them."""

import hashlib
import io
import json
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spampipe.core.errors import DataError, one_line

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_REASON = 200  # characters of what pandas says of a table
_GIT_DIGITS = 40  # of a hash in hexadecimal


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file in one step: what the block has written replaces it, if the block succeeds.

    Args:
        path: the file; its folder is made if it is missing.

    Yields:
        An empty file beside it, with the same suffix, for the block to write to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{path.suffix}")
    temporary.touch(exist_ok=False)  # with the permissions that the user gives new files
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in one step.

    Args:
        path: the file, as for `replacing`.
        data: all of its bytes.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """A JSON object that `write_json` wrote; an empty one if there is no such file.

    Args:
        path: the file.
        remedy: what to do if it is damaged.

    Raises:
        DataError: the file is damaged.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}); {remedy}") from error


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write indented JSON.

    Args:
        path: the file, as for `replacing`.
        value: names and JSON values; texts keep their letters beyond ASCII.
    """
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def write_csv(path: Path, table: "pd.DataFrame", float_format: str | None = None) -> None:
    """Write a table without its index, lines ending in a newline on every system.

    Args:
        path: the file, as for `replacing`.
        table: any columns.
        float_format: how numbers with a fraction are written, as in `%.6f`; None for all of their digits.
    """
    with replacing(path) as temporary, _Rows(temporary.open("wb"), encoding="utf-8", newline="") as stream:
        table.to_csv(stream, index=False, lineterminator=_Rows.WRITTEN_END, float_format=float_format)


def read_csv(
    path: Path, columns: dict[str, str], *, others: bool = False, optional: Collection[str] = ()
) -> "pd.DataFrame":
    """Read a table that must have these columns.

    Args:
        path: the file.
        columns: pandas' type of each column, by its name, in the file's order. The texts "NA" and "null" stay what
            they are.
        others: whether the file may have other columns too, which are left out.
        optional: those of the columns that the file may lack, and that may have empty cells, which are read as NaN.

    Returns:
        These columns, in this order, as far as the file has them.

    Raises:
        DataError: the file is missing, or is not such a table.
    """
    import pandas as pd

    try:
        empty = {name: [""] for name in optional}
        table = pd.read_csv(path, keep_default_na=False, na_values=empty, dtype=columns)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(
            f"{path}: not a table of {', '.join(columns)} ({one_line(error, _LONGEST_REASON)})"
        ) from error
    wanted = [name for name in columns if name not in optional or name in table.columns]
    if others and set(wanted) <= set(table.columns):
        table = table[wanted]
    if list(table.columns) != wanted:
        raise DataError(f"{path}: columns are {list(table.columns)}, not {list(columns)}; run its stage again")
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first of too many fields as row names
        raise DataError(f"{path}: rows have more fields than {', '.join(columns)}; run its stage again")
    return table


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The hash of a file.

    Args:
        path: the file.
        algorithm: a name that hashlib knows; `md5` gives what dvc.lock shows for a single file.

    Returns:
        The hash in hexadecimal.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def recorded_digest(path: Path, like: str) -> str:
    """The hash of a file, of the kind that a model hub has recorded for it.

    Args:
        path: the file.
        like: the recorded hash in hexadecimal: 64 digits for a sha256, 40 for git's hash of the file (Git's
            documentation, "Git Internals - Git Objects").

    Returns:
        The hash in hexadecimal.
    """
    if len(like) != _GIT_DIGITS:
        return digest(path)
    hasher = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hasher).hexdigest()


class _Rows(io.TextIOWrapper):
    """Receives CSV rows one by one, and ends each in a newline only.

    Older Pythons quote a carriage return only if it is among the characters that end rows; left bare, it
    would read as the end of its row.
    """

    WRITTEN_END = "\r\n"

    def write(self, row: str) -> int:
        return super().write(row.removesuffix(self.WRITTEN_END) + "\n")
