"""What an answer must be: documented fields and types, values at paths, files."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MISSING = object()
PART = re.compile(r"\[([\w.]+)=([^\]]*)\]|\[(\d+)\]|([^.\[]+)")
TYPES: dict[str, Any] = {
    "text": str, "int": int, "number": (int, float), "flag": bool, "map": dict, "list": list,
}  # fmt: skip


def at(value: Any, path: str) -> Any:
    """`a.b`, `a[0]`, `a[key=value]`, `a.#` (how many); MISSING when there is no such thing."""
    for found in PART.finditer(path):
        key, wanted, index, name = found.groups()
        value = _into(value, key, wanted, index, name)
        if value is MISSING:
            return MISSING
    return value


def _into(value: Any, key: str | None, wanted: str, index: str | None, name: str) -> Any:
    if key is not None:
        items = value if isinstance(value, list) else []
        return next((item for item in items if str(at(item, key)) == wanted), MISSING)
    if index is not None:
        fits = isinstance(value, list) and int(index) < len(value)
        return value[int(index)] if fits else MISSING
    if name == "#":
        return len(value) if isinstance(value, list | dict) else MISSING
    return value.get(name, MISSING) if isinstance(value, dict) else MISSING


def unlike(value: Any, answer: Any, path: str = "") -> list[str]:
    """How a value differs from a documented answer."""
    if isinstance(answer, dict):
        if not isinstance(value, dict):
            return [f"{path or 'the answer'} is {_kind(value)}, not a map"]
        found = [_field(value, name, kind, path) for name, kind in answer.items()]
        return [problem for problems in found for problem in problems]
    if isinstance(answer, list):
        if not isinstance(value, list):
            return [f"{path or 'the answer'} is {_kind(value)}, not a list"]
        items = [unlike(item, answer[0], f"{path}[{n}]") for n, item in enumerate(value)]
        return [problem for problems in items for problem in problems]
    return _unlike_word(value, answer.removeprefix("maybe "), path)


def _field(value: dict[str, Any], name: str, kind: Any, path: str) -> list[str]:
    here = f"{path}.{name}".lstrip(".")
    optional = isinstance(kind, str) and kind.startswith("maybe ")
    if optional and value.get(name) is None:
        return []
    return unlike(value[name], kind, here) if name in value else [f"{here} is missing"]


def _unlike_word(value: Any, kind: str, path: str) -> list[str]:
    if kind == "any":
        return []
    fits = isinstance(value, TYPES[kind]) and (kind == "flag" or not isinstance(value, bool))
    return [] if fits else [f"{path or 'the answer'} is {_kind(value)}, not {kind}"]


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def unmet(value: Any, expected: dict[str, Any], absent: list[str]) -> list[str]:
    """Expected values that are not there, and things that should be gone."""
    problems = []
    for path, wanted in expected.items():
        found = at(value, path)
        if found is MISSING:
            problems.append(f"{path} is missing")
        elif found != wanted or type(found) is not type(wanted):
            problems.append(f"{path} is {found!r}, not {wanted!r}")
    return problems + [
        f"{path} is still there" for path in absent if at(value, path) is not MISSING
    ]


def unlike_folder(archive: Path, folder: Path, excluded: tuple[str, ...]) -> list[str]:
    """An archive must hold the very bytes of a folder, but for what its ignore files exclude."""
    wanted = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in excluded
    }
    with zipfile.ZipFile(archive) as opened:
        held = {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}
    names = sorted(wanted.keys() ^ held.keys())
    changed = [name for name in wanted.keys() & held.keys() if wanted[name] != held[name]]
    return [f"{archive.name}: {', '.join(names)} should not differ"] * bool(names) + [
        f"{archive.name}: other bytes in {name}" for name in changed
    ]
