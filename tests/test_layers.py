"""The packages are layers: each imports only what its place allows, so that no two need each other."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.project import ROOT

# What each package, or module at the top, may import besides itself; docs/architecture.md draws it.
ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "downloads": {"core"},
    "data": {"core", "downloads"},
    "models": {"core", "downloads", "data"},
    "training": {"core", "data", "models"},
    "classifiers": {"core", "data", "models", "training"},
    "evaluation": {"core", "data"},
    "figures": {"core", "data"},
    "reporting": {"core", "data", "models", "classifiers", "evaluation", "crossvalidation", "exams"},
    "params": {"core", "data", "models", "training", "classifiers", "evaluation"},
    "inference": {"core", "data", "models", "classifiers", "params"},
    "tracking": {"core", "data", "classifiers", "evaluation", "inference"},
    "results": {"core", "data", "training", "evaluation", "params", "presets", "tracking", "crossvalidation"},
    "exams": {"core", "data", "classifiers", "evaluation"},
    "cli_models": {"core", "data", "models", "evaluation", "params", "inference"},
    "crossvalidation": {"core", "data", "models", "classifiers", "evaluation", "params"},
    "cli_studies": {"core", "figures", "models", "params", "results", "cli_models", "crossvalidation"},
    "cli_exams": {"core", "data", "classifiers", "evaluation", "exams", "inference", "results", "cli_models"},
    "cli_comparisons": {"core", "params", "results", "cli_models"},
    "cli_tuning": {"core", "models", "params", "presets", "results", "cli_models"},
    "presets": {"core", "params"},
    "cli": {"core", "tracking", "results", "cli_comparisons", "cli_exams", "cli_models", "cli_studies", "cli_tuning"}
    | {"presets"},
    "__main__": {"cli"},
    "api": {"core", "downloads", "data", "models", "training", "classifiers", "evaluation", "figures", "params"}
    | {"inference", "tracking", "results"},
    "__init__": {"api", "classifiers", "core", "params"},  # named there, imported when used
}


def place(module: Path) -> str:
    """The package of a module, or its own name at the top."""
    return module.parts[1] if len(module.parts) > 2 else module.stem


def imported(module: Path) -> set[str]:
    """The packages, and modules at the top, that a module imports, at its own top or within functions."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "spampipe":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return found


MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "spampipe").rglob("*.py"))


@pytest.mark.parametrize("name", ALLOWED)
def test_a_package_imports_only_what_its_place_allows(name: str) -> None:
    used = {other for module in MODULES if place(module) == name for other in imported(module)} - {name}
    assert used <= ALLOWED[name]


@pytest.mark.parametrize("name", [name for name in ALLOWED if (ROOT / "spampipe" / name / "__init__.py").exists()])
def test_a_package_says_what_it_imports(name: str) -> None:
    text = " ".join(ast.get_docstring(ast.parse((ROOT / "spampipe" / name / "__init__.py").read_text())).split())
    sentence = re.search(r"Imports ([a-z, ]+?)[.;](?: |$)", text)
    assert sentence, text
    said = set() if sentence[1].startswith("no other package") else set(re.split(r", | and ", sentence[1]))
    assert said == ALLOWED[name]


def test_the_layers_are_drawn_as_they_are() -> None:
    """Each arrow of docs/architecture.md is allowed, and what is allowed can be reached along the arrows."""
    (drawing, *_) = re.findall(r"```mermaid\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text(), re.DOTALL)
    drawn = set(re.findall(r"(\w+) --> (\w+)", drawing))
    assert all(below in ALLOWED[above] for above, below in drawn)
    reached = {above: {below for each, below in drawn if each == above} for above in ALLOWED}
    for _ in ALLOWED:
        for found in reached.values():
            found |= {far for near in set(found) for far in reached[near]}
    for above in set(ALLOWED) - {"__init__", "__main__"}:
        assert ALLOWED[above] <= reached[above], above


def test_every_module_has_a_place() -> None:
    assert {place(module) for module in MODULES} == set(ALLOWED)


def test_what_is_allowed_has_no_circle() -> None:
    above = {name: set(others) for name, others in ALLOWED.items()}
    while above:
        lowest = {name for name, others in above.items() if not others}
        assert lowest, f"a circle among {sorted(above)}"
        above = {name: others - lowest for name, others in above.items() if name not in lowest}


def test_data_stages_need_no_torch() -> None:
    for package in ("core", "downloads", "data"):
        for module in (ROOT / "spampipe" / package).rglob("*.py"):
            assert "import torch" not in module.read_text(), module


def test_only_tracking_knows_mlflow() -> None:
    for module in (*MODULES, *(path.relative_to(ROOT) for path in (ROOT / "stages").glob("*.py"))):
        if place(module) != "tracking":
            source = (ROOT / module).read_text()
            assert not re.search(r"^\s*(import|from) mlflow\b", source, re.MULTILINE), module
            assert ".client" not in source, module  # nor what a Store keeps for its own package


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_stay_short(module: Path) -> None:
    assert len((ROOT / module).read_text().splitlines()) <= 250
