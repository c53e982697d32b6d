"""YAML text to nodes with libyaml, and nodes to values: by a fast builder where a text is simple,
else by one that knows every rule.

The only user of the parser's inner interface. PyYAML's C composer recurses without a limit and dies
on 100,000 brackets, so the depth is bounded in `descend_resolver`, which it calls at each level;
the calls are saved where the text cannot be deep. libyaml has a bound of its own since 0.2.6, and
its scanner, which looks ahead, may meet that one first: whichever does, the error is `TooDeep`, at
the same place. `resolve` decides a scalar's type (YAML 1.2, core schema) and hands it on as the
node's tag.

Duplicate keys, tags, loops and floods of aliases, merges, numbers that JSON lacks, and secrets: the
careful builder tells all problems of a document. The fast one asks for it (`NotSimple`) as soon as
it meets anything but plain mappings, lists and scalars.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from yaml import MappingNode, MarkedYAMLError, Node, ScalarNode, SequenceNode
from yaml._yaml import CParser

from peakctl.errors import Diagnostic, Severity
from peakctl.manifests.render import CLOSE, OPEN
from peakctl.model import JsonDict, Location, Secret, UnsetSecret, Value
from peakctl.model.text import INVISIBLE, first_unseen, named_character, shown_text

if TYPE_CHECKING:
    from peakctl.manifests.secret_tokens import SecretTexts


MAX_DIGITS = 400

_WORDS: Final = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
STARTS: Final = frozenset("0123456789-+.~nNtTfF")
"""First characters of plain scalars that may be no text; the empty one may not either."""

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")


class NumberRefused(ValueError):
    """A number that JSON cannot carry: not a number, infinite, or too long."""


def read_plain(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar. Raises NumberRefused."""
    if text in NULLS:
        return None
    word = _WORDS.get(text)
    if word is not None:
        return word
    return text if text[0] not in STARTS else _number(text)


def _number(text: str) -> str | int | float:
    if _INTEGER.match(text):
        return int(_bounded(text))
    if _FLOAT.match(text):
        return _finite(text)
    if _OCTAL.match(text):
        return int(_bounded(text)[2:], 8)
    if _HEX.match(text):
        return int(_bounded(text)[2:], 16)
    if _ENDLESS.match(text):
        raise NumberRefused(f'"{text}" is not a number that the platform can take')
    return text


def _bounded(text: str) -> str:
    if len(text) > MAX_DIGITS:
        raise NumberRefused(f"a number has more than {MAX_DIGITS} digits")
    return text


def _finite(text: str) -> float:
    value = float(_bounded(text))
    if value in (float("inf"), float("-inf")):
        raise NumberRefused(f'"{text}" is too large a number')
    return value


MAX_DEPTH = 100
NULL = object()
"""Tag of a null, since None as a tag says: the text itself."""

_FEW = MAX_DEPTH // 2
_DEEP_BLOCK = re.compile(rf"^[ \t?:-]{{{_FEW // 2 - 1}}}", re.MULTILINE)
"""A block collection adds a column, a list in a mapping may add none: two levels a column."""


class Point(Protocol):
    """A place in a text; both numbers are from 0."""

    @property
    def line(self) -> int:
        """Which line."""

    @property
    def column(self) -> int:
        """Which character of it."""


class TooDeep(ValueError):
    """Collections within collections, more than `MAX_DEPTH` of them. `mark` is the last's."""

    def __init__(self, mark: Point) -> None:
        super().__init__("too deep")
        self.mark = mark


class _Shallow(CParser):
    """For texts that cannot be deep: C functions that do nothing stand in for the hooks."""

    descend_resolver = operator.is_
    ascend_resolver = tuple

    def resolve(self, kind: type[Node], value: str, implicit: Sequence[bool]) -> object:
        if kind is not ScalarNode or not implicit[0]:
            return None
        if value and value[0] not in STARTS:
            return None
        typed = read_plain(value)
        if typed is None:
            return NULL
        return None if typed.__class__ is str else typed


class _Counted(_Shallow):
    """Bounds the depth."""

    _level = 0

    def descend_resolver(self, parent: Node | None, _index: object) -> None:  # type: ignore[override]
        self._level += 1
        if self._level > MAX_DEPTH and parent is not None:
            raise TooDeep(parent.start_mark)

    def ascend_resolver(self) -> None:  # type: ignore[override]
        self._level -= 1


class _Careful(_Counted):
    """Lets a document be read to its end: a refused number becomes its scalar's tag."""

    def resolve(self, kind: type[Node], value: str, implicit: Sequence[bool]) -> object:
        try:
            return super().resolve(kind, value, implicit)
        except NumberRefused as refused:
            return refused


def compose(text: str, *, careful: bool = False) -> Iterator[Node]:
    """The root node of each document. Typed scalars have their value as tag, texts None.

    Raises YAMLError and TooDeep; NumberRefused unless `careful`, which puts it into the tag.
    """
    parser: Any = _Careful(text) if careful else _fast_parser(text)
    try:
        while parser.check_node():
            yield parser.get_node()
    except MarkedYAMLError as error:
        if careful:
            _check_depth(text[: error.problem_mark.index if error.problem_mark else 0])
        raise


def _check_depth(text: str) -> None:
    """Raise TooDeep if `text`, the part before a fault, is too deep: then that is the fault."""
    parser = _Careful(text)
    with suppress(MarkedYAMLError):
        while parser.check_node():
            parser.get_node()


def _fast_parser(text: str) -> object:
    deep = _DEEP_BLOCK.search(text) or any(
        document.count("[") + document.count("{") >= _FEW for document in text.split("\n---")
    )
    return _Counted(text) if deep else _Shallow(text)


_BLOCKS = ("|", ">")
FREE_NODES = 10_000
MOST_COPIES = 20
"""A document may grow through its aliases to this many nodes for each one written."""

Place = Callable[[Point], Location]


class AliasFlood(ValueError):
    """A document that grows without measure through aliases. `mark` is where it got too big."""

    def __init__(self, mark: Point) -> None:
        super().__init__("alias bomb")
        self.mark = mark


class Builder:
    """Builds one document. `place` turns a mark of the parser into a location."""

    def __init__(self, place: Place, secrets: SecretTexts | None = None) -> None:
        self.problems: list[Diagnostic] = []
        self._place = place
        self._secrets = secrets
        self._written: set[int] = set()
        self._open: set[int] = set()
        self._visits = 0

    def build(self, node: Node) -> Value:
        """The value of `node`; what is wrong is added to `problems`. Raises AliasFlood."""
        self._count(node)
        if node.__class__ is ScalarNode:
            return self._scalar(node)
        if id(node) in self._open:
            self._tell(node, "alias-loop", "a value contains itself through an alias")
            return None
        self._check_tag(node)
        self._open.add(id(node))
        built = self._mapping(node) if isinstance(node, MappingNode) else self._list(node)
        self._open.discard(id(node))
        return built

    def _count(self, node: Node) -> None:
        self._visits += 1
        self._written.add(id(node))
        if self._visits > FREE_NODES + MOST_COPIES * len(self._written):
            raise AliasFlood(node.start_mark)

    def _scalar(self, node: ScalarNode) -> Value:
        tag: Any = node.tag
        if isinstance(tag, NumberRefused):
            self._tell(node, "number", str(tag), fix="quote it if it is meant as text")
            return None
        self._check_tag(node)
        if self._secrets is not None and OPEN in node.value:
            return self._secret(node, self._secrets)
        if tag is NULL:
            return None
        value: Value = node.value if tag is None or isinstance(tag, str) else tag
        return value

    def _secret(self, node: ScalarNode, secrets: SecretTexts) -> Value:
        """A scalar with secrets in it; one that comes to nothing is no secret."""
        for name in secrets.empty_names(node.value):
            self._tell_empty(node, name)
        shown = secrets.reveal(node.value, unescaped=node.style == '"')
        if node.style in _BLOCKS:
            shown = _one_end(node.value, shown)
        value = shown if node.style else _typed(shown)
        if unset := secrets.unset_names(node.value):
            return UnsetSecret(unset[0])
        return Secret(value) if shown else value

    def _list(self, node: Node) -> list[Value]:
        return [self.build(item) for item in node.value]

    def _mapping(self, node: MappingNode) -> dict[str, Value]:
        merged: dict[str, Value] = {}
        built: dict[str, Value] = {}
        first: dict[str, Node] = {}
        for key, value in node.value:
            if _is_merge(key):
                merged = self._merged(value) | merged
                continue
            name = self._name(key)
            if name in first:
                self._tell_twice(name, key, first[name])
            first.setdefault(name, key)
            built[name] = self.build(value)
        return merged | built

    def _name(self, key: Node) -> str:
        if not isinstance(key, ScalarNode):
            self._tell(key, "key", "a key is a list or a mapping", fix="use a text as the key")
            return ""
        self._check_tag(key)
        if self._holds_secret(key.value):
            self._tell_secret_key(key)
        elif unseen := first_unseen(key.value):
            summary = f'the key "{shown_text(key.value)}" holds {named_character(unseen)}'
            self._tell(key, "character", summary, fix="remove it, or write a space")
        return str(key.value)

    def _holds_secret(self, text: str) -> bool:
        return self._secrets is not None and OPEN in text

    def _merged(self, value: Node) -> dict[str, Value]:
        """What `<<: *a` or `<<: [*a, *b]` brings; the earlier of a list wins."""
        sources = value.value if isinstance(value, SequenceNode) else [value]
        merged: dict[str, Value] = {}
        for source in sources:
            built = self.build(source)
            if isinstance(built, dict):
                merged = built | merged
            else:
                self._tell(source, "merge", "<< takes a mapping, or a list of mappings")
        return merged

    def _check_tag(self, node: Node) -> None:
        if node.tag.__class__ is str:
            tag = str(node.tag).replace("tag:yaml.org,2002:", "!!")
            self._tell(
                node,
                "tag",
                f'the tag "{tag}" is not known',
                fix="take it off; quote a value that is to be text",
            )

    def _tell(self, node: Node, code: str, summary: str, *, fix: str = "") -> None:
        self.problems.append(
            Diagnostic(
                code=f"manifest/{code}",
                summary=summary,
                locations=(self._place(node.start_mark),),
                fix=fix,
            )
        )

    def _tell_empty(self, node: Node, name: str) -> None:
        self.problems.append(
            Diagnostic(
                code="template/empty-variable",
                summary=f"the variable {name} is set and empty",
                locations=(self._place(node.start_mark),),
                detail="a secret that the CI does not have often comes as an empty variable",
                fix=f"set it, or give a default: os_env.{name} | default('...', true)",
                severity=Severity.WARNING,
            )
        )

    def _tell_twice(self, name: str, key: Node, first: Node) -> None:
        shown = "(sensitive)" if self._holds_secret(name) else name
        self.problems.append(
            Diagnostic(
                code="manifest/duplicate-key",
                summary=f'the key "{shown}" is there twice',
                locations=(self._place(key.start_mark), self._place(first.start_mark)),
                detail="only one of the two values could count",
                fix="remove or rename one of them",
            )
        )

    def _tell_secret_key(self, key: Node) -> None:
        self.problems.append(
            Diagnostic(
                code="template/secret-key",
                summary="a key comes from the environment",
                locations=(self._place(key.start_mark),),
                detail="values of os_env are secrets, and keys are shown in every plan",
                fix="pass it as a parameter: -p name=value and {{ name }}",
            )
        )


def _one_end(text: str, shown: str) -> str:
    """A block text that ends with a secret has the end that YAML gives the text around it."""
    end = text[len(text.rstrip("\n")) :]
    return shown.rstrip("\n") + end if text.removesuffix(end).endswith(CLOSE) else shown


def _is_merge(key: Node) -> bool:
    return isinstance(key, ScalarNode) and key.value == "<<" and not key.style


def _typed(text: str) -> Value:
    try:
        return read_plain(text)
    except NumberRefused:
        return text


_SCALAR: object = ScalarNode
_MAPPING: object = MappingNode
LINES = "\x00-\x1f"
_UNSEEN = re.compile(rf"[{INVISIBLE.removeprefix(LINES)}]|\\[0abtnvfre_NLPxuU]")
_ANCHOR = re.compile(r"(?:^|[\s,\[{:?-])&[^\s,\[\]{}]", re.MULTILINE)


class NotSimple(ValueError):
    """The careful builder has to read this text."""


def check_simple(text: str) -> None:
    """Raise NotSimple when nodes of `text` may be shared: building those could take for ever.

    And when a key may hold a character that cannot be seen, as it stands or as an escape.
    """
    if "&" in text and _ANCHOR.search(text):
        raise NotSimple
    if _UNSEEN.search(text):
        raise NotSimple


def build_simple(node: Any) -> object:
    """The value of a node. Raises NotSimple."""
    kind = node.__class__
    if kind is _SCALAR:
        return _scalar(node)
    if node.tag is not None:
        raise NotSimple
    if kind is not _MAPPING:
        return [
            item.value if item.__class__ is _SCALAR and item.tag is None else build_simple(item)
            for item in node.value
        ]
    built: JsonDict = {}
    for key, value in node.value:
        if key.__class__ is not _SCALAR or key.tag.__class__ is str:
            raise NotSimple
        if value.__class__ is _SCALAR and value.tag is None:
            built[key.value] = value.value
        else:
            built[key.value] = build_simple(value)
    if len(built) != len(node.value) or "<<" in built:
        raise NotSimple
    return built


def _scalar(node: Any) -> object:
    tag = node.tag
    if tag is None:
        return node.value
    if tag is NULL:
        return None
    if tag.__class__ is str:
        raise NotSimple
    return tag
