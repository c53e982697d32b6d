"""Deletes old versions of images and artifacts that the project owns and nothing uses.

It goes in two steps: what would be deleted is shown, and is what consent is given to. Under the
lease all of it is read again; nothing is deleted then that was not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from peakctl import __version__
from peakctl.engine.gc import GcLimits, Users, Verdict, choose_resources, judge_versions
from peakctl.engine.observe.version_uses import (
    VersionUses,
    observe_version_uses,
    uses_of_manifests,
)
from peakctl.engine.plan.guards import narrower
from peakctl.errors import (
    ApiError,
    Diagnostic,
    GuardRefused,
    NotAuthenticated,
    PeakctlError,
    UsageError,
)
from peakctl.ledger.revisions import all_of, read_others
from peakctl.model import (
    ActionClass,
    HistoryResource,
    HistoryRun,
    KeptVersion,
    Key,
    Ledger,
    Listed,
    LiveId,
    Owned,
    Owner,
    Resource,
    Run,
    Status,
)
from peakctl.model.records import dataclass
from peakctl.operations.actor import actor_of, redacted, run_id
from peakctl.operations.apply import Stop
from peakctl.operations.get import declared_resources
from peakctl.operations.history import history_writer
from peakctl.operations.ledger import look_checked
from peakctl.operations.origin import origin_of
from peakctl.operations.ownership import not_owned
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, require_owner, telling
from peakctl.operations.recorder import ledger_client, not_written
from peakctl.operations.target import Word, read_words
from peakctl.operations.versions import unknown_version

VERB = "delete-version"
"""The verb of what it does to a resource, in the history."""
COUNTED = "versions deleted"
DELETING = ("deleting", "delete-failed")
LOOKS, PAUSE = 5, 2.0
"""How often, and how many seconds apart, it looks whether what was deleted is gone."""


@dataclass(frozen=True, slots=True)
class GcOptions:
    """Which versions are to go: all but the newest `keep` of each resource, and older than a time.

    `what` are kinds or `Kind/name`, with `*` and `?` (none: every kind that has such versions), or
    `Kind/name@version` for that version alone. `older_than` is how long ago they were made, or
    before when. Where a version is not named, one of the two must be given.
    `allow` are the classes of actions that may be done (None: all); peakctl.yaml may allow less.
    """

    what: tuple[str, ...] = ()
    keep: int | None = None
    older_than: timedelta | datetime | None = None
    allow: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class GcResource:
    """One resource, and a verdict on each of its versions, the newest first."""

    key: Key
    listed: Listed
    verdicts: tuple[Verdict, ...]

    @property
    def deleted(self) -> tuple[KeptVersion, ...]:
        """The versions that are to be deleted, the oldest first."""
        return tuple(each.version for each in reversed(self.verdicts) if each.kept is None)


@dataclass(frozen=True, slots=True)
class GcPlan:
    """What would be deleted, and what is kept and why. `now` is the platform's time."""

    owner: Owner
    resources: tuple[GcResource, ...]
    now: float
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def count(self) -> int:
        """How many versions would be deleted."""
        return sum(len(each.deleted) for each in self.resources)


@dataclass(frozen=True, slots=True)
class GcOutcome:
    """What became of one version; `reason` says why it is still there."""

    key: Key
    number: str
    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GcResult:
    """What was shown, and what became of each version that was to be deleted."""

    plan: GcPlan
    outcomes: tuple[GcOutcome, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def deleted(self) -> int:
        """How many versions are gone, or are being deleted."""
        gone = (Status.DONE, Status.IN_PROGRESS)
        return sum(each.status in gone for each in self.outcomes)

    @property
    def failed(self) -> tuple[GcOutcome, ...]:
        """Those that are still there, or of which that is not known."""
        return tuple(e for e in self.outcomes if e.status in (Status.FAILED, Status.UNKNOWN))


async def gc_async(project: Project, options: GcOptions, *, stop: Stop | None = None) -> GcResult:
    """Delete old versions. Calling this is the consent.

    Raises UsageError where no ledger is kept and for options that say too little, ManifestsInvalid,
    GuardRefused, LeaseHeld, LedgerUnusable, NotAuthenticated, ApiError: nothing is deleted then.
    """
    require_owner(project)
    async with connect(project) as platform:
        shown = await look_to_gc(platform, options)
        return await run_gc(platform, options, shown, stop=stop)


async def look_to_gc(platform: Platform, options: GcOptions) -> GcPlan:
    """What would be deleted. Writes nothing.

    Everything that may use a version is read completely: where a read fails, that ends it.
    """
    with telling() as told:
        words = _asked(platform, options)
        found = await look_checked(platform, told)
        if found.damage is not None:
            raise PeakctlError(found.damage)
        plan = await _plan(platform, options, words, found.ledger, found.owner)
        if plan.count:
            _refuse_class(platform, options)
        return replace(plan, diagnostics=(*told, *plan.diagnostics))


async def run_gc(
    platform: Platform, options: GcOptions, shown: GcPlan, *, stop: Stop | None = None
) -> GcResult:
    """Delete what was shown, as far as it may still go, under the lease; add it to the history.

    Raises LeaseHeld while another run is under way.
    """
    if not shown.count:
        return GcResult(shown)
    client = ledger_client(platform)
    assert client is not None  # noqa: S101 - the ledger has been read
    project = platform.project
    actor = redacted(actor_of(project.settings, project.root), project.redact)
    run = Run(run_id(), actor, "gc")
    stop = stop or Stop()
    async with client.lease(run, ()) as lease:
        words = _asked(platform, options)
        again = await _plan(platform, options, words, lease.ledger, shown.owner)
        before, left = lease.ledger.runs, lease.before
        async with lease.renewing(stop.request):
            outcomes = await _delete_all(platform, _approved(shown, again), stop)
        outcomes = (*outcomes, *_kept_after_all(shown, again))
        record = _record(project, run, outcomes, (lease.since, client.store.now()))
        told: tuple[Diagnostic, ...] = ()
        try:
            await lease.finish(
                owned=lease.ledger.owned,
                intents=left,
                outcome=record.outcome,
                counts=record.counts,
            )
        except PeakctlError as error:
            told = (not_written(error, "peakctl gc"),)
    history = history_writer(platform, shown.owner)
    history.record = record
    return GcResult(shown, outcomes, (*told, *await history.write(before, left)))


# --- what may go ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one word asks for: resources, and of one maybe a single version."""

    word: Word
    version: str | None = None

    def fits(self, key: Key, prefix: str) -> bool:
        """Whether a resource is meant; its name may be that of a manifest, without `prefix`."""
        names = (key.name, key.name.removeprefix(prefix))
        return any(self.word.fits(key.kind, name) for name in names)


def _asked(platform: Platform, options: GcOptions) -> tuple[_Asked, ...]:
    """What is asked for. Raises UsageError where that is too little, or cannot be deleted."""
    able = [name for name, each in platform.adapters.items() if each.drops_versions]
    found = tuple(_read_word(text, list(platform.kinds)) for text in options.what)
    for each in found:
        if each.word.kinds[0] not in able:
            summary = f"single versions of {each.word.kinds[0]} cannot be deleted"
            detail = "releases and revisions go with what they are of"
            raise UsageError(_usage(summary, detail, f"name one of {', '.join(able)}"))
    named = found and all(each.version is not None for each in found)
    if not named and options.keep is None and options.older_than is None:
        fix = "give --keep N, --older-than TIME, or both: what both let go is deleted"
        raise UsageError(_usage("it is not said which versions are old", "", fix))
    return found or (_Asked(Word("", tuple(able))),)


def _read_word(text: str, kinds: Sequence[str]) -> _Asked:
    whole, _, version = text.rpartition("@") if "/" in text and "@" in text else (text, "", "")
    (word,) = read_words([whole], kinds, everything=False)
    return _Asked(word, version or None)


def _usage(summary: str, detail: str, fix: str) -> Diagnostic:
    return Diagnostic("usage/gc", summary, detail=detail, fix=fix)


async def _plan(
    platform: Platform,
    options: GcOptions,
    asked: Sequence[_Asked],
    ledger: Ledger | None,
    owner: Owner,
) -> GcPlan:
    """Everything is read here, in the order that spares requests where nothing is old enough."""
    resources = declared_resources(platform.project, platform.kinds)
    kinds = list(dict.fromkeys(kind for each in asked for kind in each.word.kinds))
    read = await all_of(platform.adapters[kind].index() for kind in kinds)
    listed = dict(zip(kinds, read, strict=True))
    others = await read_others(platform.ledgers, await platform.ledgers.list(), owner)
    chosen: dict[Key, Listed] = {}
    notes: tuple[Diagnostic, ...] = ()
    prefix = platform.project.prefix
    if ledger is not None:
        found, notes = choose_resources(ledger, others.ledgers, resources, listed, platform.kinds)
        chosen = {k: i for k, i in found.items() if any(a.fits(k, prefix) for a in asked)}
        notes = tuple(n for n in notes if n.key and any(a.fits(n.key, prefix) for a in asked))
    _refuse_unknown(asked, owner, ledger.owned if ledger else {}, prefix)
    judge = _Judge(platform, options, resources, chosen)
    found_resources = (_narrowed(each, asked, prefix) for each in await judge.resources())
    return GcPlan(owner, tuple(found_resources), judge.now, notes)


def _refuse_unknown(
    asked: Sequence[_Asked], owner: Owner, owned: Mapping[Key, Owned], prefix: str
) -> None:
    """Raise PeakctlError with every name, or pattern of names, that nothing owned has."""
    missing = [
        not_owned(Key(each.word.kinds[0], each.word.name), owner, owned)
        for each in asked
        if each.word.name is not None and not any(each.fits(key, prefix) for key in owned)
    ]
    if missing:
        raise PeakctlError(*missing)


def _narrowed(resource: GcResource, asked: Sequence[_Asked], prefix: str) -> GcResource:
    """With the verdicts on the versions that were named alone. Raises PeakctlError for no such."""
    wanted = [each.version for each in asked if each.fits(resource.key, prefix)]
    named = {each for each in wanted if each is not None}
    if len(named) < len({*wanted}):
        return resource
    numbers = [each.version.number for each in resource.verdicts]
    if missing := sorted(named - {*numbers}):
        raise PeakctlError(unknown_version(resource.key, "version", missing[0], numbers))
    verdicts = tuple(each for each in resource.verdicts if each.version.number in named)
    return replace(resource, verdicts=verdicts)


@dataclass(slots=True)
class _Judge:
    """Judges every version of what is chosen: first without what uses it, which is dear to read."""

    platform: Platform
    options: GcOptions
    declared: Mapping[Key, Resource]
    chosen: Mapping[Key, Listed]

    @property
    def now(self) -> float:
        return self.platform.ledgers.now()

    async def resources(self) -> tuple[GcResource, ...]:
        read = await all_of(self._versions(*each) for each in self.chosen.items())
        versions = dict(zip(self.chosen, read, strict=True))
        first = {key: self._judged(key, versions[key], _nobody) for key in versions}
        if not any(each.kept is None for verdicts in first.values() for each in verdicts):
            return self._results(first)
        uses = await self._uses()
        return self._results(
            {key: self._judged(key, each, self._users(key, uses)) for key, each in versions.items()}
        )

    def _results(self, verdicts: Mapping[Key, tuple[Verdict, ...]]) -> tuple[GcResource, ...]:
        return tuple(GcResource(key, self.chosen[key], each) for key, each in verdicts.items())

    async def _versions(self, key: Key, listed: Listed) -> tuple[KeptVersion, ...]:
        """Its versions; what is old enough by its rank is read for its age, where that is asked."""
        adapter = self.platform.adapters[key.kind]
        found = await adapter.versions(listed)
        if self.options.older_than is None:
            return found
        first = judge_versions(
            found, replace(self._limits, older_than=None), latest=(), users=_nobody, now=self.now
        )
        unknown = [v.version for v in first if v.kept is None and v.version.made is None]
        lives = await all_of(adapter.read_version(listed, each.number) for each in unknown)
        made = {
            version.number: live.edited
            for version, live in zip(unknown, lives, strict=True)
            if live is not None
        }
        return tuple(replace(v, made=v.made or made.get(v.number)) for v in found)

    @property
    def _limits(self) -> GcLimits:
        older = self.options.older_than
        seconds = self.now - older.timestamp() if isinstance(older, datetime) else None
        if isinstance(older, timedelta):
            seconds = older.total_seconds()
        return GcLimits(max(1, self.options.keep or 1), seconds)

    def _judged(
        self, key: Key, versions: Sequence[KeptVersion], users: Users
    ) -> tuple[Verdict, ...]:
        latest = {*self.chosen[key].numbers.values()}
        return judge_versions(versions, self._limits, latest=latest, users=users, now=self.now)

    async def _uses(self) -> tuple[VersionUses, VersionUses]:
        kinds = self.platform.kinds
        wanted = {key.kind for key in self.chosen}
        ids = {key: LiveId.of(key.kind, each.id) for key, each in self.chosen.items()}
        live = await observe_version_uses(wanted, kinds, self.platform.adapters)
        return live, uses_of_manifests(self.declared, kinds, ids)

    def _users(self, key: Key, uses: tuple[VersionUses, VersionUses]) -> Users:
        id_ = LiveId.of(key.kind, self.chosen[key].id)
        return lambda version: tuple(user for each in uses for user in each.of(id_, version))


def _nobody(_: KeptVersion) -> tuple[str, ...]:
    return ()


def _refuse_class(platform: Platform, options: GcOptions) -> None:
    """Return where a run may delete. Raises GuardRefused."""
    environment = platform.project.environment
    allowed = narrower(environment.allow if environment else None, options.allow)
    if allowed is None or ActionClass.DELETE in allowed:
        return
    raise GuardRefused(
        Diagnostic(
            code="guard/not-allowed",
            summary="to delete versions is not allowed here: it is of class delete",
            detail=f"allowed: {', '.join(allowed) or 'nothing'}",
            fix="leave it to a run that may, or have `--allow` or `allow` of peakctl.yaml changed",
        )
    )


# --- what is deleted -----------------------------------------------------------------------------


def _approved(shown: GcPlan, again: GcPlan) -> list[tuple[GcResource, KeptVersion]]:
    """What may go now, of what was shown: the same number of the same resource."""
    agreed = _numbers(shown)
    return [
        (each, version)
        for each in again.resources
        for version in each.deleted
        if (LiveId.of(each.key.kind, each.listed.id), version.number) in agreed
    ]


def _numbers(plan: GcPlan) -> set[tuple[LiveId, str]]:
    return {
        (LiveId.of(each.key.kind, each.listed.id), version.number)
        for each in plan.resources
        for version in each.deleted
    }


def _kept_after_all(shown: GcPlan, again: GcPlan) -> tuple[GcOutcome, ...]:
    """What was shown and may not go any more, or is gone already."""
    still = _numbers(again)
    there = {
        (LiveId.of(each.key.kind, each.listed.id), verdict.version.number): verdict
        for each in again.resources
        for verdict in each.verdicts
    }
    found = []
    for each in shown.resources:
        for version in each.deleted:
            place = LiveId.of(each.key.kind, each.listed.id), version.number
            if place in still:
                continue
            verdict = there.get(place)
            status = Status.ALREADY_RIGHT if verdict is None else Status.CANCELLED
            why = verdict.kept.sentence if verdict and verdict.kept else "it is not there any more"
            found.append(GcOutcome(each.key, version.number, status, why))
    return tuple(found)


async def _delete_all(
    platform: Platform, todo: Sequence[tuple[GcResource, KeptVersion]], stop: Stop
) -> tuple[GcOutcome, ...]:
    """One after the other, the oldest of each resource first; then it looks what is still there."""
    outcomes = []
    for resource, version in todo:
        if stop.requested:
            why = "the run was stopped before"
            outcomes.append(GcOutcome(resource.key, version.number, Status.CANCELLED, why))
            continue
        outcomes.append(await _delete(platform, resource, version))
    asked = [each for each in outcomes if each.status in (Status.DONE, Status.UNKNOWN)]
    there = await _still_there(platform, [r for r, _ in todo], asked)
    return tuple(_settled(each, there) for each in outcomes)


async def _delete(platform: Platform, resource: GcResource, version: KeptVersion) -> GcOutcome:
    key, number = resource.key, version.number
    try:
        await platform.adapters[key.kind].drop_version(resource.listed, version)
    except ApiError as error:
        status = Status.UNKNOWN if error.doubtful else Status.FAILED
        return GcOutcome(key, number, status, str(error))
    except NotAuthenticated as error:
        return GcOutcome(key, number, Status.FAILED, str(error))
    return GcOutcome(key, number, Status.DONE)


async def _still_there(
    platform: Platform, resources: Sequence[GcResource], asked: Sequence[GcOutcome]
) -> dict[tuple[Key, str], str] | None:
    """The status words of versions that were to be deleted and are there; None where unread.

    The platform deletes in the background: it is looked at a few times.
    """
    keys = {each.key for each in asked}
    of = {each.key: each.listed for each in resources if each.key in keys}
    wanted = {(each.key, each.number) for each in asked}
    there: dict[tuple[Key, str], str] = {}
    for look in range(LOOKS if wanted else 0):
        if look:
            await platform.project.clock.sleep(PAUSE)
        try:
            found = await all_of(
                platform.adapters[key.kind].versions(listed) for key, listed in of.items()
            )
        except PeakctlError:
            return None
        there = {
            (key, version.number): version.status.lower()
            for key, versions in zip(of, found, strict=True)
            for version in versions
            if (key, version.number) in wanted
        }
        if not any(word == DELETING[0] for word in there.values()):
            break
    return there


def _settled(outcome: GcOutcome, there: Mapping[tuple[Key, str], str] | None) -> GcOutcome:
    """The outcome with what a look at the platform says of it."""
    if there is None or outcome.status not in (Status.DONE, Status.UNKNOWN):
        return outcome
    word = there.get((outcome.key, outcome.number))
    if word is None:
        return replace(outcome, status=Status.DONE, reason="")
    if word == DELETING[0]:
        why = "the platform is still deleting it"
        return replace(outcome, status=Status.IN_PROGRESS, reason=why)
    if outcome.status is Status.UNKNOWN and word != DELETING[1]:
        return outcome
    return replace(outcome, status=Status.FAILED, reason="the platform did not delete it")


# --- what is recorded ----------------------------------------------------------------------------


def _record(
    project: Project, run: Run, outcomes: Sequence[GcOutcome], times: tuple[float, float]
) -> HistoryRun:
    done = sum(each.status in (Status.DONE, Status.IN_PROGRESS) for each in outcomes)
    return HistoryRun(
        number=0,
        id=run.id,
        actor=run.actor,
        command=run.command,
        started=times[0],
        ended=max(times),
        outcome=_outcome(outcomes, done),
        counts={COUNTED: done} if done else {},
        origin=origin_of(project),
        peakctl=__version__,
        resources=tuple(
            HistoryResource(each.key, VERB, each.status, before=each.number)
            for each in outcomes
            if each.status not in (Status.CANCELLED, Status.ALREADY_RIGHT)
        ),
    )


def _outcome(outcomes: Sequence[GcOutcome], done: int) -> str:
    if all(each.status.good or each.status is Status.IN_PROGRESS for each in outcomes):
        return "done"
    if any(each.status in (Status.FAILED, Status.UNKNOWN) for each in outcomes):
        return "partial" if done else "failed"
    return "interrupted" if done else "stopped"
