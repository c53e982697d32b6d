"""jinja2's filters, bounded and aware of secrets."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from jinja2.exceptions import TemplateRuntimeError

from peakctl.manifests.budget import MAX_TURNS, Budget, check_format, check_size, check_widths
from peakctl.manifests.rendered import CLOSE, OPEN
from peakctl.manifests.vault import (
    LINE_MARK,
    Marked,
    SecretFloat,
    SecretInt,
    Vault,
    holds_secret,
    opened,
)

REMOVED = ("random",)
"""A plan is the same each time."""

_MOVING = frozenset(
    """
    attr batch d default dictsort first groupby indent items join last list map max min reject
    rejectattr reverse safe select selectattr slice sort string tojson unique
    """.split()  # noqa: SIM905 - thirty quoted words read worse
)
"""Filters that look into no text, or know its tokens: secrets pass through them as they are."""

_ANY_NUMBER = frozenset(("d", "default", "int", "float"))
FAILURES = (
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    TemplateRuntimeError,
)
_BARE = "\ue002#\ue003"
_NUMBER = re.compile(f'"{_BARE}({OPEN}[0-9]+{CLOSE})"')
"""A secret number within JSON; the quotes come off, since its type is read after the token."""


def guard_filters(filters: dict[str, Callable[..., Any]], vault: Vault, budget: Budget) -> None:
    """Replace every filter by one that knows secrets and bounds."""
    for name in REMOVED:
        filters.pop(name)
    filters |= {"indent": indent, "safe": _same}
    for name, function in filters.items():
        filters[name] = _guarded(name, function, vault, budget)
    filters["counted"] = budget.counted
    filters["inset"] = inset
    filters["opened"] = opened


def _guarded(
    name: str, function: Callable[..., Any], vault: Vault, budget: Budget
) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*given: Any, **named: Any) -> Any:
        args = [_listed(value, budget) for value in given]
        if name not in _ANY_NUMBER:
            check_widths([*args[1:], *named.values()])
        if name == "format":
            check_format(str(args[0]))
        if name in _MOVING:
            return vault.wrap(check_size(function(*args, **named)))
        return vault.wrap(check_size(run_opened(name, function, args, named, vault)))

    return run


def run_opened(
    name: str, function: Callable[..., Any], args: list[Any], named: dict[str, Any], vault: Vault
) -> Any:
    """Call `function` with secrets opened; what comes out of those is secret.

    Raises TemplateRuntimeError in place of an error that could quote a secret.
    """
    if not holds_secret(args) and not holds_secret(named):
        return function(*opened(args), **opened(named))
    try:
        return vault.hide_value(function(*opened(args), **opened(named)))
    except FAILURES as error:
        raise TemplateRuntimeError(
            f'"{name}" failed on a value of os_env: {type(error).__name__}'
        ) from None


def _listed(value: Any, budget: Budget) -> Any:
    """Generators of other filters made into lists, so that secrets in them are seen."""
    if isinstance(value, Iterator):
        value = list(islice(value, MAX_TURNS + 1))
    if isinstance(value, list | tuple | range):
        budget.turn(len(value))
    return value


def _same(value: Any) -> Any:
    """There is no autoescaping, so every text is safe already."""
    return value


def indent(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:  # noqa: FBT001, FBT002 - jinja2's own signature
    """jinja2's filter on marked text: blank lines are those without visible text."""
    space = width if isinstance(width, str) else " " * width
    lines = _text(text).split("\n")
    rest = [space + line if blank or _is_visible(line) else line for line in lines[1:]]
    return "\n".join([space + lines[0] if first else lines[0], *rest])


def inset(text: str, width: int) -> str:
    """What every include runs through: all lines but the first move right by `width`."""
    return indent(text, width)


def _text(text: str) -> str:
    return text.text if isinstance(text, Marked) else str(text)


def _is_visible(line: str) -> bool:
    return bool(LINE_MARK.sub("", line))


def dump_json(value: Any, **options: Any) -> str:
    """JSON with a token for each secret in it; jinja2's `tojson` calls this."""
    return _NUMBER.sub(r"\1", json.dumps(_tokens(value), ensure_ascii=False, **options))


def _tokens(value: Any) -> Any:
    match value:
        case Marked():
            return value.text
        case SecretInt() | SecretFloat():
            return f"{_BARE}{value.marked.text}"
        case list() | tuple():
            return [_tokens(item) for item in value]
        case dict():
            return {_tokens(key): _tokens(item) for key, item in value.items()}
        case _:
            return value
