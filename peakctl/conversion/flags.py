"""Flags of a command as fields of its body; variables of the script as templates."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from peakctl.conversion.commands import STEP_NAMES, Flag, Type, flags_of
from peakctl.conversion.drafts import Draft
from peakctl.conversion.shell import TEXT, Word, WordPart
from peakctl.conversion.tree import Map, Piece, Pieces, told
from peakctl.conversion.uses import Use, Uses, is_credential
from peakctl.errors import Diagnostic
from peakctl.model import Location, Value
from peakctl.model.values import list_at


class FlagsReader:
    """Puts flags into bodies. `parameters` are the variables that became parameters, by name."""

    def __init__(self, pieces: Pieces, uses: Uses) -> None:
        self.pieces = pieces
        self.uses = uses
        self.parameters: dict[str, Location] = {}
        self.problems: list[Diagnostic] = []

    def put(self, use: Use, tree: Map) -> Map:
        """Put the flags of a command over its body `tree`; what names no body is returned.

        That is `step` (what `workflows patch` says of all its steps) and `step_names`.
        """
        rest = Map()
        known = flags_of(use.command)
        lists: set[tuple[str, ...]] = set()
        for flag, word in use.flags:
            rule = known[flag]
            top = tree if rule.path[0] in ("body", "artifact") else rest
            holder = top
            for part in rule.path[:-1]:
                holder = holder.map_at(part)
                top.places.setdefault(part, use.place)
            old = holder.get(rule.path[-1]) if rule.path in lists else None
            lists.add(rule.path)
            value = self._value(rule, word, use.place, old)
            if value is not None:
                holder.put(rule.path[-1], value, use.place)
        return rest

    def _value(self, rule: Flag, word: Word | None, place: Location, old: Value) -> Value:
        if rule.type in (Type.ON, Type.OFF):
            return rule.type is Type.ON
        if word is None:
            return None
        if rule.type in (Type.PAIRS, Type.NAMED):
            return self._pair(rule.type, word, place, old)
        if rule.type is Type.LIST:
            return [*list_at(old), *(self.text(each, place) for each in _split(word))]
        if rule.type is Type.JSON:
            return self._json(word, place)
        if rule.type is Type.WHOLE:
            text = word.literal
            return self._number(text) if text is not None else self.template(word, place, bare=True)
        return self.text(word, place)

    def _number(self, text: str) -> int | str:
        return int(text) if text.lstrip("-").isdecimal() else text

    def _json(self, word: Word, place: Location) -> Value:
        try:
            return tree_of(json.loads(word.literal or ""), place)
        except ValueError:
            self.problems.append(
                told("convert/flag", "a flag holds no JSON: it was left out", place)
            )
            return None

    def _pair(self, type_: Type, word: Word, place: Location, old: Value) -> Value:
        name, value = _pair(word)
        text = self.text(value, place, secret=is_credential(name))
        if type_ is Type.PAIRS:
            out = old if isinstance(old, Map) else Map()
            out.put(name, text, place)
            return out
        item = Map()
        item.put("name", name, place)
        item.put("value", text, place)
        return [*list_at(old), item]

    def text(self, word: Word, place: Location, *, secret: bool = False) -> str:
        """A word as a text, or as a template of one."""
        text = word.literal
        return self.template(word, place, secret=secret) if text is None else text

    def template(
        self, word: Word, place: Location, *, secret: bool = False, bare: bool = False
    ) -> Piece:
        """A word with variables as a template. `bare`: what it gives may be a number.

        Variables that hold secrets are read from the environment, others are parameters.
        """
        value = "".join(self._part(part, place, secret=secret) for part in word.parts)
        text = value if bare else _quoted(value)
        return self.pieces.piece(text, place, value=value)

    def _part(self, part: WordPart, place: Location, *, secret: bool) -> str:
        if part.sort == TEXT:
            return part.text
        if secret or self.uses.is_secret(part):
            return f"{{{{ os_env.{part.text} }}}}"
        self.parameters.setdefault(part.text, place)
        return f"{{{{ {part.text} }}}}"


def _quoted(template: str) -> str:
    """A template as a quoted text of YAML: expressions of names alone need no escape."""
    return json.dumps(template, ensure_ascii=False)


def _split(word: Word) -> list[Word]:
    text = word.literal
    if text is None:
        return [word]
    return [Word([WordPart(TEXT, each)]) for each in text.split(",")]


def _pair(word: Word) -> tuple[str, Word]:
    """`k=v`; a word without an equals sign is a name without a value."""
    first = word.parts[0].text if word.parts and word.parts[0].sort == TEXT else ""
    name, _, rest = first.partition("=")
    parts = ([WordPart(TEXT, rest)] if rest else []) + word.parts[1:]
    return name, Word(parts)


def tree_of(value: Value, place: Location) -> Value:
    """Plain data as a tree, all of it at one place."""
    if isinstance(value, Mapping):
        out = Map()
        for key, inner in value.items():
            out.put(str(key), tree_of(inner, place), place)
        return out
    return [tree_of(each, place) for each in value] if isinstance(value, list) else value


def take_rest(draft: Draft, rest: Map, shown: Callable[[Value], str] = str) -> None:
    """What `workflows patch` says of its steps, given to the draft."""
    steps = rest.get("step")
    if isinstance(steps, Map):
        draft.steps = steps
    names = rest.get(STEP_NAMES[0])
    draft.step_names = tuple(shown(name) for name in names) if isinstance(names, list) else ()
