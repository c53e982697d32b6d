"""What a run records in the ledger: plan and outcomes in, what the project owns out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import field, replace

from peakctl.engine.diff.applied import digest_fields, field_digests, field_values
from peakctl.engine.diff.secrecy import secret_places
from peakctl.engine.diff.stored_forms import edits_made, forms_sent, remembered_forms
from peakctl.engine.diff.unseen import HIDDEN_STAYS, split_values, unseen_values
from peakctl.kinds.fields import NOT_RETURNED, Kind, field_at, is_ignored
from peakctl.ledger import remembered
from peakctl.ledger.digests import Digests, find_unreported, path_of, place, with_fields
from peakctl.model import EMPTY, Key, Ledger, LiveId, Owned, Resource, State, Tree, value_at
from peakctl.model.plan import Action, Outcome, Plan, Status, Verb
from peakctl.model.records import dataclass
from peakctl.model.values import Path, Value, dotted, holds_secret

UNTOUCHED = (Status.BLOCKED, Status.CANCELLED)


def record(
    plan: Plan,
    outcomes: Sequence[Outcome],
    ledger: Ledger,
    kinds: Mapping[str, Kind],
    *,
    uses: Mapping[Key, tuple[Key, ...]],
    gone: Container[Key] = (),
    redact: Callable[[str], str] = str,
    rollback: Mapping[Key, str] | None = None,
    applied: Mapping[Key, Applied] | None = None,
) -> dict[Key, Owned]:
    """What the project owns after a run that began with `ledger`, sorted by key.

    `uses` are the names that each declared resource refers to; `gone` is left out. Of what went
    wrong only the id, the list of its files and what tells causes are new: its other digests stay
    what they were, so that the next plan differs, and sends again. No list of files has a name that
    `redact` would change. With `rollback` the run is one, and what it changes of these resources is
    marked with the words, until an apply of manifests that agree. `applied` has what `look_at` gave
    for some of the outcomes, while others were waited for.
    """
    unreported = find_unreported(ledger)
    known, digests_of = known_uses(uses, ledger), Digests(ledger.salt)
    entries = _Entries(
        kinds, known, digests_of, dict(ledger.owned), unreported, redact, rollback, applied or {}
    )
    actions = {action.key: action for action in plan.actions}
    digests_of.work_ahead(
        value
        for outcome in outcomes
        if outcome.changed and holds_secret(outcome.applied)
        for value in unseen_values(kinds[outcome.key.kind], outcome.applied).values()
    )
    for outcome in outcomes:
        entries.enter(actions[outcome.key], outcome)
    owned = remembered.shorten_lists(entries.owned)
    return {key: each for key, each in sorted(owned.items()) if key not in gone}


def plan_digest(plan: Plan) -> str:
    """A digest of what a plan does: the same for the same resources, calls, versions and fields.

    No value is in it, so none can be guessed from it.
    """
    told = [
        [
            str(action.key),
            action.verb,
            list(action.steps),
            action.version,
            [dotted(change.path) for change in action.changes],
        ]
        for action in plan.pending
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def is_recorded(plan: Plan, ledger: Ledger, uses: Mapping[Key, tuple[Key, ...]]) -> bool:
    """Whether `ledger` says of all that is live what a run without a change would write down.

    Digests alone are not worth a write; that a claimed entry is confirmed is, and that what a run
    created has become ready since.
    """
    said, known = _by_id(ledger.owned), known_uses(uses, ledger)
    wanted = [
        (action, _entry(action, action.live.id, known))
        for action in plan.actions
        if action.live is not None and action.verb is not Verb.DELETE
    ]
    return all(
        [_without_history(each, entry) for each in said.get(entry.live_id, ())] == [entry]
        and not any(_first_seen_ready(action, each) for each in said[entry.live_id])
        for action, entry in wanted
    )


def settles_rollback(plan: Plan, ledger: Ledger) -> bool:
    """Whether something was rolled back, and the manifests of a plan without changes agree."""
    ids = {action.live.live_id for action in plan.actions if action.live is not None}
    return any(
        each.live_id in ids and remembered.read_mark(each.digests) for each in ledger.owned.values()
    )


def _without_history(said: Owned, entry: Owned) -> Owned:
    """`said` without what its past alone can tell; 7 and "7" are one id."""
    return replace(said, id=entry.id, digests=EMPTY, secret=None, created=False)


def uses_of(resources: Mapping[Key, Resource]) -> dict[Key, tuple[Key, ...]]:
    """What each resource refers to by name, in order, whether this run declares it or not."""
    return {
        key: tuple(sorted({*resource.depends_on, *_named(resource)}))
        for key, resource in resources.items()
    }


def _named(resource: Resource) -> Iterator[Key]:
    for reference in resource.references:
        if reference.edge:
            yield from (Key(kind, reference.name) for kind in reference.kinds)


def known_uses(
    uses: Mapping[Key, tuple[Key, ...]], ledger: Ledger | None
) -> dict[Key, tuple[Key, ...]]:
    """`uses` but for what is neither declared nor owned: a run may see a part of the manifests."""
    owned = ledger.owned if ledger else {}
    return {
        key: tuple(used for used in names if used in uses or used in owned)
        for key, names in uses.items()
    }


def newly_protected(plan: Plan, ledger: Ledger) -> tuple[Key, ...]:
    """What `ledger` owns and protects, or does not, other than its manifest says."""
    said = {each.live_id: each.protect for each in ledger.owned.values()}
    wanted = [
        _entry(action, action.live.id, {})
        for action in plan.actions
        if action.live is not None and action.resource is not None
    ]
    return tuple(
        each.key for each in wanted if said.get(each.live_id, each.protect) != each.protect
    )


def _by_id(owned: Mapping[Key, Owned]) -> dict[LiveId, list[Owned]]:
    out: dict[LiveId, list[Owned]] = {}
    for each in owned.values():
        out.setdefault(each.live_id, []).append(each)
    return out


def _entry(action: Action, id_: str | int, uses: Mapping[Key, tuple[Key, ...]]) -> Owned:
    protect = action.resource is not None and action.resource.protect
    return Owned(action.key, id_, protect=protect, uses=uses.get(action.key, ()))


def _was_made(action: Action, outcome: Outcome) -> bool:
    """Whether the action made its id. What was found by its name may be somebody else's."""
    if outcome.id is None or outcome.status is Status.ALREADY_RIGHT:
        return False
    return action.live is None or str(action.live.id) != str(outcome.id)


def _first_seen_ready(action: Action, old: Owned) -> bool:
    """Whether it runs, and nothing says so yet: it must not be taken for a failed creation."""
    up = action.live is not None and action.live.state in (State.READY, State.WARNING)
    return up and old.created and not old.was_ready


@dataclass(frozen=True, slots=True)
class Applied:
    """What is to be remembered of what an action has `sent`, before any of it is digested.

    `unseen` are values that later reads may not show and `fields` those that they do, by their
    paths; `secret` are the places of secrets.
    """

    outcome: Outcome
    sent: Tree
    unseen: Mapping[Path, Value]
    fields: Mapping[Path, Value]
    secret: Collection[str]


def look_at(kind: Kind, action: Action, outcome: Outcome) -> Applied:
    """What a run that went well is to remember of it. It takes a walk, and needs no ledger."""
    sent = outcome.applied or action.desired
    unseen, seen = split_values(kind, sent)
    fields = field_values(kind, action, sent, seen)
    return Applied(outcome, sent, unseen, fields, tuple(secret_places(kind, sent)))


@dataclass(slots=True)
class _Entries:
    kinds: Mapping[str, Kind]
    uses: Mapping[Key, tuple[Key, ...]]
    digests_of: Digests
    owned: dict[Key, Owned]
    unreported: Container[tuple[Key, str | None]]
    redact: Callable[[str], str]
    rollback: Mapping[Key, str] | None
    applied: Mapping[Key, Applied]
    before: dict[LiveId, list[Owned]] = field(init=False)

    def __post_init__(self) -> None:
        self.before = _by_id(self.owned)

    def enter(self, action: Action, outcome: Outcome) -> None:
        if action.verb is Verb.DELETE:
            if outcome.status.good and action.live is not None:
                self._forget(_entry(action, action.live.id, self.uses))
            return
        id_ = action.live.id if outcome.id is None and action.live else outcome.id
        left_alone = outcome.status in UNTOUCHED and action.taken_from is None
        if id_ is not None and not left_alone:
            self._own(action, outcome, _entry(action, id_, self.uses))

    def _own(self, action: Action, outcome: Outcome, entry: Owned) -> None:
        """Enter a resource under its key, and under no other: it may have been renamed."""
        old = next(iter(self.before.get(entry.live_id, [])), None) or entry
        new = replace(
            entry,
            digests=old.digests,
            secret=() if _first_seen_ready(action, old) else old.secret,
            claimed=old.claimed and not outcome.status.good,
            created=old.created or _was_made(action, outcome),
        )
        if outcome.status.good:
            kept = EMPTY if action.steps or self._is_unreported(action) else old.digests
            new = self._remember(new, action, outcome, kept)
        elif action.steps and outcome.status not in UNTOUCHED:
            # a build that failed has made a version all the same
            lists = self._files(action, action.desired, old.digests)
            digests = {**remembered.without_lists(old.digests), **lists}
            if outcome.applied:
                kind = self.kinds[action.key.kind]
                fields = field_digests(kind, action, outcome.applied, self.digests_of)
                digests = with_fields(digests, fields)
            new = replace(new, digests=digests)
        of_name = self.owned.get(action.key) or old
        known = remembered.kept_wait({**of_name.digests, **old.digests})
        waited = known if outcome.waited is None else remembered.write_wait(outcome.waited)
        self._forget(entry)
        digests = {**new.digests, **waited, **self._mark(action, outcome, old)}
        self.owned[action.key] = replace(new, digests=digests)

    def _mark(self, action: Action, outcome: Outcome, old: Owned) -> dict[str, str]:
        """That it was rolled back; kept where the run was another rollback, or went wrong."""
        if self.rollback is None:
            return {} if outcome.status.good else remembered.kept_mark(old.digests)
        touched = action.verb is not Verb.KEEP and outcome.status not in UNTOUCHED
        if touched and action.key in self.rollback:
            return remembered.write_mark(
                self.rollback[action.key], [each.path for each in action.changes]
            )
        return {} if touched else remembered.kept_mark(old.digests)

    def _is_unreported(self, action: Action) -> bool:
        """Whether the digests are those of an older version than the one that is live."""
        live = action.live
        return live is not None and (action.key, live.version) in self.unreported

    def _forget(self, entry: Owned) -> None:
        """Remove what has its id, under whatever name."""
        for each in self.before.get(entry.live_id, []):
            if self.owned.get(each.key) is each:
                del self.owned[each.key]

    def _remember(
        self, entry: Owned, action: Action, outcome: Outcome, kept: Mapping[str, str]
    ) -> Owned:
        """`entry` with the digests of what is in force now, and which of them are of secrets.

        Those in `kept` stand for what was not sent. Without a call, places of secrets stay so.
        """
        found = self.applied.get(action.key)
        if found is None or found.outcome is not outcome:
            found = look_at(self.kinds[action.key.kind], action, outcome)
        sent = found.sent
        named = {place(path): value for path, value in found.unseen.items()}
        digests = {
            name: kept[name] if name in kept else self.digests_of.of(value)
            for name, value in sorted(named.items())
        }
        was_sent = forms_sent(sent, self.digests_of) | edits_made(action, self.digests_of)
        digests |= remembered_forms(kept) if action.verb is Verb.KEEP else was_sent
        left = {place(s.path) for s in action.skipped if s.reason == HIDDEN_STAYS}
        digests |= {name: entry.digests[name] for name in left if name in entry.digests}
        digests |= self._files(action, sent, entry.digests)
        digests |= digest_fields(found.fields, self.digests_of)
        stays = [
            p
            for p in entry.secret or ()
            if not action.steps or p in left or self._is_left_alone(action, p)
        ]
        secret = {*stays, *found.secret}
        return replace(entry, digests=digests, secret=tuple(sorted(secret)))

    def _files(self, action: Action, sent: Tree, before: Mapping[str, str]) -> dict[str, str]:
        """The list of the files of what is live, where no plan can read them from the platform."""
        root, resource = self.kinds[action.key.kind].root, action.resource
        out: dict[str, str] = {}
        for path, archive in (resource.archives if resource else {}).items():
            rule = field_at(root, path, sent)
            if rule is None or rule.archive != NOT_RETURNED:
                continue
            ours = value_at(sent, (*path, "digest")) == archive.digest
            known = len(archive.files) == archive.size
            fit = all(self.redact(file.path) == file.path for file in archive.files)
            if not (ours and known):
                out |= remembered.kept_lists(before)
            elif fit:
                out |= remembered.write_list(path, archive, self.digests_of)
        return out

    def _is_left_alone(self, action: Action, place: str) -> bool:
        """Whether an action leaves what is live at `place` as it is, whatever the manifest says."""
        path = path_of(place)
        rule = field_at(self.kinds[action.key.kind].root, path, action.desired)
        ignored = action.resource.ignore_changes if action.resource else ()
        return (rule is not None and bool(rule.deferred)) or is_ignored(path, ignored)
