"""Rendered text to documents: YAML 1.2 core, nothing lost and nothing guessed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from yaml import Node, YAMLError

from peakctl.errors import Diagnostic
from peakctl.manifests.build import Bomb, Builder
from peakctl.manifests.compose import TooDeep, compose
from peakctl.manifests.faults import index_of, tell_fault, tell_odd_space
from peakctl.manifests.places import place_document
from peakctl.manifests.quick import NeedsCare, build_quick, check_quick
from peakctl.manifests.scalars import NumberRefused
from peakctl.model import Document, Location, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peakctl.manifests.rendered import Rendered

Parsed = tuple[tuple[Document, ...], tuple[Diagnostic, ...]]
_FAULTS = (YAMLError, TooDeep, UnicodeEncodeError)


def parse(rendered: Rendered) -> Parsed:
    """The documents of a text, empty ones left out, and all its problems.

    Mappings only; keys are text; a scalar that holds a secret is a `Secret`.
    """
    try:
        return tuple(_read_quick(rendered)), ()
    except (*_FAULTS, NeedsCare, NumberRefused):
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


def _read_quick(rendered: Rendered) -> Iterator[Document]:
    if rendered.secrets is not None:
        raise NeedsCare
    check_quick(rendered.text)
    for root in compose(rendered.text):
        value = build_quick(root)
        if isinstance(value, dict):
            yield _document(rendered, root, value, start=0, line=0)
        elif value is not None:
            raise NeedsCare


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
            for root in compose(text, careful=True):
                self._build(root)
        except _FAULTS as error:
            self.problems.append(tell_fault(error, text, self._place))
            return self._skip(text, index_of(error))
        return False

    def _skip(self, text: str, index: int) -> bool:
        found = text.find("\n---", max(index - 1, 0))
        self.line += text.count("\n", 0, found + 1)
        self.start += found + 1
        return found >= 0

    def _place(self, mark: Any) -> Location:
        return self.rendered.place(self.line + mark.line, mark.column)

    def _build(self, root: Node) -> None:
        builder = Builder(self._place, self.rendered.secrets)
        try:
            value = builder.build(root)
        except Bomb as bomb:
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
        odd = tell_odd_space(text, root.start_mark.line, self._place)
        if odd is None:
            self._tell("not-a-mapping", "the document is not a mapping", root.start_mark)
        else:
            self.problems.append(odd)

    def _tell(self, code: str, summary: str, mark: Any) -> None:
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
