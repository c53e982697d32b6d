"""What of a live resource no output may show, and where a manifest has secrets.

Secret is what the schema calls sensitive, what the deployed release hides, what the platform shows
masked, and what stands where a secret was applied.
"""

from __future__ import annotations

from collections.abc import Iterator

from peakctl.engine.diff.align import keys_of
from peakctl.kinds.fields import Field, Kind, child, variant
from peakctl.ledger.digests import StoredDigests, place
from peakctl.model import MAPS, MASK, Live, Path, Secret, Tree, Value, seal_at, sealed, sealed_below
from peakctl.model.values import is_masked


def secret_places(kind: Kind, desired: Tree) -> tuple[str, ...]:
    """The places of the secrets of `desired`, as a ledger has them."""
    return tuple(sorted({place(path) for path in _secrets(kind.root, desired, ())}))


def _secrets(rule: Field | None, value: Value, path: Path) -> Iterator[Path]:
    if isinstance(value, Secret):
        yield path
    elif isinstance(value, MAPS):
        chosen = variant(rule, value) if rule else None
        for word, each in value.items():
            yield from _secrets(child(chosen, word) if chosen else None, each, (*path, word))
    elif isinstance(value, list):
        for word, item in zip(_words(rule, value), value, strict=True):
            yield from _secrets(rule.items if rule else None, item, (*path, word))


def _words(rule: Field | None, items: list[Value]) -> list[str]:
    """The words under which the items of a list are compared: their keys, else their numbers."""
    if rule is not None and (rule.list_key or rule.unordered):
        return keys_of(rule, items)
    return [str(i) for i in range(len(items))]


def sealed_live(kind: Kind, live: Live, memory: StoredDigests) -> Tree:
    """The values of `live` with a `Secret` for each leaf that must not be shown."""
    values = seal_at(live.values, live.hidden)
    return {
        word: _sealed(child(kind.root, word), value, memory, (word,))
        for word, value in values.items()
    }


def _sealed(rule: Field | None, value: Value, memory: StoredDigests, path: Path) -> Value:
    if memory.was_secret(path):
        return sealed_below(value)
    if isinstance(value, MAPS):
        chosen = variant(rule, value) if rule else None
        return {
            word: _sealed(child(chosen, word) if chosen else None, each, memory, (*path, word))
            for word, each in value.items()
        }
    if isinstance(value, list):
        return list(_sealed_items(rule, value, memory, path))
    hidden = (rule is not None and rule.sensitive) or is_masked(value)
    return sealed(value) if hidden else value


def _sealed_items(
    rule: Field | None, items: list[Value], memory: StoredDigests, path: Path
) -> Iterator[Value]:
    """Items under the words by which they are remembered: keys where the list has some.

    Where a key was a secret, it is remembered as a mask, so any item that no other key tells of may
    be that one.
    """
    known = memory.secret_words(path)
    unnamed = any(word.startswith(MASK) for word in known)
    for word, item in zip(_words(rule, items), items, strict=True):
        if unnamed and word not in known:
            yield sealed_below(item)
        else:
            yield _sealed(rule.items if rule else None, item, memory, (*path, word))
