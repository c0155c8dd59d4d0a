"""Fills the forms in the folder `forms` beside this module."""

from typing import Any


def fill(name: str, **values: Any) -> str:
    """A text from a form.

    Args:
        name: the form's file. In `.html`, values are escaped; in others they stand as they are.
        values: what the form asks for, by name.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("spampipe.reporting", "forms"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(values)
