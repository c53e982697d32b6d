"""What a project owns and protects, changed by hand: in its ledger alone, nothing live is touched.

A change goes in two steps: what was found is shown, and is what consent is given to. It is written
under the lease and added to the history, as an apply is.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from peakctl import model
from peakctl.errors import Diagnostic, PeakctlError, Severity, diagnose, nearest_names
from peakctl.model.records import dataclass
from peakctl.operations.actor import actor_of, origin_of, redacted, run_id
from peakctl.operations.get import declared_resources
from peakctl.operations.history import history_writer, plain_record
from peakctl.operations.ledger import LedgerResult, look_checked
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, require_owner, telling
from peakctl.operations.recorder import ledger_client


class OwnershipChange(enum.StrEnum):
    """What is to become of entries of the ledger."""

    DISOWN = "disown"
    PROTECT = "protect"
    UNPROTECT = "unprotect"

    def after(self, owned: model.Owned) -> model.Owned | None:
        """The entry afterwards, None where there is none any more."""
        if self is OwnershipChange.DISOWN:
            return None
        return replace(owned, protect=self is OwnershipChange.PROTECT)


@dataclass(frozen=True, slots=True)
class OwnershipResult:
    """Entries of a ledger before a change, in the order that they were asked for.

    `same` are the keys of those that are so already: nothing is written for them.
    """

    owner: model.Owner
    change: OwnershipChange
    entries: tuple[model.Owned, ...]
    same: frozenset[model.Key] = frozenset()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def changed(self) -> tuple[model.Owned, ...]:
        """The entries that the change makes another, or removes."""
        return tuple(each for each in self.entries if each.key not in self.same)


async def disown_async(project: Project, *keys: model.Key) -> OwnershipResult:
    """Let go of resources: they stay as they are, and belong to no project.

    Calling this is the consent. Raises UsageError where no ledger is kept, PeakctlError for what
    the project does not own, LeaseHeld while another run is under way, and GuardRefused,
    LedgerUnusable, NotAuthenticated, ApiError.
    """
    return await _change(project, OwnershipChange.DISOWN, keys)


async def protect_async(project: Project, *keys: model.Key) -> OwnershipResult:
    """Keep resources from being deleted by prune, destroy or a replacement. As `disown_async`."""
    return await _change(project, OwnershipChange.PROTECT, keys)


async def unprotect_async(project: Project, *keys: model.Key) -> OwnershipResult:
    """Take that protection away, as far as the ledger has it. As `disown_async`."""
    return await _change(project, OwnershipChange.UNPROTECT, keys)


async def _change(
    project: Project, change: OwnershipChange, keys: Sequence[model.Key]
) -> OwnershipResult:
    require_owner(project)
    async with connect(project) as platform:
        looked = await look_to_change(platform, change, keys)
        written = await write_ownership(platform, looked) if looked.changed else ()
    return replace(looked, diagnostics=(*looked.diagnostics, *written))


async def look_to_change(
    platform: Platform, change: OwnershipChange, keys: Sequence[model.Key]
) -> OwnershipResult:
    """What the ledger has of `keys`, and what their manifests say of it. Writes nothing.

    Raises PeakctlError for what the project does not own, GuardRefused for another tenant.
    """
    with telling() as told:
        found = await look_checked(platform, told)
        if found.damage is not None:
            raise PeakctlError(found.damage)
        entries = _entries(found, keys, platform.project.prefix)
        same = {each.key for each in entries if change.after(each) == each}
        told += _of_manifests(platform, change, entries)
        return OwnershipResult(found.owner, change, entries, frozenset(same), tuple(told))


async def write_ownership(platform: Platform, shown: OwnershipResult) -> tuple[Diagnostic, ...]:
    """Write what was shown, under the lease; a warning where the history could not be written.

    Raises LeaseHeld while another run is under way, and PeakctlError where the entries are not what
    they were: then nothing is written.
    """
    project, client = platform.project, ledger_client(platform)
    assert client is not None  # noqa: S101 - the ledger has been read
    actor = redacted(actor_of(project.settings, project.root), project.redact)
    run = model.Run(run_id(), actor, shown.change)
    async with client.lease(run, ()) as lease:
        before = lease.ledger
        moved = [each.key for each in shown.changed if not _is_there(before, each)]
        if moved:
            raise PeakctlError(*(_moved(key, shown.owner) for key in moved))
        counts = {_COUNTED[shown.change]: len(shown.changed)}
        dropped = {each.key for each in shown.changed if shown.change.after(each) is None}
        await lease.finish(
            owned=_after(before, shown),
            intents=tuple(intent for intent in lease.before if intent.key not in dropped),
            outcome="done",
            counts=counts,
        )
        since, now = lease.since, client.store.now()
    history = history_writer(platform, shown.owner)
    history.record = plain_record(
        run,
        origin_of(project),
        (since, now),
        outcome="done",
        counts=counts,
        resources=(
            model.HistoryResource(e.key, shown.change, model.Status.DONE) for e in shown.changed
        ),
    )
    return await history.write(before.runs, lease.before)


def _entries(
    found: LedgerResult, keys: Iterable[model.Key], prefix: str
) -> tuple[model.Owned, ...]:
    """The entries of `keys`; raises PeakctlError with every one that is not there."""
    owned = found.ledger.owned if found.ledger else {}
    there: dict[model.Key, model.Owned] = {}
    problems = []
    for key in dict.fromkeys(keys):
        entry = owned.get(model.Key(key.kind, f"{prefix}{key.name}")) or owned.get(key)
        if entry is None:
            problems.append(not_owned(key, found.owner, owned))
        else:
            there[entry.key] = entry
    if problems:
        raise PeakctlError(*problems)
    return tuple(there.values())


def _is_there(ledger: model.Ledger, entry: model.Owned) -> bool:
    now = ledger.owned.get(entry.key)
    return now is not None and (now.live_id, now.protect) == (entry.live_id, entry.protect)


def _after(ledger: model.Ledger, shown: OwnershipResult) -> dict[model.Key, model.Owned]:
    """All entries afterwards; others with the id of one that is changed are the same resource."""
    ids = {each.live_id for each in shown.changed}
    pairs = (
        (key, shown.change.after(each) if each.live_id in ids else each)
        for key, each in ledger.owned.items()
    )
    return {key: each for key, each in pairs if each is not None}


_COUNTED = {
    OwnershipChange.DISOWN: "disowned",
    OwnershipChange.PROTECT: "protected",
    OwnershipChange.UNPROTECT: "unprotected",
}


# --- what manifests say of it --------------------------------------------------------------------


def _of_manifests(
    platform: Platform, change: OwnershipChange, entries: Sequence[model.Owned]
) -> list[Diagnostic]:
    """What the next apply of a manifest would undo, each with the place to change."""
    try:
        declared = declared_resources(platform.project, platform.kinds)
    except PeakctlError as error:
        return [_unread(error)]
    found = (declared[each.key] for each in entries if each.key in declared)
    return [told for each in found if (told := _undone(change, each))]


def _undone(change: OwnershipChange, resource: model.Resource) -> Diagnostic | None:
    wanted = {OwnershipChange.PROTECT: True, OwnershipChange.UNPROTECT: False}.get(change)
    if resource.protect is wanted:
        return None
    path, place, words, fix = _UNDONE[change]
    code, warning = "ledger/undone", Severity.WARNING
    return diagnose(resource, path, code, words, place=place, fix=fix, severity=warning)


NAME, PROTECT = ("metadata", "name"), ("lifecycle", "protect")
_UNDONE = {
    OwnershipChange.DISOWN: (
        NAME,
        NAME,
        "a manifest still names it: an apply of it takes it back where the two are equal, and is"
        " refused without --adopt where they differ",
        "take the manifest away to let go of it for good",
    ),
    OwnershipChange.PROTECT: (
        PROTECT,
        NAME,
        "its manifest does not protect it: the next apply of it takes the protection away",
        "add `lifecycle: {protect: true}` to the manifest",
    ),
    OwnershipChange.UNPROTECT: (
        PROTECT,
        PROTECT,
        "its manifest protects it: destroy goes on to refuse it, and the next apply protects it"
        " again",
        "take lifecycle.protect out of the manifest",
    ),
}


# --- what is wrong -------------------------------------------------------------------------------


def not_owned(
    key: model.Key, owner: model.Owner, owned: Mapping[model.Key, model.Owned]
) -> Diagnostic:
    """That a project does not own what was named, with the nearest that it owns."""
    near = nearest_names(str(key), [str(each) for each in owned])
    return Diagnostic(
        code="ledger/not-owned",
        summary=f"{owner} does not own it",
        key=key,
        fix=f"did you mean: {', '.join(near)}" if near else "see what it owns: peakctl ledger show",
    )


def _moved(key: model.Key, owner: model.Owner) -> Diagnostic:
    return Diagnostic(
        code="ledger/moved",
        summary=f"the ledger of {owner} has something else of it than what was shown",
        key=key,
        detail="another run has changed it meanwhile; nothing was written",
        fix="run the same command again",
    )


def _unread(error: PeakctlError) -> Diagnostic:
    return Diagnostic(
        code="ledger/manifests-unread",
        summary="whether a manifest says otherwise is not known: the manifests cannot be read",
        detail="; ".join(d.summary for d in error.diagnostics if d.severity is Severity.ERROR),
        fix="peakctl validate",
        severity=Severity.WARNING,
    )
