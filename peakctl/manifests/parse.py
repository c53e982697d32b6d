"""Rendered text to documents: YAML 1.2 core, nothing lost and nothing guessed.

Where a value was written is computed when it is asked for: the text is composed again. What libyaml
refuses is told with a place and a next step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field, replace
from typing import cast

from yaml import MappingNode, Mark, MarkedYAMLError, Node, ScalarNode, SequenceNode, YAMLError
from yaml.reader import ReaderError

from peakctl.errors import Diagnostic
from peakctl.manifests import yaml_reader
from peakctl.manifests.render import OPEN, Rendered
from peakctl.model import Document, Location, Path, Value
from peakctl.model.records import dataclass
from peakctl.model.text import named_character

Parsed = tuple[tuple[Document, ...], tuple[Diagnostic, ...]]
_FAULTS = (YAMLError, yaml_reader.TooDeep, UnicodeEncodeError)


def parse(rendered: Rendered) -> Parsed:
    """The documents of a text, empty ones left out, and all its problems.

    Mappings only; keys are text; a scalar that holds a secret is a `Secret`.
    """
    try:
        return tuple(_read_simple(rendered)), ()
    except (*_FAULTS, yaml_reader.NotSimple, yaml_reader.NumberRefused):
        return _Careful(rendered).read()


def parse_value(rendered: Rendered) -> tuple[Value, Document | None, tuple[Diagnostic, ...]]:
    """The only document of a text that configures (peakctl.yaml, parameters); {} when empty."""
    documents, problems = parse(rendered)
    problems = tuple(map(_as_values, problems))
    if len(documents) > 1:
        second = documents[1].locate(())
        problems += (
            Diagnostic(
                code="manifest/several-documents",
                summary="the file holds more than one document",
                locations=(second,),
                fix="keep one of them",
            ),
        )
    return (documents[0].value if documents else {}), next(iter(documents), None), problems


def _as_values(problem: Diagnostic) -> Diagnostic:
    """`problem` of a manifest as one of a file that only holds names and values."""
    is_envelope = problem.code == "manifest/not-a-mapping"
    return replace(problem, fix="write name: value, one a line") if is_envelope else problem


def _read_simple(rendered: Rendered) -> Iterator[Document]:
    if rendered.secrets is not None:
        raise yaml_reader.NotSimple
    yaml_reader.check_simple(rendered.text)
    for root in yaml_reader.compose(rendered.text):
        value = yaml_reader.build_simple(root)
        if isinstance(value, dict):
            yield _document(rendered, root, value, start=0, line=0)
        elif value is not None:
            raise yaml_reader.NotSimple


def _document(
    rendered: Rendered, root: Node, value: dict[str, Value], *, start: int, line: int
) -> Document:
    places = place_document(rendered, root, start=start, line=line)
    return Document(
        value=value,
        display=rendered.source.display,
        folder=rendered.folder,
        locate=places.locate,
        source_text=places.source_text,
        span=places.span,
    )


@dataclass(slots=True)
class _Careful:
    """Reads a text to its end, from one `---` to the next where something is wrong."""

    rendered: Rendered
    documents: list[Document] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    start: int = 0
    line: int = 0

    def read(self) -> Parsed:
        more = True
        while more:
            more = self._read_part(self.rendered.text[self.start :])
        return tuple(self.documents), tuple(self.problems)

    def _read_part(self, text: str) -> bool:
        """Read from `start`; True when a fault stopped it before a document that can be read."""
        try:
            for root in yaml_reader.compose(text, careful=True):
                self._build(root)
        except _FAULTS as error:
            self.problems.append(yaml_diagnostic(error, text, self._place))
            return self._skip(text, index_of(error))
        return False

    def _skip(self, text: str, index: int) -> bool:
        found = text.find("\n---", max(index - 1, 0))
        self.line += text.count("\n", 0, found + 1)
        self.start += found + 1
        return found >= 0

    def _place(self, mark: yaml_reader.Point) -> Location:
        return self.rendered.place(self.line + mark.line, mark.column)

    def _build(self, root: Node) -> None:
        builder = yaml_reader.Builder(self._place, self.rendered.secrets)
        try:
            value = builder.build(root)
        except yaml_reader.AliasFlood as bomb:
            self._tell("alias-bomb", "aliases make the document grow without measure", bomb.mark)
            return
        self.problems += builder.problems
        if isinstance(value, dict):
            document = _document(self.rendered, root, value, start=self.start, line=self.line)
            self.documents.append(document)
        elif value is not None and not builder.problems:
            self._tell_no_mapping(root)

    def _tell_no_mapping(self, root: Node) -> None:
        text = self.rendered.text[self.start :]
        misplaced = misplaced_space(text, root.start_mark.line, self._place)
        if misplaced is None:
            self._tell("not-a-mapping", "the document is not a mapping", root.start_mark)
        else:
            self.problems.append(misplaced)

    def _tell(self, code: str, summary: str, mark: yaml_reader.Point) -> None:
        fixes = {
            "alias-bomb": "write the values out",
            "not-a-mapping": "begin with apiVersion:, kind: and metadata:",
        }
        self.problems.append(
            Diagnostic(
                code=f"manifest/{code}",
                summary=summary,
                locations=(self._place(mark),),
                fix=fixes[code],
            )
        )


@dataclass(slots=True)
class Places:
    """One document's part of a rendered text: characters `start` to `end`, from line `line`."""

    rendered: Rendered
    start: int
    end: int
    line: int
    root: Node | None = None

    def locate(self, path: Path) -> Location:
        """The place of the key or list item at `path`, or of its nearest parent that exists."""
        mark = self._walk(path)[0]
        return self.rendered.place(self.line + mark.line, mark.column)

    def source_text(self, path: Path) -> str | None:
        """The plain scalar at `path` as written; None for all else, secrets included."""
        node = self._walk(path)[1]
        if not isinstance(node, ScalarNode) or node.style or OPEN in node.value:
            return None
        return str(node.value)

    def span(self, path: Path) -> tuple[int, int] | None:
        """The first character of the value at `path` in the text, and the one after its last."""
        node = self._walk(path)[1]
        if node is None:
            return None
        return self.start + node.start_mark.index, self.start + node.end_mark.index

    def _walk(self, path: Path) -> tuple[yaml_reader.Point, Node | None]:
        """The mark of the last part of `path` that exists, and the node at `path`, if it does."""
        if self.root is None:
            text = self.rendered.text[self.start : self.end]
            self.root = next(yaml_reader.compose(text, careful=True))
        node: Node | None = self.root
        mark = self.root.start_mark
        for part in path:
            found = _child(node, part)
            if found is None:
                return mark, None
            mark, node = found
        return mark, node


def place_document(rendered: Rendered, root: Node, *, start: int, line: int) -> Places:
    """The part of the text that `root` was composed of; its marks count from `start` and `line`.

    It begins with the line of the root, since the indentation tells levels apart.
    """
    first = root.start_mark
    return Places(
        rendered,
        start + first.index - first.column,
        start + root.end_mark.index,
        line + first.line,
    )


def _child(node: Node | None, part: str | int) -> tuple[object, Node] | None:
    """The mark and the node at a key or an index."""
    if isinstance(node, SequenceNode) and isinstance(part, int):
        items = node.value[part : part + 1]
        return (items[0].start_mark, items[0]) if items else None
    return _value(node, part) if isinstance(node, MappingNode) else None


def _value(node: MappingNode, part: str | int) -> tuple[object, Node] | None:
    for key, value in reversed(node.value):
        if isinstance(key, ScalarNode) and key.value == part:
            return key.start_mark, value
    for key, value in node.value:
        if key.value == "<<":
            return _merged(value, part)
    return None


def _merged(source: Node, part: str | int) -> tuple[object, Node] | None:
    nodes = source.value if isinstance(source, SequenceNode) else [source]
    found = (_child(node, part) for node in nodes)
    return next((child for child in found if child is not None), None)


_OPENED = ("quoted scalar", "flow sequence", "flow mapping")
"""Where libyaml runs on to the end and the mistake is at the beginning."""

_FIXES = {
    "mapping values are not allowed": "quote the value if it holds a colon and a space",
    "cannot start any token": "quote the value",
    "did not find expected": "check the indentation of this line and of the one before",
    "could not find expected ':'": "write a colon and a space after the key",
    "undefined alias": "define the anchor before it is used, or quote the value if it is text",
}
_SPACES = "\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
"""Characters that look like a space or like nothing, and are a part of words to YAML."""
_MISPLACED = re.compile(rf"^[ \t-]*([{_SPACES}])|[:-]([{_SPACES}])")
_VALUE = re.compile(r"[^\n#]*")


def yaml_diagnostic(error: Exception, text: str, place: yaml_reader.Place) -> Diagnostic:
    """The diagnostic for what `compose` raised for `text`."""
    if isinstance(error, yaml_reader.TooDeep):
        return Diagnostic(
            code="manifest/too-deep",
            summary=f"more than {yaml_reader.MAX_DEPTH} lists and mappings within each other",
            locations=(place(error.mark),),
            fix="flatten the document",
        )
    if isinstance(error, MarkedYAMLError):
        return _syntax_diagnostic(error, text, place)
    return _tell_character(error, text, place)


def _syntax_diagnostic(error: MarkedYAMLError, text: str, place: yaml_reader.Place) -> Diagnostic:
    problem = str(error.problem)
    mark = cast("Mark", error.problem_mark)
    if text[mark.index :].startswith("\t"):
        return Diagnostic(
            code="manifest/tab",
            summary="a tab is used for indentation",
            locations=(place(mark),),
            fix="indent with spaces",
        )
    misplaced = misplaced_space(text, mark.line, place)
    if misplaced is not None:
        return misplaced
    detail = str(error.context or "")
    if "alias" in detail:
        return _tell_alias(cast("Mark", error.context_mark), text, place)
    return Diagnostic(
        code="manifest/syntax",
        summary=problem,
        locations=_ordered(error, text, place),
        detail=detail,
        fix=next((fix for word, fix in _FIXES.items() if word in problem), ""),
    )


def misplaced_space(text: str, line: int, place: yaml_reader.Place) -> Diagnostic | None:
    """The character that looks like a space and is none, on a line (from 0) or the one before."""
    lines = text.split("\n")
    for number in range(max(line - 1, 0), min(line + 1, len(lines))):
        found = _MISPLACED.search(lines[number])
        if found:
            column = found.end() - 1
            return Diagnostic(
                code="manifest/character",
                summary=f"{named_character(lines[number][column])} stands where YAML wants a space",
                locations=(place(_At(number, column)),),
                fix="replace it by a space",
            )
    return None


def _tell_alias(mark: Mark, text: str, place: yaml_reader.Place) -> Diagnostic:
    """A value like `*/5 * * * *`, where YAML sees the name of an anchor and finds none."""
    found = _VALUE.match(text, mark.index)
    value = found[0].strip() if found else ""
    quoted = "" if OPEN in value else f', like "{value.rstrip("}],")}"'
    return Diagnostic(
        code="manifest/syntax",
        summary="a value that begins with * is an alias to YAML, and this one is none",
        locations=(place(mark),),
        fix=f'quote the value{quoted}; around a template: "{{{{ name }}}}"',
    )


def _ordered(error: MarkedYAMLError, text: str, place: yaml_reader.Place) -> tuple[Location, ...]:
    problem = place(_within(cast("Mark", error.problem_mark), text))
    if error.context_mark is None:
        return (problem,)
    context = place(_within(error.context_mark, text))
    opened = any(word in str(error.context) for word in _OPENED)
    return (context, problem) if opened else (problem, context)


def _within(mark: Mark, text: str) -> yaml_reader.Point:
    """At the end of the text libyaml points to a line that is not there."""
    end = len(text.rstrip())
    return _Index(text, end) if mark.index >= end else mark


def _tell_character(error: Exception, text: str, place: yaml_reader.Place) -> Diagnostic:
    """A character that YAML does not allow, or that is no character: half a surrogate pair."""
    if isinstance(error, ReaderError):
        code = int(error.character)
        index = text.find(chr(code))
    else:
        index = getattr(error, "start", 0)
        code = ord(text[index])
    return Diagnostic(
        code="manifest/character",
        summary=f"the character U+{code:04X} is not allowed in YAML",
        locations=(place(_Index(text, index)),),
        fix="remove it, or write it as an escape within double quotes",
    )


@dataclass(frozen=True, slots=True)
class _At:
    """A mark made of a line and a column, both from 0."""

    line: int
    column: int


class _Index:
    """A mark made of an index."""

    def __init__(self, text: str, index: int) -> None:
        before = text[: max(index, 0)]
        self.line = before.count("\n")
        self.column = len(before) - before.rfind("\n") - 1


def index_of(error: Exception) -> int:
    """Where in the text `compose` stopped; a search for the next document begins there."""
    mark: Mark | None = getattr(error, "problem_mark", None) or getattr(error, "mark", None)
    return 0 if mark is None else mark.index
