"""The team's document holds nothing that no test runs."""

import ast

from tests.support import recipes
from tests.support.project import ROOT


def test_every_recipe_is_run_by_a_test() -> None:
    assert recipes.unnamed() == []
    names = recipes.names()
    assert len(names) == len(set(names)) > 0
    called = [
        call.args[0].value
        for path in (ROOT / "tests").rglob("test_*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)
        if isinstance(call.func, ast.Name) and call.func.id in ("run_recipe", "script_of")
    ]
    assert set(names) == set(called)
