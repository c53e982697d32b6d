"""Why something that no manifest names is not deleted all the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peakctl.engine.names import delete_first
from peakctl.errors import Diagnostic, Severity
from peakctl.ledger.ownership import find_owners
from peakctl.model import LEDGER_PREFIX, Key, Owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from peakctl.engine.orphans import Orphan, Orphans
    from peakctl.kinds.fields import Kind
    from peakctl.model import Ledger, Owned, Resource

Identity = tuple[str, str]
"""The group of kinds that share their names, and the id: what the platform has once."""


@dataclass(frozen=True, slots=True)
class Survival:
    """That an orphan stays. `told` is None where it goes without saying (it is another's twin).

    With `binds` it goes on using what it uses, so that has to stay too.
    """

    told: Diagnostic | None = None
    binds: bool = True


@dataclass(slots=True)
class Rules:
    """Every reason to keep something, asked one after the other; made by `read_rules`.

    `first` is the one key, of several with the same id, that counts.
    """

    kinds: Mapping[str, Kind]
    history: bool
    first: dict[Identity, Key] = field(default_factory=dict)
    protected: set[Identity] = field(default_factory=set)
    claimed: set[Identity] = field(default_factory=set)
    declared: set[Identity] = field(default_factory=set)
    names: dict[tuple[str, str], Key] = field(default_factory=dict)
    parts: dict[Key, Key] = field(default_factory=dict)
    elsewhere: Mapping[Identity, Owner] = field(default_factory=dict)

    def group(self, kind: str) -> str:
        known = self.kinds.get(kind)
        return known.name_group or kind if known else kind

    def identity(self, kind: str, id: str | int) -> Identity:  # noqa: A002
        return self.group(kind), str(id)

    def stands_for(self, owned: Owned) -> Key:
        """The key that counts for what `owned` tells of: its own, or that of a live twin."""
        return self.first.get(self.identity(owned.key.kind, owned.id), owned.key)

    def why(self, orphan: Orphan) -> Survival | None:
        """Why it stays; None when it goes."""
        key, same = orphan.owned.key, self.identity(orphan.owned.key.kind, orphan.owned.id)
        if key.kind not in self.kinds or orphan.listed is None:
            told = _told(key, "unknown-kind", "this peakctl does not know its kind", "upgrade it")
            return Survival(told)
        if same in self.declared or self.stands_for(orphan.owned) != key:
            return Survival(binds=False)
        return self._owned(orphan, same) or self._shown(orphan) or self._history(orphan)

    def _owned(self, orphan: Orphan, same: Identity) -> Survival | None:
        """What the ledgers say."""
        key = orphan.owned.key
        if same in self.protected:
            fix = "put its manifest back with protect: false, apply, take it out again, then prune"
            return Survival(_told(key, "protected", "it is protected", fix))
        if same in self.claimed:
            why = "`ledger rebuild` added it by its name, and no apply has confirmed it"
            fix = (
                "if it is this project's: put its manifest back, apply, take it out again, then"
                " prune; else delete it in the platform"
            )
            return Survival(_warned(key, "claimed", why, fix))
        owner = self.elsewhere.get((key.kind, str(orphan.owned.id)))
        if owner is not None:
            fix = f"prune it in {owner}, or hand it over: --take-over in an apply of {owner}"
            return Survival(_warned(key, "owned-elsewhere", f"{owner} owns it too", fix))
        return None

    def _shown(self, orphan: Orphan) -> Survival | None:
        """What the platform says."""
        key, listed, live = orphan.owned.key, orphan.listed, orphan.live
        assert listed is not None  # noqa: S101 - `why` has looked
        if listed.name != key.name:
            summary = f'id {listed.id} bears another name by now: "{listed.name}"'
            fix = "rename it back, or delete it in the platform"
            return Survival(_warned(key, "renamed", summary, fix))
        other = self.names.get((self.group(key.kind), key.name))
        if other is not None:
            summary = f"{other} has, or had, its name"
            fix = f"if {other} is another: take the name out there, or delete it in the platform"
            if other.kind != key.kind:
                fix = delete_first(str(key))
            return Survival(_told(key, "named", summary, fix))
        why = "" if listed.ours else "part of the platform"
        why = why or (live.foreign if live else "") or ""
        if key in self.parts:
            why = f"the platform made it for {self.parts[key]}"
        if key.name.startswith(LEDGER_PREFIX):
            why = "it is a ledger"
        if why:
            fix = "delete what it belongs to instead"
            return Survival(_warned(key, "not-ours", f"it is not ours: {why}", fix))
        return None

    def _history(self, orphan: Orphan) -> Survival | None:
        key = orphan.owned.key
        if orphan.live is not None and (self.history or not self.kinds[key.kind].history):
            return None
        summary = "its versions would go with it"
        told = _told(key, "history", summary, "add --prune-history to delete it")
        return Survival(told, binds=False)


def read_rules(
    orphans: Orphans,
    ledger: Ledger,
    kinds: Mapping[str, Kind],
    resources: Mapping[Key, Resource],
    *,
    history: bool,
    others: Iterable[Ledger],
) -> Rules:
    """The rules as the ledgers, the manifests and the platform make them."""
    rules = Rules(kinds, history, elsewhere=find_owners(None, None, others).ids)
    rules.protected.update(_same(o, rules) for o in ledger.owned.values() if o.protect)
    rules.claimed.update(_same(o, rules) for o in ledger.owned.values() if o.claimed)
    for orphan in sorted(orphans.found, key=lambda o: o.owned.key):
        key = orphan.owned.key
        if orphan.listed is not None and orphan.listed.name == key.name:
            rules.first.setdefault(rules.identity(key.kind, orphan.owned.id), key)
    for key, live in orphans.declared.items():
        rules.declared.add(rules.identity(key.kind, live.id))
    for key, resource in resources.items():
        for name in (key.name, *resource.previous_names):
            rules.names[rules.group(key.kind), name] = key
    lives = (*orphans.declared.values(), *(o.live for o in orphans.found if o.live))
    rules.parts.update({part: live.key for live in lives for part in live.parts})
    return rules


def _same(owned: Owned, rules: Rules) -> Identity:
    return rules.identity(owned.key.kind, owned.id)


def _told(key: Key, code: str, why: str, fix: str) -> Diagnostic:
    summary = f"it is in no manifest, and stays: {why}"
    return Diagnostic(f"prune/{code}", summary, key=key, fix=fix, severity=Severity.NOTE)


def _warned(key: Key, code: str, why: str, fix: str) -> Diagnostic:
    summary = f"it is in no manifest, and stays: {why}"
    return Diagnostic(f"prune/{code}", summary, key=key, fix=fix, severity=Severity.WARNING)


def needed_note(key: Key, user: Key) -> Diagnostic:
    """That `key` stays because of `user`."""
    return _told(key, "needed", f"{user} uses it, and stays", f"see why {user} stays")
