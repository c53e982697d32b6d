"""A plan: the manifests of a project compared with what is live and what its ledger says.

`plan` is the whole operation; `make_plan` the same on a platform that is connected already. An
apply plans a second time under its lease: `ReplanInputs` is what it may rely on then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from peakctl.engine.observe.file_changes import Compared, add_file_changes, compared, redacted_files
from peakctl.engine.observe.live_state import (
    LedgerQuery,
    Listings,
    LiveState,
    Makers,
    adoptable,
    find_makers,
    mark_made,
    observe,
)
from peakctl.engine.plan.guards import (
    mass_change,
    narrower,
    not_allowed,
    undone_rollbacks,
    unset_values,
    with_classes,
)
from peakctl.errors import Diagnostic, GuardRefused, Severity, counted
from peakctl.model import FileChanges, Guards, Key, Ledger, Live, Owned, Plan, Verb
from peakctl.model.records import dataclass
from peakctl.model.text import secret_texts
from peakctl.operations.ahead import TellKinds, connect_and_load, import_ahead
from peakctl.operations.load import LoadResult, load, refuse_errors
from peakctl.operations.platform import PARALLELISM, Platform, connect
from peakctl.operations.project import Project, telling
from peakctl.operations.selection import check_owns, check_whole, narrow

if TYPE_CHECKING:
    from peakctl.engine.plan.approval import Tenant
    from peakctl.engine.plan.names import Told
    from peakctl.engine.plan.planner import Planned
    from peakctl.engine.plan.shown import InWords


_NEEDED_NEXT = ("peakctl.engine.plan.planner", "peakctl.engine.plan.shown")
_NEEDED_FOR_CHANGES = ("peakctl.operations.preflight",)


@dataclass(frozen=True, slots=True)
class RollbackOf:
    """That a plan is a rollback: `to` says in words what to, for the ledger and the history.

    `commit` is the one whose manifests are planned, "" where they are those of the working tree.
    `against` are the resources whose manifests in the working tree say otherwise.
    """

    to: str
    commit: str = ""
    against: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What a plan is of, and what it may do.

    `select` and `exclude` are `Kind/name`, `Kind` or `label=value`. `prune` deletes what the ledger
    has and no manifest names any more, `prune_history` also what has versions. `adopt` changes what
    is live and nobody's, `take_over` what belongs to the owners named. `allow_mass_change` is the
    exact number of changes and deletes that is right, though unusually many; `agreed` are resources
    whose changes were agreed to elsewhere, and do not count for it. `allow` are the
    classes of actions that may be in the plan (None: all); peakctl.yaml may allow less. With
    `destroy` the plan deletes what the manifests name. `forward` may undo a rollback, `rollback` is
    one (`plan_rollback` sets it).
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    prune: bool = False
    prune_history: bool = False
    adopt: bool = False
    take_over: tuple[str, ...] = ()
    retry_failed: bool = False
    allow_mass_change: int | None = None
    agreed: frozenset[Key] = frozenset()
    allow: tuple[str, ...] | None = None
    destroy: bool = False
    forward: bool = False
    rollback: RollbackOf | None = None
    parallelism: int = PARALLELISM


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A plan, what it was made from, and the guards that stand before it.

    `gone` are owned resources that the platform does not have any more; `began` is when the
    looking began, by the clock of this machine. `decided` says what was found about who made what
    is to be adopted. `diagnostics` has the warnings and notes; a plan with `guards` is not applied.
    `names` are those that were asked for to show the plan, `as_planned` is it before it was put
    into the words of manifests.
    """

    plan: Plan
    options: PlanOptions
    loaded: LoadResult
    live: LiveState
    guards: tuple[Diagnostic, ...] = ()
    gone: frozenset[Key] = frozenset()
    began: float = 0.0
    decided: Makers = field(default_factory=Makers)
    diagnostics: tuple[Diagnostic, ...] = ()
    names: Told = field(default_factory=dict)
    as_planned: Plan = field(default=Plan(()), repr=False)

    @property
    def has_changes(self) -> bool:
        """Whether an apply would do anything."""
        return bool(self.plan.pending)

    def undeclared(self) -> tuple[Owned, ...]:
        """What the project owns and no manifest names; nothing where that is not known."""
        from peakctl.ledger.ownership import undeclared

        ledger, options = self.live.ledger, self.options
        part = options.destroy or options.select or options.exclude
        if ledger is None or options.prune or part:
            return ()
        return tuple(ledger.owned[key] for key in undeclared(self.plan, ledger))

    def newly_owned(self) -> int:
        """How many resources that stay as they are were nobody's, and become the project's."""
        from peakctl.ledger.ownership import adopted

        return len(adopted(self.plan.actions, self.live.owners))

    @property
    def changes_hands(self) -> bool:
        """Whether something that is there becomes the project's."""
        return any(action.taken_from for action in self.plan.actions) or bool(self.newly_owned())

    def replan_inputs(self) -> ReplanInputs:
        """What a second look may rely on, before the lease is held."""
        actions, owners = self.plan.actions, self.live.owners
        known = {a.key: a.live for a in actions if a.live and a.verb is Verb.KEEP}
        planned = {a.key: a for a in self.as_planned.actions}
        all_ours = all(a.live and owners.is_ours(a.live) for a in actions)
        return ReplanInputs(
            known=known,
            conflicts=not all_ours,
            decided=self.decided,
            files=compared(self.plan),
            names=self.names,
            shown={a.key: (planned[a.key], a) for a in self.plan.pending if a.key in planned},
        )


@dataclass(frozen=True, slots=True)
class ReplanInputs:
    """What a second look may rely on: our lease, and what this run has read and leaves alone.

    With `conflicts` it touches what is not ours yet: others might own it, or be about to make it
    too. `decided` is what the first look found about who made what is to be adopted, `files` what
    it found about archives, `names` the names that it asked for, `shown` its actions as people read
    them. `begun` are listings that were asked for already.
    """

    held: Ledger | None = None
    known: Mapping[Key, Live] = field(default_factory=dict)
    conflicts: bool = False
    decided: Makers = field(default_factory=Makers)
    files: Mapping[Compared, FileChanges] = field(default_factory=dict)
    names: Told = field(default_factory=dict)
    shown: InWords = field(default_factory=dict)
    begun: Listings = field(default_factory=dict)


async def plan_async(project: Project, options: PlanOptions | None = None) -> PlanResult:
    """What an apply would change; changes nothing.

    Raises ManifestsInvalid, LiveConflict, SelectorEmpty, UsageError (options that exclude each
    other), GuardRefused (another tenant or owner), LedgerUnusable, NotAuthenticated, ApiError.
    """
    chosen = options or PlanOptions()
    async with load_and_connect(project, chosen) as (platform, loaded, told):
        planned = await make_plan(platform, loaded, chosen, preflight=True)
    return replace(planned, diagnostics=(*told, *planned.diagnostics))


@asynccontextmanager
async def load_and_connect(
    project: Project, options: PlanOptions
) -> AsyncIterator[tuple[Platform, LoadResult, list[Diagnostic]]]:
    """The platform and the manifests of a plan, and their warnings, which an error has first.

    Raises as `load_for_plan` and `connect`.
    """
    with telling() as told:

        def load(tell_kinds: TellKinds | None) -> LoadResult:
            loaded = load_for_plan(project, options, tell_kinds)
            told.extend(loaded.diagnostics)
            return loaded

        connection = connect(project, options.parallelism)
        async with connect_and_load(project, load, connection) as (platform, loaded):
            yield platform, loaded, told


def load_for_plan(
    project: Project, options: PlanOptions, tell_kinds: TellKinds | None = None
) -> LoadResult:
    """The manifests and the selection, before anything is planned. `tell_kinds` as for `load`.

    A destroy uploads nothing, so it reads no folder.
    """
    archives_of = (lambda _: ()) if options.destroy else None
    loaded = load(
        project, options.select, options.exclude, archives_of=archives_of, tell_kinds=tell_kinds
    )
    with telling() as told:
        told += loaded.diagnostics
        if options.prune:
            check_whole(project, options.select, options.exclude)
        if options.destroy:
            check_owns(project)
    return loaded


async def make_plan(
    platform: Platform,
    loaded: LoadResult,
    options: PlanOptions,
    again: ReplanInputs | None = None,
    tenant: Tenant | None = None,
    *,
    preflight: bool = False,
) -> PlanResult:
    """The plan of the run. Raises, with everything that forbids one, as `refuse_errors`.

    `tenant` is that of a saved plan: PlanStale is raised for another one. With `preflight` what the
    platform would refuse forbids it too. Resources that are not selected are planned too, so that
    references to them get their names and versions, and are then left out.
    """
    with telling() as told:
        return await Planner(
            platform, loaded, options, again or ReplanInputs(), tenant, told, preflight
        ).make_plan()


def refuse_guarded(planned: PlanResult) -> None:
    """Return when no guard stands before the plan. Raises GuardRefused with all of them.

    A value that is not known cannot be sent either.
    """
    refused = (*planned.guards, *unset_values(planned.plan))
    if refused:
        raise GuardRefused(*refused)


@dataclass(slots=True)
class Planner:
    """One look at the platform, and the plan that comes of it."""

    platform: Platform
    loaded: LoadResult
    options: PlanOptions
    again: ReplanInputs
    tenant: Tenant | None
    told: list[Diagnostic]
    preflight: bool = False

    async def make_plan(self) -> PlanResult:
        """As the function of that name."""
        project, chosen = self.platform.project, self.loaded.chosen
        early = self.platform.asked_ahead
        began = early.pop() if early else project.clock.now()
        live, found, decided = await self.survey()
        plan, needed = narrow(_redacted(project, found.plan), chosen)
        problems = [
            replace(d, summary=project.redact(d.summary)) if d.code.startswith("live/") else d
            for d in found.diagnostics
            if d.key is None or d.key in chosen
        ]
        plan, more, gone = await self._add_deletes(live, plan)
        guards = [d for d in found.guards if d.key in chosen]
        guards += [d for d in more if d.severity is Severity.ERROR]
        plan = with_classes(plan, self.platform.kinds)
        guards += [*self._mass_change(plan), *self._not_allowed(plan)]
        notes = [d for d in more if d.severity is not Severity.ERROR]
        self.told += refuse_errors([*problems, *notes, *needed])
        refused, (as_planned, plan, names) = await asyncio.gather(
            self._find_refusals(live, plan), self._in_words(live, found.plan, plan)
        )
        self.told += refuse_errors(refused)
        guards += self._undone(live, plan)
        told = tuple(dict.fromkeys(self.told))
        guarded = tuple(guards)
        return PlanResult(
            plan,
            self.options,
            self.loaded,
            live,
            guarded,
            gone,
            began,
            decided,
            told,
            names,
            as_planned,
        )

    async def survey(self) -> tuple[LiveState, Planned, Makers]:
        """What is live, and the plan of everything, before any of it is refused or left out."""
        live = await self._look()
        found = self._compare(live)
        decided = self.again.decided
        if not self.options.destroy:
            decided = await self._decide(live, found.plan)
            if any(decided.found.values()) or decided.unsure:
                live = mark_made(live, decided)
                found = self._compare(live)
        desired = [action.desired for action in found.plan.actions]
        self.platform.project.redact.add(secret_texts(desired))
        return live, found, decided

    async def _show(self, live: LiveState, whole: Plan, plan: Plan) -> tuple[Plan, Told]:
        """`plan`, a part of `whole`, with its changes as people read them.

        A version that nothing names costs a request: of a plan with changes alone.
        """
        from peakctl.engine.plan.names import Names
        from peakctl.engine.plan.shown import show_with_versions

        again, platform = self.again, self.platform
        kinds, redact = platform.kinds, platform.project.redact
        named = partial(Names, whole.actions, live, kinds, redact=redact)
        return await show_with_versions(
            plan, kinds, named, platform.adapters, again.names, again.shown, redact.whole
        )

    async def _look(self) -> LiveState:
        """Observe the tenant, with the ledger where one is kept; check that it is the right one."""
        from peakctl.ledger.revisions import named, tell_duplicates, tell_unread
        from peakctl.operations.tenant import check_tenant, refuse_other_tenant

        platform, again = self.platform, self.again
        owner, store = platform.project.owner, platform.ledgers
        conflicts = self.options.prune or again.conflicts
        held, known = again.held, again.known
        query = LedgerQuery(store, owner, held, known, conflicts, again.begun) if owner else None
        resources = self.loaded.resources
        import_ahead(*_NEEDED_NEXT, *(_NEEDED_FOR_CHANGES if self.preflight else ()))
        live = await observe(resources, platform.kinds, platform.adapters, query)
        if again.held is not None:
            return live
        self.told += tell_unread(live.owners.unread)
        ledgers = store.pick(live.listed[store.kind]) if owner else ()
        ids = [str(each.id) for each in named(ledgers, owner)] if owner else []
        if owner and len(ids) > 1:
            self.told.append(tell_duplicates(owner, ids))
        if self.tenant is not None:
            await refuse_other_tenant(platform, live, self.tenant)
        self.told += await check_tenant(platform, ids[0] if ids else None)
        return live

    def _compare(self, live: LiveState) -> Planned:
        from peakctl.ledger.ownership import Consent

        resources, options = self.loaded.resources, self.options
        if options.destroy:
            from peakctl.engine.destroy import make_destroy_plan

            return make_destroy_plan(resources, live, self.platform.kinds, live.ledger)
        from peakctl.engine.plan.planner import make_plan as compare

        consent = Consent(adopt=options.adopt, take_over=options.take_over)
        retry = options.retry_failed
        return compare(resources, live, self.platform.kinds, retry_failed=retry, consent=consent)

    async def _decide(self, live: LiveState, plan: Plan) -> Makers:
        """Who made what the plan would adopt; how many requests that cost is noted."""
        platform, before = self.platform, self.platform.api.requests
        asked = [
            each
            for each in adoptable(plan, live, platform.adapters)
            if each.key in self.loaded.chosen and each.live_id not in self.again.decided.found
        ]
        found = await find_makers(asked, live.live.values(), platform.adapters)
        cost = platform.api.requests - before
        if cost:
            self.told.append(_told_cost(cost, len(asked)))
        return self.again.decided | found

    async def _find_refusals(self, live: LiveState, plan: Plan) -> tuple[Diagnostic, ...]:
        if not (self.preflight and plan.pending):
            return ()
        from peakctl.operations.preflight import find_refusals

        return await find_refusals(self.platform, plan, live)

    async def _in_words(self, live: LiveState, whole: Plan, plan: Plan) -> tuple[Plan, Plan, Told]:
        """`plan`, a part of `whole`, with what its files change; and that as people read it."""
        plan = await self._add_file_changes(live, plan)
        return plan, *await self._show(live, whole, plan)

    async def _add_file_changes(self, live: LiveState, plan: Plan) -> Plan:
        known, adapters = self.again.files, self.platform.adapters
        found = await add_file_changes(plan, live, adapters, known)
        return redacted_files(found, self.platform.project.redact)

    def _mass_change(self, plan: Plan) -> tuple[Diagnostic, ...]:
        """The guard against unusually many changes; who approved a file has seen each of them."""
        if self.options.destroy or self.tenant is not None:
            return ()
        environment = self.platform.project.environment
        limits = environment.guards if environment else Guards()
        allowed, agreed = self.options.allow_mass_change, self.options.agreed
        kinds = self.platform.kinds
        return mass_change(plan, kinds, allowed=allowed, limits=limits, agreed=agreed)

    def _undone(self, live: LiveState, plan: Plan) -> tuple[Diagnostic, ...]:
        """What would undo a rollback that the manifests do not have yet."""
        options = self.options
        if options.forward or options.rollback or options.destroy or live.ledger is None:
            return ()
        return undone_rollbacks(plan, live.ledger, self.platform.kinds)

    def _not_allowed(self, plan: Plan) -> tuple[Diagnostic, ...]:
        """What is of another class than those that are allowed, approved or not."""
        environment = self.platform.project.environment
        of_environment = environment.allow if environment else None
        return not_allowed(plan, narrower(of_environment, self.options.allow))

    async def _add_deletes(
        self, live: LiveState, plan: Plan
    ) -> tuple[Plan, tuple[Diagnostic, ...], frozenset[Key]]:
        """The plan with the deletes of prune, what is to be said, what the ledger may forget."""
        adapters, ledger, resources = self.platform.adapters, live.ledger, self.loaded.resources
        if self.options.destroy:
            from peakctl.engine.destroy import find_absent

            gone, absent = await find_absent(self.loaded.chosen, live, adapters)
            return plan, absent, gone
        if not self.options.prune or ledger is None:
            return plan, (), frozenset()
        from peakctl.engine.observe.undeclared import observe_undeclared
        from peakctl.engine.pending import find_uncertain_creates
        from peakctl.engine.prune import add_prune, plan_prune

        deletes, told, gone = plan_prune(
            await observe_undeclared(live, ledger, resources, adapters),
            ledger,
            self.platform.kinds,
            resources,
            history=self.options.prune_history,
            others=live.others,
        )
        pruned, lease = add_prune(plan, deletes), ledger.lease
        if self.again.held is None and lease and lease.until > self.platform.ledgers.now():
            return pruned, told, gone  # its run is under way: it is not dead
        notes, never = await find_uncertain_creates(live, ledger, resources, adapters)
        return pruned, (*told, *notes), gone | never


def _told_cost(cost: int, count: int) -> Diagnostic:
    verb = "is" if count == 1 else "are"
    return Diagnostic(
        code="plan/parts-read",
        summary=(
            f"{counted(cost, 'request')} to see who made {counted(count, 'resource')} "
            f"that {verb} live and nobody's"
        ),
        detail="what a Deployment or a BlockSpec has made is never adopted",
        severity=Severity.NOTE,
    )


def _redacted(project: Project, plan: Plan) -> Plan:
    """The plan without a secret in its notes and reasons, which repeat words of the platform."""
    redact = project.redact
    actions = (
        replace(
            action,
            notes=tuple(map(redact, action.notes)),
            reasons=tuple(replace(r, detail=redact(r.detail)) for r in action.reasons),
        )
        if action.notes or action.reasons
        else action
        for action in plan.actions
    )
    return replace(plan, actions=tuple(actions))
