"""A folded draft made fit to be a manifest: types, secrets, references, paths, placeholders."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from peakctl.conversion.body_text import TEMPLATE
from peakctl.conversion.drafts import Draft
from peakctl.conversion.ids import id_word
from peakctl.conversion.tree import NOWHERE, Map, Part, Piece, Pieces, pieces_in, told, walk
from peakctl.conversion.uses import is_credential
from peakctl.engine.export import looks_secret
from peakctl.errors import Diagnostic
from peakctl.kinds.fields import Field, Kind, field_at
from peakctl.manifests.writer import TemplateText
from peakctl.model import Location, Path, Tree, Value
from peakctl.model.records import dataclass
from peakctl.model.values import set_at, value_at
from peakctl.settings import credential_reason

_HARMLESS = re.compile(
    r"(accept(-\w+)*|content-(type|encoding|language|disposition)|user-agent|cache-control)\Z", re.I
)
"""Headers whose values are no secrets, though those of others often are."""
_LITERAL = re.compile(
    r"""(?P<before>(?:set\s+(?P<name>\w+)\s*=\s*)?)(?P<quote>["'])(?P<text>.*?)(?P=quote)"""
)
_BARE = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)\s*-?\}\}")
_SHORTEST = 6
"""Characters of a secret from which on a comment that has them is left out."""
_GENERAL = frozenset(("token", "url", "value", "password", "key", "secret"))
"""Names of fields that say little without what they stand in."""
ID_COMMENT = "an id is good in one tenant alone; convert -e ENVIRONMENT looks up the name"
VERSION_COMMENT = "without this line peakctl counts versions itself: a change takes the next one"


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A leaf of a tree: its path, and what holds it."""

    path: Path
    holder: Map | list[Value]

    @property
    def value(self) -> Value:
        return value_at(self.holder, self.path[-1:])

    @property
    def place(self) -> Location | None:
        return self.holder.places.get(str(self.path[-1])) if isinstance(self.holder, Map) else None

    @property
    def label(self) -> str | int:
        """The key; for the value of an item that has a name beside it, that name."""
        name = value_at(self.holder, ("name",)) if self.path[-1] == "value" else None
        return str(name) if isinstance(name, str) and not isinstance(name, Piece) else self.path[-1]

    def put(self, value: Value) -> None:
        """Replace the leaf."""
        set_at(self.holder, self.path[-1:], value)


@dataclass(slots=True)
class Finisher:
    """Finishes drafts one after the other; variables are named once.

    `made` are ids and variables of scripts that stand for a resource of this conversion: kind and
    name by the text of the template or id.
    """

    pieces: Pieces
    made: Mapping[str, Draft] = field(default_factory=dict)
    variables: dict[str, tuple[Location, str]] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _hidden: set[str] = field(default_factory=set)

    def finish(self, draft: Draft, kind: Kind, folder: str) -> None:
        """Make `draft` a manifest of `kind` that lies in `folder`."""
        tree = _whole(draft)
        self._placeholders(draft)
        self._templates(draft, tree)
        for leaf in list(_leaves(tree)):
            rule = field_at(kind.root, leaf.path, tree)
            self._text(leaf, rule)
            self._secret(draft, leaf, rule, free=not _is_declared(kind, leaf.path, tree))
        for _, key, path in walk(tree):
            if isinstance(key, Piece):
                self._block(draft, key, kind, path)
        self._comments(draft, tree)
        self._references(draft, tree)
        self._artifact(draft, folder)
        self._lacking(draft)

    # --- types -------------------------------------------------------------------------------

    def _text(self, leaf: _Leaf, rule: Field | None) -> None:
        """A number or a word of YAML 1.1 where the schema wants a text."""
        value = leaf.value
        wants_text = rule is not None and "string" in rule.types
        if not wants_text or not isinstance(value, bool | int | float):
            return
        if rule and {"integer", "number", "boolean"} & rule.types:
            return
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        leaf.put(shown)
        self.problems.append(
            told(
                "convert/not-text",
                f"{leaf.path[-1]} is a text, and the client read it as {shown}: "
                f'it is "{shown}" now',
                leaf.place or NOWHERE,
                detail="by YAML 1.1, yes is true, 010 is 8, and 1.10 is 1.1",
                fix="write what is meant between quotes",
            )
        )

    # --- secrets -----------------------------------------------------------------------------

    def _secret(self, draft: Draft, leaf: _Leaf, rule: Field | None, *, free: bool) -> None:
        """A literal that is secret, or looks like one, becomes a variable of the environment."""
        value, path = leaf.value, (*leaf.path[:-1], leaf.label)
        if isinstance(value, Piece):
            literal = TEMPLATE.sub("", value.value)
            if value.is_block or not looks_secret((), literal):
                return
        elif isinstance(value, TemplateText | bool) or not isinstance(value, str | int | float):
            return
        text = value.value if isinstance(value, Piece) else str(value)
        if self._is_secret(text, rule, path, free=free):
            name = self.variable(draft, path, text, leaf.place or draft.place)
            leaf.put(TemplateText(f"{{{{ os_env.{name} }}}}"))

    def _is_secret(self, text: str, rule: Field | None, path: Path, *, free: bool) -> bool:
        """`free`: the schema has no such field, so that its name may tell."""
        if not text:
            return False
        if rule is not None and rule.sensitive:
            return not _HARMLESS.match(str(path[-1])) or bool(looks_secret((), text))
        return bool(looks_secret(path if free else (), text))

    def variable(self, draft: Draft, path: Path, text: str, place: Location) -> str:
        """The variable for a secret; the same secret has the same one everywhere."""
        self._hidden.add(text)
        word = str(path[-1])
        known = self._names.get(f"{word}\0{text}")
        if known is None:
            plain = draft.name if not TEMPLATE.search(draft.name) else draft.kind
            above = [str(part) for part in path[1:-1] if isinstance(part, str)][-1:]
            known = self._free([plain, *(above if word in _GENERAL else ()), word])
            self._names[f"{word}\0{text}"] = known
            self.variables[known] = (place, f"{draft.kind} {draft.name}: {word}")
        self.problems.append(
            told(
                "convert/literal-secret",
                f"{word} holds a literal secret: it comes from os_env.{known} now",
                place,
                fix=f"set {known} where manifests are applied, and replace what stood in a file",
            )
        )
        return known

    def _free(self, words: list[str]) -> str:
        base = re.sub(r"[^A-Z0-9]+", "_", "_".join(words).upper()).strip("_")
        base = base if base[:1].isalpha() else f"VALUE_{base}"
        base = f"MANIFEST_{base}" if credential_reason(base) else base
        name, number = base, 1
        while name in self.variables:
            number += 1
            name = f"{base}_{number}"
        return name

    def _block(self, draft: Draft, piece: Piece, kind: Kind, path: Path) -> None:
        """Literal secrets within lines that are kept."""
        text = piece.text
        for part in sorted(piece.parts, key=lambda each: each.start, reverse=True):
            at = (*path[:-1], *part.path)
            free = not _is_declared(kind, at, {})
            if self._is_secret(part.value, field_at(kind.root, at, {}), at, free=free):
                name = self.variable(draft, at, part.value, piece.place)
                text = _replaced(text, part, f"'{{{{ os_env.{name} }}}}'")
        piece.text = text

    # --- secrets within templates ------------------------------------------------------------

    def _templates(self, draft: Draft, tree: Map) -> None:
        """Literals in what a template says: `{% set token = "..." %}`, `default("...")`."""
        draft.head = self._without_literals(draft, draft.head, draft.place)
        for piece in pieces_in(tree):
            piece.text = self._without_literals(draft, piece.text, piece.place)
            if piece.is_block:
                piece.text = "\n".join(_uncommented(row) for row in piece.text.split("\n"))
            else:
                piece.value = self._without_literals(draft, piece.value, piece.place)

    def _without_literals(self, draft: Draft, text: str, place: Location) -> str:
        def literal(found: re.Match[str]) -> str:
            name = found["name"] or "value"
            if not (looks_secret((), found["text"]) or is_credential(name)):
                return found[0]
            variable = self.variable(draft, ("", name), found["text"], place)
            return f"{found['before']}os_env.{variable}"

        def template(found: re.Match[str]) -> str:
            if found[0].startswith("{#"):
                return "" if looks_secret((), found[0]) else found[0]
            return _LITERAL.sub(literal, found[0])

        return TEMPLATE.sub(template, text)

    def hidden(self, text: str) -> bool:
        """Whether a comment repeats a secret, or looks like one."""
        return bool(looks_secret((), text)) or any(
            secret in text for secret in self._hidden if len(secret) >= _SHORTEST
        )

    def _comments(self, draft: Draft, tree: Map) -> None:
        """Comments without those that hold a secret."""
        draft.comments = [each for each in draft.comments if not self.hidden(each)]
        for holder, key, _ in walk(tree):
            if self.hidden(holder.notes.get(key, "")):
                del holder.notes[key]

    # --- placeholders of the platform --------------------------------------------------------

    def _placeholders(self, draft: Draft) -> None:
        """`{{ name }}` in what http steps send is for the platform, unless it is a parameter."""
        for holder, key, path in walk(draft.spec):
            value = holder.get(key)
            if key not in ("payload", "url") or not isinstance(value, Piece) or value.is_block:
                continue
            if holder.get("type") != "http" and "webhook" not in path:
                continue
            names = set(_BARE.findall(value.value))
            templates = TEMPLATE.findall(value.value)
            if len(templates) != len(_BARE.findall(value.value)) or names & draft.known:
                continue
            holder[key] = value.value
            self.problems.append(
                told(
                    "convert/placeholder",
                    f"{', '.join(sorted(names))} in {key} is kept for the platform to fill in",
                    value.place,
                    detail="the client renders such names to nothing where they are no parameters",
                    fix="if it is meant as a parameter, take `{% raw %}` out of the manifest",
                )
            )

    # --- references and paths ----------------------------------------------------------------

    def _references(self, draft: Draft, tree: Map) -> None:
        """Ids of what this conversion makes become names; others get a comment."""
        for holder, key, path in walk(tree):
            if id_word(key, path) is not None:
                self._reference(holder, key, path)
        versions = draft.spec if draft.kind == "Image" else draft.spec.get("release")
        if isinstance(versions, Map) and "version" in versions:
            versions.note("version", VERSION_COMMENT)

    def _reference(self, holder: Map, key: str, path: Path) -> None:
        value = holder.get(key)
        text = value.value if isinstance(value, Piece) else str(value)
        found = self.made.get(text)
        if found is None:
            if not isinstance(value, Piece) and not str(value).startswith("@param:"):
                holder.note(key, ID_COMMENT)
            return
        place = holder.places.get(key)
        name = found.metadata.get("name")
        for word in (key, "imageVersionId", "versionId"):
            holder.pop(word, None)
        if key == "imageId" and path[-2:-1] != ("imageDetails",):
            details = Map()
            details.put("name", name, place)
            holder.put("imageDetails", details, place)
        else:
            holder.put("name", name, place)
            holder.pop("release", None)
            holder.pop("releaseVersion", None)

    def _artifact(self, draft: Draft, folder: str) -> None:
        """Paths are relative to the manifest, and were so to the client's working directory."""
        artifact = draft.spec.get("artifact")
        path = artifact.get("path") if isinstance(artifact, Map) else None
        if not isinstance(path, str) or not isinstance(artifact, Map):
            return
        there = posixpath.relpath(draft.folder or ".", folder or ".")
        if isinstance(path, Piece):
            if there != "." and not path.value.startswith("/"):
                value = f"{there}/{path.value}"
                quoted = '"' if '"' not in value else "'"
                made = self.pieces.piece(f"{quoted}{value}{quoted}", path.place, value=value)
                artifact["path"] = made
        elif not path.startswith("/"):
            artifact["path"] = posixpath.normpath(posixpath.join(there, path))

    # --- what is left to do by hand ----------------------------------------------------------

    def _lacking(self, draft: Draft) -> None:
        for holder, key, _ in walk(draft.spec):
            step = holder.get(key)
            if isinstance(step, Map) and step.get("type") == "http" and "method" not in step:
                step.note("type", "to be done: which method? get, post, put, patch or delete")
                self.problems.append(
                    told(
                        "convert/incomplete",
                        f'the http step "{key}" has no method',
                        holder.place(key),
                        fix="add method: to the step",
                    )
                )


def _whole(draft: Draft) -> Map:
    tree = Map()
    tree.put("metadata", draft.metadata)
    tree.put("spec", draft.spec)
    return tree


def _uncommented(row: str) -> str:
    """A line without its comment, if that looks like a secret."""
    before, sign, comment = row.partition("#")
    return before.rstrip() if sign and looks_secret((), comment) else row


def _leaves(value: Map | list[Value], path: Path = ()) -> Iterator[_Leaf]:
    for key, inner in value.items() if isinstance(value, Map) else enumerate(value):
        if isinstance(inner, Map | list):
            yield from _leaves(inner, (*path, key))
        else:
            yield _Leaf((*path, key), value)


def _is_declared(kind: Kind, path: Path, tree: Tree) -> bool:
    """Whether the schema has this very field, and not just any key in its place."""
    parent = field_at(kind.root, path[:-1], tree)
    return parent is not None and path[-1] in parent.properties


def _replaced(text: str, part: Part, new: str) -> str:
    return text[: part.start] + new + text[part.end :]
