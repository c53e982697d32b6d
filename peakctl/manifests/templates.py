"""The templates of one run, and all that is wrong in them, told with a place and a next step.

A template that failed is rendered once more, each expression on its own: what an expression raises
is kept, and something that swallows every use stands in its place, so that no fault is told that
follows from another. Nothing that is told has a secret in it. jinja2's messages about syntax are
put in our words, placed where what is not closed begins.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.filters import FILTERS
from jinja2.runtime import Undefined
from jinja2.tests import TESTS

from peakctl.errors import Diagnostic, ManifestsInvalid, nearest_names
from peakctl.manifests import secret_tokens
from peakctl.manifests.budget import BudgetExceeded
from peakctl.manifests.render import OPEN, Rendered
from peakctl.manifests.sandbox import Generator, Includes, Sandbox
from peakctl.manifests.tracing import LINE_MARK, Tracer
from peakctl.manifests.undefined import NameMissing
from peakctl.model import MASK, JsonDict, Location, Source, Value

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
        self._tokens = secret_tokens.Tokens()
        self._secrets = secret_tokens.SecretTexts(self._tokens)
        self._includes = Includes(root)
        os_env = secret_tokens.os_env_value(
            environment, listed, self._secrets, unset_is_unknown=unset_is_unknown
        )
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


# --- all faults of a template --------------------------------------------------------------------

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

    def __init__(
        self, tokens: secret_tokens.Tokens, loader: Includes, told: tuple[type[Exception], ...]
    ) -> None:
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


# --- a fault, told -------------------------------------------------------------------------------

TEMPLATE_ERRORS = (
    TemplateError,
    BudgetExceeded,
    secret_tokens.SecretRefused,
    secret_tokens.SecretUsed,
    RuntimeError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
    MemoryError,
    SyntaxError,
)
"""All that jinja2, and Python below it, raise for a wrong template."""

_TOKEN = re.compile("(?:\ue000|\\\\ue000)[0-9a-f]+(?:\ue001|\\\\ue001)")
FOREIGN_NAMES = frozenset(
    """
    conn dag dag_run data_interval_end data_interval_start ds ds_nodash execution_date github inputs
    logical_date macros matrix needs next_ds prev_ds run_id runner secrets task task_instance ti ts
    ts_nodash var yesterday_ds
    """.split()  # noqa: SIM905 - thirty quoted words read worse
)
"""Names that Airflow and GitHub Actions have in braces of the same look."""
_DELIMITER = re.compile(r"\{\{|\{%|\{#")


class ErrorReporter:
    """Turns exceptions of one run's templates into diagnostics."""

    def __init__(self, includes: Includes, names: Iterable[str]) -> None:
        self._includes = includes
        self._names = tuple(names)

    def tell(self, error: BaseException, path: str) -> Diagnostic:
        """The diagnostic for what the template at `path` raised."""
        if isinstance(error, TemplateSyntaxError):
            return self._syntax(error, path)
        if isinstance(error, NameMissing):
            return self._missing_name(error, path)
        file, line = self._where(error, path)
        place = self._place(file, line)
        circle = self._circle(error) if isinstance(error, RecursionError) else ()
        if circle:
            summary = f"an include leads back to itself: {' -> '.join(circle)}"
            return self._diagnostic("include-loop", summary, place, fix="take one of them out")
        code, summary, fix = _described(error, self._includes.display)
        return self._diagnostic(code, summary, place, fix=fix)

    def _syntax(self, error: TemplateSyntaxError, path: str) -> Diagnostic:
        file = error.filename or path
        text = self._includes.text(file) or ""
        summary, fix, start = describe_syntax_error(error.message or "", text, error.lineno)
        if start is None:
            place = self._place(file, error.lineno)
        else:
            line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
            place = Location(self._includes.display(file), line, column)
        return self._diagnostic("syntax", _masked(summary), place, fix=fix)

    def _missing_name(self, error: NameMissing, path: str) -> Diagnostic:
        file, line = self._where(error, path)
        name = str(error.name)
        place = self._place(file, line, name)
        if not isinstance(error.owner, Mapping | None):
            return self._diagnostic(
                "undefined", f'there is no "{_masked(name)}" in the value', place
            )
        if isinstance(error.owner, secret_tokens.OsEnv):
            summary = f'the environment has no variable "{_masked(name)}"'
            fix = f"set {_masked(name)}, or give a default: os_env.{_masked(name)} | default('...')"
            return self._diagnostic("undefined", summary, place, fix=fix)
        choices = self._names if error.owner is None else map(str, error.owner)
        near = nearest_names(name, [c for c in choices if not secret_tokens.RESERVED.search(c)])
        given = f"give it with -p {name}=…, or in a file of `params` of peakctl.yaml"
        fix = f"did you mean: {', '.join(near)}" if near else given
        if error.owner is None and (name in FOREIGN_NAMES or "${{" in self._line(file, line)):
            fix = f"{fix}; if it is for another program, {RAW}"
        return self._diagnostic("undefined", f'"{_masked(name)}" is not defined', place, fix=fix)

    def _where(self, error: BaseException, path: str) -> tuple[str, int]:
        """The file and line of the innermost template on the way to the error."""
        return ([(path, 1), *self._frames(error)])[-1]

    def _frames(self, error: BaseException) -> Iterator[tuple[str, int]]:
        """The lines of templates that led to the error, the outermost first."""
        trace = error.__traceback__
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if self._includes.text(name) is not None:
                yield name, trace.tb_lineno
            trace = trace.tb_next

    def _circle(self, error: BaseException) -> tuple[str, ...]:
        """The files that include each other without an end, the first one again at the end."""
        frames = [f for f in self._frames(error) if "include" in self._line(*f)]
        for index, frame in enumerate(frames):
            if frame in frames[index + 1 :]:
                turn = frames[index : frames.index(frame, index + 1)]
                names = [self._includes.display(file) for file, _ in turn]
                return (*names, names[0])
        return ()

    def _line(self, path: str, line: int) -> str:
        lines = (self._includes.text(path) or "").splitlines()
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def _place(self, path: str, line: int, word: str = "") -> Location:
        """The column of `word` in the line, else of its first delimiter, else 1."""
        text = self._line(path, line)
        found = re.search(rf"\b{re.escape(word)}\b", text) if word else None
        found = found or _DELIMITER.search(text)
        return Location(self._includes.display(path), line, found.start() + 1 if found else 1)

    def _diagnostic(self, code: str, summary: str, place: Location, *, fix: str = "") -> Diagnostic:
        return Diagnostic(code=f"template/{code}", summary=summary, locations=(place,), fix=fix)


def _described(error: BaseException, display: Callable[[str], str]) -> tuple[str, str, str]:
    """Code, summary and fix; `display` says how the path of a file is shown."""
    match error:
        case TemplateNotFound():
            summary = f'there is no file "{_masked(display(str(error.name)))}" to include'
            return "missing-include", summary, _INCLUDE_FIX
        case SecurityError():
            return "refused", _masked(str(error)), "templates compute text, and nothing else"
        case secret_tokens.SecretUsed():
            summary = f"a template may not look into a value of os_env: {_masked(str(error))}"
            return "secret-branch", summary, _OPAQUE_FIX
        case secret_tokens.SecretRefused():
            summary = f"templates may not read {_masked(error.name)}: {error.reason}"
            return error.code, summary, _masked(error.fix)
        case BudgetExceeded():
            return "too-much", f"the template is stopped: {error}", "make it smaller"
        case RecursionError():
            return "recursion", "the template includes or calls itself without an end", ""
        case MemoryError():
            return "too-much", "the template is too large to run", "make it smaller"
        case _:
            return ("failed", *_failed(error))


def _failed(error: BaseException) -> tuple[str, str]:
    """Summary and fix of what has no code of its own."""
    if isinstance(error, secret_tokens.NotCallable):
        fix = "write os_env.NAME for a variable" if error.is_os_env else "leave out the brackets"
        return str(error), fix
    return f"{type(error).__name__}: {_masked(_lower(str(error)))}", ""


_OPAQUE_FIX = (
    "insert it, join it to text, give it a default, or ask whether it is set;"
    " what a template decides by is a parameter: -p, -v or the environment's params"
)
_INCLUDE_FIX = "paths start beside the including file, else at the project's root"


def _masked(text: str) -> str:
    return secret_tokens.RESERVED.sub("", _TOKEN.sub(MASK, text))


def _lower(text: str) -> str:
    text = text.rstrip(".")
    return text[:1].lower() + text[1:]


_TAGS = ("if", "elif", "else", "for", "set", "macro", "call", "filter", "with", "include", "import")
_TAG = re.compile(r"\{%[-+]?\s*(\w+)")
_UNCLOSED = re.compile(r"(?:unknown tag '(\w+)')?.*needs to be closed is '(\w+)'", re.DOTALL)
_UNKNOWN_TAG = re.compile(r"unknown tag '(\w+)'")
_UNKNOWN_WORD = re.compile(r"No (filter|test) named '(\w+)'")
_ENDLESS = re.compile(r"\bexpected (?:token )?'end of |end of comment")
_ENDS = {"{{": "}}", "{%": "%}", "{#": "#}"}
_JARGON = {"'end of print statement'": "}}", "'end of statement block'": "%}"}

RAW = "put the text between {% raw %} and {% endraw %}"
_FOREIGN = re.compile(r"\$\{\{|\{\{-?\s*\.")
"""`${{ x }}` of GitHub, and `{{ .X }}` of Go's templates."""

Told = tuple[str, str, int | None]
"""Summary, what to do, and the index in the text where it begins (None: jinja's line is right)."""


def describe_syntax_error(message: str, text: str, line: int) -> Told:
    """What to say of the syntax error that jinja found in `line` of `text`."""
    before = "".join(text.splitlines(keepends=True)[:line])
    if found := _UNCLOSED.search(message):
        block = found[2]
        return f'the block "{block}" is not closed', f"add {{% end{block} %}}", _open(before, block)
    if found := _UNKNOWN_TAG.search(message):
        return _unknown_tag(found[1])
    if found := _UNKNOWN_WORD.search(message):
        sort, word = found.groups()
        near = nearest_names(word, FILTERS if sort == "filter" else TESTS)
        return f'there is no {sort} "{word}"', _meant(near) or f'remove "{word}"', None
    if _ENDLESS.search(message):
        return _endless(before)
    for jargon, word in _JARGON.items():
        message = message.replace(jargon, f'"{word}"')
    lines = before.splitlines()
    is_foreign = bool(lines and _FOREIGN.search(lines[-1]))
    fix = f"for another program: {RAW}" if is_foreign else "correct the template"
    return message[:1].lower() + message[1:].rstrip("."), fix, None


def _unknown_tag(word: str) -> Told:
    if word.startswith("end"):
        return f'"{word}" closes nothing', f"remove it, or open {word[3:]} before it", None
    near = _meant(nearest_names(word, _TAGS))
    return f'there is no tag "{word}"', near or f"the tags are {', '.join(_TAGS)}", None


def _meant(near: tuple[str, ...]) -> str:
    return f"did you mean: {', '.join(near)}" if near else ""


def _open(before: str, block: str) -> int | None:
    """Where the innermost `block` that is still open begins."""
    starts: list[int] = []
    for found in _TAG.finditer(before):
        if found[1] == block:
            starts.append(found.start())
        elif found[1] == f"end{block}" and starts:
            starts.pop()
    return starts[-1] if starts else None


def _endless(before: str) -> Told:
    """An expression, tag or comment that goes on where it should have ended."""
    start = max(before.rfind(opening) for opening in _ENDS)
    opening = before[start : start + 2]
    end = _ENDS.get(opening, "}}")
    fix = f"close it with {end}"
    if before[:start].endswith("$"):
        fix = f"for ${opening} of a shell or of another program: {RAW}"
    return f'what begins with "{opening}" does not end', fix, start
