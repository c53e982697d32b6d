"""The text of a body as a tree: values by the rules of YAML 1.1, parts with templates as written.

For the places of values a copy is parsed in which each template is replaced, character by
character, by a sign that nothing else has, so lines and columns stay, and the signs tell later
which template stood in a value. Statements on lines of their own are comments to that copy: a block
of them (`{% if %}` to `{% endif %}`) is kept with the entries within it as whole lines.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from yaml import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode, YAMLError

from peakctl.conversion.lines import Lines
from peakctl.conversion.plain import read_yaml_1_1
from peakctl.conversion.tree import Map, Part, Piece, Pieces, told
from peakctl.errors import Diagnostic, Severity
from peakctl.manifests.yaml_reader import TooDeep, compose
from peakctl.model import Location, Path, Value
from peakctl.model.records import dataclass

_RAW = r"\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}"
_MACRO = r"\{%[-+]?\s*macro\b.*?endmacro\s*[-+]?%\}"
TEMPLATE = re.compile(rf"{_RAW}|{_MACRO}|\{{\{{.*?\}}\}}|\{{%.*?%\}}|\{{#.*?#\}}", re.DOTALL)
_WORD = re.compile(r"\{%[-+]?\s*(\w+)")
_BLOCKS = frozenset(("if", "for", "call", "filter", "block", "with"))
_FIRST_SIGN = 0xF0000
_SIGNS = 60_000
_SIGN = re.compile("#?([\U000f0000-\U000ffffd])(?:\\s*#?\\1)*")
_ANY_SIGN = re.compile("[\U000f0000-\U000ffffd]")
_MOST_NODES = 200_000


class NotABody(ValueError):
    """A text that cannot be read; `diagnostics` say why."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__()
        self.diagnostics = diagnostics


@dataclass(slots=True)
class BodyText:
    """A body that was read. `head` are statements that stand before it, `comments` its first ones.

    `includes` are the files that are part of it now; `problems` what was not kept.
    """

    tree: Map
    head: str = ""
    comments: str = ""
    includes: list[str] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Statement:
    """Statements on lines of their own: the lines `[start, end]`, and the first word."""

    start: int
    end: int
    word: str


@dataclass(eq=False, slots=True)
class _Entry:
    """A key with its value, or an item of a list, in its collection."""

    parent: Node
    depth: int
    key: Node | None
    value: Node
    line: int
    end: int


def read_body(text: str, display: str, pieces: Pieces, given: Mapping[str, str]) -> BodyText:
    """Read the text of a body. `given` are the texts that it may include, by path.

    Raises NotABody when it is not YAML around its templates, or no mapping.
    """
    lines = Lines(given, display)
    lines.add(text, display)
    return _Reader(lines, pieces).read()


class _Reader:
    """Reads the lines of one body."""

    def __init__(self, lines: Lines, pieces: Pieces) -> None:
        self.lines = lines
        self.pieces = pieces
        self.text = "\n".join(lines.rows)  # a template loses its last line end, in the client too
        self.starts = [0]
        for row in lines.rows:
            self.starts.append(self.starts[-1] + len(row) + 1)
        self.templates: list[tuple[int, int]] = []
        self.statements: list[_Statement] = []
        self.copy = self._signed()
        self.copy_rows = self.copy.split("\n")
        self.ends = [end for _, end in self.templates]
        self.entries: list[_Entry] = []
        self.chunks: dict[int, list[tuple[int, int]]] = {}
        self.whole: dict[int, tuple[int, int]] = {}
        self.count = 0
        self.problems = list(lines.problems)

    def _signed(self) -> str:
        """The copy to parse; fills `templates` and `statements`."""
        if own := _ANY_SIGN.search(self.text):
            line = self._line(own.start())
            raise self._refuse("it holds a character that is for private use alone", line)
        out, last = [], 0
        for number, found in enumerate(TEMPLATE.finditer(self.text)):
            out.append(self.text[last : found.start()])
            last = found.end()
            self.templates.append((found.start(), last))
            start = self.text.rfind("\n", 0, found.start()) + 1
            end = self.text.find("\n", last)
            around = self.text[start : found.start()] + self.text[last : end if end >= 0 else None]
            alone = not around.strip() and found[0][1] in "%#" and "endraw" not in found[0]
            if alone:
                self._add_statement(found[0], found.start(), last)
            sign = chr(_FIRST_SIGN + number % _SIGNS)
            signs = re.sub(r"\S", sign, found[0])
            out.append(re.sub(rf"(?m)^(\s*){sign}", r"\1#", signs) if alone else signs)
        return "".join([*out, self.text[last:]])

    def _add_statement(self, text: str, start: int, end: int) -> None:
        word = _WORD.match(text)
        first, last = self._line(start), self._line(end)
        self.statements.append(_Statement(first, last, word[1] if word else "#"))

    def _line(self, index: int) -> int:
        return self.text.count("\n", 0, index)

    # --- the whole ---------------------------------------------------------------------------

    def read(self) -> BodyText:
        root = self._root()
        self._list_entries(root, 0)
        self._drop_statements_in_texts()
        head = self._find_chunks()
        notes, comments = self._comments()
        self.notes = notes
        tree = self._value(root)
        assert isinstance(tree, Map)  # noqa: S101 - the root is a mapping
        return BodyText(tree, head, comments, self.lines.includes, self.problems)

    def _root(self) -> MappingNode:
        try:
            roots = list(compose(self.copy, careful=True))
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = self.lines.place(mark.line, mark.column) if mark else self.lines.place(0)
            raise NotABody(
                *self.problems,
                told(
                    "convert/not-yaml",
                    f"it is not YAML: {getattr(error, 'problem', None) or 'it cannot be read'}",
                    place,
                    severity=Severity.ERROR,
                ),
            ) from None
        except TooDeep as error:
            raise self._refuse("it is nested too deeply", error.mark.line) from None
        if len(roots) != 1 or not isinstance(roots[0], MappingNode):
            what = "several documents" if len(roots) > 1 else "no mapping"
            raise self._refuse(f"it holds {what}, and a body is one mapping", 0)
        return roots[0]

    def _refuse(self, summary: str, line: int) -> NotABody:
        place = self.lines.place(line)
        return NotABody(told("convert/no-body", summary, place, severity=Severity.ERROR))

    def _list_entries(self, node: Node, depth: int) -> None:
        """All entries of all block collections, with their lines."""
        self.count += 1
        if depth > 200 or self.count > _MOST_NODES:
            raise self._refuse("it grows without measure through aliases", node.start_mark.line)
        if not isinstance(node, CollectionNode):
            return
        for each in node.value:
            key, value = each if isinstance(node, MappingNode) else (None, each)
            if not node.flow_style:
                line = key.start_mark.line if key else self._line_of_dash(value)
                end = max(self._last_line(value), line)
                self.entries.append(_Entry(node, depth, key, value, line, end))
            self._list_entries(value, depth + 1)

    def _line_of_dash(self, item: Node) -> int:
        """The line of the dash before an item of a list."""
        line, column = item.start_mark.line, item.start_mark.column
        if "-" in self.copy_rows[line][:column]:
            return int(line)
        above = (n for n in range(line - 1, -1, -1) if self.copy_rows[n].strip(" ").endswith("-"))
        return next(above, int(line))

    def _last_line(self, node: Any) -> int:
        """The last line that a node takes."""
        if isinstance(node, ScalarNode) or node.flow_style or not node.value:
            first, end = int(node.start_mark.line), int(node.end_mark.line)
            if node.end_mark.column == 0 and end > first:
                end -= 1
            while end > first and not self.copy_rows[end].strip():
                end -= 1
            return end
        last = node.value[-1]
        return self._last_line(last[1] if isinstance(node, MappingNode) else last)

    # --- statements --------------------------------------------------------------------------

    def _drop_statements_in_texts(self) -> None:
        """Forget the statements within block texts: they are part of those."""
        texts = [
            (entry.line, entry.end)
            for entry in self.entries
            if isinstance(entry.value, ScalarNode) and entry.end > entry.line
        ]
        self.statements = [
            each
            for each in self.statements
            if not any(start < each.start <= end for start, end in texts)
        ]

    def _find_chunks(self) -> str:
        """Give each block of statements to the collection that it is in; the head is returned."""
        head: list[str] = []
        depth, start = 0, 0
        first = min((entry.line for entry in self.entries), default=0)
        for each in self.statements:
            if each.word in _BLOCKS:
                start = each.start if depth == 0 else start
                depth += 1
            elif each.word.startswith("end") and depth:
                depth -= 1
                if depth == 0:
                    self._give(start, each.end, head)
            elif depth == 0 and each.word != "#":
                self._single(each, first, head)
        if depth:
            self._tell_template(start)
        return "\n".join(head)

    def _single(self, each: _Statement, first: int, head: list[str]) -> None:
        """A statement without an end: assignments and imports go to the head of the file."""
        if each.word in ("set", "import", "from", "do", "macro") or each.start < first:
            head.append(self._rows(each.start, each.end))
        elif not any(d.code == "convert/include" for d in self.problems):
            self._tell_template(each.start)

    def _give(self, start: int, end: int, head: list[str]) -> None:
        inside = [entry for entry in self.entries if start < entry.line <= end]
        if not inside:
            head.append(self._rows(start, end))
            return
        depth = min(entry.depth for entry in inside)
        parent = next(entry.parent for entry in inside if entry.depth == depth)
        mine = [entry for entry in inside if entry.parent is parent]
        if max(entry.end for entry in mine) > end:
            self._tell_template(start)
        elif isinstance(parent, SequenceNode):
            old = self.whole.get(id(parent), (start, end))
            items = [entry for entry in self.entries if entry.parent is parent]
            low = min(start, old[0], *(entry.line for entry in items))
            high = max(end, old[1], *(entry.end for entry in items))
            self.whole[id(parent)] = (low, high)
        else:
            self.chunks.setdefault(id(parent), []).append((start, end))

    def _tell_template(self, line: int) -> None:
        self.problems.append(
            told(
                "convert/template",
                "this statement of a template cannot be kept",
                self.lines.place(line),
                detail="it begins and ends at different depths, or stands where a value would",
                fix="write it into the manifest by hand",
            )
        )

    def _rows(self, start: int, end: int) -> str:
        return "\n".join(self.lines.rows[start : end + 1])

    # --- comments ----------------------------------------------------------------------------

    def _comments(self) -> tuple[dict[int, str], str]:
        """Comments by the line of the entry that they belong to, and those of the file."""
        taken = self._lines_of_texts()
        kept = {n for each in self.statements for n in range(each.start, each.end + 1)}
        for start, end in (*self.whole.values(), *(c for cs in self.chunks.values() for c in cs)):
            kept.update(range(start, end + 1))
        lines = sorted(entry.line for entry in self.entries)
        notes: dict[int, list[str]] = {}
        head: list[str] = []
        for number, row in enumerate(self.copy_rows):
            if not row.lstrip().startswith("#") or number in taken or number in kept:
                continue
            text = self.lines.rows[number].strip().lstrip("#").strip()
            at = bisect_left(lines, number)
            if at == len(lines) or lines[at] == lines[0]:
                head.append(text)
            else:
                notes.setdefault(lines[at], []).append(text)
        for line, text in self._trailing(taken):
            notes.setdefault(line, []).append(text)
        return {line: "\n".join(texts) for line, texts in notes.items()}, "\n".join(head)

    def _lines_of_texts(self) -> set[int]:
        """Lines that belong to texts of several lines."""
        return {
            line
            for entry in self.entries
            if isinstance(entry.value, ScalarNode)
            for line in range(entry.line + 1, entry.end + 1)
        }

    def _trailing(self, taken: set[int]) -> Iterator[tuple[int, str]]:
        """Comments behind a key or value, on its line."""
        seen: set[int] = set()
        for entry in self.entries:
            if entry.line in seen or entry.line in taken:
                continue
            node = entry.value
            is_text = not isinstance(node, CollectionNode) or bool(node.flow_style)
            if not is_text and entry.key is None:
                continue
            mark = node.end_mark if is_text and entry.end == entry.line else None
            if mark is None or mark.line != entry.line:
                mark = entry.key.end_mark if entry.key else None
            if mark is None or (is_text and entry.end != entry.line):
                continue
            seen.add(entry.line)
            found = re.search(r"(?:^|\s)#+\s*(.*)$", self.copy_rows[entry.line][mark.column :])
            if found and found[1].strip() and not _SIGN.search(found[1]):
                yield entry.line, found[1].strip()

    # --- values ------------------------------------------------------------------------------

    def _value(self, node: Node) -> Value:
        if id(node) in self.whole:
            start, end = self.whole[id(node)]
            return self._block(start, end, node, ())
        if isinstance(node, MappingNode):
            return self._mapping(node)
        if isinstance(node, SequenceNode):
            return [self._value(item) for item in node.value]
        return self._scalar(node) if isinstance(node, ScalarNode) else None

    def _mapping(self, node: MappingNode) -> Map:
        out = Map()
        chunks = self.chunks.get(id(node), [])
        written: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line
            if any(start <= line <= end for start, end in chunks):
                continue
            if key.value == "<<" and not key.style:
                self._merge(out, value)
                continue
            name = self._key(key)
            if name in written and not isinstance(name, Piece):
                self._tell_twice(name, key)
            written.add(name)
            found = self._value(value)
            out.pop(name, None)
            if found is not None:
                out.put(name, found, self._place(key), self.notes.get(line, ""))
        for start, end in chunks:
            inside = [e for e in self.entries if e.parent is node and start < e.line <= end]
            names = tuple(self._restored(str(e.key.value)) for e in inside if e.key)
            piece = self._block(start, end, node, names)
            out.put(piece, piece, piece.place)
        return out

    def _merge(self, out: Map, value: Node) -> None:
        """What `<<: *a` brings: keys that are not there yet."""
        for each in value.value if isinstance(value, SequenceNode) else [value]:
            found = self._value(each)
            if isinstance(found, Map):
                for key in [key for key in found if key not in out]:
                    out.take(key, found)

    def _key(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            raise self._refuse("a key is a list or a mapping", node.start_mark.line)
        if self._has_template(node):
            return self._piece(node)
        return str(node.value)

    def _tell_twice(self, name: str, node: Node) -> None:
        self.problems.append(
            told(
                "convert/duplicate-key",
                f'the key "{name}" is there twice',
                self._place(node),
                detail="the client takes the last one, and so did this",
            )
        )

    def _scalar(self, node: ScalarNode) -> Value:
        if self._has_template(node):
            return self._piece(node)
        tag: object = node.tag
        named = tag if isinstance(tag, str) and tag.startswith("tag:") else None
        if (node.style or named) and named in (None, "tag:yaml.org,2002:str"):
            return str(node.value)
        try:
            return read_yaml_1_1(node.value, named)
        except ValueError:
            self.problems.append(
                told(
                    "convert/value",
                    "the client cannot read this value",
                    self._place(node),
                    detail="it is kept as a text",
                )
            )
            return str(node.value)

    # --- pieces ------------------------------------------------------------------------------

    def _place(self, node: Node) -> Location:
        return self.lines.place(node.start_mark.line, node.start_mark.column)

    def _span(self, node: Node) -> tuple[int, int]:
        start, end = node.start_mark, node.end_mark
        stop = self.starts[end.line] + end.column if end.line < len(self.starts) else len(self.text)
        return self.starts[start.line] + start.column, stop

    def _has_template(self, node: Node) -> bool:
        return self._overlaps(*self._span(node))

    def _overlaps(self, start: int, end: int) -> bool:
        at = bisect_left(self.ends, start + 1)
        return at < len(self.templates) and self.templates[at][0] < end

    def _piece(self, node: ScalarNode) -> Piece:
        """A scalar with templates in it, as it was written."""
        start, end = self._span(node)
        text = self.text[start:end].rstrip() if node.style in ("|", ">") else self.text[start:end]
        value = self._restored(node.value)
        column = node.start_mark.column
        return self.pieces.piece(text, self._place(node), value=value, column=column)

    def _restored(self, value: str) -> str:
        """A value of the copy with its templates for the signs."""

        def template(found: re.Match[str]) -> str:
            number = ord(found[1]) - _FIRST_SIGN
            if number >= len(self.templates):
                return found[0]
            start, end = self.templates[number]
            return self.text[start:end]

        return _SIGN.sub(template, value)

    def _block(self, start: int, end: int, node: Node, names: Sequence[str]) -> Piece:
        """Whole lines, with the places of the scalars in them."""
        text = self._rows(start, end)
        parts = tuple(self._parts(node, (), start, end))
        return self.pieces.piece(
            text, self.lines.place(start), is_block=True, names=tuple(names), parts=parts
        )

    def _parts(self, node: Node, path: Path, start: int, end: int) -> Iterator[Part]:
        """The scalars of `node` that lie on the lines from `start` to `end`."""
        if isinstance(node, ScalarNode):
            if start <= node.start_mark.line <= end and not self._has_template(node):
                low, high = self._span(node)
                offset = self.starts[start]
                yield Part(low - offset, high - offset, path, str(node.value))
            return
        for number, each in enumerate(node.value):
            key, value = each if isinstance(node, MappingNode) else (None, each)
            part = number if key is None else self._restored(str(key.value))
            yield from self._parts(value, (*path, part), start, end)
