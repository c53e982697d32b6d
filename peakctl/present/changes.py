"""One changed field as lines: what it was, what it will be, and nothing that stays.

Secrets are masked here; a sensitive value says only that there is one.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence

from peakctl.model import MASK, MISSING, Action, Secret, ShownChange, Value, Verb, dotted
from peakctl.model.values import mapping_at, value_at
from peakctl.present.text import Line, indent, line
from peakctl.present.values import block, digest_of, inline, masked, short_digest

LONG = 64
CONTEXT = 1
_KEYS = ("name", "id", "key", "entityId", "cron")


def change_lines(change: ShownChange) -> tuple[Line, ...]:
    """The lines of one change, the path first."""
    before, after = change.before, change.after
    if change.sensitive:
        before, after = masked(before), masked(after)
    if change.reference:
        lines = tuple(_reference(change.path, before, after))
    else:
        lines = tuple(_lines(change.path, before, after))
    if change.restarts and lines:
        return ((*lines[0], ("  (restarts)", "redeploy")), *lines[1:])
    return lines


def _reference(path: str, before: Value, after: Value) -> Iterator[Line]:
    """`forecast 0.0.1 -> 0.0.2`: a name once where both sides have it, or the path ends with it."""
    left, right = (_referred(side) for side in (before, after))
    if path.endswith("." + dotted((_name(after) or _name(before),))):
        left, right = (_without(text, _name(before) or _name(after)) for text in (left, right))
    if before is MISSING or after is MISSING:
        yield line(*_head(path, before, after), (f"{left}{right}", _role(before)))
        return
    if _name(before) == _name(after):
        right = _without(right, _name(after))
    yield line(*_head(path, before, after), (left, "removed"), " -> ", (right, "added"))


def _name(value: Value) -> str:
    """The name in a reference; "" where it is the name alone."""
    return str(mapping_at(value).get("name", ""))


def _without(text: str, name: str) -> str:
    """A reference without its name, where a version is left."""
    return text.removeprefix(f"{inline(name)} ")


def _role(before: Value) -> str:
    return "added" if before is MISSING else "removed"


def _referred(value: Value) -> str:
    """A reference in manifest form as one reads it: kind, name and version."""
    if value is MISSING:
        return ""
    if not isinstance(value, Mapping):
        return inline(value)
    rest = (each for word, each in value.items() if word not in ("kind", "name"))
    kind = f"{value['kind']}/" if "kind" in value else ""
    return " ".join([f"{kind}{inline(value['name'])}", *map(_number, rest)])


def _number(value: Value) -> str:
    """A version, given as it is or as a map of one entry."""
    return " ".join(map(_number, value.values())) if isinstance(value, Mapping) else str(value)


def _lines(path: str, before: Value, after: Value) -> Iterator[Line]:
    if isinstance(before, Secret) and isinstance(after, Secret):
        yield line(("~ ", "edit"), path, ": ", (f"{MASK} changed", "edit"))
    elif (digests := _digests(before, after)) is not None:
        yield line(*_head(path, before, after), digests)
    elif before is MISSING or after is MISSING:
        yield from _one_sided(path, before, after)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _mappings(path, before, after)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(path, before, after)
    else:
        yield from _scalars(path, before, after)


def _head(path: str, before: Value, after: Value) -> Line:
    if before is MISSING:
        return line(("+ ", "added"), path, ": ")
    if after is MISSING:
        return line(("- ", "removed"), path, ": ")
    return line(("~ ", "edit"), path, ": ")


def _digests(before: Value, after: Value) -> str | None:
    """`files sha256:ab… -> sha256:cd…` where either side is the digest of files."""
    sides = [digest_of(each) for each in (before, after)]
    known = [short_digest(side) for side in sides if side is not None]
    if not known:
        return None
    if len(known) == 2:
        return f"files {known[0]} -> {known[1]}"
    if before is MISSING or after is MISSING:
        return f"files {known[0]}"
    return f"files {_side(sides[0], before)} -> {_side(sides[1], after)}"


def _side(digest: str | None, value: Value) -> str:
    if digest is not None:
        return short_digest(digest)
    return inline(value) if value else "(not known)"


def _one_sided(path: str, before: Value, after: Value) -> Iterator[Line]:
    value, role = (after, "added") if before is MISSING else (before, "removed")
    head = _head(path, before, after)
    text = inline(value)
    if len(text) <= LONG and "\\n" not in text:
        yield line(*head, (text, role))
        return
    yield (*head[:-1], (":", ""))
    mark = head[0][0]
    yield from indent((line((mark + row, role)) for row in block(value)), 4)


def _mappings(path: str, before: Mapping[str, Value], after: Mapping[str, Value]) -> Iterator[Line]:
    for key in dict.fromkeys([*before, *after]):
        left, right = before.get(key, MISSING), after.get(key, MISSING)
        if left != right:
            yield from _lines(_below(path, key), left, right)


def _lists(path: str, before: list[Value], after: list[Value]) -> Iterator[Line]:
    texts = inline(before), inline(after)
    if max(map(len, texts)) <= LONG and not any(isinstance(i, Mapping) for i in (*before, *after)):
        yield from _pair(path, before, after, *texts)
        return
    key = _key_of(before, after)
    if key is None:
        yield from _rows(path, [inline(i) for i in before], [inline(i) for i in after])
        return
    left, right = ({str(value_at(i, (key,))): i for i in side} for side in (before, after))
    yield from _mappings(path, left, right)
    if [k for k in left if k in right] != [k for k in right if k in left]:
        order = [", ".join(k for k in side if k in left and k in right) for side in (left, right)]
        yield line(("~ ", "edit"), path, f": order {order[0]} -> {order[1]}")


def _key_of(before: Sequence[Value], after: Sequence[Value]) -> str | None:
    """The property by which the items of both lists differ, if there is one."""
    items = [*before, *after]
    if not items or not all(isinstance(item, Mapping) for item in items):
        return None
    for key in _KEYS:
        sides = [[mapping_at(item).get(key) for item in side] for side in (before, after)]
        if all(_distinct(side) for side in sides):
            return key
    return None


def _distinct(names: Sequence[Value]) -> bool:
    return all(isinstance(n, str | int) for n in names) and len(set(names)) == len(names)


def _scalars(path: str, before: Value, after: Value) -> Iterator[Line]:
    if isinstance(before, str) and isinstance(after, str):
        left, right = _as_json(before), _as_json(after)
        if left is not None and right is not None and left != right:
            yield from _rows(path, block(left), block(right), note=" (JSON)")
            return
        if "\n" in before + after:
            yield from _rows(path, before.splitlines(), after.splitlines())
            return
    texts = inline(before), inline(after)
    if len(texts[0]) + len(texts[1]) <= 2 * LONG:
        yield from _pair(path, before, after, *texts)
    else:
        yield from _rows(path, [texts[0]], [texts[1]])


def _pair(path: str, before: Value, after: Value, left: str, right: str) -> Iterator[Line]:
    yield line(*_head(path, before, after), (left, "removed"), " -> ", (right, "added"))


def _as_json(text: str) -> Value | None:
    """The mapping or list that `text` spells in JSON, else None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def _rows(path: str, before: list[str], after: list[str], *, note: str = "") -> Iterator[Line]:
    """A small unified diff below the path, without its file headers and positions."""
    yield line(("~ ", "edit"), path, f":{note}")
    found = False
    for row in difflib.unified_diff(before, after, n=CONTEXT, lineterm=""):
        if row.startswith(("---", "+++")) and not found:
            continue
        if row.startswith("@@"):
            if found:
                yield line(("      …", "dim"))
            found = True
            continue
        role = {"+": "added", "-": "removed"}.get(row[0], "dim")
        yield line("    ", (f"{row[0]} {row[1:]}", role))
    if not found:
        yield line("    ", ("only line ends or spaces at the end differ", "dim"))


def _is_list(value: Value) -> bool:
    return isinstance(value, list | tuple)


def _below(path: str, key: str) -> str:
    return f"{path}.{dotted((key,))}"


MADE = (Verb.CREATE, Verb.REPLACE)


def shown_changes(action: Action) -> tuple[ShownChange, ...]:
    """The changes of an action in the manifest's language; of a create, its fields."""
    return action.shown
