"""What runs and how it is: everything that the project declares or owns, by the reads of a plan.

Nothing is refused: what stands in the way of a plan is told beside the resource that it is about.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from peakctl.engine.drift import Drift, find_drift
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.guards import undone_rollbacks
from peakctl.engine.plan.names import Names, Told, ask_for_names
from peakctl.engine.plan.planner import Planned
from peakctl.errors import ApiError, Diagnostic, NotAuthenticated, Severity
from peakctl.kinds.schedules import crons_in, next_start
from peakctl.model import Action, Key, Lease, Listed, Live, Location, Owner, State, Verb
from peakctl.model.ledger import Owned, PastRun
from peakctl.model.records import dataclass
from peakctl.model.resources import LastRun
from peakctl.model.text import status_word
from peakctl.operations.load import LoadResult
from peakctl.operations.overview import named_uses
from peakctl.operations.plan import Planner, PlanOptions, ReplanInputs, load_and_connect
from peakctl.operations.platform import Platform
from peakctl.operations.project import Project, telling
from peakctl.operations.target import find_kind, parse_target

INTERVAL = 15.0
"""Seconds between two looks of a watch."""
CLOCKS = 2.0
"""Seconds by which the times of an edit and of the run that made it may differ: both are whole."""
_ABSENT, _UNREAD, _PAUSED = "absent", "not read", "paused"


class Health(enum.StrEnum):
    """How a resource is; `absent` is not there yet, `unknown` was not read."""

    OK = "ok"
    UNDER_WAY = "under way"
    WARNING = "warning"
    FAILED = "failed"
    ABSENT = "absent"
    UNKNOWN = "unknown"


_HEALTH = {
    State.READY: Health.OK,
    State.PENDING: Health.UNDER_WAY,
    State.WARNING: Health.WARNING,
    State.FAILED: Health.FAILED,
    State.STUCK: Health.FAILED,
    State.GONE: Health.ABSENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The last change of a resource, as far as it is known.

    `at` is in seconds since 1970. `commit` and `command` are those of the run of this project in
    whose time it was; "" where no run that the ledger remembers fits.
    """

    at: float | None = None
    by: str = ""
    commit: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceStatus:
    """One resource. `status` is the platform's word, as `get` prints it.

    `declared` says whether a manifest names it, `place` where; `owned` whether the project owns it,
    None where no ledger tells. `uses` are the images it runs, the spec it is of. `drift` is what
    was done outside, "" for nothing and None where that is not known; `paths` the fields.
    `pending` is what an apply would do. `next_run` is in seconds since 1970, by the schedules that
    are live.
    `problems` are why it is not well, a sentence each; `next` is the command that tells more of it.
    """

    key: Key
    id: str | int | None = None
    declared: bool = True
    owned: bool | None = None
    place: Location | None = None
    health: Health = Health.OK
    status: str = ""
    version: str | None = None
    uses: tuple[str, ...] = ()
    drift: str | None = None
    paths: tuple[str, ...] = ()
    pending: Verb | None = None
    last_run: LastRun | None = None
    next_run: float | None = None
    address: str = ""
    changed: Changed = Changed()
    problems: tuple[str, ...] = ()
    next: str = ""

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong with it; what waits for an apply is well."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class StatusResult:
    """Everything that was asked for, by key; `at` is the platform's time of the look.

    `last_run` is that of the project, as the ledger has it; `lease` is that of a run under way.
    """

    resources: tuple[ResourceStatus, ...]
    at: float
    owner: Owner | None = None
    last_run: PastRun | None = None
    lease: Lease | None = None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong with any of them."""
        return all(each.is_well for each in self.resources)


async def status_async(project: Project, options: PlanOptions | None = None) -> StatusResult:
    """How everything is that the project declares or owns; changes nothing.

    `select`, `exclude` and `parallelism` of `options` count. It sends the requests of a plan, and
    no others. Raises ManifestsInvalid, SelectorEmpty, LedgerUnusable, NotAuthenticated, ApiError.
    """
    given = options or PlanOptions()
    chosen = PlanOptions(select=given.select, exclude=given.exclude, parallelism=given.parallelism)
    async with load_and_connect(project, chosen) as (platform, loaded, told):
        found = await look_at_status(platform, loaded, chosen)
    return replace(found, diagnostics=(*told, *found.diagnostics))


async def look_at_status(
    platform: Platform, loaded: LoadResult, options: PlanOptions
) -> StatusResult:
    """As `status_async`, on a platform that is connected."""
    with telling() as told:
        planner = Planner(platform, loaded, options, ReplanInputs(), None, told)
        live, planned, _ = await planner.survey()
        whole = not (options.select or options.exclude)
        look = _Look(platform, loaded, live, planned)
        declared = await look.declared()
        rows = [*declared, *(look.undeclared() if whole else ())]
        told += (*look.elsewhere(), *look.undone())
        ledger, now = live.ledger, platform.ledgers.now()
        lease = ledger.lease if ledger else None
        return StatusResult(
            tuple(sorted(rows, key=lambda row: row.key)),
            now,
            platform.project.owner,
            ledger.runs[-1] if ledger and ledger.runs else None,
            lease if lease and lease.until > now else None,
            tuple(dict.fromkeys(told)),
        )


async def watch_status(
    platform: Platform, loaded: LoadResult, options: PlanOptions, interval: float = INTERVAL
) -> AsyncIterator[StatusResult | ApiError]:
    """One look after the other, `interval` seconds apart, until nobody asks for more.

    A look that the platform does not answer is given as its error; a token that it refuses is
    raised.
    """
    while True:
        try:
            yield await look_at_status(platform, loaded, options)
        except NotAuthenticated:
            raise
        except ApiError as error:
            yield error
        await platform.project.clock.sleep(interval)


@dataclass(slots=True)
class _Look:
    """What one look found, and how each resource is by it."""

    platform: Platform
    loaded: LoadResult
    live: LiveState
    planned: Planned

    async def declared(self) -> tuple[ResourceStatus, ...]:
        """Those that manifests name, of the chosen ones.

        A version in use that no listing names, as beside a build that failed, costs a request.
        """
        kinds, redact = self.platform.kinds, self.platform.project.redact
        names = Names((), self.live, kinds, Told(), redact)
        rows = tuple(self._rows(names))
        if names.missing:
            told = await ask_for_names(names.missing, self.platform.adapters, Told())
            rows = tuple(self._rows(Names((), self.live, kinds, told, redact)))
        return rows

    def _rows(self, names: Names) -> Iterator[ResourceStatus]:
        drifted: dict[Key, Drift] = {}
        if self.live.ledger is not None:
            drifted = {d.key: d for d in find_drift(self.planned.plan, self.live)}
        actions = {action.key: action for action in self.planned.plan.actions}
        for key in sorted(self.loaded.chosen):
            yield self._declared(key, actions.get(key), drifted.get(key), names)

    def _declared(
        self, key: Key, action: Action | None, drift: Drift | None, names: Names
    ) -> ResourceStatus:
        resource = self.loaded.resources[key]
        live = (action.live if action else None) or self.live.live.get(key)
        ledger = self.live.ledger
        row = ResourceStatus(
            key=key,
            place=resource.document.locate(("metadata", "name")),
            owned=self._is_owned(key, live),
            health=Health.ABSENT,
            status=_ABSENT,
            drift=None if ledger is None else str(drift.kind) if drift else "",
            paths=drift.paths if drift else (),
            pending=action.verb if action and action.verb is not Verb.KEEP else None,
        )
        if live is not None:
            row = self._with_live(row, live, names)
        problems = (*self._problems(row, live, drift), *self._refusals(key))
        return replace(row, problems=problems, next=self._next(row))

    def _is_owned(self, key: Key, live: Live | None) -> bool | None:
        if self.live.ledger is None:
            return None
        return self.live.owners.is_ours(live) if live else key in self.live.ledger.owned

    def _with_live(self, row: ResourceStatus, live: Live, names: Names) -> ResourceStatus:
        kind, redact = self.platform.kinds[live.key.kind], self.platform.project.redact
        word = redact(status_word(live.status))
        crons = () if word == _PAUSED else crons_in(kind, live.values)
        return replace(
            row,
            id=live.id,
            health=_HEALTH[live.state],
            status=word or _HEALTH[live.state],
            version=redact(live.version) if live.version else None,
            uses=named_uses(self.platform.kinds, live, names),
            last_run=live.facts.last_run,
            next_run=next_start(crons, self.platform.ledgers.now()),
            address=redact(_address(live)),
            changed=self._changed(live, outside=bool(row.drift)),
        )

    def _changed(self, live: Live, *, outside: bool) -> Changed:
        """Who changed it last: a run of this project, where one was under way then.

        What was changed `outside` was not changed by one, whatever the times are.
        """
        edit, ledger = live.edited, self.live.ledger
        if edit is None:
            return Changed()
        by = self.platform.project.redact(edit.by)
        runs = ledger.runs if ledger and self.live.owners.is_ours(live) else ()
        for run in () if outside else reversed(runs):
            if edit.at is not None and run.started - CLOCKS <= edit.at <= run.ended + CLOCKS:
                actor = run.actor
                return Changed(at=edit.at, by=actor.who, commit=actor.commit, command=run.command)
        return Changed(at=edit.at, by=by)

    def _problems(
        self, row: ResourceStatus, live: Live | None, drift: Drift | None
    ) -> Iterator[str]:
        """Why it is not well, by what is live."""
        redact = self.platform.project.redact
        if live is not None and row.health in (Health.FAILED, Health.WARNING):
            reason = redact(live.facts.reason)
            yield f"its state is {row.status}" + (f": {reason}" if reason else "")
        if row.last_run is not None and _failed(row.last_run):
            yield f"its last run is {status_word(row.last_run.status)} ({row.last_run.id})"
        if drift is not None:
            detail = f" {redact(drift.detail)}" if drift.detail else ""
            where = f" ({', '.join(drift.paths)})" if drift.paths else ""
            yield f"{drift.kind}{detail} outside{where}: {drift.sentence}"

    def _next(self, row: ResourceStatus) -> str:
        """What to type to see more: the log of what failed, or what was done outside.

        Services have no log, nor have deployments that failed: their revisions tell what is new.
        """
        failed = row.health is Health.FAILED and self.platform.kinds[row.key.kind].lifecycle.wait
        ran = row.last_run is not None and _failed(row.last_run)
        typed = self.platform.project.options.environment
        where = f" -e {typed}" if typed else ""
        if ran or failed == "build":
            return f"peakctl logs {row.key}{where}"
        if failed == "deploy":
            return f"peakctl history {row.key}{where}"
        return f"peakctl drift --select {row.key}{where}" if row.drift else ""

    def _refusals(self, key: Key) -> Iterator[str]:
        """Why a plan of it would be refused, consent aside: that is no fault of what runs."""
        for each in self.planned.diagnostics:
            if each.key == key and each.severity is Severity.ERROR:
                yield self.platform.project.redact(f"{each.summary} ({each.code})")

    def elsewhere(self) -> Iterator[Diagnostic]:
        """What stands in the way of a plan and is about no resource that is shown."""
        for each in self.planned.diagnostics:
            if each.severity is not Severity.ERROR:
                yield each
            elif each.key not in self.loaded.chosen:
                yield replace(each, severity=Severity.WARNING)

    def undone(self) -> Iterator[Diagnostic]:
        """The rollbacks that no manifest has yet: an apply of these resources is refused."""
        ledger, plan = self.live.ledger, self.planned.plan
        for each in undone_rollbacks(plan, ledger, self.platform.kinds) if ledger else ():
            if each.key in self.loaded.chosen:
                yield replace(each, severity=Severity.WARNING)

    def undeclared(self) -> Iterator[ResourceStatus]:
        """What the project owns and no manifest names, as far as the plan's listings show it."""
        ids = {live.live_id for live in self.live.live.values()}
        owned = self.live.ledger.owned if self.live.ledger else {}
        for key, each in sorted(owned.items()):
            if key not in self.loaded.resources and each.live_id not in ids:
                yield self._undeclared(each)

    def _undeclared(self, owned: Owned) -> ResourceStatus:
        kind = owned.key.kind
        row = ResourceStatus(
            key=owned.key,
            id=owned.id,
            declared=False,
            owned=True,
            health=Health.UNKNOWN,
            status=_UNREAD,
        )
        if kind not in self.live.listed:
            return row
        item = _by_id(self.live.listed[kind], owned)
        if item is None:
            told = "it is on the platform no more"
            return replace(row, health=Health.ABSENT, status=_ABSENT, problems=(told,))
        word = _listed_word(item.item)
        state = self.platform.kinds[kind].lifecycle.words.get(word)
        health = _HEALTH[state] if state else Health.UNKNOWN if word else Health.OK
        shown = self.platform.project.redact(status_word(word)) or Health.OK
        bad = health in (Health.FAILED, Health.WARNING)
        return replace(
            row, health=health, status=shown, problems=(f"its state is {shown}",) if bad else ()
        )


def _failed(run: LastRun) -> bool:
    return status_word(run.status) == "failed"


def _address(live: Live) -> str:
    """The address that it gives to people; one that lets anybody call it is no text."""
    found = (value for value in live.facts.outputs.values() if isinstance(value, str))
    return next(found, "")


def _by_id(listed: Iterable[Listed], owned: Owned) -> Listed | None:
    return next((item for item in listed if str(item.id) == str(owned.id)), None)


def _listed_word(item: Mapping[str, object]) -> str:
    """The status that a listing has of something: its own, or that of its newest version."""
    holders = (item, item.get("metadata"), item.get("latestVersion"))
    words = (each.get("status") for each in holders if isinstance(each, Mapping))
    return next((word for word in words if isinstance(word, str)), "")


def read_words(words: Sequence[str], kinds: Iterable[str]) -> tuple[str, ...]:
    """What was typed as words of a selection: kinds in any spelling. Raises UsageError."""
    known = tuple(kinds)
    return tuple(
        word
        if "=" in word
        else str(parse_target(word, known).key)
        if "/" in word
        else find_kind(word, known)
        for word in words
    )
