"""The keys of manifests in the order of the schema: whole lines move, and nothing else changes.

What a line says is never touched, so comments, quotes and templates stay as they were written. For
the places of keys a copy is parsed in which each template is blotted out character by character.
Mappings around which a template decides (`{% if %}`) keep their order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode, YAMLError

from peakctl.kinds.fields import Field, Kind, child, variant
from peakctl.manifests.yaml_reader import NumberRefused, TooDeep, compose
from peakctl.model import Value
from peakctl.model.records import dataclass

ENVELOPE = ("apiVersion", "kind", "metadata", "spec", "dependsOn", "lifecycle")
_BREAKS = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]|\r(?!\n)")
_RAW = r"\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}"
_TEMPLATE = re.compile(rf"{_RAW}|\{{\{{.*?\}}\}}|\{{%.*?%\}}|\{{#.*?#\}}", re.DOTALL)
_WORD = re.compile(r"\s*\{%[-+]?\s*(\w*)")
_BLOCKS = frozenset(("if", "for", "macro", "call", "filter", "block", "with"))
_WITHIN = frozenset(("else", "elif"))
"""Statements within blocks. All others stand where they must: keys that are included, say."""
_STATEMENT = "#%"
"""How the copy begins a line that has statements of a template alone: a comment to YAML."""


class CannotFormat(ValueError):
    """A file that is left as it is; the message says why."""


def format_manifest(text: str, kinds: Mapping[str, Kind]) -> str:
    """`text` with its keys in order, and a line feed at its end. Raises CannotFormat.

    The result has the same lines and reads as the same values; formatting it again changes nothing.
    """
    if _BREAKS.search(text):
        raise CannotFormat("it has line ends other than line feeds")
    if text and not text.endswith("\n"):
        text += "\n"
    lines = text.splitlines(keepends=True)
    copy = _blotted(text)
    moved = _Formatter(lines, copy.splitlines(keepends=True), kinds).formatted(_roots(copy))
    if moved != text and not _same_values(_blotted(moved), copy):
        raise CannotFormat("its keys cannot move: what it says depends on their order")
    return moved


def _blotted(text: str) -> str:
    """A copy of the same shape without templates: YAML, if the file is YAML around them."""
    out, last = [], 0
    for found in _TEMPLATE.finditer(text):
        out.append(text[last : found.start()])
        last = found.end()
        start = text.rfind("\n", 0, found.start()) + 1
        end = text.find("\n", last)
        alone = not (text[start : found.start()] + text[last:end]).strip() and found[0][1] in "%#"
        out.append(_comment(found[0]) if alone and "endraw" not in found[0] else _word(found[0]))
    return "".join([*out, text[last:]])


def _word(template: str) -> str:
    return re.sub(r"\S", "x", template)


def _comment(template: str) -> str:
    mark = _STATEMENT if template[1] == "%" else "#x"
    return "\n".join(f"{mark}{'x' * max(len(row) - 2, 0)}" for row in template.split("\n"))


def _roots(copy: str) -> list[Node]:
    try:
        return list(compose(copy, careful=True))
    except (YAMLError, TooDeep, NumberRefused) as error:
        raise CannotFormat("it is not YAML around its templates") from error


def _same_values(left: str, right: str) -> bool:
    """Whether two copies read as the same documents."""
    try:
        both = [[_plain(root) for root in compose(text, careful=True)] for text in (left, right)]
    except (YAMLError, TooDeep):
        return False
    return both[0] == both[1]


def _plain(node: Node) -> object:
    """What a node says: the same for every order of keys."""
    if isinstance(node, MappingNode):
        return {"map": sorted((repr(_plain(k)), repr(_plain(v))) for k, v in node.value)}
    if isinstance(node, SequenceNode):
        return [_plain(item) for item in node.value]
    return (repr(node.tag), node.value)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One key with its value: the lines `[start, end)`, of which the key's is `line`."""

    name: str
    value: Node
    start: int
    line: int
    end: int
    column: int


@dataclass(slots=True)
class _Formatter:
    """`lines` are those of the file; `copy` those that were parsed, of the same shape."""

    lines: list[str]
    copy: list[str]
    kinds: Mapping[str, Kind]

    def formatted(self, roots: Sequence[Node]) -> str:
        """The file with the keys of all its documents in order."""
        for root in roots:
            if isinstance(root, MappingNode) and (kind := self._kind(root)) is not None:
                self._document(root, kind)
        return "".join(self.lines)

    def _kind(self, root: MappingNode) -> Kind | None:
        words = (v.value for k, v in root.value if k.value == "kind")
        return next((self.kinds[w] for w in words if isinstance(w, str) and w in self.kinds), None)

    def _document(self, root: MappingNode, kind: Kind) -> None:
        """Inner mappings first: their lines move within those of the outer ones."""
        for key, value in root.value:
            if key.value in kind.root.properties:
                self._inner(value, kind.root.properties[key.value], key.end_mark.line + 1)
        self._move(root, ENVELOPE, None)

    def _inner(self, node: Node, rule: Field, top: int | None) -> None:
        """Everything below `node`; `top` is the line after its key, None for an item of a list."""
        rule = variant(rule, _words(node))
        if isinstance(node, SequenceNode):
            for item in node.value:
                if rule.items is not None:
                    self._inner(item, rule.items, None)
        elif isinstance(node, MappingNode):
            for key, value in node.value:
                inner = child(rule, str(key.value))
                if inner is not None:
                    self._inner(value, inner, key.end_mark.line + 1)
            self._move(node, tuple(rule.properties), top)

    def _move(self, node: MappingNode, order: Sequence[str], top: int | None) -> None:
        """Put the entries of a block mapping in order, if their lines can be moved."""
        entries = list(self._entries(node, top))
        known = [name for name in order if any(each.name == name for each in entries)]
        rank = {name: at for at, name in enumerate(known)}
        ordered = sorted(entries, key=lambda each: rank.get(each.name, len(rank)))
        if ordered == entries or not self._may_move(node, entries, ordered):
            return
        first, last = entries[0], entries[-1]
        prefix, blank = self.lines[first.line][: first.column], " " * first.column
        for lines in (self.lines, self.copy):
            lines[first.line] = blank + lines[first.line][first.column :]
            rows = {each.name: lines[each.start : each.end] for each in entries}
            head = (
                first.start
                + ordered[0].line
                - ordered[0].start
                - _move_blanks(rows, ordered[0], first)
            )
            lines[first.start : last.end] = [row for each in ordered for row in rows[each.name]]
            lines[head] = prefix + lines[head][first.column :]

    def _may_move(
        self, node: MappingNode, entries: Sequence[_Entry], ordered: Sequence[_Entry]
    ) -> bool:
        if node.flow_style or any(each.column != entries[0].column for each in entries):
            return False
        prefix = self.copy[entries[0].line][: entries[0].column]
        if prefix.strip(" ") and ordered[0].start != ordered[0].line:
            return False  # no comment fits between the dash of an item and its first key
        return all(self._is_whole(each) for each in entries)

    def _is_whole(self, entry: _Entry) -> bool:
        """Whether every block of a template that begins in the lines of an entry ends there."""
        depth = 0
        for at in range(entry.start, entry.end):
            if not self.copy[at].lstrip().startswith(_STATEMENT):
                continue
            word = _WORD.match(self.lines[at])
            ends = word is not None and word[1].startswith("end")
            if at < entry.line or not (ends or (word and word[1] in _BLOCKS | _WITHIN)):
                return False
            depth += -1 if ends else bool(word and word[1] in _BLOCKS)
        return depth == 0

    def _entries(self, node: MappingNode, before: int | None) -> Iterator[_Entry]:
        """The entries with their lines; comments above a key belong to it.

        Those above the first key of a document or an item stay where they are (`before` is None).
        """
        for key, value in node.value:
            line, column = key.start_mark.line, key.start_mark.column
            end = self._with_deeper(max(_last_line(value, self.copy), line) + 1, column)
            start = line if before is None else before
            yield _Entry(str(key.value), value, start, line, end, column)
            before = end

    def _with_deeper(self, end: int, column: int) -> int:
        """`end` behind comments that are indented further than the key: they belong to it."""
        at = end
        while (
            at < len(self.copy) and _margin(self.copy[at]) != column and _is_comment(self.copy[at])
        ):
            at += 1
            end = at if _margin(self.copy[at - 1]) > column else end
        return end


def _margin(row: str) -> int:
    return len(row) - len(row.lstrip(" "))


def _is_comment(row: str) -> bool:
    """Whether a line of YAML says nothing."""
    return row.lstrip()[:1] in ("", "#")


def _move_blanks(rows: dict[str, list[str]], to: _Entry, old: _Entry) -> int:
    """Take the empty lines above the entry that becomes the first; give them to the old first."""
    found = rows[to.name]
    count = next(at for at, row in enumerate(found) if row.strip())
    rows[to.name], rows[old.name] = found[count:], found[:count] + rows[old.name]
    return count


def _words(node: Node) -> Value:
    """The texts of a mapping, which choose the branch of the schema."""
    if not isinstance(node, MappingNode):
        return None
    return {str(k.value): str(v.value) for k, v in node.value if isinstance(v, ScalarNode)}


def _last_line(node: Any, lines: Sequence[str]) -> int:
    """The last line that a node takes."""
    if isinstance(node, ScalarNode) or node.flow_style or not node.value:
        first, end = int(node.start_mark.line), int(node.end_mark.line)
        if node.end_mark.column == 0 and end > first:
            end -= 1
        while end > first and not lines[end].strip():
            end -= 1
        return end
    last = node.value[-1]
    inner = last[1] if isinstance(node, MappingNode) else last
    return max(_last_line(inner, lines), int(node.start_mark.line))
