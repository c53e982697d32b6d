"""The names that a template reads and does not set itself."""

from __future__ import annotations

from jinja2 import Environment, TemplateSyntaxError
from jinja2.meta import find_undeclared_variables


def free_names(text: str) -> frozenset[str]:
    """Names that have to be given to the template `text`, `os_env` left out.

    None for a text that is no template: what is wrong with it is told when it is read.
    """
    try:
        tree = Environment(autoescape=False).parse(text)  # noqa: S701 - nothing is rendered
    except TemplateSyntaxError:
        return frozenset()
    return frozenset(find_undeclared_variables(tree)) - {"os_env"}
