"""Manifests as text that a person would have written: the only module that writes YAML files.

What is written passes the project's own loader and gives the same values: texts are quoted where
readers of YAML disagree about them, and what a template would read as its own is escaped.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from yaml import ScalarNode
from yaml.resolver import Resolver

from peakctl.kinds.fields import Field, Kind, below, variant
from peakctl.manifests.secret_tokens import RESERVED
from peakctl.manifests.yaml_reader import NumberRefused, read_plain
from peakctl.model import MAPS, MISSING, Path, Tree, Value
from peakctl.model.records import dataclass
from peakctl.model.text import TemplateText as TemplateText
from peakctl.model.text import printable, spelled_text

API_VERSION = "peakctl/v1"
WIDTH = 100
_ENVELOPE = ("apiVersion", "kind", "metadata", "spec", "dependsOn", "lifecycle")
_INDENT = 2
_NEVER_FOLDED = 2**20
_OPENERS = re.compile(r"\{[{%#]")
_END_OF_RAW = re.compile(r"\{%[-+]?\s*endraw")
_MORE_BOOLEANS = frozenset(("y", "Y", "n", "N"))
_ODD_LINES = re.compile(r"\A[\s]|[ \t]$|[\x85\u2028\u2029\r]", re.MULTILINE)
_TEXT_TAG = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True)
class ManifestText:
    """One manifest to be written.

    `values` are in manifest form: `metadata`, `spec`, and `dependsOn` and `lifecycle` if there are
    any. `comments` stand above the fields at their paths, `head` above the whole. Comments are one
    or several lines, without the `#`.
    """

    kind: Kind
    values: Tree
    comments: Mapping[Path, str] = field(default_factory=dict)
    head: str = ""


def write_documents(documents: Iterable[ManifestText]) -> str:
    """The text of one file with these documents, in their order, ended by a line feed."""
    return "---\n".join(_document(each) for each in documents)


def _document(document: ManifestText) -> str:
    envelope = {"apiVersion": API_VERSION, "kind": document.kind.name, **document.values}
    ordered = {word: envelope[word] for word in _ENVELOPE if word in envelope}
    root = document.kind.root
    tree = {
        word: in_order(root.properties[word], value) if word in root.properties else value
        for word, value in ordered.items()
    }
    return f"{_comment_lines(document.head)}{dump(tree, document.comments)}"


def in_order(rule: Field, value: Value) -> Value:
    """`value` with the keys of its maps in the order of the schema; others keep theirs, behind."""
    rule = variant(rule, value)
    if isinstance(value, MAPS):
        known = [word for word in rule.properties if word in value]
        words = dict.fromkeys([*known, *value])
        return {word: _in_order_below(rule, word, value) for word in words}
    if isinstance(value, list) and rule.items is not None:
        return [in_order(rule.items, item) for item in value]
    return value


def _in_order_below(rule: Field, word: str, value: Mapping[str, Value]) -> Value:
    inner = below(rule, word, value)
    return value[word] if inner is None else in_order(inner, value[word])


def dump(tree: Tree, comments: Mapping[Path, str] | None = None) -> str:
    """`tree` as YAML, its keys in their order, comments above the fields at their paths."""
    from ruamel.yaml import YAML

    writer = YAML()
    writer.width = _NEVER_FOLDED
    writer.allow_unicode = True
    writer.indent(mapping=_INDENT, sequence=2 * _INDENT, offset=_INDENT)
    writer.representer.ignore_aliases = _never_shared
    out = io.StringIO()
    writer.dump(_node(tree, (), comments or {}), out)
    return _finished(out.getvalue())


class EditedDocument:
    """One document as it was written, to be changed in places: comments and the rest stay.

    `tree` is what stands there, templates as texts. Raises EditRefused for what is no YAML before
    its templates ran.
    """

    def __init__(self, text: str) -> None:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        self._writer = YAML()
        self._writer.width = _NEVER_FOLDED
        self._writer.preserve_quotes = True
        self._writer.indent(mapping=_INDENT, sequence=2 * _INDENT, offset=_INDENT)
        try:
            self.tree: Any = self._writer.load(text)
        except YAMLError as error:
            raise EditRefused("it is no YAML before its templates ran") from error
        if not isinstance(self.tree, dict):
            raise EditRefused("it is no manifest")

    def put(self, path: Path, value: Value) -> None:
        """Put `value`, in manifest form, at `path`, all of whose holders are there; MISSING takes
        away what is there."""
        holder = self.tree
        for part in path[:-1]:
            holder = holder[part]
        if value is MISSING:
            holder.pop(path[-1], None)
        else:
            holder[path[-1]] = _node(value, path, {})

    def text(self) -> str:
        """The document with its changes."""
        out = io.StringIO()
        self._writer.dump(self.tree, out)
        return _finished(out.getvalue())


class EditRefused(ValueError):
    """A document cannot be changed in places; the text says why."""


def _finished(text: str) -> str:
    return RESERVED.sub(lambda found: f"\\u{ord(found[0]):04x}", spelled_text(text))


def _never_shared(_: object) -> bool:
    return True


def _node(value: Value, path: Path, comments: Mapping[Path, str]) -> object:
    """The library's own form of a value: maps and lists that carry comments, texts with a style."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    parts: Iterable[tuple[object, Value]]
    if isinstance(value, MAPS):
        node: Any = CommentedMap()
        parts = ((_scalar(word), inner) for word, inner in value.items())
    elif isinstance(value, list):
        node, parts = CommentedSeq(), enumerate(value)
    else:
        return _scalar(value)
    for part, inner in parts:
        here = (*path, part if isinstance(part, int) else str(part))
        made = _node(inner, here, comments)
        node.append(made) if isinstance(part, int) else node.__setitem__(part, made)
        if text := _comment_at(here, comments):
            margin = _INDENT * len(path)
            rows = "\n".join(_comment_rows(text, margin))
            node.yaml_set_comment_before_after_key(part, before=rows, indent=margin)
    return node


def _comment_at(path: Path, comments: Mapping[Path, str]) -> str:
    """What is to stand above `path`. No comment fits between the dash of an item and its fields:

    those of its fields stand above the item.
    """
    if path and isinstance(path[-1], int):
        inner = (
            text for at, text in comments.items() if at[: len(path)] == path and _is_near(at, path)
        )
        return "\n".join(inner)
    return "" if len(path) > 1 and isinstance(path[-2], int) else comments.get(path, "")


def _is_near(at: Path, item: Path) -> bool:
    return len(at) <= len(item) + 1


def _scalar(value: Value) -> object:
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    if not isinstance(value, str):
        return value
    text = value if isinstance(value, TemplateText) else escaped(value)
    if "\n" in text and not _needs_quotes(text) and not _ODD_LINES.search(text):
        return LiteralScalarString(text)
    if "\n" in text or _needs_quotes(text) or is_ambiguous(text):
        return DoubleQuotedScalarString(text)
    return str(text)


def _needs_quotes(text: str) -> bool:
    """Whether it has characters that only a text in double quotes can spell out."""
    return spelled_text(text) != text or bool(RESERVED.search(text))


def is_ambiguous(text: str) -> bool:
    """Whether some reader of YAML, 1.1 or 1.2, takes the plain text for something else."""
    try:
        plain = read_plain(text)
    except NumberRefused:
        return True
    other = Resolver().resolve(ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return plain != text or other != _TEXT_TAG or text in _MORE_BOOLEANS


def escaped(text: str) -> str:
    """`text` as a template that renders to it."""
    if not _OPENERS.search(text):
        return text
    if _END_OF_RAW.search(text):
        return _OPENERS.sub(lambda found: f"{{{{ '{found[0]}' }}}}", text)
    body = text.rstrip("\n")  # the line ends at the end of a block text are outside of the template
    return f"{{% raw %}}{body}{{% endraw %}}{text[len(body) :]}"


def _comment_rows(text: str, margin: int) -> list[str]:
    """Comments are rendered, too: nothing in them may open a template."""
    plain = _OPENERS.sub(lambda found: f"{{ {found[0][1]}", RESERVED.sub("", printable(text)))
    rows = (textwrap.wrap(row, max(WIDTH - margin - 2, 40)) for row in plain.splitlines())
    return [row for lines in rows for row in lines]


def _comment_lines(text: str) -> str:
    return "".join(f"# {row}\n" for row in _comment_rows(text, 0))
