"""What a field of a kind means, and what a code of a message means: from the schemas and the docs.

Both are read as they are shipped: a field's words from `schemas/<kind>.json`, a code's from
`docs/diagnostics.md`, which a wheel carries too. Nothing is asked of the platform.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from peakctl.errors import Diagnostic, UsageError, nearest_names
from peakctl.kinds.examples import example_of
from peakctl.kinds.fields import Absent, Field
from peakctl.kinds.schemas import Compiler, choices_of, load_kinds, load_project_schema, types_of
from peakctl.model import JsonObject, Value
from peakctl.model.records import dataclass

PROJECT = "peakctl.yaml"
"""What stands in place of a kind for the fields of the project's own file."""
ANY_KEY, ITEM = "*", "[]"
_PART = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_ROW = re.compile(r"^\| (.+?) \| (.+) \|$")
_CODE = re.compile(r"`([a-z]+/(?:[a-z]+(?:-[a-z0-9]+)*|\.\.\.))`")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_CALLS = {
    "build": "a new version",
    "release": "a new release",
    "revise": "a new revision",
    "patch": "a patch of run parameters, without a revision",
    "edit": "an edit of what is there",
    "update": "an update of what is there",
    "create": "the call that creates it, and no other",
}
_RESTARTING = frozenset({"revise"})
_ABSENT = {
    Absent.REQUIRED: "not allowed: it is required",
    Absent.SERVER: "left as the platform has it",
    Absent.CLEAR: "removed on the platform; absent, null and empty are equal",
    Absent.READ_ONLY: "always: the platform sets it, and a manifest may not",
    Absent.WRITE_ONLY: "nothing is sent; it is never returned, so it is compared by digest",
    Absent.BY_NAME: "the id that may stand in its place counts",
    Absent.LOCAL: "nothing: peakctl alone reads it, and it is never sent",
}


@dataclass(frozen=True, slots=True)
class Below:
    """One field of a mapping, as its list shows it."""

    name: str
    types: tuple[str, ...]
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class FieldExplained:
    """What one field means. `path` has `*` for a free key and `[]` for an item of a list.

    `when` says in which branches it is so (`type: sql`), where a choice decides it. `absent` is
    what a manifest without it means, `default` the value that counts then (MISSING: none). `call`
    is what carries a change, in words; empty where none does. `example` is a manifest's part.
    """

    kind: str
    path: str
    description: str
    types: tuple[str, ...]
    when: tuple[str, ...]
    absent: str
    default: Value
    call: str
    restarts: bool
    values: tuple[Value, ...]
    notes: tuple[str, ...]
    example: Value
    fields: tuple[Below, ...]


@dataclass(frozen=True, slots=True)
class CodeExplained:
    """What one code means: the part of the docs that it is in, its exit codes, what to do."""

    code: str
    section: str
    exit_codes: str
    advice: str


@dataclass(frozen=True, slots=True)
class _Spot:
    """A node of a schema with the field compiled of it, and how it was come to.

    `path` has a sign and, where that is the one of a free key, the key that was typed; `chosen`
    are the branches: how deep in the path, which property, which of its values. `about` describes
    what it is in; `kept` is true of what peakctl keeps for itself, or the platform sets.
    """

    node: JsonObject
    field: Field
    path: tuple[tuple[str, str], ...] = ()
    chosen: tuple[tuple[int, str, str], ...] = ()
    about: str = ""
    kept: bool = False

    def below(self, node: JsonObject, field: Field, sign: str, key: str = "") -> _Spot:
        """The spot that one step leads to."""
        kept = self.kept or field.absent in (Absent.LOCAL, Absent.READ_ONLY)
        about = str(self.node.get("description", self.field.description))
        return _Spot(node, field, (*self.path, (sign, key)), self.chosen, about, kept)

    @property
    def shown(self) -> str:
        """The path as it is shown: `spec.triggers[].cron`."""
        out = ""
        for sign, _ in self.path:
            out += sign if sign == ITEM or not out else f".{sign}"
        return out


def explain_field(word: str) -> tuple[FieldExplained, ...]:
    """What `Kind` or `Kind.path.to.field` means: more than one where branches differ.

    `spec` and `metadata` may be left out. Raises UsageError with the nearest names.
    """
    name, rest = _kind_and_rest(word)
    compiler, root = _root(name)
    spots: Sequence[_Spot] = root
    for part in _whole_path(compiler, root, _parts(rest)):
        found = _step(compiler, spots, part)
        if not found:
            raise _unknown_field(name, part, compiler, spots)
        spots = found
    return tuple(_grouped(_explained(compiler, name, spot) for spot in spots))


def _kind_and_rest(word: str) -> tuple[str, str]:
    from peakctl.operations.target import find_kind

    if word == PROJECT or word.startswith(f"{PROJECT}."):
        return PROJECT, word.removeprefix(PROJECT).removeprefix(".")
    first, _, rest = word.partition(".")
    kinds = [*load_kinds(), "project"]
    found = find_kind(first, kinds)
    return (PROJECT if found == "project" else found), rest


@functools.cache
def _root(name: str) -> tuple[Compiler, tuple[_Spot, ...]]:
    schema = (load_project_schema() if name == PROJECT else load_kinds()[name]).schema
    compiler = Compiler(schema)
    return compiler, (_Spot(schema, compiler.field(schema, Absent.REQUIRED)),)


def _parts(path: str) -> list[str]:
    """`steps.train[type=sql].parents[0]` -> steps, train, [type=sql], parents, []."""
    return [word or (f"[{inner}]" if "=" in inner else ITEM) for inner, word in _PART.findall(path)]


def _whole_path(compiler: Compiler, root: Sequence[_Spot], parts: Sequence[str]) -> Sequence[str]:
    """The path with the `spec` or `metadata` that was left out."""
    if not parts or _step(compiler, root, parts[0]):
        return parts
    tops = (top for top in ("spec", "metadata") if _step(compiler, root, top))
    return next(
        ((t, *parts) for t in tops if _step(compiler, _step(compiler, root, t), parts[0])), parts
    )


def _step(compiler: Compiler, spots: Sequence[_Spot], part: str) -> list[_Spot]:
    """What `part` leads to from each of `spots`, by every branch that has it."""
    opened = [each for spot in spots for each in _branches(compiler, spot)]
    if part.startswith("[") and part != ITEM:
        word, _, value = part[1:-1].partition("=")
        return [each for each in opened if (word, value) == each.chosen[-1][1:]]
    return [found for each in opened for found in _below(compiler, each, part)]


def _branches(compiler: Compiler, spot: _Spot) -> list[_Spot]:
    """The branches of a choice, each once; the spot itself where there is none."""
    node = compiler.resolve(spot.node)
    if not spot.field.variants:
        return [replace(spot, node=node)]
    word, constants, _ = choices_of(compiler, node)
    deep = len(spot.path)
    return [
        replace(
            spot,
            node=compiler.resolve(raw),
            field=spot.field.variants[values[0]],
            chosen=(*spot.chosen, (deep, word, values[0])),
        )
        for raw, values in zip(node["oneOf"], constants, strict=True)
    ]


def _below(compiler: Compiler, spot: _Spot, part: str) -> list[_Spot]:
    node, rule = spot.node, spot.field
    if part in rule.properties and part in node.get("properties", {}):
        return [spot.below(node["properties"][part], rule.properties[part], part)]
    if rule.extra and part != ITEM:
        key = "" if part == ANY_KEY else part
        return [spot.below(node["additionalProperties"], rule.extra, ANY_KEY, key)]
    if rule.items:
        item = spot.below(node["items"], rule.items, ITEM)
        whole = part in (ITEM, ANY_KEY) or part.isdigit()
        return [item] if whole else _step(compiler, [item], part)
    return []


def _explained(compiler: Compiler, kind: str, spot: _Spot) -> FieldExplained:
    rule, node = spot.field, compiler.resolve(spot.node)
    return FieldExplained(
        kind=kind,
        path=spot.shown,
        description=str(node.get("description", "")) or f"An entry of: {spot.about}",
        types=tuple(sorted(types_of(node))),
        when=tuple(f"{word}: {value}" for _, word, value in spot.chosen),
        absent=_absent(spot),
        default=rule.default,
        call=_call(spot),
        restarts=not rule.immutable and (rule.redeploys or rule.call in _RESTARTING),
        values=tuple(node.get("enum", [node["const"]] if "const" in node else [])),
        notes=tuple(_notes(rule, node)),
        example=_example(compiler, spot),
        fields=tuple(_fields(compiler, [spot])),
    )


def _absent(spot: _Spot) -> str:
    """What its absence means; nothing for a whole document, an item and the value of a free key."""
    if not spot.path or spot.path[-1][0] in (ITEM, ANY_KEY):
        return ""
    return _ABSENT.get(spot.field.absent, "the default counts, and is enforced")


def _call(spot: _Spot) -> str:
    """Which call carries a change of it; nothing where none does."""
    if spot.kept:
        return ""
    return _CALLS["create"] if spot.field.immutable else _CALLS.get(spot.field.call, "")


def _notes(rule: Field, node: JsonObject) -> Iterator[str]:
    """What else holds for the field, a sentence each."""
    told = {
        f"cannot be changed: {rule.immutable}": rule.immutable,
        "a secret: never printed, logged or kept": rule.sensitive,
        "reads may not return it; then it is compared by a digest in the ledger": rule.unseen,
        f"a change of it alone plans nothing: {rule.deferred}": rule.deferred,
        "a second call sends it once the resource is there": rule.after_create,
        f"the text of the file becomes {rule.file_for}": rule.file_for,
        "the order means nothing": rule.unordered,
        "a folder whose files are uploaded, and compared by their digest": rule.archive,
        "a change opens it to others, or closes it": rule.shares,
        f"a text in its place is short for {rule.short_for}": rule.short_for,
    }
    yield from (text for text, holds in told.items() if holds)
    yield from _relations(rule)
    yield from (f"{text} {node[word]}" for word, text in _LIMITS.items() if word in node)


def _relations(rule: Field) -> Iterator[str]:
    """What it has to do with other fields, resources and words."""
    if rule.ref is not None:
        yield f"names a resource: {', '.join(rule.ref.kinds)}"
    if rule.list_key:
        keys = (".".join(map(str, key)) for key in rule.list_key)
        yield f"items are matched by {', or else '.join(keys)}"
    if rule.aliases:
        yield "other words that work: " + ", ".join(f"{a} ({b})" for a, b in rule.aliases.items())
    if rule.one_of:
        yield "exactly one of " + ", ".join(" and ".join(words) for words in rule.one_of)
    for name, values in rule.only_if.items():
        yield f"only where {name} is {' or '.join(map(str, values))}"
    for name, needed in rule.together.items():
        yield f"{name} needs {', '.join(needed)}"


_LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "characters, at least:",
    "maxLength": "characters, at most:",
    "minItems": "items, at least:",
    "maxItems": "items, at most:",
    "minProperties": "keys, at least:",
    "pattern": "matches",
}


def _fields(compiler: Compiler, spots: Sequence[_Spot]) -> Iterator[Below]:
    """The fields one level down, those of all branches, each once; an item where it is a list."""
    seen: set[str] = set()
    for each in [opened for spot in spots for opened in _branches(compiler, spot)]:
        node = each.node
        inner = {name: (name in node.get("required", ())) for name in node.get("properties", {})}
        nodes = dict(node.get("properties", {}))
        for word, sign in (("additionalProperties", ANY_KEY), ("items", ITEM)):
            if node.get(word):
                inner[sign], nodes[sign] = False, node[word]
        for name, required in inner.items():
            if name not in seen:
                seen.add(name)
                found = compiler.resolve(nodes[name])
                types = tuple(sorted(types_of(found)))
                yield Below(name, types, required, str(found.get("description", "")))


def _example(compiler: Compiler, spot: _Spot) -> Value:
    """The field with a value of its own, in the mappings and lists that lead to it."""
    names = [sign for sign, _ in spot.path if sign not in (ITEM, ANY_KEY)]
    fixed = {word: value for deep, word, value in spot.chosen if deep == len(spot.path)}
    value = example_of(compiler, spot.node, names[-1] if names else "", fixed)
    for deep, (sign, key) in reversed(list(enumerate(spot.path))):
        if sign == ITEM:
            value = [value]
            continue
        branch = {word: said for at, word, said in spot.chosen if at == deep}
        value = {**branch, (key or "name") if sign == ANY_KEY else sign: value}
    return value


def _grouped(found: Iterable[FieldExplained]) -> Iterator[FieldExplained]:
    """Those that say the same in several branches once."""
    groups: dict[str, list[FieldExplained]] = {}
    for each in found:
        groups.setdefault(repr(replace(each, when=(), example=None)), []).append(each)
    for same in groups.values():
        whens = tuple(dict.fromkeys(", ".join(each.when) for each in same if each.when))
        yield replace(same[0], when=whens)


def _unknown_field(kind: str, part: str, compiler: Compiler, spots: Sequence[_Spot]) -> UsageError:
    names = [below.name for below in _fields(compiler, spots)]
    words = [name for name in names if name not in (ANY_KEY, ITEM)]
    shown = spots[0].shown
    at = f"{kind}.{shown}" if shown else kind
    near = nearest_names(part, words)
    meant = [f"{at}.{name}" for name in near] or _elsewhere(kind, part)
    return UsageError(
        Diagnostic(
            code="explain/unknown-field",
            summary=f'{at} has no field "{part}"',
            detail=f"it has: {', '.join(words)}" if words else "it has no fields",
            fix=f"did you mean: {', '.join(meant)}" if meant else f"see peakctl explain {at}",
        )
    )


def _elsewhere(kind: str, part: str) -> list[str]:
    """Fields of this name, or of nearly this name, wherever they are in the kind."""
    paths = {path: path.rpartition(".")[2] for path in field_paths(kind)}
    near = nearest_names(part, sorted({*paths.values()}))
    named = [part] if part in paths.values() else near[:1]
    return [f"{kind}.{path}" for path, last in paths.items() if last in named][:3]


def field_paths(kind: str) -> tuple[str, ...]:
    """Every path of a kind, or of `peakctl.yaml`, that `explain` takes, in the schema's order."""
    compiler, root = _root(kind)
    out: dict[str, None] = {}

    def walk(spots: Sequence[_Spot], inside: frozenset[int]) -> None:
        for below in _fields(compiler, spots):
            found = _step(compiler, spots, below.name)
            nodes = {id(spot.field) for spot in found}
            if found[0].shown not in out and not nodes <= inside:
                out[found[0].shown] = None
                walk(found, inside | nodes)

    walk(root, frozenset())
    return tuple(out)


def fields_below(word: str) -> tuple[str, ...]:
    """What may follow `Kind.` or `Kind.path.`, for completion; nothing where nothing does."""
    name, rest = _kind_and_rest(word)
    compiler, root = _root(name)
    spots: Sequence[_Spot] = root
    for part in _whole_path(compiler, root, _parts(rest)):
        spots = _step(compiler, spots, part)
    names = (below.name for below in _fields(compiler, spots))
    return tuple(each for each in names if each not in (ANY_KEY, ITEM))


# --- codes ---------------------------------------------------------------------------------------


def diagnostics_file() -> Path:
    """The page that explains codes: from beside the package in a source tree, else inside it."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "docs" / "diagnostics.md"
    return inside if inside.is_file() else package.parent / "docs" / "diagnostics.md"


def load_codes() -> Mapping[str, tuple[CodeExplained, ...]]:
    """Every code of the docs with what they say of it; some stand in more than one part."""
    section = exits = ""
    found: dict[str, tuple[CodeExplained, ...]] = {}
    for row in diagnostics_file().read_text("utf-8").splitlines():
        if row.startswith("## "):
            section, exits = _titled(row[3:])
        if (cells := _ROW.match(row)) is None:
            continue
        last = re.search(r"\((?:exit )?(\d\d?)\)$", cells[1])
        for code in _CODE.findall(cells[1]):
            own = re.search(rf"`{re.escape(code)}`[^`]*\((?:exit )?(\d\d?)\)", cells[1])
            exit_ = own or last
            told = CodeExplained(code, section, exit_[1] if exit_ else exits, _plain(cells[2]))
            found[code] = (*found.get(code, ()), told)
    return found


def _titled(title: str) -> tuple[str, str]:
    """The title of a part, and the exit codes that it names."""
    found = re.fullmatch(r"(.+?) \(exit ([^)]+)\)", title)
    return (found[1], found[2]) if found else (title.partition(" (")[0], "")


def _plain(text: str) -> str:
    """Markdown without its signs; links to pages of the docs by their names."""
    return _LINK.sub(lambda m: f"{m[1]} (docs/{m[2].partition('#')[0]})", text).replace("`", "")


def explain_code(code: str) -> tuple[CodeExplained, ...]:
    """What a code means, once for each part of the docs that has it. Raises UsageError."""
    codes = load_codes()
    if code.startswith("internal/"):
        return tuple(replace(each, code=code) for each in codes["internal/..."])
    if code in codes:
        return codes[code]
    near = nearest_names(code, list(codes))
    group = code.partition("/")[0]
    same = [each for each in codes if each.startswith(f"{group}/")]
    raise UsageError(
        Diagnostic(
            code="explain/unknown-code",
            summary=f'there is no code "{code}"',
            detail=f"codes of {group}: {', '.join(same)}" if same and not near else "",
            fix=f"did you mean: {', '.join(near)}"
            if near
            else "take the code as the message has it",
        )
    )
