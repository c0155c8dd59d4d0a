"""The table of CONTRIBUTING.md: which files are touched to add what."""

import re

from tests.support.project import ROOT

_ROW = re.compile(r"^\| (?P<what>[a-z ]+) \| (?P<files>.*) \|$", re.MULTILINE)


def kinds() -> list[str]:
    """What can be added."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return [row["what"] for row in _ROW.finditer(text) if "`" in row["files"]]


def past_files(what: str) -> set[str]:
    """The files that CONTRIBUTING.md names for something that the project has.

    Args:
        what: its row in the second table.
    """
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (files,) = re.findall(rf"^\| {what} \| (.*) \|$", text, re.MULTILINE)
    return set(re.findall(r"`([^`]+)`", files))


def files_to_touch(what: str, name: str) -> set[str]:
    """The files that CONTRIBUTING.md names.

    Args:
        what: is added, as the table calls it.
        name: stands for NAME.
    """
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (files,) = (row["files"] for row in _ROW.finditer(text) if row["what"] == what)
    return {path.replace("NAME", name) for path in re.findall(r"`([^`]+)`", files)}
