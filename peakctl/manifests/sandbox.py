"""The jinja2 environment of manifests: sandboxed, strict, bounded, and blind to secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, nodes
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import UndefinedError
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from peakctl.manifests.budget import Budget, check_format, check_operator, check_size, check_widths
from peakctl.manifests.filters import dump_json, guard_filters, run_opened
from peakctl.manifests.rewrite import rewrite
from peakctl.manifests.vault import opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jinja2.compiler import Frame
    from jinja2.runtime import Context

    from peakctl.manifests.includes import Includes
    from peakctl.manifests.vault import Marked, Vault

_REMOVED_GLOBALS = ("lipsum",)


class NameMissing(UndefinedError):
    """A name that is not there: `name`, looked up in `owner` (None: among the parameters)."""

    def __init__(self, message: str | None, name: object, owner: object) -> None:
        super().__init__(message)
        self.name = name
        self.owner = owner


class _Undefined(StrictUndefined):
    """Raises NameMissing wherever jinja2 would raise UndefinedError."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Any = UndefinedError,
    ) -> None:
        super().__init__(hint, obj, name, exc)
        if exc is UndefinedError:
            owner = None if obj is missing else obj
            self._undefined_exception = lambda text=None: NameMissing(text, name, owner)  # type: ignore[assignment]


class _Generator(CodeGenerator):
    """Makes `~` join through the environment, so that marked text stays marked."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - jinja2's name
        self.write("environment.concat(map(str, (")
        for item in node.nodes:
            self.visit(item, frame)
            self.write(", ")
        self.write(")))")


class Sandbox(SandboxedEnvironment):
    """One for a run. `begin` starts the account of another template."""

    code_generator_class = _Generator
    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))
    intercepted_unops = frozenset(("+", "-"))

    def __init__(self, vault: Vault, loader: Includes, *, marking: bool = False) -> None:
        super().__init__(undefined=_Undefined, loader=loader, cache_size=-1)
        self.vault = vault
        self.includes = loader
        self._marking = marking
        self.budget = Budget()
        for name in _REMOVED_GLOBALS:
            self.globals.pop(name)
        guard_filters(self.filters, vault, self.budget)
        self.tests["in"] = lambda value, items: opened(value) in items
        self.policies["json.dumps_function"] = dump_json

    def join_path(self, template: str, parent: str) -> str:
        return self.includes.find(template, parent)

    def preprocess(self, source: str, name: str | None = None, filename: str | None = None) -> str:
        """Lets includes keep their indentation, and plants marks in the one that traces."""
        if not self._marking and "include" not in source:
            return source
        number = self.includes.number(str(filename)) if self._marking else None
        return rewrite(source, self.lexer.tokeniter, name, filename, number)

    def concat(self, parts: Iterable[str]) -> str:
        """Joins what a template, block or macro wrote; jinja2 calls it for each."""
        written = []
        for part in parts:
            self.budget.write(len(part))
            written.append(part)
        joined: str = self.vault.wrap("".join(written))
        return joined

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Calls of a text's or number's methods see secrets and hide what comes out."""
        owner = getattr(getattr(__obj, "__wrapped__", __obj), "__self__", None)
        if not isinstance(owner, str | int | float):
            return super().call(__context, __obj, *args, **kwargs)
        check_widths(args)
        name = __obj.__name__
        if name in ("format", "format_map"):
            check_format(str(owner))

        def run(owner: Any, *args: Any, **kwargs: Any) -> Any:
            method = __self.getattr(owner, name)
            return super(Sandbox, __self).call(__context, method, *args, **kwargs)

        return check_size(run_opened(name, run, [owner, *args], kwargs, __self.vault))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        check_operator(operator, left, right)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self.vault.wrap(check_size(str.__str__(left) + str.__str__(right)))

        def run(left: Any, right: Any) -> Any:
            return super(Sandbox, self).call_binop(context, operator, left, right)

        return check_size(run_opened(operator, run, [left, right], {}, self.vault))

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        def run(arg: Any) -> Any:
            return super(Sandbox, self).call_unop(context, operator, arg)

        return run_opened(operator, run, [arg], {}, self.vault)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Counts the turns of every loop; opens what `in` looks for: texts search natively."""
        tree = super()._parse(source, name, filename)
        for compared in tree.find_all(nodes.Compare):
            if any(operand.op in ("in", "notin") for operand in compared.ops):
                compared.expr = _filtered(compared.expr, "opened")
        for loop in tree.find_all(nodes.For):
            loop.iter = _filtered(loop.iter, "counted")
        return tree


def _filtered(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def hidden_environment(environment: Mapping[str, str], vault: Vault) -> dict[str, Marked]:
    """`os_env`: every value a secret."""
    return {name: vault.hide(value) for name, value in environment.items()}
