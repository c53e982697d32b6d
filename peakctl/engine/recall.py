"""What reads do not show: which values a ledger is to keep digests of, and what they tell.

Both walk the very comparison, so that they cannot disagree about a place or a form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from peakctl.engine.align import (
    MASKED,
    MAY_SAY_NOTHING,
    Alignment,
    is_empty,
    says_no_more,
    why_unseen,
)
from peakctl.engine.keyed import free, is_free
from peakctl.engine.tree import child, holds_secret, unknowns, variant
from peakctl.kinds.fields import Absent
from peakctl.model import MAPS, MISSING, UNSEEN, Path, Tree, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peakctl.engine.align import Pair
    from peakctl.kinds.fields import Field, Kind
    from peakctl.ledger.memory import Memory

ABSENCE_TELLS = (Absent.CLEAR, Absent.DEFAULT)


@dataclass(frozen=True, slots=True)
class Recall:
    """Puts what `memory` knows of an unseen value beside what is wanted there.

    `hidden` are paths whose values the platform masks.
    """

    memory: Memory
    hidden: frozenset[Path] = frozenset()

    def __call__(self, rule: Field, desired: Value, path: Path) -> Pair | None:
        """The pair to compare, None when nothing is known (or nothing is asked for)."""
        if desired is MISSING and rule.absent not in ABSENCE_TELLS:
            return None
        if not (self.memory.knows(path) if is_unseen(rule) else self.memory.has(path)):
            return None
        wanted = comparable(rule, desired, path, self.hidden)
        return wanted, self._found(rule, wanted, path)

    def _found(self, rule: Field, wanted: Value, path: Path) -> Value:
        """What was there: the wanted value where it was that, UNSEEN where it was another."""
        same = self.memory.same(path, wanted)
        chosen = variant(rule, wanted)
        if same is not None:
            was_none = has_entries(chosen) or self.memory.same(path, MISSING)
            return wanted if same else MISSING if was_none else UNSEEN
        entries = wanted if isinstance(wanted, MAPS) else {}
        found: dict[str, Value] = {}
        for word in dict.fromkeys((*entries, *self.memory.words(path))):
            inner, want = child(chosen, word), entries.get(word, MISSING)
            left_alone = wanted is not MISSING and want is MISSING and _stays(chosen, word)
            if inner is None or left_alone:
                continue
            have = self._found(inner, want, (*path, word))
            if have is not MISSING:
                found[word] = have
        return found or MISSING


def is_unseen(rule: Field) -> bool:
    """Whether reads may leave the whole field out."""
    return rule.unseen or rule.absent is Absent.WRITE_ONLY


def has_entries(rule: Field) -> bool:
    """Whether values of the field are maps that the schema describes: remembered by their entries.

    Lists and free values are sent as one, and are remembered as one.
    """
    return bool(rule.properties or rule.extra)


def _stays(rule: Field, word: str) -> bool:
    """Whether the platform keeps an entry that is not stated."""
    return word in rule.properties and rule.properties[word].absent not in ABSENCE_TELLS


def comparable(rule: Field, desired: Value, path: Path, hidden: frozenset[Path]) -> Value:
    """A value in the form in which it is compared, all of it; MISSING for what says nothing."""
    if desired is MISSING or desired is None:
        desired = rule.default if rule.absent is Absent.DEFAULT else MISSING
    nothing = is_empty(desired) or says_no_more(rule, desired)
    if desired is MISSING or (nothing and is_unseen(rule) and rule.absent in MAY_SAY_NOTHING):
        return MISSING
    wanted, _ = Alignment(lambda *_: "").present(rule, desired, MISSING, path)
    return free(wanted, secret=True) if path in hidden else wanted


def still_secret(live: Value, memory: Memory, path: Path) -> Value:
    """A live value in comparable form, sealed where a secret was applied, whatever is there now.

    A digest alone does not make a value secret: plain values that reads leave out have one too.
    """
    if memory.was_secret(path):
        return free(live, secret=True)
    if isinstance(live, MAPS):
        return {word: still_secret(value, memory, (*path, word)) for word, value in live.items()}
    if isinstance(live, list):
        return [still_secret(item, memory, (*path, i)) for i, item in enumerate(live)]
    return live


def unseen_values(
    kind: Kind, desired: Tree, hidden: frozenset[Path] = frozenset()
) -> dict[Path, Value]:
    """Every value whose digest is to be kept when `desired` is applied, by its place.

    Those are the ones that a later read may leave out or mask; MISSING stands for a field that is
    not stated. Files are told by digests of their own; what is deferred plans nothing; an id that
    is not known yet has not been sent.
    """
    found: dict[Path, Value] = {}

    def note(rule: Field, value: Value, path: Path) -> None:
        found.update(units(rule, comparable(rule, value, path, hidden), path))

    Alignment(partial(_why_kept, hidden), note).align(kind.root, desired, MISSING)
    return {path: value for path, value in found.items() if not any(unknowns(value))}


def _why_kept(hidden: frozenset[Path], rule: Field, desired: Value, live: Value, path: Path) -> str:
    """The reason for which a later read may not show the value."""
    if desired is not MISSING and desired is not None and not is_unseen(rule):
        whole = not isinstance(desired, (*MAPS, list)) or is_free(variant(rule, desired))
        if path in hidden or (whole and (rule.sensitive or holds_secret(desired))):
            return MASKED
    return why_unseen(lambda _: False, hidden, rule, desired, live, path)


def units(rule: Field, wanted: Value, path: Path) -> Iterator[tuple[Path, Value]]:
    """The parts of a comparable value that are remembered one by one.

    A map that the schema describes is remembered by its entries, at any depth.
    """
    chosen = variant(rule, wanted)
    if not (has_entries(chosen) and isinstance(wanted, MAPS) and wanted):
        yield path, wanted
        return
    for word, value in wanted.items():
        inner = child(chosen, word)
        assert inner is not None  # noqa: S101 - only what has a rule is comparable
        yield from units(inner, value, (*path, word))
