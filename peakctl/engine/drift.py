"""What others changed since the last apply of a project: found in a plan and the live state.

A plan says of each change whether the manifest made it or somebody outside; what the manifests
have and no apply has done yet is no drift. What the ledger has under another id than the live one
was deleted and made again, and what is live under the name of a manifest without an owner was
added.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from peakctl import model
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.causes import LastEdit, last_run
from peakctl.model.records import dataclass
from peakctl.model.resources import Edit


class DriftKind(enum.StrEnum):
    """What happened to a resource outside of peakctl."""

    CHANGED = "changed"
    DELETED = "deleted"
    RENAMED = "renamed"
    REPLACED = "replaced"
    ADDED = "added"
    UNCLEAR = "unclear"


SENTENCES: Mapping[DriftKind, str] = MappingProxyType(
    {
        DriftKind.CHANGED: "the platform does not have what was last applied",
        DriftKind.DELETED: "this project owned it, and it is on the platform no more",
        DriftKind.RENAMED: "what this project owned has another name now",
        DriftKind.REPLACED: "something else has the name of what this project owned",
        DriftKind.ADDED: "it is on the platform, and no project owns it",
        DriftKind.UNCLEAR: "manifest and platform differ, and what was applied is not known",
    }
)


@dataclass(frozen=True, slots=True)
class Drift:
    """What happened to one resource; `edited` is who did it and when, as far as that is known.

    `id` is that of the resource as it is live, else as it was. `paths` are the fields that differ,
    dotted, as the manifest has them; their `changes` lead from the manifest to what is live; `both`
    are the paths of those that the manifest has changed too, since the last apply. `place` is that
    of the resource in its manifest; `detail` is more in words: a new name.
    """

    key: model.Key
    kind: DriftKind
    id: str | int | None = None
    paths: tuple[str, ...] = ()
    changes: tuple[model.ShownChange, ...] = ()
    both: tuple[str, ...] = ()
    edited: Edit | None = None
    place: model.Location | None = None
    detail: str = ""

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        return SENTENCES[self.kind]


def find_drift(plan: model.Plan, observed: LiveState) -> tuple[Drift, ...]:
    """The drift of the resources that `plan` is of, in its order; `observed` has a ledger."""
    return tuple(found for action in plan.actions if (found := _drift(action, observed)))


_OUTSIDE = (model.Cause.CHANGED_OUTSIDE, model.Cause.DELETED_OUTSIDE, model.Cause.RENAMED_OUTSIDE)


def waiting(plan: model.Plan, drift: Iterable[Drift]) -> tuple[model.Key, ...]:
    """What an apply would change for other reasons than drift: it is not applied yet."""
    kinds = {each.key: each.kind for each in drift}
    return tuple(action.key for action in plan.pending if _waits(action, kinds.get(action.key)))


def _waits(action: model.Action, drifted: DriftKind | None) -> bool:
    causes = {reason.cause for reason in action.reasons}
    if drifted in (DriftKind.CHANGED, DriftKind.UNCLEAR):
        return bool(causes - {*_OUTSIDE, model.Cause.DIFFERS})
    return drifted is None


def added(live: model.Live) -> Drift:
    """The drift that something live is which no manifest names and no project owns."""
    return Drift(live.key, DriftKind.ADDED, live.id, edited=live.edited)


def _drift(action: model.Action, observed: LiveState) -> Drift | None:
    live, known = action.live, _owned(action, observed)
    if live is None:
        found = _of_absent(action.key, known, observed)
    else:
        found = _of_live(action, live, known, observed)
    if found is None or action.resource is None:
        return found
    return replace(found, place=action.resource.document.locate(("metadata", "name")))


def _of_absent(key: model.Key, known: Sequence[model.Owned], observed: LiveState) -> Drift | None:
    """What became of that which the ledger has: it has another name now, or is gone."""
    ids = {each.live_id for each in known} - _to_delete(observed)
    if not ids:
        return None
    last = known[0].id
    for item in observed.listed.get(key.kind, ()):
        if model.LiveId.of(key.kind, item.id) in ids:
            return Drift(key, DriftKind.RENAMED, last, detail=f"to {item.name}")
    return Drift(key, DriftKind.DELETED, last)


def _to_delete(observed: LiveState) -> set[model.LiveId]:
    """What a run of this project set out to delete, and never reported on."""
    intents = observed.ledger.intents if observed.ledger else ()
    return {
        i.live_id
        for i in intents
        if i.live_id and i.verb in (model.Verb.DELETE, model.Verb.REPLACE)
    }


def _of_live(
    action: model.Action, live: model.Live, known: Sequence[model.Owned], observed: LiveState
) -> Drift | None:
    owners = observed.owners
    if any(each.live_id == live.live_id for each in known):
        return _of_fields(action, live, observed)
    if live.foreign or action.key in owners.created:
        return None
    owner = owners.owner(live)
    if known:
        told = f"the one that is live belongs to {owner}" if owner else ""
        before = _name_before(live, observed)
        told = f"the one that is live was {before}" if before else told
        return Drift(action.key, DriftKind.REPLACED, live.id, edited=live.edited, detail=told)
    if owner or owners.unread or owners.is_ours(live):
        return None
    return replace(added(live), key=action.key)


def _name_before(live: model.Live, observed: LiveState) -> model.Key | None:
    """Under which other name the ledger has a live resource."""
    owned = observed.ledger.owned.values() if observed.ledger else ()
    return next((each.key for each in owned if each.live_id == live.live_id), None)


def _of_fields(action: model.Action, live: model.Live, observed: LiveState) -> Drift | None:
    """What was changed in it; where that is not known, what differs at all."""
    by_cause = _paths(action.reasons)
    outside, unclear = by_cause[model.Cause.CHANGED_OUTSIDE], by_cause[model.Cause.DIFFERS]
    if not (outside or unclear):
        return None
    unreported = live.live_id in observed.owners.intended
    kind = DriftKind.CHANGED if outside and not unreported else DriftKind.UNCLEAR
    edit = LastEdit(live.edited, last_run(observed.ledger))
    both = tuple(path for path in outside if path in by_cause[model.Cause.MANIFEST_CHANGED])
    return Drift(
        action.key,
        kind,
        live.id,
        paths=tuple(dict.fromkeys((*outside, *unclear))),
        changes=tuple(_turned(action.shown, {*outside, *unclear})),
        both=both,
        edited=live.edited if edit.may_be_later else None,
        detail="a run of this project that never reported was to change it" if unreported else "",
    )


def _paths(reasons: Sequence[model.Reason]) -> dict[model.Cause, list[str]]:
    found: dict[model.Cause, list[str]] = {cause: [] for cause in model.Cause}
    for reason in reasons:
        found[reason.cause] += reason.paths
    return found


def _turned(changes: Iterable[model.ShownChange], paths: set[str]) -> Iterator[model.ShownChange]:
    """The changes of these fields, the other way round: from the manifest to what is live."""
    for change in changes:
        if paths & {*change.paths}:
            wire = (replace(w, before=w.after, after=w.before) for w in change.wire)
            yield replace(
                change,
                before=change.after,
                after=change.before,
                restarts=False,
                wire=tuple(wire),
            )


def _owned(action: model.Action, observed: LiveState) -> tuple[model.Owned, ...]:
    """What the ledger has under the name of the resource, or a previous one."""
    ledger, resource = observed.ledger, action.resource
    if ledger is None or resource is None:
        return ()
    names = (action.key.name, *resource.previous_names)
    keys = [model.Key(action.key.kind, name) for name in names]
    return tuple(ledger.owned[key] for key in keys if key in ledger.owned)
