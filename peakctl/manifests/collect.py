"""All faults of a template in one run: it is rendered once more, each expression on its own.

Only a template that failed comes here. What an expression raises is kept, and something that
swallows every use stands in its place, so that no fault is told that follows from another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from jinja2.runtime import Undefined

from peakctl.manifests.budget import BudgetExceeded
from peakctl.manifests.sandbox import Generator, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from peakctl.manifests.includes import Includes
    from peakctl.manifests.secret_text import Tokens

MAX_FAULTS = 100
STOPS = (BudgetExceeded, RecursionError, MemoryError)
"""What ends the second run as well: these are faults of the whole."""


class Swallowed(Undefined):
    """Stands for the value of an expression that failed: every use gives the same."""

    __slots__ = ()

    def _same(self, *_: Any, **__: Any) -> Any:
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

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
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
    """A sandbox that goes on after a fault. `faults` are those of the template at hand."""

    code_generator_class = _Collecting

    def __init__(self, tokens: Tokens, loader: Includes, told: tuple[type[Exception], ...]) -> None:
        super().__init__(tokens, loader)
        self.faults: list[Exception] = []
        self._told = told

    def attempt(self, compute: Callable[[], Any]) -> Any:
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

    def used(self, form: str, value: Any) -> Any:
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
