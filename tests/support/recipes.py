"""The recipes of docs/teamwork.md: blocks of shell under a comment that names them, run as they stand there."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support import repositories
from tests.support.project import ROOT

DOCUMENT = ROOT / "docs" / "teamwork.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RECIPE = re.compile(r"^<!-- recipe: ([a-z0-9-]+) -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SAMPLE = re.compile(r"\S*(?:example\.org|/mnt/|/srv/)\S*")  # what a reader replaces by their own


def unnamed() -> list[str]:
    """Blocks of shell that have no name, so that no test can run them."""
    text = DOCUMENT.read_text()
    return sorted(set(_BLOCK.findall(text)) - {script for _, script in _RECIPE.findall(text)})


def names() -> list[str]:
    """Of all recipes, in order."""
    return [name for name, _ in _RECIPE.findall(DOCUMENT.read_text())]


def script_of(name: str, values: Mapping[str, str] | None = None) -> str:
    """A recipe with the document's sample values replaced by a test's own.

    Args:
        name: of the recipe.
        values: each sample that the recipe has to contain, and what stands for it.
    """
    (text,) = (found for known, found in _RECIPE.findall(DOCUMENT.read_text()) if known == name)
    rest = text
    for sample, own in (values or {}).items():
        assert sample in text, f"recipe {name} has no {sample}"
        text, rest = text.replace(sample, own), rest.replace(sample, "")
    assert not _SAMPLE.findall(rest), f"recipe {name} still has {_SAMPLE.findall(rest)}"
    return text


def run_recipe(
    name: str,
    repository: Path,
    values: Mapping[str, str] | None = None,
    *,
    then: str = "",
    account: Sequence[str] = (),
    check: bool = True,
    variables: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a recipe in a repository; see `script_of` and `repositories.run`.

    Args:
        name: of the recipe.
        repository: where it runs.
        values: the test's own values.
        then: more commands, run in the same shell.
        account: a command that runs the shell as somebody else.
        check: whether the test fails if the recipe does.
        variables: more of the environment.
    """
    command = (*account, "sh", "-e", "-c", script_of(name, values) + then)
    return repositories.run(repository, *command, check=check, variables=variables)
