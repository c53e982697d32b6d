"""Owned and in no manifest: what is deleted, last and users first, and what is kept and why."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from peakctl.engine.graph import Edge, find_cycle, order_keys, targets
from peakctl.engine.observe.identity import delete_first, name_group, shared_id
from peakctl.engine.observe.undeclared import PruneCandidates, Undeclared
from peakctl.engine.plan.consequences import consequences_of_delete
from peakctl.errors import Diagnostic, Severity, diagnose
from peakctl.kinds.fields import Field, Kind, child, is_ignored, variant
from peakctl.ledger.ownership import find_owners
from peakctl.model import Ledger, Live, LiveId, Owned, Owner, Resource, State, record_word
from peakctl.model.plan import Action, Cause, Plan, Reason, Step, Verb
from peakctl.model.records import dataclass
from peakctl.model.text import status_word
from peakctl.model.values import MAPS, Key, Path, Tree, Value, value_at

Users = Mapping[Key, frozenset[Key]]


def plan_prune(
    candidates: PruneCandidates,
    ledger: Ledger,
    kinds: Mapping[str, Kind],
    resources: Mapping[Key, Resource],
    *,
    history: bool = False,
    others: Iterable[Ledger] = (),
) -> tuple[tuple[Action, ...], tuple[Diagnostic, ...], frozenset[Key]]:
    """The deletes, users before what they use; what is not deleted and why; and what is gone.

    The ledger drops what is gone. `history` allows kinds whose versions go with them;
    what one of the ledgers in `others` owns too is left alone. An error (`guard/prune-used`) is
    about a manifest that still refers to what would be deleted.
    """
    rules = read_rules(candidates, ledger, kinds, resources, history=history, others=others)
    kept = {o.owned.key: why for o in candidates.found if (why := rules.reason_to_keep(o))}
    deleted = {o.owned.key: o for o in candidates.found if o.owned.key not in kept}
    users = _users(ledger, candidates, rules)
    used = [*_still_used(deleted, candidates, kinds, resources)]
    staying = {key for key, why in kept.items() if why.keeps_used} | {key for key, _ in used}
    needed = _needed(deleted.keys() - staying, users, staying)
    to_delete = {k: o for k, o in deleted.items() if k not in needed and k not in staying}
    for key, user in needed.items():
        kept[key] = _keep(key, "needed", f"{user} uses it, and stays", f"see why {user} stays")
    notes = (kept[key].note for key in sorted(kept))
    problems = (*(problem for _, problem in used), *(note for note in notes if note))
    gone = frozenset(k for k in candidates.gone if rules.stands_for(ledger.owned[k]) == k)
    return _deletes(to_delete, users, kinds), problems, gone


def add_prune(plan: Plan, deletes: Sequence[Action]) -> Plan:
    """The plan with the deletes at its end: each waits for all else that the plan does."""
    busy = frozenset(a.key for a in plan.actions if a.steps)
    last = (replace(action, after=action.after | busy) for action in deletes)
    return Plan((*plan.actions, *last))


def _users(ledger: Ledger, candidates: PruneCandidates, rules: PruneRules) -> Users:
    """Who uses what, as the ledger has it; of several keys with one id, the one that counts."""
    counts = {key: rules.stands_for(owned) for key, owned in ledger.owned.items()}
    users: dict[Key, set[Key]] = {}
    for key, owned in ledger.owned.items():
        gone = key in candidates.gone and counts[key] == key
        for used in () if gone else owned.uses:
            if counts.get(used, used) != counts[key]:
                users.setdefault(counts.get(used, used), set()).add(counts[key])
    return {key: frozenset(by) for key, by in users.items()}


def _still_used(
    deleted: Mapping[Key, Undeclared],
    candidates: PruneCandidates,
    kinds: Mapping[str, Kind],
    resources: Mapping[Key, Resource],
) -> Iterable[tuple[Key, Diagnostic]]:
    """What would be deleted although a manifest refers to it, with an error for each place."""
    by_id = {o.owned.live_id: key for key, o in deleted.items()}
    for key, resource in sorted(resources.items()):
        live = candidates.declared.get(key)
        for use in uses_outside(resource, kinds[key.kind], resources, live):
            for kind in use.kinds:
                used: Key | None = Key(kind, use.word)
                if use.by_id:
                    used = by_id.get(LiveId.of(kind, use.word))
                if used is not None and used in deleted:
                    yield used, _refusal(resource, use, used)


def _refusal(resource: Resource, use: OutsideUse, used: Key) -> Diagnostic:
    return diagnose(
        resource,
        use.at,
        "guard/prune-used",
        f"it refers to {used}, which is in no manifest and would be deleted",
        fix=f"add a manifest of {used} again, or refer to something else",
    )


def _needed(keys: Iterable[Key], users: Users, staying: Iterable[Key]) -> dict[Key, Key]:
    """What stays because something that stays uses it, each with its user."""
    out: dict[Key, Key] = {}
    open_, waiting = sorted(keys), deque(sorted(staying))
    while waiting:
        user = waiting.popleft()
        for key in open_:
            if key not in out and user in users.get(key, ()):
                out[key] = user
                waiting.append(key)
    return out


def _deletes(
    to_delete: Mapping[Key, Undeclared], users: Users, kinds: Mapping[str, Kind]
) -> tuple[Action, ...]:
    edges = _without_cycles(
        Edge(user, key, ()) for key in to_delete for user in users.get(key, ()) if user in to_delete
    )
    after: dict[Key, set[Key]] = {key: set() for key in to_delete}
    for edge in edges:
        after[edge.target].add(edge.source)
    return tuple(
        Action(
            key,
            Verb.DELETE,
            (Step.DELETE,),
            reasons=(Reason(Cause.UNDECLARED),),
            consequences=consequences_of_delete(to_delete[key].live, kinds[key.kind]),
            notes=_notes(to_delete[key], to_delete, users.get(key, frozenset()), kinds[key.kind]),
            after=frozenset(after[key]),
            live=to_delete[key].live,
        )
        for key in reversed(order_keys(to_delete, edges))
    )


def _without_cycles(edges: Iterable[Edge]) -> list[Edge]:
    """The edges but for one of each cycle: what uses each other is deleted all the same."""
    left = set(edges)
    while cycle := find_cycle(left):
        left.remove(cycle[-1])
    return sorted(left)


def _notes(
    candidate: Undeclared, to_delete: Mapping[Key, Undeclared], users: frozenset[Key], kind: Kind
) -> tuple[str, ...]:
    """What a person needs to know before it is deleted."""
    live = candidate.live
    first = sorted(str(user) for user in users if user in to_delete)
    until = sorted(str(user) for user in users if user not in to_delete)
    also = sorted({d for d in candidate.dependents if d not in first and d not in until})
    return (
        f"id {candidate.owned.id}; owned by this project, and in no manifest",
        *(
            [f"live status is {status_word(live.status)}"]
            if live and live.state is not State.READY
            else ()
        ),
        *(["all its versions are deleted with it"] if kind.history else ()),
        *([f"used by {', '.join(first)}, deleted before it"] if first else ()),
        *([f"used until now by {', '.join(until)}"] if until else ()),
        *(
            [f"id {', '.join(candidate.same_name)} has its name, and stays"]
            if candidate.same_name
            else ()
        ),
        *([f"on the platform {', '.join(also)} still uses it"] if also else ()),
    )


@dataclass(frozen=True, slots=True)
class KeepReason:
    """Why something is kept. `note` is None for a second entry of what another entry is about.

    With `keeps_used`, what it uses has to stay too.
    """

    note: Diagnostic | None = None
    keeps_used: bool = True


@dataclass(slots=True)
class PruneRules:
    """Every reason to keep something, asked one after the other; made by `read_rules`.

    `first` is the one key, of several with the same id, that counts.
    """

    kinds: Mapping[str, Kind]
    history: bool
    first: dict[LiveId, Key] = field(default_factory=dict)
    protected: set[LiveId] = field(default_factory=set)
    claimed: set[LiveId] = field(default_factory=set)
    declared: set[LiveId] = field(default_factory=set)
    names: dict[tuple[str, str], Key] = field(default_factory=dict)
    parts: dict[Key, Key] = field(default_factory=dict)
    elsewhere: Mapping[LiveId, Owner] = field(default_factory=dict)

    def stands_for(self, owned: Owned) -> Key:
        """The key that counts for `owned`: its own, or that of another entry with its id."""
        return self.first.get(_shared(owned, self.kinds), owned.key)

    def reason_to_keep(self, candidate: Undeclared) -> KeepReason | None:
        """Why it stays; None when it goes."""
        key, same = candidate.owned.key, _shared(candidate.owned, self.kinds)
        if key.kind not in self.kinds or candidate.listed is None:
            return _keep(key, "unknown-kind", "this peakctl does not know its kind", "upgrade it")
        if same in self.declared or self.stands_for(candidate.owned) != key:
            return KeepReason(keeps_used=False)
        return self._owned(candidate, same) or self._shown(candidate) or self._history(candidate)

    def _owned(self, candidate: Undeclared, same: LiveId) -> KeepReason | None:
        """What the ledgers say."""
        key = candidate.owned.key
        if same in self.protected:
            fix = f"peakctl unprotect {key}, then prune"
            return _keep(key, "protected", "it is protected", fix)
        if same in self.claimed:
            why = "`ledger rebuild` added it by its name, and no apply has confirmed it"
            fix = (
                "if it is this project's: put its manifest back, apply, take it out again, then"
                " prune; else delete it in the platform"
            )
            return _keep(key, "claimed", why, fix, Severity.WARNING)
        owner = self.elsewhere.get(candidate.owned.live_id)
        if owner is not None:
            fix = f"prune it in {owner}, or hand it over: --take-over in an apply of {owner}"
            return _keep(key, "owned-elsewhere", f"{owner} owns it too", fix, Severity.WARNING)
        return None

    def _shown(self, candidate: Undeclared) -> KeepReason | None:
        """What the platform says."""
        key, listed, live = candidate.owned.key, candidate.listed, candidate.live
        assert listed is not None  # noqa: S101 - `reason_to_keep` has looked
        if listed.name != key.name:
            summary = f'id {listed.id} has another name now: "{listed.name}"'
            fix = "rename it back, or delete it in the platform"
            return _keep(key, "renamed", summary, fix, Severity.WARNING)
        other = self.names.get((name_group(self.kinds, key.kind), key.name))
        if other is not None:
            summary = f"{other} has, or had, its name"
            fix = f"if {other} is another: take the name out there, or delete it in the platform"
            if other.kind != key.kind:
                fix = delete_first(str(key))
            return _keep(key, "named", summary, fix)
        why = "" if listed.ours else "part of the platform"
        why = why or (live.foreign if live else "") or ""
        if key in self.parts:
            why = f"the platform made it for {self.parts[key]}"
        if word := record_word(key.name):
            why = f"it is a {word}"
        if why:
            fix = "delete what it belongs to instead"
            return _keep(key, "not-ours", f"it is not ours: {why}", fix, Severity.WARNING)
        return None

    def _history(self, candidate: Undeclared) -> KeepReason | None:
        key = candidate.owned.key
        if candidate.live is not None and (self.history or not self.kinds[key.kind].history):
            return None
        summary = "its versions would go with it"
        kept = _keep(key, "history", summary, "add --prune-history to delete it")
        return replace(kept, keeps_used=False)


def read_rules(
    candidates: PruneCandidates,
    ledger: Ledger,
    kinds: Mapping[str, Kind],
    resources: Mapping[Key, Resource],
    *,
    history: bool,
    others: Iterable[Ledger],
) -> PruneRules:
    """The rules as the ledgers, the manifests and the platform make them."""
    rules = PruneRules(kinds, history, elsewhere=find_owners(None, None, others).ids)
    rules.protected.update(_shared(o, kinds) for o in ledger.owned.values() if o.protect)
    rules.claimed.update(_shared(o, kinds) for o in ledger.owned.values() if o.claimed)
    for candidate in sorted(candidates.found, key=lambda o: o.owned.key):
        key = candidate.owned.key
        if candidate.listed is not None and candidate.listed.name == key.name:
            rules.first.setdefault(_shared(candidate.owned, kinds), key)
    for key, live in candidates.declared.items():
        rules.declared.add(shared_id(kinds, key.kind, live.id))
    for key, resource in resources.items():
        for name in (key.name, *resource.previous_names):
            rules.names[name_group(kinds, key.kind), name] = key
    lives = (*candidates.declared.values(), *(o.live for o in candidates.found if o.live))
    rules.parts.update({part: live.key for live in lives for part in live.parts})
    return rules


def _shared(owned: Owned, kinds: Mapping[str, Kind]) -> LiveId:
    return shared_id(kinds, owned.key.kind, owned.id)


def _keep(
    key: Key, code: str, why: str, fix: str, severity: Severity = Severity.NOTE
) -> KeepReason:
    summary = f"it is in no manifest, and stays: {why}"
    return KeepReason(Diagnostic(f"prune/{code}", summary, key=key, fix=fix, severity=severity))


@dataclass(frozen=True, slots=True)
class OutsideUse:
    """One field that names another resource: `word` is its name, or its id with `by_id`."""

    at: Path
    kinds: tuple[str, ...]
    word: str
    by_id: bool = False


def uses_outside(
    resource: Resource, kind: Kind, declared: Mapping[Key, Resource], live: Live | None = None
) -> Iterator[OutsideUse]:
    """What a manifest refers to beyond `declared`.

    Where its changes are ignored, what is `live` stays, so that counts there.
    """
    for reference in resource.references:
        if not targets(reference, declared):
            yield OutsideUse(reference.at, reference.kinds, reference.name)
    yield from _ids(kind.root, resource.values, (), resource.values)
    if live is not None and resource.ignore_changes:
        for use in _ids(kind.root, live.values, (), live.values):
            if is_ignored(use.at, resource.ignore_changes):
                yield use


def _ids(rule: Field, value: Value, path: Path, whole: Tree) -> Iterator[OutsideUse]:
    """References that give an id where others give a name."""
    rule = variant(rule, value)
    for part, below in _parts(rule, value):
        inner = child(rule, part)
        if inner is None:
            continue
        here = (*path, part)
        if inner.ref and "object" in inner.types:
            at = _absolute(here, inner.ref.id_to)
            id_ = value_at(whole, at)
            if isinstance(id_, str | int):
                yield OutsideUse(at, inner.ref.kinds, str(id_), by_id=True)
        yield from _ids(inner, below, here, whole)


def _parts(rule: Field, value: Value) -> Iterator[tuple[str | int, Value]]:
    """The entries of a value, and what is not there but might be a reference (its id may be)."""
    if isinstance(value, list):
        yield from enumerate(value)
    elif isinstance(value, MAPS):
        yield from value.items()
        for word, inner in rule.properties.items():
            if inner.ref and word not in value:
                yield word, None


def _absolute(base: Path, steps: Path) -> Path:
    for step in steps:
        base = base[:-1] if step == ".." else (*base, step)
    return base
