"""The templates of one run: where their text comes from, their sandbox, and all their faults.

A template that failed is rendered once more, each expression on its own: what an expression raises
is kept, and something that swallows every use stands in its place, so that no fault is told that
follows from another. Includes lie within the project.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Undefined

from peakctl.errors import Diagnostic, ManifestsInvalid
from peakctl.files import Unreadable, read_text
from peakctl.manifests.budget import BudgetExceeded
from peakctl.manifests.render import OPEN, Rendered
from peakctl.manifests.sandbox import Generator, Sandbox
from peakctl.manifests.secret_tokens import RESERVED, SecretTexts, Tokens, os_env_value
from peakctl.manifests.sources import display_path
from peakctl.manifests.template_errors import TEMPLATE_ERRORS, ErrorReporter
from peakctl.manifests.tracing import LINE_MARK, Tracer
from peakctl.model import JsonDict, Source, Value

MAX_INCLUDE = 4 * 2**20


class Includes(BaseLoader):
    """Templates by absolute path. Files are read once a run."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._texts: dict[str, str] = {}
        self._displays: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._included: set[str] = set()

    def add(self, source: Source) -> None:
        """Make a manifest a template under its path."""
        self._texts[source.path] = source.text
        self._displays[source.path] = source.display

    def find(self, name: str, parent: str) -> str:
        """The path that an include of `name` in the file `parent` means.

        Beside that file first, then from the project's root. Raises SecurityError outside of it.
        """
        if Path(name).is_absolute():
            raise SecurityError(f'the include "{name}" is an absolute path')
        candidates = [folder / name for folder in (Path(parent).parent, self._root)]
        found = next(filter(_is_there, candidates), candidates[0])
        path = Path(os.path.realpath(found))
        if not path.is_relative_to(self._root):
            raise SecurityError(f'the include "{name}" leads out of the project')
        return str(path if os.path.exists(path) else found)  # noqa: PTH110 - never raises

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        text = self._texts.get(template)
        if text is None:
            self._displays[template] = display_path(Path(template), self._root)
            text = self._texts[template] = _read(template)
            self._included.add(self._displays[template])
        found = RESERVED.search(text)
        if found:
            raise TemplateSyntaxError(
                f"the character U+{ord(found[0]):04X} is not allowed in templates",
                text.count("\n", 0, found.start()) + 1,
                template,
                template,
            )
        return text, template, None

    def read(self) -> frozenset[str]:
        """The displays of all files that were included."""
        return frozenset(self._included)

    def text(self, path: str) -> str | None:
        """The source of a template that was read."""
        return self._texts.get(path)

    def display(self, path: str) -> str:
        """What users are shown for the path of a template."""
        return self._displays.get(path, path)

    def number(self, path: str) -> int:
        """A number for a file, for marks."""
        return self._numbers.setdefault(path, len(self._numbers))

    def numbered(self, number: int) -> str:
        """What users are shown for the file of a mark."""
        return self.display(list(self._numbers)[number])


def _is_there(path: Path) -> bool:
    """A link that leads nowhere is there: `ignore missing` does not mean it."""
    return os.path.lexists(path) and not os.path.isdir(path)  # noqa: PTH112 - never raises


def _read(path: str) -> str:
    if not os.path.lexists(path):
        raise TemplateNotFound(path)
    try:
        return read_text(Path(path), limit=MAX_INCLUDE)
    except Unreadable as error:
        message = f"the file cannot be included: {error.reason}"
        raise TemplateSyntaxError(message, error.line, path, path) from None


MAX_FAULTS = 100
STOPS = (BudgetExceeded, RecursionError, MemoryError)
"""What ends the second run as well: these are faults of the whole."""


class Swallowed(Undefined):
    """Stands for the value of an expression that failed: every use gives the same."""

    __slots__ = ()

    def _same(self, *_: object, **__: object) -> Any:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _same
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __pow__ = __rpow__ = _same
    __pos__ = __neg__ = __call__ = __getitem__ = _same
    __getattr__ = _same
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = _same

    def __hash__(self) -> int:
        return 0

    def __int__(self) -> int:  # type: ignore[override]
        return 0

    def __float__(self) -> float:  # type: ignore[override]
        return 0.0

    def __contains__(self, _: object) -> bool:
        return False


class _Collecting(Generator):
    """Writes every expression that a statement begins with as a function of its own."""

    def visit(self, node: nodes.Node, *args: object, **kwargs: object) -> object:
        form = getattr(node, "attempted_as", None)
        if form is None:
            return super().visit(node, *args, **kwargs)
        self.write(f"environment.attempt(lambda: environment.used({form!r}, ")
        node.attempted_as = None  # type: ignore[attr-defined]
        made = super().visit(node, *args, **kwargs)
        node.attempted_as = form  # type: ignore[attr-defined]
        self.write("))")
        return made


class Collector(Sandbox):
    """A sandbox that goes on after a fault. `faults` are those of the template that is rendered."""

    code_generator_class = _Collecting

    def __init__(self, tokens: Tokens, loader: Includes, told: tuple[type[Exception], ...]) -> None:
        super().__init__(tokens, loader)
        self.faults: list[Exception] = []
        self._told = told

    def attempt(self, compute: Callable[[], object]) -> object:
        """What `compute` gives; something harmless when it fails."""
        try:
            return compute()
        except STOPS:
            raise
        except self._told:
            self._keep()
            return Swallowed()

    def _keep(self) -> None:
        """Note the fault at hand, with the lines of the template in its traceback."""
        try:
            self.handle_exception()
        except self._told as error:
            if len(self.faults) < MAX_FAULTS:
                self.faults.append(error)

    def used(self, form: str, value: Any) -> object:
        """Does now what the statement will do with the value, so that it fails here."""
        if isinstance(value, Swallowed):
            return value
        if form == "text":
            return self.text(value)
        if form == "test":
            return bool(value)
        if form == "operand" and isinstance(value, Undefined):
            return str(value)  # raises
        return list(value) if form == "loop" else value

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        writing: list[Any] = list(tree.find_all((nodes.Output, nodes.Concat)))
        for node in writing:
            form = "text" if isinstance(node, nodes.Output) else "operand"
            for part in node.nodes:
                _attempt(part, form)
        for node_type, field, form in _ATTEMPTED:
            for found in tree.find_all(node_type):
                _attempt(getattr(found, field), form)
        return tree


_ATTEMPTED: tuple[tuple[type[nodes.Node], str, str], ...] = (
    (nodes.If, "test", "test"),
    (nodes.CondExpr, "test", "test"),
    (nodes.For, "iter", "loop"),
    (nodes.Assign, "node", "value"),
    (nodes.BinExpr, "left", "operand"),
    (nodes.BinExpr, "right", "operand"),
)
"""Where a template goes on after a fault: node, field, and what is done with the value."""


def _attempt(node: Any, form: str) -> None:
    if not isinstance(node, nodes.Const | nodes.TemplateData):
        node.attempted_as = form


OS_ENV = "os_env"


class Templates:
    """Renders templates with one set of values.

    `listed` are the names and globs of variables that `os_env` has; None for all but credentials.
    With `unset_is_unknown` one that is not set has a value that is not known.
    """

    def __init__(
        self,
        parameters: Mapping[str, Value],
        environment: Mapping[str, str],
        root: Path,
        listed: Sequence[str] | None = None,
        *,
        unset_is_unknown: bool = False,
    ) -> None:
        self._tokens = Tokens()
        self._secrets = SecretTexts(self._tokens)
        self._includes = Includes(root)
        os_env = os_env_value(environment, listed, self._secrets, unset_is_unknown=unset_is_unknown)
        self._values: JsonDict = {**parameters, OS_ENV: os_env}
        self._sandbox = Sandbox(self._tokens, self._includes)
        self._errors = ErrorReporter(self._includes, self._values)

    def render(self, source: Source) -> Rendered:
        """The text that a template makes. Raises ManifestsInvalid."""
        self._includes.add(source)
        try:
            text = self._run(self._sandbox, source)
        except TEMPLATE_ERRORS as error:
            raise ManifestsInvalid(*self._all_faults(error, source)) from None
        trace = Tracer(
            functools.partial(self._render_traced, source, text),
            self._includes.numbered,
            source.display,
        )
        return Rendered(source, text, self._secrets if OPEN in text else None, trace)

    def included(self) -> frozenset[str]:
        """The files that were read besides the manifests, as users are shown them."""
        return self._includes.read()

    def mentioned(self) -> frozenset[str] | None:
        """As `Renderer.mentioned`: branches that were not taken count, and what they include."""
        sandbox = self._sandbox
        sandbox.budget.reset()
        while sandbox.referenced:
            name, parent = sandbox.referenced.pop()
            if name is None:
                return None
            with contextlib.suppress(*TEMPLATE_ERRORS):
                sandbox.get_template(name, parent)
        return frozenset(sandbox.names)

    def _run(self, sandbox: Sandbox, source: Source) -> str:
        sandbox.budget.reset()
        text = str.__str__(str(sandbox.get_template(source.path).render(self._values)))
        sandbox.budget.check_output(text, text.count(OPEN))
        return f"{text}\n"  # jinja2 takes the last line end off

    def _all_faults(self, error: Exception, source: Source) -> tuple[Diagnostic, ...]:
        """What is wrong in the template that raised `error`, expression by expression."""
        first = self._errors.tell(error, source.path)
        if isinstance(error, (*STOPS, TemplateSyntaxError)):
            return (first,)
        collector = Collector(self._tokens, self._includes, TEMPLATE_ERRORS)
        with contextlib.suppress(*TEMPLATE_ERRORS):
            self._run(collector, source)
        found = dict.fromkeys(self._errors.tell(fault, source.path) for fault in collector.faults)
        return tuple(found) if first in found else (first, *found)

    def _render_traced(self, source: Source, text: str) -> str | None:
        """The text again, with marks; None where the marks changed what the template does."""
        try:
            traced = self._run(self._tracing_sandbox, source)
        except TEMPLATE_ERRORS:
            return None
        return traced if LINE_MARK.sub("", traced) == text else None

    @functools.cached_property
    def _tracing_sandbox(self) -> Sandbox:
        return Sandbox(self._tokens, self._includes, marking=True)
