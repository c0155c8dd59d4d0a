"""Read YAML as DVC does, by version 1.2; PyYAML by itself reads version 1.1.

The versions differ in what a plain scalar means: `010` is ten or eight, `1:30` text or ninety, `yes` text or true,
`2e-05` a number or text. `dvc.lock` holds the values that DVC reads, so the stages have to read the same. What
PyYAML cannot be made to read as DVC does, such as dates and tags, is refused.
"""

import re
from typing import Any, ClassVar

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.scanner import ScannerError

from spampipe.core.errors import one_line

_TAG = "tag:yaml.org,2002:"
_BASES = {"0b": 2, "0o": 8, "0x": 16}
_BREAKS = re.compile("[\x85\u2028\u2029]")  # they end lines in version 1.1, and are mere characters in 1.2
_SHOWN = 40  # characters of a refused value

# The types of plain scalars: what they begin with, and their form. These are the forms of ruamel.yaml, which reads
# for DVC: version 1.2's core schema, with underscores in numbers, binary numbers, dates and merge keys.
_FORMS = {
    "bool": ("tTfF", r"true|True|TRUE|false|False|FALSE"),
    "float": (
        "-+0123456789.",
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    ),
    "int": ("-+0123456789", r"[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+"),
    "merge": ("<", r"<<"),
    "null": (("~", "n", "N", ""), r"~|null|Null|NULL|"),
    "timestamp": (
        "0123456789",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}"
        r"(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?",
    ),
    "value": ("=", r"="),
}


class YamlError(ValueError):
    """A text that is not YAML, or is not read alike by all; one line."""


def load(text: str) -> Any:
    """The value of a YAML document.

    Args:
        text: one document, or none.

    Returns:
        Dictionaries, lists, texts, numbers, booleans and None; for each what DVC reads.

    Raises:
        YamlError: naming the line and, for a key that stands twice, the key.
    """
    if found := _BREAKS.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise YamlError(f"line {line}: holds the character U+{ord(found[0]):04X}; remove it")
    try:
        return _Loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(f"{place}{one_line(problem)}") from error
    except yaml.YAMLError as error:
        raise YamlError(one_line(error)) from error
    except RecursionError as error:
        raise YamlError("lists or mappings are nested too deeply") from error


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """The forms by first character, as PyYAML wants them."""
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for name, (characters, form) in _FORMS.items():
        for character in characters:
            found.setdefault(character, []).append((_TAG + name, re.compile(rf"(?:{form})\Z")))
    return found


def _number(loader: yaml.SafeLoader, node: ScalarNode) -> int | float:
    text = node.value.replace("_", "").lower()
    try:
        if node.tag == f"{_TAG}int":
            return int(text, _BASES.get(text.lstrip("+-")[:2], 10))
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:  # underscores without a digit, or more digits than Python takes
        return _refused(loader, node)


def _refused(loader: yaml.SafeLoader, node: ScalarNode) -> Any:
    problem = f"{node.value[:_SHOWN]} is neither a text nor a number; put it in quotes"
    raise ConstructorError(None, None, problem, node.start_mark)


class _Loader(yaml.SafeLoader):
    """PyYAML's reader with version 1.2's scalars; what else would be read differently is an error."""

    yaml_implicit_resolvers = _resolvers()
    yaml_constructors: ClassVar = {
        **yaml.SafeLoader.yaml_constructors,
        **{f"{_TAG}{name}": _number for name in ("int", "float")},
        **{f"{_TAG}{name}": _refused for name in ("merge", "timestamp", "value")},
    }

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()
        if getattr(event, "tag", None) is not None:
            raise ConstructorError(None, None, f"holds the tag {event.tag}; remove it", event.start_mark)
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            if not isinstance(key, ScalarNode):
                raise ConstructorError(None, None, "a key is a list or mapping; correct it", key.start_mark)
            special = key.tag in (f"{_TAG}merge", f"{_TAG}value")
            name, line = key.value if special else self.construct_object(key), key.start_mark.line + 1
            if name in lines:
                problem = f"{key.value}: stands twice, first in line {lines[name]}; remove one of the two"
                raise ConstructorError(None, None, problem, key.start_mark)
            lines[name] = line
        return node

    def process_directives(self) -> Any:
        handled = super().process_directives()
        if self.yaml_version not in (None, (1, 2)):
            raise ScannerError(None, None, "asks for another YAML than 1.2; remove that", self.get_mark())
        return handled

    def fetch_value(self) -> None:
        if self.flow_level and self.peek(1) in ",[]{}":
            raise ScannerError(None, None, "a colon ends a word within brackets; quote the word", self.get_mark())
        super().fetch_value()

    def scan_anchor(self, token_class: Any) -> Any:
        token = super().scan_anchor(token_class)
        if self.peek() in "?:%@`":
            raise ScannerError(None, None, "an anchor is not a plain name; rename it", self.get_mark())
        return token
