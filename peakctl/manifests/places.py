"""Where a value of a document was written, and how; composed again only when asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from peakctl.manifests.compose import compose
from peakctl.manifests.rendered import OPEN, Rendered

if TYPE_CHECKING:
    from peakctl.model import Location, Path


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

    def _walk(self, path: Path) -> tuple[Any, Node | None]:
        """The mark of the last part of `path` that exists, and the node at `path`, if it does."""
        if self.root is None:
            text = self.rendered.text[self.start : self.end]
            self.root = next(compose(text, careful=True))
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


def _child(node: Node | None, part: str | int) -> tuple[Any, Node] | None:
    """The mark and the node at a key or an index."""
    if isinstance(node, SequenceNode) and isinstance(part, int):
        items = node.value[part : part + 1]
        return (items[0].start_mark, items[0]) if items else None
    return _value(node, part) if isinstance(node, MappingNode) else None


def _value(node: MappingNode, part: str | int) -> tuple[Any, Node] | None:
    for key, value in reversed(node.value):
        if isinstance(key, ScalarNode) and key.value == part:
            return key.start_mark, value
    for key, value in node.value:
        if key.value == "<<":
            return _merged(value, part)
    return None


def _merged(source: Node, part: str | int) -> tuple[Any, Node] | None:
    nodes = source.value if isinstance(source, SequenceNode) else [source]
    found = (_child(node, part) for node in nodes)
    return next((child for child in found if child is not None), None)
