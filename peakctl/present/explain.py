"""What `explain` tells, as lines and as rows: a field of a kind, or the code of a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from peakctl.model import MISSING, JsonDict
from peakctl.present.text import Line, indent, line, table_lines
from peakctl.present.values import block, inline

if TYPE_CHECKING:
    from peakctl.operations.explain import CodeExplained, FieldExplained

_WIDE = 10
_MARGIN = 2


def field_lines(found: Sequence[FieldExplained]) -> tuple[Line, ...]:
    """Each meaning of a field: what it is, what holds for it, an example, the fields below."""
    rows: list[Line] = []
    for each in found:
        rows += [(), *_one_field(each)] if rows else _one_field(each)
    return tuple(rows)


def _one_field(found: FieldExplained) -> Iterator[Line]:
    name = f"{found.kind}.{found.path}" if found.path else found.kind
    when = f"  where {' or '.join(found.when)}" if found.when else ""
    yield line((name, "bold"), (when, "dim"))
    yield from indent((line(found.description),), _MARGIN)
    if found.path:
        yield ()
        yield from indent((_fact(word, text) for word, text in _facts(found)), _MARGIN)
    yield ()
    yield line(("Example:", "bold"))
    yield from indent((line((row, "command")) for row in block(found.example)), _MARGIN)
    if found.fields:
        yield ()
        cells = [
            (each.name, " or ".join(each.types), "yes" if each.required else "", each.description)
            for each in found.fields
        ]
        yield from table_lines(("field", "type", "required", "what it is"), cells)


def _fact(word: str, text: str) -> Line:
    return line((f"{word:<{_WIDE}}", "dim"), text)


def _facts(found: FieldExplained) -> Iterator[tuple[str, str]]:
    yield "type", " or ".join(found.types)
    if found.values:
        yield "values", ", ".join(map(inline, found.values))
    if found.default is not MISSING:
        yield "default", inline(found.default)
    if found.absent:
        yield "absent", found.absent
    if found.call:
        yield "call", found.call
        yield "restarts", "yes: what runs is started again" if found.restarts else "nothing"
    for number, note in enumerate(found.notes):
        yield ("" if number else "note"), note


def field_rows(found: Sequence[FieldExplained]) -> list[JsonDict]:
    """The same as data; a field without a default has none."""
    return [
        {
            "kind": each.kind,
            "field": each.path,
            "description": each.description,
            "types": list(each.types),
            "when": list(each.when),
            "values": list(each.values),
            "absent": each.absent or None,
            **({"default": _plain(each.default)} if each.default is not MISSING else {}),
            "call": each.call or None,
            "restarts": each.restarts,
            "notes": list(each.notes),
            "example": each.example,
            "fields": [
                {
                    "name": below.name,
                    "types": list(below.types),
                    "required": below.required,
                    "description": below.description,
                }
                for below in each.fields
            ],
        }
        for each in found
    ]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def code_lines(found: Sequence[CodeExplained]) -> tuple[Line, ...]:
    """Each part of the docs that has the code: what it is about, the exit code, what to do."""
    rows: list[Line] = []
    for each in found:
        exits = f" (exit {each.exit_codes})" if each.exit_codes else ""
        rows += [line((each.code, "bold"), (f"  {each.section}{exits}", "dim"))]
        rows += indent((line(each.advice),), _MARGIN)
    return tuple(rows)


def code_rows(found: Sequence[CodeExplained]) -> list[JsonDict]:
    """The same as data."""
    return [
        {
            "code": each.code,
            "section": each.section,
            "exit_codes": each.exit_codes or None,
            "advice": each.advice,
        }
        for each in found
    ]


def kind_lines(kinds: Sequence[tuple[str, str]]) -> tuple[Line, ...]:
    """What can be explained, with what to type next."""
    table = table_lines(("kind", "what it is"), kinds)
    next_ = "peakctl explain KIND.FIELD goes on from there; peakctl explain CODE explains a message"
    return (*table, (), line((next_, "dim")))
