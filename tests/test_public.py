"""What `import spampipe` offers, and that it costs nothing until it is used."""

import inspect
import pydoc
import subprocess
import sys

import pytest

import spampipe
from tests.support.project import ROOT

HEAVY = ("torch", "pandas", "numpy", "mlflow", "sklearn", "scipy", "matplotlib", "pydantic", "dvc")


def test_the_import_alone_loads_nothing_else() -> None:
    program = f"import sys, spampipe; print([name for name in {HEAVY} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout == "[]\n"


def test_every_name_is_there_and_documented() -> None:
    assert set(spampipe.__all__) == set(dir(spampipe)) == set(spampipe._MODULES)
    for name in spampipe.__all__:
        assert len(inspect.getdoc(getattr(spampipe, name)) or "") > 20, name


def test_help_shows_the_example_and_every_name() -> None:
    text = pydoc.plain(pydoc.render_doc(spampipe))
    assert "classifier = spampipe.load()" in text
    for name in spampipe.__all__:
        assert f"    {name}(" in text or f"class {name}(" in text, name
    assert "_MODULES" not in text and "importlib" not in text


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'spampipe' has no attribute 'Classifier'"):
        _ = spampipe.Classifier


def test_its_types_are_for_type_checkers_too() -> None:
    assert (ROOT / "spampipe" / "py.typed").exists()
    program = "import spampipe\nreveal_type(spampipe.load)\nreveal_type(spampipe.Params)\n"
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "TextClassifier" in checked.stdout and "Any" not in checked.stdout, checked.stdout
