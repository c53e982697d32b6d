"""Both sides of a comparison in one form, so that what differs is what matters.

Defaults are filled in, what the platform decides is left out, lists with a key become maps, sets
lose their order, secrets hide. What is left out of the comparison is noted with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peakctl.engine.tree import child, holds_secret, sealed, value_at, variant
from peakctl.kinds.fields import Absent
from peakctl.model import MISSING, Path, Secret, Skipped, Unknown, Value, dotted

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field

NOT_COMPARED = (Absent.READ_ONLY, Absent.BY_NAME, Absent.LOCAL)
NO_DIGEST = "no digest of its files is known, so they count as equal"
NEVER_RETURNED = "the platform never returns it"
NOT_SHOWN = "the platform did not return it"
MASKED = "the platform returns it masked"
Pair = tuple[Value, Value]
NOTHING: Pair = (MISSING, MISSING)
FLAG = frozenset({"boolean", "string", "null"})  # a text: the name of a parameter
MAY_SAY_NOTHING = (Absent.CLEAR, Absent.SERVER)
COMES_BY_ITSELF = (*NOT_COMPARED, Absent.SERVER, Absent.WRITE_ONLY)


def is_empty(value: Value) -> bool:
    """Whether a value says no more than its absence does."""
    return value is MISSING or value is None or value in ([], {})


def says_no_more(rule: Field, value: Value) -> bool:
    """Whether the value of a named field says no more than its absence: "" or a flag that is off.

    Only a flag that absence removes: any other one may be on without a word.
    """
    if value is False:
        return rule.absent is Absent.CLEAR and "boolean" in rule.types and rule.types <= FLAG
    return isinstance(value, str) and not value


def is_masked(value: Value) -> bool:
    """Whether a read value is a mask in place of the real one (contract, section 5)."""
    return isinstance(value, str) and len(value) > 2 and not value.strip("*•")


@dataclass(slots=True)
class Alignment:
    """One comparison under way. `shown(path)` says whether reads return an unseen field at all.

    `hidden` are paths whose values the platform masks. `skipped` collects what was left out.
    """

    shown: Callable[[Path], bool]
    hidden: frozenset[Path] = frozenset()
    skipped: list[Skipped] = field(default_factory=list)

    def align(self, rule: Field, desired: Value, live: Value, path: Path = ()) -> Pair:
        """The pair in comparable form; `(MISSING, MISSING)` where there is nothing to compare."""
        if rule.absent in NOT_COMPARED:
            return NOTHING
        reason = self._why_not(rule, desired, live, path)
        if reason:
            if not is_empty(desired):
                self.skipped.append(Skipped(path, reason))
            return NOTHING
        if desired is MISSING or (desired is None and rule.absent is Absent.DEFAULT):
            return self._absent(rule, live, path)
        return self._present(rule, desired, live, path)

    def _present(self, rule: Field, desired: Value, live: Value, path: Path) -> Pair:
        if rule.archive:
            return self._files(desired, live, path)
        if live is MISSING or live is None:
            live = rule.default if rule.absent is Absent.DEFAULT else MISSING
        rule = variant(rule, desired) if rule.default_variant else variant(rule, desired, live)
        if isinstance(desired, Mapping | list) and is_free(rule):
            secret = rule.sensitive or holds_secret(desired)
            return _free(desired, secret=secret), _free(live, secret=secret)
        if isinstance(desired, Mapping):
            return self._maps(rule, desired, live, path)
        if isinstance(desired, list):
            return self._lists(rule, desired, live, path)
        return self._leaves(rule, desired, live)

    def _why_not(self, rule: Field, desired: Value, live: Value, path: Path) -> str:
        if rule.absent is Absent.WRITE_ONLY:
            return NEVER_RETURNED
        masked = is_masked(live) or (path in self.hidden and not is_empty(live))
        if masked and desired is not MISSING and desired is not None:
            return MASKED
        if rule.unseen and live is MISSING and not self.shown(path):
            return NOT_SHOWN
        return ""

    def _absent(self, rule: Field, live: Value, path: Path) -> Pair:
        if rule.absent is Absent.DEFAULT and rule.default is not MISSING:
            return self._present(rule, rule.default, live, path)
        if rule.absent is not Absent.CLEAR or says_no_more(rule, live):
            return NOTHING
        left = _beyond_defaults(rule, live)
        return MISSING, seal_all(rule, left)

    def _files(self, desired: Value, live: Value, path: Path) -> Pair:
        """Files are compared by digest; one that is not known counts as equal, with a note."""
        wanted, found = value_at(desired, ("digest",)), value_at(live, ("digest",))
        if found is MISSING:
            self.skipped.append(Skipped(path, NO_DIGEST))
            return NOTHING
        return wanted, found

    def _leaves(self, rule: Field, desired: Value, live: Value) -> Pair:
        if desired is None:
            return MISSING, (MISSING if is_empty(live) else seal_all(rule, live))
        if isinstance(desired, Secret):
            return desired, (live if is_empty(live) or isinstance(live, Secret) else Secret(live))
        return _free(desired, secret=rule.sensitive), seal_all(rule, live)

    def _maps(self, rule: Field, desired: Mapping[str, Value], live: Value, path: Path) -> Pair:
        other = live if isinstance(live, Mapping) else {}
        wanted: dict[str, Value] = {}
        found: dict[str, Value] = {}
        words = dict.fromkeys((*rule.properties, *desired, *(other if rule.extra else ())))
        for word in words:
            inner = child(rule, word)
            if inner is None:
                continue
            pair = self._entry(rule, inner, word, desired, other, path)
            if pair[0] is not MISSING:
                wanted[word] = pair[0]
            if pair[1] is not MISSING:
                found[word] = pair[1]
        if not wanted and not found:
            return NOTHING
        if live is MISSING:
            # Defaults alone do not make it there, nor do they make it differ.
            return NOTHING if wanted == found else (wanted, MISSING)
        return wanted, found

    def _entry(
        self,
        rule: Field,
        inner: Field,
        word: str,
        desired: Mapping[str, Value],
        other: Mapping[str, Value],
        path: Path,
    ) -> Pair:
        want, have = desired.get(word, MISSING), other.get(word, MISSING)
        if want is MISSING and word not in rule.properties:
            return MISSING, (MISSING if have is None else seal_all(inner, have))
        unset = have is MISSING or have is None
        if unset and word in rule.properties and says_no_more(inner, want):
            return NOTHING if inner.absent in MAY_SAY_NOTHING else (want, MISSING)
        return self.align(inner, want, have, (*path, word))

    def _lists(self, rule: Field, desired: list[Value], live: Value, path: Path) -> Pair:
        other = live if isinstance(live, list) else []
        if not desired and not other:
            return NOTHING
        if rule.list_key or rule.unordered:
            return self._keyed(rule, desired, other, path)
        inner = rule.items
        assert inner is not None  # noqa: S101 - a list without a rule for its items is free
        pairs = [
            self.align(inner, want, _item(other, i), (*path, i)) for i, want in enumerate(desired)
        ]
        beyond = [seal_all(inner, item) for item in other[len(desired) :]]
        wanted = [_or_null(pair[0]) for pair in pairs]
        found = [_or_null(pair[1]) for pair in pairs[: len(other)]]
        return wanted, [*found, *beyond]

    def _keyed(self, rule: Field, desired: list[Value], other: list[Value], path: Path) -> Pair:
        wanted, found = _by_key(rule, desired), _by_key(rule, other)
        left: dict[str, Value] = {}
        right: dict[str, Value] = {}
        inner = rule.items
        assert inner is not None  # noqa: S101 - a list without a rule for its items is free
        for name in dict.fromkeys((*wanted, *found)):
            want, have = wanted.get(name, MISSING), found.get(name, MISSING)
            if want is MISSING:
                pair: Pair = want, seal_all(inner, have)
            else:
                pair = self.align(inner, want, have, (*path, name))
                if pair == NOTHING:
                    pair = {}, (MISSING if have is MISSING else {})
            if pair[0] is not MISSING:
                left[name] = pair[0]
            if pair[1] is not MISSING:
                right[name] = pair[1]
        return left, right


def _item(values: list[Value], position: int) -> Value:
    return values[position] if position < len(values) else MISSING


def _or_null(value: Value) -> Value:
    return None if value is MISSING else value


def is_free(rule: Field) -> bool:
    """Whether the schema says nothing about what is inside: any JSON, compared as it is."""
    return not (rule.properties or rule.extra or rule.items or rule.variants)


def _free(value: Value, *, secret: bool) -> Value:
    """A value without rules of its own; a null in a map is a key that is not there."""
    if isinstance(value, Mapping):
        return {k: _free(v, secret=secret) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_free(v, secret=secret) for v in value]
    return sealed(value) if secret else _number(value)


def _number(value: Value) -> Value:
    """2.0 and 2 are one number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _by_key(rule: Field, items: Iterable[Value]) -> dict[str, Value]:
    """A keyed list or a set as a map; a key that stands twice gets a number."""
    items = list(items)
    return dict(zip(keys_of(rule, items), items, strict=True))


def keys_of(rule: Field, items: list[Value]) -> list[str]:
    """The key of each item, none twice. Secrets have no part in it: keys are shown."""
    out: dict[str, None] = {}
    for item in items:
        name = _key_of(rule, item if rule.items is None else seal_all(rule.items, item))
        unique, count = name, 2
        while unique in out:
            unique, count = f"{name} ({count})", count + 1
        out[unique] = None
    return list(out)


def _key_of(rule: Field, item: Value) -> str:
    for path in rule.list_key:
        value = value_at(item, path)
        if value is not MISSING and value is not None:
            return f"({dotted(path)})" if value is True else _text(value)
    return _text(item)


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Unknown):
        return value.of.name
    return json.dumps(value, sort_keys=True, default=str)


def _beyond_defaults(rule: Field, live: Value) -> Value:
    """What of a live value its absence in the manifest would remove; MISSING for nothing."""
    if is_empty(live):
        return MISSING
    if rule.default is not MISSING and live == rule.default:
        return MISSING
    if not isinstance(live, Mapping):
        return live
    chosen = variant(rule, live)
    if is_free(chosen):
        return live
    left: dict[str, Value] = {}
    for word, value in live.items():
        inner = child(chosen, word)
        kept = MISSING if inner is None else _kept(inner, value, named=word in chosen.properties)
        if kept is not MISSING:
            left[word] = kept
    return left or MISSING


def _kept(rule: Field, live: Value, *, named: bool) -> Value:
    """What would go from one entry: not what the platform puts there by itself."""
    if named and (says_no_more(rule, live) or rule.absent in COMES_BY_ITSELF):
        return MISSING
    return _beyond_defaults(rule, live)


def seal_all(rule: Field, value: Value) -> Value:
    """A live value with its sensitive leaves wrapped."""
    if isinstance(value, Mapping):
        chosen = variant(rule, value)
        if not is_free(chosen):
            return {w: seal_all(inner, v) for w, v in value.items() if (inner := child(chosen, w))}
    if isinstance(value, list) and rule.items is not None:
        return [seal_all(rule.items, v) for v in value]
    return _free(value, secret=rule.sensitive)
