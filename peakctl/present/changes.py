"""One changed field as lines: what it was, what it will be, and nothing that stays.

Secrets are masked here; a sensitive value says only that there is one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, takewhile
from operator import itemgetter

from peakctl.model import MASK, MISSING, UNSEEN, Action, Secret, ShownChange, Unknown, Value, Verb
from peakctl.model.records import dataclass
from peakctl.model.values import dotted, leaf_places, leaves, mapping_at, value_at
from peakctl.present.text import Line, indent, line
from peakctl.present.values import block, digest_of, inline, masked, short_digest

LONG = 64
CONTEXT = 1
MOST_COMPARED = 4_000_000
"""Pairs of lines that are compared: beyond, all lines of both sides count as changed."""
_KEYS = ("name", "id", "key", "entityId", "cron")


AROUND = 40
"""Characters that stay on each side of a difference between long texts."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much one change may take: lines, and characters of each line or text."""

    rows: int
    characters: int


ROOM = Room(14, 240)
ROOM_VERBOSE = Room(100, 1_000)


def change_lines(change: ShownChange, *, verbose: bool = False) -> tuple[Line, ...]:
    """The lines of one change, the path first; with `verbose` more of long values, and ids."""
    before, after = change.before, change.after
    if change.sensitive:
        before, after = masked(before), masked(after)
    room = ROOM_VERBOSE if verbose else ROOM
    if change.reference:
        lines = tuple(_reference(change.path, before, after))
    else:
        lines = cut_rows(tuple(_lines(change.path, before, after, room)), room.rows)
    if lines and change.reference and verbose:
        lines = ((*lines[0], (_ids(change), "dim")), *lines[1:])
    if change.restarts and lines:
        return ((*lines[0], ("  (restarts)", "redeploy")), *lines[1:])
    return lines


def _ids(change: ShownChange) -> str:
    """What the names stand for on the platform, as far as that is known yet: `  (versionId 1)`."""
    told: dict[str, dict[Value, None]] = {}
    read = {inline(leaf) for side in (change.before, change.after) for leaf in leaves(side)}
    for each in change.wire:
        for side in (each.before, each.after):
            for path, leaf in leaf_places(side, each.path):
                known = not isinstance(leaf, Unknown) and leaf not in (MISSING, None, UNSEEN)
                if known and inline(leaf) not in read:
                    told.setdefault(str(path[-1]), {})[leaf] = None
    ids = (f"{word} {' -> '.join(map(inline, sides))}" for word, sides in told.items())
    return f"  ({', '.join(ids)})" if told else ""


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


def _lines(path: str, before: Value, after: Value, room: Room) -> Iterator[Line]:
    if isinstance(before, Secret) and isinstance(after, Secret):
        yield line(("~ ", "edit"), path, ": ", (f"{MASK} changed", "edit"))
    elif (digests := _digests(before, after)) is not None:
        yield line(*_head(path, before, after), digests)
    elif before is MISSING or after is MISSING:
        yield from _one_sided(path, before, after, room)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _mappings(path, before, after, room)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(path, before, after, room)
    else:
        yield from _scalars(path, before, after, room)


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


def _one_sided(path: str, before: Value, after: Value, room: Room) -> Iterator[Line]:
    value, role = (after, "added") if before is MISSING else (before, "removed")
    head = _head(path, before, after)
    text = inline(value)
    if len(text) <= LONG and "\\n" not in text:
        yield line(*head, (text, role))
        return
    if isinstance(value, str) and "\n" not in value:
        yield line(*head, (cut_quoted(value, room.characters, inline), role))
        return
    yield (*head[:-1], (":", ""))
    mark = head[0][0]
    yield from indent((line((mark + cut(row, room.characters), role)) for row in block(value)), 4)


def _mappings(
    path: str, before: Mapping[str, Value], after: Mapping[str, Value], room: Room
) -> Iterator[Line]:
    for key in dict.fromkeys([*before, *after]):
        left, right = before.get(key, MISSING), after.get(key, MISSING)
        if left != right:
            yield from _lines(_below(path, key), left, right, room)


def _lists(path: str, before: list[Value], after: list[Value], room: Room) -> Iterator[Line]:
    texts = inline(before), inline(after)
    if max(map(len, texts)) <= LONG and not any(isinstance(i, Mapping) for i in (*before, *after)):
        yield from _pair(path, before, after, *texts)
        return
    key = _key_of(before, after)
    if key is None:
        yield from _rows(path, [inline(i) for i in before], [inline(i) for i in after], room)
        return
    left, right = ({str(value_at(i, (key,))): i for i in side} for side in (before, after))
    yield from _mappings(path, left, right, room)
    if [k for k in left if k in right] != [k for k in right if k in left]:
        order = [", ".join(k for k in side if k in left and k in right) for side in (left, right)]
        one, two = (cut(each, room.characters) for each in order)
        yield line(("~ ", "edit"), path, f": order {one} -> {two}")


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


def _scalars(path: str, before: Value, after: Value, room: Room) -> Iterator[Line]:
    texts = isinstance(before, str) and isinstance(after, str)
    if isinstance(before, str) and isinstance(after, str):
        left, right = _as_json(before), _as_json(after)
        if left is not None and right is not None and left != right:
            yield from _rows(path, block(left), block(right), room, note=" (JSON)")
            return
        if "\n" in before + after:
            yield from _rows(path, before.splitlines(), after.splitlines(), room)
            return
        one, two = around(before, after, room.characters, inline)
    else:
        one, two = inline(before), inline(after)
    if len(one) + len(two) <= 2 * LONG:
        yield from _pair(path, before, after, one, two)
    elif texts:
        yield line(("~ ", "edit"), path, ":")
        yield from indent((line((f"- {one}", "removed")), line((f"+ {two}", "added"))), 4)
    else:
        yield from _rows(path, [one], [two], room)


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


def _rows(
    path: str, before: list[str], after: list[str], room: Room, *, note: str = ""
) -> Iterator[Line]:
    """A small unified diff below the path, without its file headers and positions."""
    yield line(("~ ", "edit"), path, f":{note}")
    rows = list(_diff(before, after))
    for mark, text in _cut_pairs(rows, room.characters):
        role = {"+": "added", "-": "removed"}.get(mark, "dim")
        yield line("    ", (f"{mark} {text}" if text else mark, role))
    if not rows:
        yield line("    ", ("only line ends or spaces at the end differ", "dim"))


def _diff(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    """The mark and text of each line; what both begin and end with is not compared again."""
    head = _same(before, after)
    left, right = before[head:], after[head:]
    tail = _same(left[::-1], right[::-1])
    left, right = (side[: len(side) - tail] for side in (left, right))
    if len(left) * len(right) > MOST_COMPARED:
        yield from (("-", each) for each in left)
        yield from (("+", each) for each in right)
        return
    start, end = max(0, head - CONTEXT), max(0, tail - CONTEXT)
    one, two = (side[start : len(side) - end] for side in (before, after))
    import difflib

    found = False
    for row in list(difflib.unified_diff(one, two, n=CONTEXT, lineterm=""))[2:]:
        if row.startswith("@@"):
            if found:
                yield "  …", ""
            found = True
            continue
        yield row[0], row[1:]


def _same(one: list[str], two: list[str]) -> int:
    """How many lines both begin with."""
    pairs = zip(one, two, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _cut_pairs(rows: list[tuple[str, str]], most: int) -> Iterator[tuple[str, str]]:
    """The lines, long ones cut: a line that is changed around what differs from its partner."""
    groups = [(mark, [text for _, text in each]) for mark, each in groupby(rows, itemgetter(0))]
    pairs = zip(groups, [*groups[1:], ("", [])], strict=False)
    after: list[str] | None = None
    for (mark, texts), (following, others) in pairs:
        if after is not None:
            yield from ((mark, text) for text in after)
            after = None
        elif (mark, following) == ("-", "+") and len(texts) == len(others):
            both = [around(*pair, most, str) for pair in zip(texts, others, strict=True)]
            yield from ((mark, one) for one, _ in both)
            after = [two for _, two in both]
        else:
            yield from ((mark, cut(text, most)) for text in texts)


def _below(path: str, key: str) -> str:
    return f"{path}.{dotted((key,))}"


MADE = (Verb.CREATE, Verb.REPLACE)


def shown_changes(action: Action) -> tuple[ShownChange, ...]:
    """The changes of an action in the manifest's language; of a create, its fields."""
    return action.shown


# --- long values within a budget ---------------------------------------------------------------


def cut(text: str, most: int) -> str:
    """`text`, without its middle where it is longer than `most`."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} {_left_out(len(text) - 2 * half)} {text[-half:]}"


def cut_rows(rows: Sequence[Line], most: int) -> tuple[Line, ...]:
    """The lines of one change without those in the middle, but for a count."""
    if len(rows) <= most + 1:
        return tuple(rows)
    head, tail = most * 2 // 3, most // 3
    gone = len(rows) - head - tail
    return (
        *rows[:head],
        line(("    ", ""), (f"… {gone:,} lines left out …", "dim")),
        *rows[-tail:],
    )


def around(before: str, after: str, most: int, quote: Callable[[str], str]) -> tuple[str, str]:
    """Two texts that differ: whole where they are short, else what is around the difference.

    `quote` writes a part of them as it is printed.
    """
    if max(len(before), len(after)) <= most:
        return quote(before), quote(after)
    start = max(0, _same_start(before, after) - AROUND)
    rest = [text[start:] for text in (before, after)]
    end = max(0, _same_start(rest[0][::-1], rest[1][::-1]) - AROUND)
    head = f"{_left_out(start)} " if start else ""
    tail = f" {_left_out(end)}" if end else ""
    parts = (text[: len(text) - end] for text in rest)
    one, two = (f"{head}{cut_quoted(part, most, quote)}{tail}" for part in parts)
    return one, two


def cut_quoted(text: str, most: int, quote: Callable[[str], str]) -> str:
    """`text` as `quote` prints it, in two parts where it is longer than `most`."""
    if len(text) <= most:
        return quote(text)
    half = most // 2
    return f"{quote(text[:half])} {_left_out(len(text) - 2 * half)} {quote(text[-half:])}"


def _same_start(one: str, two: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == two[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _left_out(count: int) -> str:
    return f"… {count:,} {'character' if count == 1 else 'characters'} left out …"
