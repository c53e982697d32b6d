"""Which old versions of images and artifacts may go: what the project owns, and nothing uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from peakctl import model
from peakctl.engine.gc import GcLimits, Users, Verdict, choose_resources, judge_versions
from peakctl.engine.observe.version_uses import VersionUses, observe_version_uses, uses_of_manifests
from peakctl.engine.plan.guards import narrower
from peakctl.errors import Diagnostic, GuardRefused, PeakctlError, UsageError
from peakctl.ledger.revisions import all_of, read_others
from peakctl.model.records import dataclass
from peakctl.operations.get import declared_resources
from peakctl.operations.ledger import look_checked
from peakctl.operations.ownership import not_owned
from peakctl.operations.platform import Platform
from peakctl.operations.project import telling
from peakctl.operations.target import Word, read_words
from peakctl.operations.versions import unknown_version


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

    key: model.Key
    listed: model.Listed
    verdicts: tuple[Verdict, ...]

    @property
    def deleted(self) -> tuple[model.KeptVersion, ...]:
        """The versions that are to be deleted, the oldest first."""
        return tuple(each.version for each in reversed(self.verdicts) if each.kept is None)


@dataclass(frozen=True, slots=True)
class GcPlan:
    """What would be deleted, and what is kept and why. `now` is the platform's time."""

    owner: model.Owner
    resources: tuple[GcResource, ...]
    now: float
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def count(self) -> int:
        """How many versions would be deleted."""
        return sum(len(each.deleted) for each in self.resources)


async def look_to_gc(platform: Platform, options: GcOptions) -> GcPlan:
    """What would be deleted. Writes nothing.

    Everything that may use a version is read completely: where a read fails, that ends it.
    """
    with telling() as told:
        _asked(platform, options)  # what is wrong with the words is told before anything is read
        found = await look_checked(platform, told)
        if found.damage is not None:
            raise PeakctlError(found.damage)
        plan = await plan_gc(platform, options, found.ledger, found.owner)
        if plan.count:
            _refuse_class(platform, options)
        return replace(plan, diagnostics=(*told, *plan.diagnostics))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one word asks for: resources, and of one maybe a single version."""

    word: Word
    version: str | None = None

    def fits(self, key: model.Key, prefix: str) -> bool:
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


async def plan_gc(
    platform: Platform, options: GcOptions, ledger: model.Ledger | None, owner: model.Owner
) -> GcPlan:
    """What may go by this ledger. Everything is read, the dear last and only for what is old.

    Raises as `look_to_gc`.
    """
    asked = _asked(platform, options)
    resources = declared_resources(platform.project, platform.kinds)
    kinds = list(dict.fromkeys(kind for each in asked for kind in each.word.kinds))
    read = await all_of(platform.adapters[kind].index() for kind in kinds)
    listed = dict(zip(kinds, read, strict=True))
    others = await read_others(platform.ledgers, await platform.ledgers.list(), owner)
    chosen: dict[model.Key, model.Listed] = {}
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
    asked: Sequence[_Asked], owner: model.Owner, owned: Mapping[model.Key, model.Owned], prefix: str
) -> None:
    """Raise PeakctlError with every name, or pattern of names, that nothing owned has."""
    missing = [
        not_owned(model.Key(each.word.kinds[0], each.word.name), owner, owned)
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
    declared: Mapping[model.Key, model.Resource]
    chosen: Mapping[model.Key, model.Listed]

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

    def _results(self, verdicts: Mapping[model.Key, tuple[Verdict, ...]]) -> tuple[GcResource, ...]:
        return tuple(GcResource(key, self.chosen[key], each) for key, each in verdicts.items())

    async def _versions(
        self, key: model.Key, listed: model.Listed
    ) -> tuple[model.KeptVersion, ...]:
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
        self, key: model.Key, versions: Sequence[model.KeptVersion], users: Users
    ) -> tuple[Verdict, ...]:
        latest = {*self.chosen[key].numbers.values()}
        return judge_versions(versions, self._limits, latest=latest, users=users, now=self.now)

    async def _uses(self) -> tuple[VersionUses, VersionUses]:
        kinds = self.platform.kinds
        wanted = {key.kind for key in self.chosen}
        ids = {key: model.LiveId.of(key.kind, each.id) for key, each in self.chosen.items()}
        live = await observe_version_uses(wanted, kinds, self.platform.adapters)
        return live, uses_of_manifests(self.declared, kinds, ids)

    def _users(self, key: model.Key, uses: tuple[VersionUses, VersionUses]) -> Users:
        id_ = model.LiveId.of(key.kind, self.chosen[key].id)
        return lambda version: tuple(user for each in uses for user in each.of(id_, version))


def _nobody(_: model.KeptVersion) -> tuple[str, ...]:
    return ()


def _refuse_class(platform: Platform, options: GcOptions) -> None:
    """Return where a run may delete. Raises GuardRefused."""
    environment = platform.project.environment
    allowed = narrower(environment.allow if environment else None, options.allow)
    if allowed is None or model.ActionClass.DELETE in allowed:
        return
    raise GuardRefused(
        Diagnostic(
            code="guard/not-allowed",
            summary="to delete versions is not allowed here: it is of class delete",
            detail=f"allowed: {', '.join(allowed) or 'nothing'}",
            fix="leave it to a run that may, or have `--allow` or `allow` of peakctl.yaml changed",
        )
    )
