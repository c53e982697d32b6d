"""A plan: the manifests of a project held against what is live and what its ledger says.

`plan` is the whole operation; `make_plan` the same on a platform that is connected already. An
apply plans a second time under its lease: `ReplanInputs` is what it may rely on then.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from peakctl.engine.observe.live_state import Makers, adoptable, find_makers, mark_made
from peakctl.errors import Diagnostic, GuardRefused, Severity, UsageError, counted
from peakctl.model import Guards, Verb
from peakctl.operations.load import load, refuse_errors
from peakctl.operations.platform import PARALLELISM, connect
from peakctl.operations.project import telling
from peakctl.operations.selection import narrow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.engine.observe.live_state import LiveState
    from peakctl.engine.observe.tenant import Tenant
    from peakctl.engine.plan.planner import Planned
    from peakctl.model import Key, Ledger, Live, Plan
    from peakctl.operations.load import LoadResult
    from peakctl.operations.platform import Platform
    from peakctl.operations.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What a plan is of, and what it may do.

    `select` and `exclude` are `Kind/name`, `Kind` or `label=value`. `prune` deletes what the ledger
    has and no manifest names any more, `prune_history` also what has versions. `adopt` changes what
    is live and nobody's, `take_over` what belongs to the owners named. `allow_mass_change` is the
    exact number of changes and deletes that is right, though unusually many. With `destroy` the
    plan deletes what the manifests name.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    prune: bool = False
    prune_history: bool = False
    adopt: bool = False
    take_over: tuple[str, ...] = ()
    retry_failed: bool = False
    allow_mass_change: int | None = None
    destroy: bool = False
    parallelism: int = PARALLELISM


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A plan, what it was made from, and the guards that stand before it.

    `gone` are owned resources that the platform does not have any more; `began` is when the
    looking began, by the clock of this machine. `decided` says what was found about who made what
    is to be adopted. `diagnostics` has the warnings and notes; a plan with `guards` is not applied.
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

    @property
    def has_changes(self) -> bool:
        """Whether an apply would do anything."""
        return bool(self.plan.pending)

    def undeclared(self) -> int:
        """How many resources of the project are in no manifest; 0 where that cannot be told."""
        from peakctl.ledger.ownership import undeclared

        ledger, options = self.live.ledger, self.options
        if ledger is None or options.prune or options.select or options.exclude:
            return 0
        return len(undeclared(self.plan, ledger))

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
        all_ours = all(a.live and owners.is_ours(a.live) for a in actions)
        return ReplanInputs(known=known, conflicts=not all_ours, decided=self.decided)


@dataclass(frozen=True, slots=True)
class ReplanInputs:
    """What a second look may rely on: our lease, and what this run has read and leaves alone.

    With `conflicts` it touches what is not ours yet: others might own it, or be about to make it
    too. `decided` is what the first look found about who made what is to be adopted.
    """

    held: Ledger | None = None
    known: Mapping[Key, Live] = field(default_factory=dict)
    conflicts: bool = False
    decided: Makers = field(default_factory=Makers)


async def plan_async(project: Project, options: PlanOptions | None = None) -> PlanResult:
    """What an apply would change; changes nothing.

    Raises ManifestsInvalid, SelectorEmpty, UsageError (options that exclude each other),
    GuardRefused (another tenant), LedgerUnusable, NotAuthenticated, ApiError.
    """
    chosen = options or PlanOptions()
    loaded = load_for_plan(project, chosen)
    with telling() as told:
        told += loaded.diagnostics
        async with connect(project, chosen.parallelism) as platform:
            planned = await make_plan(platform, loaded, chosen)
        return replace(planned, diagnostics=(*told, *planned.diagnostics))


def load_for_plan(project: Project, options: PlanOptions) -> LoadResult:
    """The manifests and the selection, before anything is asked of the platform."""
    loaded = load(project, options.select, options.exclude)
    with telling() as told:
        told += loaded.diagnostics
        if options.prune:
            check_whole(project, options)
        if options.destroy:
            check_owns(project)
    return loaded


async def make_plan(
    platform: Platform,
    loaded: LoadResult,
    options: PlanOptions,
    again: ReplanInputs | None = None,
    tenant: Tenant | None = None,
) -> PlanResult:
    """The plan of the run. Raises ManifestsInvalid with everything that forbids one.

    `tenant` is that of a saved plan: PlanStale is raised for another one. Resources that are not
    selected are planned too, so that references to them get their names and versions, and are then
    left out.
    """
    with telling() as told:
        return await _make_plan(platform, loaded, options, again or ReplanInputs(), tenant, told)


async def _make_plan(
    platform: Platform,
    loaded: LoadResult,
    options: PlanOptions,
    again: ReplanInputs,
    tenant: Tenant | None,
    told: list[Diagnostic],
) -> PlanResult:
    project, began = platform.project, platform.project.clock.now()
    live = await _look(platform, loaded, options, again, tenant, told)
    found = _planned(platform, loaded, options, live)
    decided = again.decided
    if not options.destroy:
        decided = await _decide(platform, loaded, live, found.plan, again, told)
        if any(decided.found.values()) or decided.unsure:
            live = mark_made(live, decided)
            found = _planned(platform, loaded, options, live)
    redact = project.redact
    redact.add(_secrets_of(found.plan))
    plan, needed = narrow(_redacted(project, found.plan), loaded.chosen)
    problems = [
        replace(d, summary=redact(d.summary)) if d.code.startswith("live/") else d
        for d in found.diagnostics
        if d.key is None or d.key in loaded.chosen
    ]
    plan, more, gone = await _deletes(platform, loaded, options, live, plan, again)
    guards = [d for d in found.guards if d.key in loaded.chosen]
    guards += [d for d in more if d.severity is Severity.ERROR]
    guards += () if options.destroy or tenant else _mass_change(platform, options, plan)
    notes = [d for d in more if d.severity is not Severity.ERROR]
    told += refuse_errors([*problems, *notes, *needed])
    return PlanResult(
        plan, options, loaded, live, tuple(guards), gone, began, decided, tuple(dict.fromkeys(told))
    )


def refuse_guarded(planned: PlanResult) -> None:
    """Return when no guard stands before the plan. Raises GuardRefused with all of them."""
    if planned.guards:
        raise GuardRefused(*planned.guards)


async def _look(
    platform: Platform,
    loaded: LoadResult,
    options: PlanOptions,
    again: ReplanInputs,
    tenant: Tenant | None,
    told: list[Diagnostic],
) -> LiveState:
    """Observe the tenant, the ledger with it where the run keeps one; check whose tenant it is."""
    from peakctl.engine.observe.live_state import LedgerQuery, observe
    from peakctl.ledger.revisions import named, tell_duplicates, tell_unread
    from peakctl.operations.tenant import check_tenant, refuse_other_tenant

    owner, store = platform.project.owner, platform.ledgers
    conflicts = options.prune or again.conflicts
    query = LedgerQuery(store, owner, again.held, again.known, conflicts) if owner else None
    live = await observe(loaded.resources, platform.kinds, platform.adapters, query)
    if again.held is not None:
        return live
    told += tell_unread(live.owners.unread)
    ledgers = store.pick(live.listed[store.kind]) if owner else ()
    ids = [str(each.id) for each in named(ledgers, owner)] if owner else []
    if owner and len(ids) > 1:
        told.append(tell_duplicates(owner, ids))
    if tenant is not None:
        await refuse_other_tenant(platform, live, tenant)
    told += await check_tenant(platform, ids[0] if ids else None)
    return live


def _planned(
    platform: Platform, loaded: LoadResult, options: PlanOptions, live: LiveState
) -> Planned:
    from peakctl.ledger.ownership import Consent

    if options.destroy:
        from peakctl.engine.destroy import make_destroy_plan

        return make_destroy_plan(loaded.resources, live, live.ledger)
    from peakctl.engine.plan.planner import make_plan as compare

    return compare(
        loaded.resources,
        live,
        platform.kinds,
        retry_failed=options.retry_failed,
        consent=Consent(adopt=options.adopt, take_over=options.take_over),
    )


async def _decide(
    platform: Platform,
    loaded: LoadResult,
    live: LiveState,
    plan: Plan,
    again: ReplanInputs,
    told: list[Diagnostic],
) -> Makers:
    """Who made what the plan would adopt; how many requests that cost is noted."""
    asked = [
        each
        for each in adoptable(plan, live, platform.adapters)
        if each.key in loaded.chosen and each.live_id not in again.decided.found
    ]
    before = platform.api.requests
    found = await find_makers(asked, live.live.values(), platform.adapters)
    cost = platform.api.requests - before
    if cost:
        told.append(_told_cost(cost, len(asked)))
    return again.decided | found


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


def _mass_change(platform: Platform, options: PlanOptions, plan: Plan) -> tuple[Diagnostic, ...]:
    """The guard against unusually many changes; who approved a file has seen each of them."""
    from peakctl.engine.plan.guards import mass_change

    environment = platform.project.environment
    limits = environment.guards if environment else Guards()
    return mass_change(plan, platform.kinds, allowed=options.allow_mass_change, limits=limits)


def _secrets_of(plan: Plan) -> tuple[str, ...]:
    from peakctl.model.text import secret_texts

    return tuple(secret_texts([action.desired for action in plan.actions]))


def _redacted(project: Project, plan: Plan) -> Plan:
    """The plan without a secret in its notes, which repeat words of the platform."""
    actions = (
        replace(action, notes=tuple(map(project.redact, action.notes))) for action in plan.actions
    )
    return replace(plan, actions=tuple(actions))


# --- what is deleted ---------------------------------------------------------------------------


async def _deletes(
    platform: Platform,
    loaded: LoadResult,
    options: PlanOptions,
    live: LiveState,
    plan: Plan,
    again: ReplanInputs,
) -> tuple[Plan, tuple[Diagnostic, ...], frozenset[Key]]:
    """The plan with the deletes of --prune, what is to be said, and what the ledger may forget."""
    if options.destroy:
        from peakctl.engine.destroy import find_absent

        gone, absent = await find_absent(loaded.chosen, live, platform.adapters)
        return plan, tuple(absent), gone
    if not options.prune or live.ledger is None:
        return plan, (), frozenset()
    from peakctl.engine.observe.undeclared import observe_undeclared
    from peakctl.engine.pending import find_uncertain_creates
    from peakctl.engine.prune import add_prune, plan_prune

    ledger, resources = live.ledger, loaded.resources
    candidates = await observe_undeclared(live, ledger, resources, platform.adapters)
    deletes, told, gone = plan_prune(
        candidates,
        ledger,
        platform.kinds,
        resources,
        history=options.prune_history,
        others=live.others,
    )
    pruned, lease = add_prune(plan, deletes), ledger.lease
    if again.held is None and lease is not None and lease.until > platform.ledgers.now():
        return pruned, tuple(told), gone  # its run is under way: it is not dead
    notes, never = await find_uncertain_creates(live, ledger, resources, platform.adapters)
    return pruned, (*told, *notes), gone | never


def check_whole(project: Project, options: PlanOptions) -> None:
    """Raise UsageError when the run sees a part of the project only: the rest is not gone."""
    typed = {
        "-f": project.options.manifests,
        "--select": options.select,
        "--exclude": options.exclude,
    }
    part = next((word for word, given in typed.items() if given), None)
    if part is not None:
        raise _no_prune(f"--prune and {part} exclude each other", f"leave out {part}")
    if project.owner is not None:
        return
    if project.file is None:
        raise _no_prune("--prune needs a project with a ledger", "go to your project")
    raise _no_prune(
        f'--prune needs a ledger, and the environment "{project.environment_name}" keeps none',
        "take `ledger: false` out of peakctl.yaml, or delete by hand",
    )


def _no_prune(summary: str, fix: str) -> UsageError:
    detail = "it deletes what the ledger has and no manifest of the whole project names"
    return UsageError(Diagnostic("usage/prune", summary, detail=detail, fix=fix))


def check_owns(project: Project) -> None:
    """Return where a ledger is kept. Raises UsageError elsewhere: nothing is owned there."""
    if project.owner is not None:
        return
    fix = "go to your project, or delete it in the platform"
    if project.file is not None:
        fix = (
            f"take `ledger: false` out of the environment {project.environment_name} in"
            " peakctl.yaml, adopt by an apply, then destroy; or delete it in the platform"
        )
    raise UsageError(
        Diagnostic(
            code="usage/destroy",
            summary="destroy needs a project with a ledger",
            detail="it deletes what the ledger owns; without one nothing is known to be yours",
            fix=fix,
        )
    )
