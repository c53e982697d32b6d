"""What reads do not show: which values a ledger keeps digests of, and what stands in for them.

Both walk the very comparison, so that they cannot disagree about a place or a form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

from peakctl.engine.diff.align import (
    MASKED,
    MAY_SAY_NOTHING,
    Alignment,
    Pair,
    is_empty,
    says_no_more,
    why_unseen,
)
from peakctl.kinds.fields import Absent, Field, Kind, child, free, is_free, variant
from peakctl.ledger.digests import StoredDigests
from peakctl.model import Skipped, copy_tree, drop_at, holds_secret, leaf_places, unknowns, value_at
from peakctl.model.records import dataclass
from peakctl.model.values import (
    MAPS,
    MASKING,
    MISSING,
    UNSEEN,
    Path,
    Secret,
    Tree,
    Value,
    dotted,
    holds_unset,
    is_masked,
    mapping_at,
)

if TYPE_CHECKING:
    from peakctl.engine.observe.live_state import LiveState

HIDDEN_STAYS = "the release hides it, so what a manifest leaves out stays as it is"
ABSENCE_TELLS = (Absent.CLEAR, Absent.DEFAULT)


@dataclass(frozen=True, slots=True)
class Recall:
    """Puts what `memory` knows of an unseen value beside what is wanted there.

    `hidden` are paths whose values the platform masks.
    """

    memory: StoredDigests
    hidden: frozenset[Path] = frozenset()

    def __call__(self, rule: Field, desired: Value, path: Path) -> Pair | None:
        """The pair to compare, None when nothing is known (or nothing is asked for)."""
        if desired is MISSING and rule.absent not in ABSENCE_TELLS:
            return None
        if not (self.memory.knows(path) if is_unseen(rule) else self.memory.has(path)):
            return None
        wanted = comparable(rule, desired, path, self.hidden)
        return wanted, self._found(rule, wanted, path)

    def is_as_applied(self, rule: Field, desired: Value, path: Path) -> bool:
        """Whether what is remembered at `path` is what is wanted there now."""
        wanted = comparable(rule, desired, path, self.hidden)
        return self._found(rule, wanted, path) == wanted

    def _found(self, rule: Field, wanted: Value, path: Path) -> Value:
        """What was there: the wanted value where it was that, UNSEEN where it was another."""
        chosen = variant(rule, wanted)
        if holds_unset(wanted) and not has_entries(chosen):
            return wanted
        same = self.memory.same(path, wanted)
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


def still_secret(live: Value, memory: StoredDigests, path: Path) -> Value:
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
    return split_values(kind, desired, hidden)[0]


def split_values(
    kind: Kind, desired: Tree, hidden: frozenset[Path] = frozenset()
) -> tuple[dict[Path, Value], Tree]:
    """What `unseen_values` gives, and what `seen_values` gives, in one walk."""
    found: dict[Path, Value] = {}

    def note(rule: Field, value: Value, path: Path) -> None:
        found.update(units(rule, comparable(rule, value, path, hidden), path))

    seen, _ = Alignment(partial(_why_kept, hidden), note).align(kind.root, desired, MISSING)
    unseen = {path: value for path, value in found.items() if not any(unknowns(value))}
    return unseen, mapping_at(seen)


def seen_values(kind: Kind, desired: Tree) -> Tree:
    """`desired` in comparable form, without the values that `unseen_values` gives, and files."""
    alignment = Alignment(partial(_why_kept, frozenset()))
    wanted, _ = alignment.align(kind.root, desired, MISSING)
    return mapping_at(wanted)


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


ANY = "*"


def shown_fields(kind: Kind, world: LiveState) -> Callable[[Path], bool]:
    """A predicate over paths: whether reads of this kind have been seen to return the field.

    The examples of the platform's reference are short, so a field marked unseen may be missing from
    a read because it is unset, or because reads never show it. It counts as shown once any resource
    of the kind has it.
    """

    @cache
    def seen() -> frozenset[Path]:
        lives = [live for key, live in world.live.items() if key.kind == kind.name]
        return frozenset(path for each in lives for path in unseen_present(kind.root, each.values))

    return lambda path: any(_matches(path, place) for place in seen())


def _matches(path: Path, place: Path) -> bool:
    return len(path) == len(place) and all(
        word in (part, ANY) for part, word in zip(path, place, strict=True)
    )


def unseen_present(rule: Field, value: Value, path: Path = ()) -> Iterator[Path]:
    """Places of the unseen fields that a read returned all the same.

    A field that one item of a list, or one entry of a map with free keys, shows is shown in all.
    """
    if not rule.may_be_unseen:
        return
    if rule.unseen:
        yield path
    if isinstance(value, list) and rule.items is not None:
        for item in value:
            yield from unseen_present(rule.items, item, (*path, ANY))
    if isinstance(value, MAPS):
        chosen = variant(rule, value)
        for word, inner_value in value.items():
            inner = child(chosen, word)
            if inner is not None:
                named = word if word in chosen.properties else ANY
                yield from unseen_present(inner, inner_value, (*path, named))


def leave_hidden(
    desired: Tree, live: Tree, hidden: Iterable[Path], dropped: Callable[[Path], bool]
) -> tuple[Tree, tuple[Skipped, ...]]:
    """`live` without the hidden values that `desired` leaves out, and a note of each.

    A manifest that was made from a read cannot have them, so leaving them out is no wish to remove
    them; but where the wanted release has no such parameter any more (`dropped`), they go.
    """
    spec = live.get("spec", MISSING)
    places = leaf_places(spec, ("spec",)) if _may_hide(spec) else ()
    masked = [path for path, leaf in places if _hides(leaf) and not _in_list(path)]
    left = [
        path
        for path in sorted({*hidden, *masked}, key=dotted)
        if value_at(live, path) not in (MISSING, None)
        and value_at(desired, path) is MISSING
        and not dropped(path)
    ]
    if not left:
        return live, ()
    tree = copy_tree(live)
    for path in left:
        drop_at(tree, path)
    return tree, tuple(Skipped(path, HIDDEN_STAYS) for path in left)


def _may_hide(value: Value) -> bool:
    """Whether anything in a tree looks like a hidden value: hardly ever, so it is told quickly."""
    if isinstance(value, str):
        return value[:1] in MASKING
    if isinstance(value, MAPS):
        return any(map(_may_hide, value.values()))
    return any(map(_may_hide, value)) if isinstance(value, list) else isinstance(value, Secret)


def _hides(leaf: Value) -> bool:
    return is_masked(leaf.reveal() if isinstance(leaf, Secret) else leaf)


def _in_list(path: Path) -> bool:
    return any(isinstance(part, int) for part in path)
