"""What goes wrong in a template, told with a place and a next step; never with a secret.

jinja2's messages about syntax are put in our words, placed where what is not closed begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from jinja2.exceptions import SecurityError, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.filters import FILTERS
from jinja2.tests import TESTS

from peakctl.errors import Diagnostic, nearest_names
from peakctl.manifests.budget import BudgetExceeded
from peakctl.manifests.secret_tokens import RESERVED, NotCallable, OsEnv, SecretRefused, SecretUsed
from peakctl.manifests.undefined import NameMissing
from peakctl.model import MASK, Location

if TYPE_CHECKING:
    from peakctl.manifests.templates import Includes


TEMPLATE_ERRORS = (
    TemplateError,
    BudgetExceeded,
    SecretRefused,
    SecretUsed,
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
        if isinstance(error.owner, OsEnv):
            summary = f'the environment has no variable "{_masked(name)}"'
            fix = f"set {_masked(name)}, or give a default: os_env.{_masked(name)} | default('...')"
            return self._diagnostic("undefined", summary, place, fix=fix)
        choices = self._names if error.owner is None else map(str, error.owner)
        near = nearest_names(name, [c for c in choices if not RESERVED.search(c)])
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
        case SecretUsed():
            summary = f"a template may not look into a value of os_env: {_masked(str(error))}"
            return "secret-branch", summary, _OPAQUE_FIX
        case SecretRefused():
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
    if isinstance(error, NotCallable):
        fix = "write os_env.NAME for a variable" if error.is_os_env else "leave out the brackets"
        return str(error), fix
    return f"{type(error).__name__}: {_masked(_lower(str(error)))}", ""


_OPAQUE_FIX = (
    "insert it, join it to text, give it a default, or ask whether it is set;"
    " what a template decides by is a parameter: -p, -v or the environment's params"
)
_INCLUDE_FIX = "paths start beside the including file, else at the project's root"


def _masked(text: str) -> str:
    return RESERVED.sub("", _TOKEN.sub(MASK, text))


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
