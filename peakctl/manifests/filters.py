"""jinja2's filters and tests: bounded, and unable to reach the text of a secret."""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from jinja2.filters import make_attrgetter
from jinja2.runtime import Undefined

from peakctl.manifests.budget import BudgetExceeded, check_format, check_widths
from peakctl.manifests.secret_tokens import SecretText, SecretUsed, Tokens, holds_secret
from peakctl.manifests.tracing import LINE_MARK, TracedText, untraced
from peakctl.manifests.undefined import known
from peakctl.model import JsonDict, JsonObject

if TYPE_CHECKING:
    from peakctl.manifests.sandbox import Sandbox

REMOVED = ("random",)
"""A plan is the same each time."""

_CHANGES = frozenset(("b64encode", "float", "int", "lower", "trim", "upper", "urlencode"))
"""What may be done to a secret as a whole: its result is a secret that is computed later."""

_ON_SECRETS = frozenset(("d", "default", "indent", "inset", "safe", "string", "tojson"))
_AMONG_SECRETS = _ON_SECRETS | frozenset(
    """
    attr batch count dictsort first format groupby items join last length list map max min reject
    rejectattr reverse select selectattr slice sort sum unique
    """.split()  # noqa: SIM905 - thirty quoted words read worse
)
"""Filters of lists and mappings that hold secrets; comparisons fail on the secrets themselves."""

_SECRET_ARGUMENTS = frozenset(("d", "default", "format", "join", "map", "sum"))
_ON_UNDEFINED = frozenset(("d", "default"))
_ANY_NUMBER = frozenset(("d", "default", "int", "float"))
_OVER_CHARACTERS = frozenset(
    """
    batch groupby join list map max min reject rejectattr select selectattr slice sort sum unique
    """.split()  # noqa: SIM905 - fourteen quoted words read worse
)
_SLOW = frozenset(("pprint", "striptags", "urlize", "wordwrap", "xmlattr"))
"""Their time may grow with the square of a text's length."""
MAX_SLOW = 16_384
MAX_INDENT = 100
MAX_PRECISION = 1_000

_SECRET_TESTS = frozenset(
    """
    boolean callable defined escaped false filter float integer mapping none number sameas string
    test true undefined
    """.split()  # noqa: SIM905 - fourteen quoted words read worse
)
"""Tests that look at the type of a value only."""

_PLAIN_PLACE = re.compile(r"%(\([^()]*\))?[sdi%]")

Guarded = Callable[..., object]


class Guard:
    """Wraps the filters and tests of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._tokens = sandbox.tokens
        self._budget = sandbox.budget
        self._tracing_sandbox = sandbox.marking

    def filters(self, filters: dict[str, Guarded]) -> None:
        """Replace every filter by one that knows secrets and bounds."""
        for name in REMOVED:
            filters.pop(name)
        filters |= {
            "b64encode": encode_base64,
            "indent": self.indent,
            "join": self.join,
            "safe": _same,
            "sum": self._sum,
        }
        for name, function in filters.items():
            filters[name] = self._filter(name, function)

    def tests(self, tests: JsonDict) -> None:
        """Replace every test by one that looks into no secret."""
        tests["string"] = lambda value: isinstance(value, str | SecretText)
        for name, function in tests.items():
            tests[name] = self._test(name, function)

    def _filter(self, name: str, function: Guarded) -> Guarded:
        passed = 1 if hasattr(function, "jinja_pass_arg") else 0

        @functools.wraps(function)
        def run(*given: object, **named: object) -> object:
            first, args = given[:passed], [self._budget.listed(v) for v in given[passed:]]
            if name not in _ON_UNDEFINED:
                args = list(map(known, args))
            self._check(name, args, named)
            if name in _CHANGES and isinstance(args[0], SecretText):
                return self._change(name, function, first, args, named)
            if self._tracing_sandbox and name not in ("indent", "join"):
                args, named = untraced(args), untraced(named)
            made = self._budget.made_value(function(*first, *args, **named))
            return self._tokens.wrap(made)

        return run

    def _check(self, name: str, args: list[object], named: JsonDict) -> None:
        """Undefined names, bounds and secrets, before the filter runs."""
        if isinstance(args[0], Undefined) and name not in _ON_UNDEFINED:
            str(args[0])  # raises in its own words
        if name not in _ANY_NUMBER:
            check_widths([*args[1:], *named.values()])
        self._budget.step()
        size = sum(map(self._budget.measure, [*args, *named.values()]))
        check_secrets(name, args, named)
        self._check_growth(name, args, named, size)

    def _check_growth(self, name: str, args: list[object], named: JsonDict, size: int) -> None:
        budget, value = self._budget, args[0]
        if name in _SLOW:
            if size > MAX_SLOW:
                raise BudgetExceeded(f'"{name}" takes texts up to {MAX_SLOW:,} characters')
            budget.step(size * size // 1024)
        elif name in _OVER_CHARACTERS and isinstance(value, str):
            budget.turn(len(value))
        elif name == "format":
            check_format(str(value), budget, [*args[1:], *named.values()])
        elif name == "replace" and len(args) > 2:
            budget.make(size + str(value).count(str(args[1])) * len(str(args[2])))
        elif name == "tojson":
            _check_most([*args[1:], *named.values()], MAX_INDENT)
        elif name == "round":
            _check_most([*args[1:], *named.values()], MAX_PRECISION)

    def _change(
        self,
        name: str,
        function: Guarded,
        first: tuple[object, ...],
        args: list[Any],
        named: JsonDict,
    ) -> SecretText:
        rest, named = untraced(args[1:]), untraced(named)

        def change(text: str) -> str:
            return str(function(*first, text, *rest, **named))

        for sample in ("1", "x"):
            change(sample)  # what is wrong with the arguments shows now, and not with the secret
        same = (name, repr(rest), repr(named))
        is_number = name in ("int", "float")
        return self._tokens.derive(args[0], change, *same, is_number=is_number)

    def _test(self, name: str, function: Guarded) -> Guarded:
        @functools.wraps(function)
        def run(*args: object, **named: object) -> object:
            self._budget.step()
            if name not in ("defined", "undefined"):
                args = tuple(map(known, args))
            for value in args:
                self._budget.measure(value)
            if name not in _SECRET_TESTS and any(isinstance(v, SecretText) for v in args):
                raise SecretUsed(f'the test "{name}"')
            if self._tracing_sandbox:
                args = untraced(args)
            return function(*args, **named)

        return run

    def indent(
        self,
        text: object,
        width: int | str = 4,
        first: bool = False,  # noqa: FBT001, FBT002 - jinja2's own signature
        blank: bool = False,  # noqa: FBT001, FBT002
    ) -> str:
        """jinja2's filter on text with marks: blank lines are those without visible text.

        A secret of several lines is one token, and is indented where the text around it is read.
        """
        space = width if isinstance(width, str) else " " * width
        lines = with_marks(text).split("\n")
        self._budget.make(len(space) * len(lines))
        rest = [space + line if blank or _is_visible(line) else line for line in lines[1:]]
        return "\n".join([space + lines[0] if first else lines[0], *rest])

    def join(
        self, value: Iterable[object], d: object = "", attribute: str | int | None = None
    ) -> object:
        """jinja2's filter: the texts of the items with `d` between them. Secrets stay secrets."""
        items: Iterable[object] = value
        if attribute is not None:
            items = map(make_attrgetter(self._sandbox, attribute), items)
        texts = list(map(with_marks, items))
        between = with_marks(d)
        self._budget.make(sum(map(len, texts)) + len(between) * max(len(texts) - 1, 0))
        return self._tokens.wrap(between.join(texts))

    def _sum(
        self, iterable: Iterable[object], attribute: str | int | None = None, start: object = 0
    ) -> object:
        items = iterable
        if attribute is not None:
            items = map(make_attrgetter(self._sandbox, attribute), items)
        return functools.reduce(self._sandbox.add, items, start)


def check_secrets(name: str, args: list[object], named: JsonObject) -> None:
    """Raise SecretUsed when the filter `name` would look into a secret."""
    value, rest = args[0], [*args[1:], *named.values()]
    if isinstance(value, SecretText):
        wrong = name not in _ON_SECRETS and name not in _CHANGES
    else:
        wrong = name not in _AMONG_SECRETS and holds_secret([value])
    if wrong or (name not in _SECRET_ARGUMENTS and holds_secret(rest)):
        raise SecretUsed(f'the filter "{name}"')
    if name == "format":
        check_places(str(value), rest)


def check_places(text: str, values: Iterable[object]) -> None:
    """Raise SecretUsed when a `%` format would do more with secrets than put them in."""
    if holds_secret(values) and "%" in _PLAIN_PLACE.sub("", text):
        raise SecretUsed("a width or a format")


def encode_base64(value: object) -> str:
    """The text of `value` in base64, as an HTTP header of basic authentication wants it."""
    return base64.b64encode(str(value).encode()).decode()


def with_marks(value: object) -> str:
    """The text of a value, with the tokens and marks that are in it."""
    return value.text if isinstance(value, TracedText) else str(value)


def _is_visible(line: str) -> bool:
    return bool(LINE_MARK.sub("", line))


def _same(value: object) -> object:
    """There is no autoescaping, so every text is safe already."""
    return value


def _check_most(values: Iterable[object], most: int) -> None:
    for value in values:
        if (isinstance(value, int) and abs(value) > most) or (
            isinstance(value, str) and len(value) > most
        ):
            raise BudgetExceeded(f"it asks for a width or precision over {most:,}")


def json_dumper(tokens: Tokens) -> Callable[..., str]:
    """What `tojson` calls: JSON with a token for each secret, whose escapes follow later."""

    def dump(value: object, **options: Any) -> str:
        holders: list[str] = []

        def placeholder(secret: object) -> str:
            secret = known(secret)
            if isinstance(secret, Undefined):
                return str(secret)  # raises in its own words
            if not isinstance(secret, SecretText):
                raise TypeError(f"{type(secret).__name__} cannot be written as JSON")
            holders.append(tokens.escaped(secret))
            return f"\ue002{len(holders) - 1}\ue003"

        text = json.dumps(untraced(value), ensure_ascii=False, default=placeholder, **options)
        return _HOLDER.sub(lambda found: holders[int(found[1])], text)

    return dump


_HOLDER = re.compile('"\ue002([0-9]+)\ue003"')
