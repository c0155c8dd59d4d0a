"""YAML is read as DVC reads it, or refused; never as something else."""

import math
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import loads_yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError as DvcYamlError

from spampipe.core import yaml12
from spampipe.core.yaml12 import YamlError
from tests.support.project import ROOT

REFUSED = object()


def as_dvc(text: str) -> Any:
    try:
        return loads_yaml(text)
    except (DvcYamlError, ValueError, TypeError, AttributeError, LookupError, AssertionError):  # its own slips
        return REFUSED


def as_we(text: str) -> Any:
    try:
        return yaml12.load(text)
    except YamlError as error:
        assert len(str(error).splitlines()) == 1
        return REFUSED


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("010", 10),
        ("08", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b101", 5),
        ("-1_000", -1000),
        ("+7", 7),
        ("1:30", "1:30"),
        ("2e-05", 2e-05),
        ("2E5", 2e5),
        ("1_0.5", 10.5),
        ("1.", 1.0),
        (".5e+1", 5.0),
        (".5e1", ".5e1"),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("1e", "1e"),
        ("yes", "yes"),
        ("on", "on"),
        ("True", True),
        ("tRUE", "tRUE"),
        ("~", None),
        ("", None),
        ("Null", None),
        ("nil", "nil"),
        ("'010'", "010"),
        ('"true"', "true"),
        ("2026-1-2", "2026-1-2"),
        ("sms-spam-collection", "sms-spam-collection"),
    ],
)
def test_scalars_are_those_of_dvc(written: str, value: object) -> None:
    for text in (f"a: {written}\n", f"a: [{written}]\n", f"a:\n  b: {written}\n"):
        assert repr(yaml12.load(text)) == repr(as_dvc(text))
    assert repr(yaml12.load(f"a: {written}")["a"]) == repr(value)


CHARACTERS = "01789_eE+-.xob:TZ ~<=#'\",[]{}?!&*|>%@`\\/\n\r\t\x85\u2028\u00a0\ufeffé"
WORDS = ("inf", "nan", "true", "No", "null", "<<", "2026-01-02", "12:30")
PARTS = st.sampled_from([*CHARACTERS, *WORDS])
SCALARS = (
    st.lists(PARTS, max_size=6).map("".join) | st.floats().map(str) | st.integers().map(str) | st.text(max_size=8)
)
BLOCKS = ("{}", "a: {}", "- {}", "{}: 1", "a:\n  {}\n  b\n", "a: |\n  {}\n", "a: >-\n  {}\n", "a: '{}'", 'a: "{}"')
FLOWS = ("a: [{}]", "[x, {}, 1]", "{{a: {}, b: 1}}", "{{{}: 1}}")


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(BLOCKS + FLOWS), SCALARS)
@example("- {}", "\x85-")
@example("[x, {}, 1]", "E:")
@example("{}: 1", "&7")
@example("{}", "%YAML 1.1\n---\nyes")
@example("a: {}", "2026-01-02 12:30:00")
@example("a: {}", "!!binary aGk=")
def test_no_scalar_is_read_otherwise_than_by_dvc(place: str, scalar: str) -> None:
    text = place.format(scalar)
    ours = as_we(text)
    assert ours is REFUSED or repr(ours) == repr(as_dvc(text))


def test_anchors_and_merge_keys_are_read_as_by_dvc() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b\n  <<: *a\n  y: 3\nc:\n  <<: [*b, *a]\n  z: 4\nd: [*a, *b]\n"
    assert yaml12.load(text) == as_dvc(text)


@pytest.mark.parametrize("name", ["params.yaml", "dvc.lock", "dvc.yaml"])
def test_the_repositorys_own_files_are_read_as_by_dvc(name: str) -> None:
    text = Path(ROOT / name).read_text(encoding="utf-8")
    assert yaml12.load(text) == as_dvc(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\n", "line 5: c: stands twice, first in line 3; remove one of the two"),
        ("true: 1\nTrue: 2\n", "line 2: True: stands twice, first in line 1; remove one of the two"),
        ("a: 1\nb: 2026-01-02\n", "line 2: 2026-01-02 is neither a text nor a number; put it in quotes"),
        ("a: !!str 5\n", "line 1: holds the tag tag:yaml.org,2002:str; remove it"),
        ("%YAML 1.1\n---\na: 1\n", "line 2: asks for another YAML than 1.2; remove that"),
        ("a: 1\nb: x\u2028y\n", "line 2: holds the character U+2028; remove it"),
        ("? [a]\n: 1\n", "line 1: a key is a list or mapping; correct it"),
        ("[" * 5000, "lists or mappings are nested too deeply"),
        ("a: " + "9" * 5000, f"line 1: {'9' * 40} is neither a text nor a number; put it in quotes"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(YamlError) as caught:
        yaml12.load(text)
    assert str(caught.value) == message
