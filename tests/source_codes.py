"""The codes that the source can tell, and those that docs/diagnostics.md explains.

The codes are read off the syntax trees: texts like `group/word` as they stand, and those that a
function puts together from its parameter (`f"manifest/{code}"`), followed to the calls of that
function. A code that is put together in a way which this cannot follow is `lost`.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from peakctl.engine.plan.steps import Verdict
from peakctl.model import Status

ROOT = Path(__file__).resolve().parents[1]
CODE = re.compile(r"[a-z]+/[a-z]+(?:-[a-z0-9]+)*")
WORD = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")
TOLD = {
    "plan/version-{decision.verdict}": [
        f"plan/version-{verdict}" for verdict in (Verdict.REUSED, Verdict.TOO_LOW, Verdict.LOWER)
    ],
    "run/{outcome.status}": [
        f"run/{status}"
        for status in (Status.FAILED, Status.BLOCKED, Status.CANCELLED, Status.UNKNOWN)
    ],
    "internal/{type(error).__name__}": ["internal/..."],
}
"""Codes whose last word is a value of another type: the values that reach that place."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Module:
    """One source file; `helpers` are its functions that make a code of a parameter."""

    path: Path
    tree: ast.Module = field(init=False)
    helpers: dict[str, tuple[str, int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.path.read_text(encoding="utf-8"))

    def functions(self) -> Iterator[Function]:
        found = ast.walk(self.tree)
        return (node for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@functools.cache
def modules() -> list[Module]:
    return [Module(path) for path in sorted((ROOT / "peakctl").rglob("*.py"))]


def parameters(function: Function) -> list[str]:
    each = [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]
    return each[1:] if each[:1] in (["self"], ["cls"]) else each


def made_codes(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The f-strings below `node` that look like a code: their prefix, and what follows it."""
    for each in ast.walk(node):
        if isinstance(each, ast.JoinedStr) and len(each.values) == 2:
            prefix = str(getattr(each.values[0], "value", ""))
            if re.fullmatch(r"[a-z]+/[a-z-]*", prefix):
                yield prefix, each.values[1].value  # type: ignore[attr-defined]


def is_told(prefix: str, groups: set[str]) -> bool:
    return prefix.split("/")[0] in groups


def argument(call: ast.Call, name: str, position: int) -> ast.expr | None:
    named = next((k.value for k in call.keywords if k.arg == name), None)
    return named or (call.args[position] if position < len(call.args) else None)


def called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def words(value: ast.AST | None, function: Function, module: Module) -> list[str]:
    """The texts that an expression may be: itself, one of several, or what a name was given."""
    if isinstance(value, ast.Constant):
        return [value.value] if isinstance(value.value, str) else []
    if isinstance(value, ast.Name):
        return given(value.id, function, module)
    if isinstance(value, ast.Attribute) and value.attr == "code":
        return coded(module)
    return [word for each in alternatives(value) for word in words(each, function, module)]


def alternatives(value: ast.AST | None) -> list[ast.expr]:
    if isinstance(value, ast.IfExp):
        return [value.body, value.orelse]
    return value.values if isinstance(value, ast.BoolOp) else []


def given(name: str, function: Function, module: Module) -> list[str]:
    """What the assignments of a function give to a name."""
    found: list[str] = []
    assigned = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
    for node, target in ((each, target) for each in assigned for target in each.targets):
        if isinstance(target, ast.Tuple):
            names = [getattr(each, "id", "") for each in target.elts]
            if name in names:
                found += parts(node.value, names.index(name), function, module)
        elif getattr(target, "id", "") == name:
            found += words(node.value, function, module)
    return found


def parts(value: ast.AST, index: int, function: Function, module: Module) -> list[str]:
    """The texts at one position of a tuple: as it stands, from a function, or from a table."""
    if isinstance(value, ast.Tuple):
        return words(value.elts[index], function, module)
    if isinstance(value, ast.Call | ast.Subscript):
        name = called(value) if isinstance(value, ast.Call) else ""
        return returned(name, index, module) or tabled(index, module)
    each = alternatives(value)
    return [word for other in each for word in parts(other, index, function, module)]


def returned(name: str, index: int, module: Module) -> list[str]:
    return [
        word
        for function in module.functions()
        if function.name == name
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value is not None
        for word in parts(node.value, index, function, module)
    ]


def tabled(index: int, module: Module) -> list[str]:
    """The texts at one position of the rows of all tables of a module."""
    tables = [node for node in ast.walk(module.tree) if isinstance(node, ast.Dict)]
    rows = [row for table in tables for row in table.values if isinstance(row, ast.Tuple)]
    cells = [row.elts[index] for row in rows if len(row.elts) > index]
    return [str(cell.value) for cell in cells if isinstance(cell, ast.Constant)]


def coded(module: Module) -> list[str]:
    """What the exceptions that a module names may have as their `code`."""
    nodes = list(ast.walk(module.tree))
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    named |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    makers = {
        node.name: parameters(function).index("code")
        for other in modules()
        for node in ast.walk(other.tree)
        if isinstance(node, ast.ClassDef) and node.name in named
        for function in node.body
        if isinstance(function, ast.FunctionDef) and "code" in parameters(function)
    }
    return [
        word
        for other in modules()
        for function in other.functions()
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and called(call) in makers
        for word in words(argument(call, "code", makers[called(call)]), function, other)
    ]


@dataclass
class Collector:
    """All codes of the source, and the places where one is made of what cannot be followed."""

    groups: set[str]
    found: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    everywhere: dict[str, tuple[str, int, str]] = field(default_factory=dict)

    def collect(self) -> None:
        all_modules = modules()
        for module in all_modules:
            self._literal(module)
            for function in module.functions():
                self._made(module, function)
        size = -1
        while size != (size := sum(len(m.helpers) for m in all_modules) + len(self.found)):
            for module in all_modules:
                for function in module.functions():
                    self._follow(module, function)

    def _literal(self, module: Module) -> None:
        for node in ast.walk(module.tree):
            text = str(node.value) if isinstance(node, ast.Constant) else ""
            if CODE.fullmatch(text) and is_told(text, self.groups):
                self.found.setdefault(text, module.path.name)

    def _made(self, module: Module, function: Function) -> None:
        for prefix, value in made_codes(function):
            if not is_told(prefix, self.groups):
                continue
            whole = f"{prefix}{{{ast.unparse(value)}}}"
            if isinstance(value, ast.Name) and value.id in parameters(function):
                self._help(module, function, value.id, prefix)
            elif whole in TOLD:
                self.found |= dict.fromkeys(TOLD[whole], module.path.name)
            else:
                known = words(value, function, module)
                self.found |= {f"{prefix}{word}": module.path.name for word in known}
                self.lost += [] if known else [f"{module.path.name}: {whole}"]

    def _help(self, module: Module, function: Function, name: str, prefix: str) -> None:
        entry = (name, parameters(function).index(name), prefix)
        module.helpers.setdefault(function.name, entry)
        if not function.name.startswith("_"):
            self.everywhere.setdefault(function.name, entry)

    def _follow(self, module: Module, function: Function) -> None:
        sees = (
            "emulator" not in module.path.relative_to(ROOT).parts
        )  # it has functions of the same names
        known = (self.everywhere if sees else {}) | module.helpers
        for call in ast.walk(function):
            helper = known.get(called(call)) if isinstance(call, ast.Call) else None
            if helper is None or not isinstance(call, ast.Call):
                continue
            name, position, prefix = helper
            value = argument(call, name, position)
            if isinstance(value, ast.Name) and value.id in parameters(function):
                self._help(module, function, value.id, prefix)
            elif isinstance(value, ast.JoinedStr):
                self.lost.append(f"{module.path.name}: {ast.unparse(value)}")
            elif len(call.args) + len(call.keywords) > 1:
                for word in words(value, function, module):
                    if WORD.fullmatch(word):
                        self.found.setdefault(f"{prefix}{word}", module.path.name)


def documented() -> set[str]:
    text = (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    return set(re.findall(r"`([a-z]+/(?:[a-z]+(?:-[a-z0-9]+)*|\.\.\.))`", text))


def collected() -> Collector:
    collector = Collector({code.split("/")[0] for code in documented()})
    collector.collect()
    return collector
