"""Both sides of a comparison in one form, so that what differs is what matters.

Defaults are filled in, what the platform decides is left out, lists with a key become maps, sets
lose their order, secrets hide. What is left out of the comparison is noted with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field

from peakctl.kinds.fields import Absent, Field, child, free, is_free, seal_all, variant
from peakctl.model import MAPS, MASK, MISSING, Path, Secret, Skipped, Unknown, Value
from peakctl.model.records import dataclass
from peakctl.model.values import (
    dotted,
    holds_secret,
    holds_unset,
    is_masked,
    is_unset,
    reveal,
    value_at,
)

NOT_COMPARED = (Absent.READ_ONLY, Absent.BY_NAME, Absent.LOCAL)
NO_DIGEST = "no digest of its files is known, so they count as equal"
NEVER_RETURNED = "the platform never returns it"
NOT_SHOWN = "the platform did not return it"
MASKED = "the platform returns it masked"
NOT_SET = "its variable is not set here, so it counts as equal"
AS_APPLIED = "by its digest, it is as it was last applied"
Pair = tuple[Value, Value]
NOTHING: Pair = (MISSING, MISSING)
SCALARS = frozenset({str, int, bool})
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


def why_unseen(
    shown: Callable[[Path], bool],
    hidden: frozenset[Path],
    rule: Field,
    desired: Value,
    live: Value,
    path: Path,
) -> str:
    """Why a read does not tell the live value; "" when it does.

    `shown(path)` says whether reads return an unseen field at all; `hidden` are paths whose values
    the platform masks.
    """
    if rule.absent is Absent.WRITE_ONLY:
        return NEVER_RETURNED
    masked = is_masked(live) or (path in hidden and not is_empty(live))
    if masked and desired is not MISSING and desired is not None:
        return MASKED
    if rule.unseen and live is MISSING and not shown(path):
        return NOT_SHOWN
    return ""


@dataclass(slots=True)
class Alignment:
    """One comparison under way.

    `why_not(rule, desired, live, path)` gives the reason for which a live value is not known, and
    `recall(rule, desired, path)` the pair to compare instead, None where nothing is remembered.
    `skipped` collects what was left out.
    """

    why_not: Callable[[Field, Value, Value, Path], str]
    recall: Callable[[Field, Value, Path], Pair | None] = lambda *_: None
    skipped: list[Skipped] = field(default_factory=list)

    def align(self, rule: Field, desired: Value, live: Value, path: Path = ()) -> Pair:
        """The pair in comparable form; `(MISSING, MISSING)` where there is nothing to compare."""
        if rule.absent in NOT_COMPARED:
            return NOTHING
        reason = self.why_not(rule, desired, live, path)
        if not reason and _is_same_scalar(rule, desired, live):
            return desired, desired
        if is_unset(desired):
            return self._not_set(desired, live, path, seen=not reason)
        if reason:
            return self._unseen(rule, desired, path, reason)
        if desired is MISSING or (desired is None and rule.absent is Absent.DEFAULT):
            return self._absent(rule, live, path)
        return self.present(rule, desired, live, path)

    def present(self, rule: Field, desired: Value, live: Value, path: Path) -> Pair:
        """The pair for a value that is stated, or stands for one that is not."""
        if rule.archive:
            return self._files(desired, live, path)
        if live is MISSING or live is None:
            live = rule.default if rule.absent is Absent.DEFAULT else MISSING
        rule = variant(rule, desired) if rule.default_variant else variant(rule, desired, live)
        if isinstance(desired, (*MAPS, list)) and is_free(rule):
            secret = rule.sensitive or holds_secret(desired)
            desired = self._with_live(desired, live, path) if holds_unset(desired) else desired
            return free(desired, secret=secret), free(live, secret=secret)
        if isinstance(desired, MAPS):
            return self._maps(rule, desired, live, path)
        if isinstance(desired, list):
            return self._lists(rule, desired, live, path)
        return self._leaves(rule, desired, live)

    def _unseen(self, rule: Field, desired: Value, path: Path, reason: str) -> Pair:
        """What is remembered of a value stands for it; else it counts as equal, with a note."""
        pair = None if rule.deferred else self.recall(rule, desired, path)
        if pair is not None and pair[0] != pair[1]:
            return pair
        if not is_empty(desired):
            told = reason if pair is None else f"{reason}; {AS_APPLIED}"
            self.skipped.append(Skipped(path, told))
        return NOTHING

    def _not_set(self, desired: Value, live: Value, path: Path, *, seen: bool) -> Pair:
        """A value that nobody knows here is equal to whatever is there; nothing is not."""
        if seen and is_empty(live):
            return desired, MISSING
        self.skipped.append(Skipped(path, NOT_SET))
        return NOTHING

    def _with_live(self, desired: Value, live: Value, path: Path) -> Value:
        """`desired` with what is live in place of values that nobody knows here."""
        if is_unset(desired):
            wanted, _ = self._not_set(desired, live, path, seen=True)
            return live if wanted is MISSING else desired
        if isinstance(desired, MAPS):
            return {
                word: self._with_live(value, value_at(live, (word,)), (*path, word))
                for word, value in desired.items()
            }
        if isinstance(desired, list):
            return [
                self._with_live(value, value_at(live, (i,)), (*path, i))
                for i, value in enumerate(desired)
            ]
        return desired

    def _absent(self, rule: Field, live: Value, path: Path) -> Pair:
        if rule.absent is Absent.DEFAULT and rule.default is not MISSING:
            return self.present(rule, rule.default, live, path)
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
            gone = is_empty(live) or says_no_more(rule, live)
            return MISSING, (MISSING if gone else seal_all(rule, live))
        if isinstance(desired, Secret):
            return desired, (live if is_empty(live) or isinstance(live, Secret) else Secret(live))
        return free(desired, secret=rule.sensitive), seal_all(rule, live)

    def _maps(self, rule: Field, desired: Mapping[str, Value], live: Value, path: Path) -> Pair:
        other = live if isinstance(live, MAPS) else {}
        wanted: dict[str, Value] = {}
        found: dict[str, Value] = {}
        silent = rule.silent
        named = [w for w in rule.properties if w not in silent or w in desired or w in other]
        for word in dict.fromkeys((*named, *desired, *(other if rule.extra else ()))):
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
            left = have if is_free(inner) else _beyond_defaults(inner, have)
            return MISSING, (MISSING if left is None else seal_all(inner, left))
        unset = (have is MISSING or have is None) and not self.why_not(
            inner, want, have, (*path, word)
        )
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
        wanted, found = by_keys(rule, desired, other)
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


def _is_same_scalar(rule: Field, desired: Value, live: Value) -> bool:
    """Whether both sides are the same text, whole number or boolean: nothing makes them differ.

    Most values of most plans are; the other rules are for what is not so plain.
    """
    sort = type(desired)
    plain = sort in SCALARS and sort is type(live) and desired == live
    return plain and not (rule.sensitive or rule.archive or rule.variants)


def _item(values: list[Value], position: int) -> Value:
    return values[position] if position < len(values) else MISSING


def _or_null(value: Value) -> Value:
    return None if value is MISSING else value


def _beyond_defaults(rule: Field, live: Value) -> Value:
    """What of a live value its absence in the manifest would remove; MISSING for nothing."""
    if is_empty(live):
        return MISSING
    if rule.default is not MISSING and live == rule.default:
        return MISSING
    if not isinstance(live, MAPS):
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


def by_keys(
    rule: Field, desired: list[Value], other: list[Value]
) -> tuple[dict[str, Value], dict[str, Value]]:
    """Keyed lists or sets as maps; a key that stands twice gets a number.

    Items are matched by their keys as they are, but a key that is a secret is shown as a mask. What
    is live alone may then have an older secret, and is sealed.
    """
    shown, live = keys_of(rule, desired), keys_of(rule, other)
    if not holds_secret(desired):
        return dict(zip(shown, desired, strict=True)), dict(zip(live, other, strict=True))
    real = keys_of(rule, [reveal(item) for item in desired])
    names = dict(zip(real, shown, strict=True))
    unset = [key for key, item in zip(real, desired, strict=True) if _has_unset_key(rule, item)]
    live = _with_unset(live, names, unset)
    wanted, found = dict(zip(shown, desired, strict=True)), dict(zip(live, other, strict=True))
    if shown == real:
        return wanted, found
    hidden: dict[str, Value] = {}
    for count, (name, item) in enumerate(found.items(), 2):
        known = name in names
        word = names[name] if known else f"{MASK} ({count}, live)"
        hidden[word] = item if known else free(item, secret=True)
    return wanted, hidden


def _has_unset_key(rule: Field, item: Value) -> bool:
    return is_unset(item) or any(is_unset(value_at(item, path)) for path in rule.list_key)


def _with_unset(live: list[str], names: Mapping[str, str], unset: list[str]) -> list[str]:
    """The keys of live items, those that nobody knows here in place of the ones that are left.

    So an item whose key has a variable that is not set is one that is live, whichever it is.
    """
    left = iter(unset)
    return [key if key in names else next(left, key) for key in live]


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
    if isinstance(value, str | Secret):
        return str(value)
    if isinstance(value, Unknown):
        return value.of.name
    return json.dumps(value, sort_keys=True, default=str)
