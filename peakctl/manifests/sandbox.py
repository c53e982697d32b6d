"""The jinja2 environment of manifests: sandboxed, strict, bounded, without access to secrets.

Its templates are manifests and what they include; includes lie within the project.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateSyntaxError
from jinja2.lexer import Token, TokenStream
from jinja2.meta import find_referenced_templates
from jinja2.runtime import Context, LoopContext, Macro, Undefined
from jinja2.sandbox import SandboxedEnvironment, modifies_known_mutable

from peakctl.files import Unreadable, read_text
from peakctl.manifests.budget import (
    MAX_TOKENS,
    MAX_WIDTH,
    Budget,
    BudgetExceeded,
    check_format,
    check_method,
    check_operator,
)
from peakctl.manifests.filters import Guard, check_places, json_dumper, with_marks
from peakctl.manifests.secret_tokens import (
    RESERVED,
    NotCallable,
    OsEnv,
    SecretText,
    SecretUsed,
    Tokens,
    holds_secret,
)
from peakctl.manifests.sources import display_path
from peakctl.manifests.tracing import TracedText, rewrite, untraced
from peakctl.manifests.undefined import MissingValue, Unset, known
from peakctl.model import JsonDict, Source

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


_REMOVED_GLOBALS = ("lipsum",)
_SCOPE = ("_block_vars", "_loop_vars")
"""What jinja2 passes to calls within loops and blocks besides what the template does."""

_DATA = (str, int, float, list, tuple, dict, set, frozenset, bytes, range)


class Generator(CodeGenerator):
    """Sends what jinja2 does natively through the sandbox: output, `~` and slices."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - jinja2's name
        self.write("environment.concat(map(environment.text, (")
        for item in node.nodes:
            self.visit(item, frame)
            self.write(", ")
        self.write(")))")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.budget.made_value(")
        super().visit_Getitem(node, frame)
        self.write(")")

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        self.write("environment.text(")


class Sandbox(SandboxedEnvironment):
    """One for a run; its budget is that of one template at a time.

    `names` are all names that the templates read so far mention; `referenced` are the files that
    they include and import, as they name them, each with the file that does (None: computed).
    """

    code_generator_class = Generator
    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))
    intercepted_unops = frozenset(("+", "-"))

    def __init__(self, tokens: Tokens, loader: Includes, *, marking: bool = False) -> None:
        super().__init__(undefined=MissingValue, loader=loader, cache_size=-1)
        self.tokens = tokens
        self.includes = loader
        self.marking = marking
        self.budget = Budget()
        self.names: set[str] = set()
        self.referenced: set[tuple[str | None, str | None]] = set()
        for name in _REMOVED_GLOBALS:
            self.globals.pop(name)
        self.globals["range"] = _bounded_range
        guard = Guard(self)
        guard.filters(self.filters)
        guard.tests(self.tests)
        self.filters |= {
            "charged": self._charged,
            "counted": self.budget.counted,
            "inset": guard.indent,
            "measured": self._measured,
        }
        self.policies["json.dumps_function"] = json_dumper(tokens)

    def join_path(self, template: Any, parent: str) -> str:
        self.budget.include()
        if isinstance(template, SecretText | Unset):
            raise SecretUsed("the name of a file")
        return self.includes.find(template, parent)

    def preprocess(self, source: str, name: str | None = None, filename: str | None = None) -> str:
        """Lets includes keep their indentation, and plants marks in the one that traces."""
        if not self.marking and "include" not in source:
            return source
        number = self.includes.number(str(filename)) if self.marking else None
        return rewrite(source, self.lexer.tokeniter, name, filename, number)

    def concat(self, parts: Iterable[str]) -> Any:
        """Joins what a template, block or macro wrote; jinja2 calls it for each."""
        written = []
        for part in parts:
            text = with_marks(part)
            self.budget.make(len(text))
            written.append(text)
        self.budget.step(len(written))
        return self.tokens.wrap("".join(written))

    def text(self, value: object) -> str:
        """What a template writes for a value."""
        value = known(value)
        if value.__class__ is str:
            return str(value)
        if isinstance(value, TracedText):
            return value.text
        if isinstance(value, TemplateModule):
            return str(self.concat(value._body_stream))
        self.budget.make(self.budget.measure(value))
        return str(value)

    def getitem(self, obj: object, argument: object) -> object:
        if isinstance(obj, SecretText | Unset) or isinstance(argument, SecretText | Unset):
            raise SecretUsed("a part of it, or a place found by it")
        if isinstance(argument, Undefined):
            str(argument)  # raises in its own words
        self.budget.measure(argument)
        return self._or_unset(obj, argument, super().getitem(obj, argument))

    def getattr(self, obj: object, attribute: str) -> object:
        if isinstance(obj, SecretText | Unset):
            raise SecretUsed(f'the attribute "{attribute}"')
        return self._or_unset(obj, attribute, super().getattr(obj, attribute))

    def _or_unset(self, obj: object, name: object, found: object) -> object:
        """`found`, or a value that is not known for a variable that is not set, where so wanted."""
        if not isinstance(obj, OsEnv) or obj.unset is None or not isinstance(found, Undefined):
            return found
        return Unset(str(name), obj, obj.unset(str(name)))

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        if isinstance(obj, OsEnv) and modifies_known_mutable(obj, attr):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: object) -> object:  # noqa: N805
        """Calls of macros and functions are counted, those of values' methods bounded."""
        if not callable(__obj):
            raise NotCallable(is_os_env=isinstance(__obj, OsEnv))
        budget = __self.budget
        budget.call()
        args = tuple(map(known, args))
        kwargs = {name: known(value) for name, value in kwargs.items()}
        scope = {name: kwargs.pop(name) for name in _SCOPE if name in kwargs}
        function = getattr(__obj, "__wrapped__", __obj)
        owner = getattr(function, "__self__", None)
        if isinstance(owner, _DATA):
            return __self._call_method(__context, __obj, owner, function.__name__, args, kwargs)
        if isinstance(__obj, LoopContext) and args:
            args = (budget.counted(args[0]), *args[1:])
        elif not isinstance(__obj, Macro):
            for value in (*args, *kwargs.values()):
                budget.measure(value)
        return budget.made_value(super().call(__context, __obj, *args, **kwargs, **scope))

    def _call_method(
        self,
        context: Context,
        method: object,
        owner: object,
        name: str,
        args: tuple[object, ...],
        kwargs: JsonDict,
    ) -> object:
        listed = [self.budget.listed(value) for value in args]
        values = [*listed, *kwargs.values()]
        if isinstance(owner, str) and name == "join":
            return self.filters["join"](*values, owner)
        check_method(owner, name, values, self.budget)
        if isinstance(owner, str):
            if name in ("format", "format_map"):
                check_format(owner, self.budget, values)
            elif name == "translate" or holds_secret(values):
                raise _refused(name, values)
        if self.marking:
            method = (
                self.getattr(untraced(owner), name) if isinstance(owner, TracedText) else method
            )
            listed, kwargs = untraced(listed), untraced(kwargs)
        made = self.budget.made_value(super().call(context, method, *listed, **kwargs))
        if isinstance(made, bytes):
            raise SecurityError("templates compute text, not bytes")
        return self.tokens.wrap(made)

    def call_binop(self, context: Any, operator: str, left: object, right: object) -> object:
        left, right = known(left), known(right)
        if isinstance(left, SecretText) or isinstance(right, SecretText):
            return self._join_secret(operator, left, right)
        check_operator(operator, left, right, self.budget)
        if isinstance(left, str) and operator == "%":
            check_places(left, right if isinstance(right, tuple) else [right])
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            made: object = with_marks(left) + with_marks(right)
        else:
            if self.marking:
                left, right = untraced(left), untraced(right)
            made = super().call_binop(context, operator, left, right)
        return self.tokens.wrap(self.budget.made_value(made))

    def add(self, left: object, right: object) -> object:
        """`left + right`, as in a template."""
        return self.call_binop(None, "+", left, right)

    def _join_secret(self, operator: str, left: object, right: object) -> object:
        both_text = isinstance(left, str | SecretText) and isinstance(right, str | SecretText)
        if operator == "+" and both_text:
            return self.concat(map(with_marks, (left, right)))
        if operator == "%" and isinstance(left, str):
            check_operator(operator, left, str(right), self.budget)
            check_places(left, [right])
            return self.tokens.wrap(left % (right,))
        raise SecretUsed(f'the operator "{operator}"')

    def call_unop(self, context: Context, operator: str, arg: object) -> object:
        if isinstance(arg, SecretText | Unset):
            raise SecretUsed(f'the operator "{operator}"')
        return super().call_unop(context, operator, arg)

    def _measured(self, value: object) -> object:
        """What every comparison looks at runs through this."""
        if isinstance(value, SecretText | Unset):
            raise SecretUsed("a comparison")
        self.budget.measure(value)
        return untraced(value) if self.marking else value

    @pass_context
    def _charged(self, _: Context, value: str, steps: int) -> str:
        """Every macro, block and file begins with this: its statements are steps."""
        self.budget.step(max(steps, 0))
        return value

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        stream = super()._tokenize(source, name, filename, state)
        return TokenStream(_count_tokens(stream), name, filename)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Plants the accounts of loops, macros and comparisons; notes what names it mentions."""
        tree = super()._parse(source, name, filename)
        self.names.update(found.name for found in tree.find_all(nodes.Name))
        self.referenced.update((found, name) for found in find_referenced_templates(tree))
        for compared in tree.find_all(nodes.Compare):
            compared.expr = _filtered(compared.expr, "measured")
            for operand in compared.ops:
                operand.expr = _filtered(operand.expr, "measured")
        for pair in tree.find_all(nodes.Pair):
            pair.key = _filtered(pair.key, "measured")
        for loop in tree.find_all(nodes.For):
            loop.iter = _filtered(loop.iter, "counted", _size(loop))
        bodies: list[Any] = [tree, *tree.find_all((nodes.Macro, nodes.CallBlock, nodes.Block))]
        for body in bodies:
            charge = _filtered(nodes.Const("", lineno=body.lineno), "charged", _size(body))
            body.body.insert(0, nodes.Output([charge], lineno=body.lineno))
        return tree


def _refused(name: str, values: list[object]) -> Exception:
    if holds_secret(values):
        return SecretUsed(f'the method "{name}"')
    return SecurityError(f'texts have no method "{name}" in templates')


def _filtered(node: Any, name: str, *args: int) -> nodes.Filter:
    if isinstance(node, nodes.Const) and name == "measured":
        return node  # type: ignore[return-value]
    given = [nodes.Const(arg, lineno=node.lineno) for arg in args]
    filtered = nodes.Filter(node, name, given, [], None, None, lineno=node.lineno)
    filtered.set_environment(node.environment)
    return filtered


def _size(root: nodes.Node) -> int:
    """The expressions and statements of a body, those of loops and macros in it left out."""
    count, stack = 0, [root]
    while stack:
        node = stack.pop()
        count += 1
        if node is root or not isinstance(node, nodes.For | nodes.Macro | nodes.Block):
            stack += node.iter_child_nodes()
    return count


def _count_tokens(stream: TokenStream) -> Iterator[Token]:
    for number, token in enumerate(stream):
        if number > MAX_TOKENS:
            raise BudgetExceeded(f"it has more than {MAX_TOKENS:,} words and signs")
        yield token


def _bounded_range(*args: int) -> range:
    """jinja2's `range`; one that is too long is told as every other bound is."""
    found = range(*args)
    if len(found) > MAX_WIDTH:
        raise BudgetExceeded(f"it asks for a range of more than {MAX_WIDTH:,} numbers")
    return found
