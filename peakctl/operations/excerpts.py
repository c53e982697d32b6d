"""The line of a file that a problem points at, as the file has it, unless it may hold a secret.

The text is that before any template ran, so a variable of the environment shows as its name.
Whether a line may hold a secret is judged by its keys and by those that it stands below, and when
in doubt it is left out: a manifest that is wrong may be wrong about that as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from peakctl.errors import Diagnostic, nearest_names
from peakctl.files import Unreadable, read_text
from peakctl.kinds.fields import Field
from peakctl.model import Location
from peakctl.operations.load import parameter_files
from peakctl.operations.project import Project

WIDEST = 2_000
"""Characters of a line; what is longer is no line that people write."""
UNKNOWN_FIELD = "manifest/unknown-field"
_KEY = re.compile(r"""(?:^|[\s{,\[])["']?([A-Za-z_][\w.-]*)["']?\s*:(?=\s|$)""")
_STARTS = re.compile(r"""\s*(?:-\s|\{[{%]|["']?[A-Za-z_][\w./-]*["']?\s*:(?=\s|$))""")
"""How a line begins that is no part of a text: with a key, as an item of a list, as a template."""
_SECRET = re.compile(
    r"secret|token|passw|passphrase|pwd|credential|api.?key|private|authorization|cookie|webhook",
    re.IGNORECASE,
)
_WORDS = ("secrets", "secret", "token", "password", "credentials", "private", "authorization")
_SHORTEST = 4
"""Characters of a key from which on it may be a misspelt name of a secret."""


def excerpts_of(project: Project, diagnostics: Iterable[Diagnostic]) -> Mapping[Location, str]:
    """The line at the first place of each diagnostic, where there is one that may be shown.

    Files of parameters hold values alone: none of their lines is shown.
    """
    files = [*parameter_files(project), *(project.file.param_files if project.file else ())]
    without = {os.path.realpath(path) for path in files}
    texts: dict[str, Sequence[str]] = {}
    found: dict[Location, str] = {}
    for diagnostic in diagnostics:
        for place in diagnostic.locations[:1]:
            path = project.root / place.file
            if place.file not in texts:
                texts[place.file] = () if os.path.realpath(path) in without else _lines(path)
            text = _excerpt(texts[place.file], place, diagnostic)
            if text.strip() and project.redact(text) == text:
                found[place] = text
    return found


def _lines(path: Path) -> Sequence[str]:
    try:
        return read_text(path).split("\n")
    except Unreadable:
        return ()


def _excerpt(lines: Sequence[str], place: Location, diagnostic: Diagnostic) -> str:
    if not 0 < place.line <= len(lines):
        return ""
    text = lines[place.line - 1].rstrip("\r")
    if len(text) > WIDEST or _may_be_secret(lines, place.line - 1):
        return ""
    if diagnostic.code.startswith("manifest/") and diagnostic.key is None and _has_secrets(lines):
        return ""  # no resource can be told, so what stands below what cannot be told either
    if diagnostic.code == UNKNOWN_FIELD:  # a value of a field that nobody knows may be anything
        end = re.compile(r"""["']?\s*:""").search(text, place.column - 1)
        return f"{text[: end.end()]} …" if end and text[end.end() :].strip() else text
    return text


def _has_secrets(lines: Sequence[str]) -> bool:
    return any(_is_secret(key) for text in lines for key in _KEY.findall(text))


def _may_be_secret(lines: Sequence[str], at: int) -> bool:
    """Whether a line, or a key that it stands below, has a name that a secret may have."""
    before = "\n".join(lines[_start(lines, at) : at])
    if _is_open(before) or not _STARTS.match(lines[at]):
        return True  # inside of brackets or of a text, where the indentation tells nothing
    keys = (key for text in (lines[at], *_above(lines, at)) for key in _KEY.findall(text))
    return any(_is_secret(key) for key in keys)


def _start(lines: Sequence[str], at: int) -> int:
    """Where the document begins that a line is in."""
    return next((i for i in range(at, -1, -1) if lines[i].startswith("---")), 0)


def _above(lines: Sequence[str], at: int) -> Iterator[str]:
    """The lines of the keys that a line stands below, the nearest first."""
    indent = _indent(lines[at])
    for text in reversed(lines[_start(lines, at) : at]):
        if text.strip() and not text.lstrip().startswith("#") and _indent(text) < indent:
            yield text
            indent = _indent(text)
        if not indent:
            return


def _indent(text: str) -> int:
    """How far to the right the key of a line stands, the marks of lists left out."""
    return len(text) - len(re.sub(r"^\s*(?:-\s+)*", "", text))


def _is_open(text: str) -> bool:
    """Whether a bracket or a quote is open at the end of a text, comments counted."""
    brackets = text.count("{") + text.count("[") > text.count("}") + text.count("]")
    return brackets or text.count('"') % 2 == 1


def _is_secret(key: str) -> bool:
    secret, known = _names()
    if key in secret or _SECRET.search(key):
        return True
    if key in known or len(key) < _SHORTEST:
        return False
    return bool(nearest_names(key, (*_WORDS, *(name for name in secret if len(name) > _SHORTEST))))


@cache
def _names() -> tuple[frozenset[str], frozenset[str]]:
    """The last words of all fields that are secret, or hold what users name; those of all fields.

    What users name are parameters, say: whether one is hidden is only known by its release.
    """
    from peakctl.kinds.schemas import load_kinds

    kinds = load_kinds().values()
    fields = [each for kind in kinds for each in _fields(kind.root, "", set())]
    secret = {name for name, is_secret in fields if is_secret}
    for kind in kinds:
        secret |= {str(p[-1]) for p in (kind.defines, kind.defined_by, kind.defined_by_whole) if p}
    return frozenset(secret), frozenset(name for name, _ in fields) | {"apiVersion", "kind"}


def _fields(field: Field, name: str, seen: set[int]) -> Iterator[tuple[str, bool]]:
    """The names of the fields below one, and whether they are, or hold under free keys, secrets."""
    if id(field) in seen:
        return
    seen.add(id(field))
    yield name, field.sensitive
    for word, inner in field.properties.items():
        yield word, inner.sensitive
        yield from _fields(inner, word, seen)
    for below in (field.items, field.extra, *field.variants.values()):
        if below is not None:
            yield from _fields(below, name, seen)
