"""From flags to a plan: what plan, apply and destroy have in common."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from peakctl.cli.inputs import load_resources
from peakctl.cli.owning import owner_of
from peakctl.cli.pruning import aside_lines, check_whole, pruned
from peakctl.cli.selection import choose, narrow
from peakctl.cli.session import place_of
from peakctl.engine.observe.parts import Decided, find_wholes, unclaimed, with_parts
from peakctl.errors import Diagnostic, GuardRefused, Severity, raise_if_any
from peakctl.ledger.ownership import id_of
from peakctl.model import Guards
from peakctl.model.text import secret_texts
from peakctl.present.plan_text import plan_lines, plan_summary
from peakctl.present.policy_text import policy_lines
from peakctl.present.text import Line, counted, line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.cli.session import Connection, Session
    from peakctl.engine.observe.live_state import LiveState
    from peakctl.engine.plan.approval import Approval
    from peakctl.engine.plan.planner import Planned
    from peakctl.model import Key, Ledger, Live, Plan, Resource


@dataclass(frozen=True, slots=True)
class Wanted:
    """Every resource of the manifests, and which of them the run is about."""

    resources: Mapping[Key, Resource]
    chosen: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, what it was made from, and the guards that stand before it.

    `gone` are owned resources that the platform does not have any more; `began` is when the
    looking began, by the clock of this machine. `decided` says what was found about who made what
    is to be adopted.
    """

    plan: Plan
    world: LiveState
    guards: tuple[Diagnostic, ...] = ()
    gone: frozenset[Key] = frozenset()
    began: float = 0.0
    decided: Decided = field(default_factory=Decided)


@dataclass(frozen=True, slots=True)
class Again:
    """What a second look may rely on: our lease, and what this run has read and leaves alone.

    With `rivals` it touches what is not ours yet: others might own it, or be about to make it too.
    `decided` is what the first look found about who made what is to be adopted.
    """

    held: Ledger | None = None
    known: Mapping[Key, Live] = field(default_factory=dict)
    rivals: bool = False
    decided: Decided = field(default_factory=Decided)


def read_wanted(session: Session) -> Wanted:
    """Read the manifests and the selection, before anything is asked of the platform."""
    resources = load_resources(session)
    chosen = choose(resources, session.flags.select, session.flags.exclude)
    if session.flags.prune:
        check_whole(session)
    tell_where(session, len(chosen))
    return Wanted(resources, chosen)


async def prepare(
    session: Session,
    connection: Connection,
    wanted: Wanted,
    *,
    destroy: bool = False,
    again: Again | None = None,
    approval: Approval | None = None,
) -> Prepared:
    """The plan of the run. Raises ManifestsInvalid with everything that forbids one.

    `approval` is what a plan file consents to: PlanStale is raised for another tenant than its own.
    Resources that are not selected are planned too, so that references to them get their names
    and versions, and are then left out.
    """
    from peakctl.engine.destroy import find_absent

    seen = again or Again()
    began = session.clock.now()
    world = await look(session, connection, wanted.resources, seen, approval)
    found = _planned(session, connection, wanted, world, destroy=destroy)
    decided = seen.decided
    if not destroy:
        decided = await _decide(session, connection, wanted, world, found.plan, seen)
        if any(decided.wholes.values()) or decided.unsure:
            world = with_parts(world, decided)
            found = _planned(session, connection, wanted, world, destroy=destroy)
    session.redact.add(secret_texts([action.desired for action in found.plan.actions]))
    plan, needed = narrow(_redacted(session, found.plan), wanted.chosen)
    gone: frozenset[Key] = frozenset()
    guards = [d for d in found.guards if d.key in wanted.chosen]
    told = [
        replace(d, summary=session.redact(d.summary)) if d.code.startswith("live/") else d
        for d in found.diagnostics
        if d.key is None or d.key in wanted.chosen
    ]
    if destroy:
        gone, absent = await find_absent(wanted.chosen, world, connection.adapters)
        told += absent
    if session.flags.prune:
        plan, pruning, gone = await pruned(session, connection, wanted.resources, world, plan, seen)
        guards += [d for d in pruning if d.severity is Severity.ERROR]
        told += [d for d in pruning if d.severity is not Severity.ERROR]
    if not destroy:
        guards += _mass_change(session, connection, plan)
    _tell(session, (*told, *needed))
    return Prepared(plan, world, tuple(guards), gone, began, decided)


async def _decide(
    session: Session,
    connection: Connection,
    wanted: Wanted,
    world: LiveState,
    plan: Plan,
    seen: Again,
) -> Decided:
    """Who made what the plan would adopt; how many requests that cost is noted."""
    asked = [
        live
        for live in unclaimed(plan, world, connection.adapters)
        if live.key in wanted.chosen and id_of(live) not in seen.decided.wholes
    ]
    before = connection.api.requests
    found = await find_wholes(asked, world.live.values(), connection.adapters)
    cost = connection.api.requests - before
    if cost:
        session.warnings.append(_told_cost(cost, len(asked)))
    return seen.decided | found


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


def refuse_guarded(prepared: Prepared) -> None:
    """Return when no guard stands before the plan. Raises GuardRefused with all of them."""
    if prepared.guards:
        raise GuardRefused(*prepared.guards)


async def look(
    session: Session,
    connection: Connection,
    resources: Mapping[Key, Resource],
    again: Again,
    approval: Approval | None = None,
) -> LiveState:
    """Observe the tenant, the ledger with it where the run keeps one; check whose tenant it is."""
    from peakctl.cli.tenant import check_tenant, refuse_other_tenant
    from peakctl.engine.observe.live_state import LedgerQuery, observe
    from peakctl.ledger.revisions import named, tell_duplicates, tell_unread

    owner = owner_of(session)
    store = connection.ledgers
    rivals = session.flags.prune or again.rivals
    books = LedgerQuery(store, owner, again.held, again.known, rivals) if owner else None
    world = await observe(resources, connection.kinds, connection.adapters, books)
    if again.held is None:
        session.warnings += tell_unread(world.owners.unread)
        ledgers = store.pick(world.listed[store.kind]) if owner else ()
        ids = [str(each.id) for each in named(ledgers, owner)] if owner else []
        if owner and len(ids) > 1:
            session.warnings.append(tell_duplicates(owner, ids))
        if approval is not None:
            await refuse_other_tenant(session, connection, world, approval.tenant)
        await check_tenant(session, connection, ids[0] if ids else None)
    return world


def _planned(
    session: Session,
    connection: Connection,
    wanted: Wanted,
    world: LiveState,
    *,
    destroy: bool,
) -> Planned:
    from peakctl.engine.destroy import make_destroy_plan
    from peakctl.engine.plan.planner import make_plan
    from peakctl.ledger.ownership import Consent

    flags = session.flags
    if destroy:
        return make_destroy_plan(wanted.resources, world, world.ledger)
    return make_plan(
        wanted.resources,
        world,
        connection.kinds,
        retry_failed=flags.retry_failed,
        consent=Consent(adopt=flags.adopt, take_over=flags.take_over),
    )


def _mass_change(session: Session, connection: Connection, plan: Plan) -> tuple[Diagnostic, ...]:
    from peakctl.engine.plan.guards import mass_change

    if session.flags.plan_file:
        return ()  # who approved the file has seen each of its actions
    limits = session.environment.guards if session.environment else Guards()
    allowed = session.flags.allow_mass_change
    return mass_change(plan, connection.kinds, allowed=allowed, limits=limits)


def _redacted(session: Session, plan: Plan) -> Plan:
    """The plan without a secret in its notes, which repeat words of the platform."""
    actions = (
        replace(action, notes=tuple(map(session.redact, action.notes))) for action in plan.actions
    )
    return replace(plan, actions=tuple(actions))


def _tell(session: Session, told: tuple[Diagnostic, ...]) -> None:
    """Note what is no error, once. Raises GuardRefused or ManifestsInvalid with the errors."""
    errors = [d for d in told if d.severity is Severity.ERROR]
    notes = [d for d in told if d.severity is not Severity.ERROR]
    session.warnings += [d for d in notes if d not in session.warnings]
    if errors and all(d.code.startswith("guard/") for d in errors):
        raise GuardRefused(*errors)
    raise_if_any(errors)


def plan_result(session: Session, prepared: Prepared, *, destroy: bool = False) -> tuple[Line, ...]:
    """The plan as lines, the summary last."""
    flags, plan = session.flags, prepared.plan
    asides = () if destroy or flags.quiet else tuple(aside_lines(session, prepared))
    lines = plan_lines(
        plan, show_all=flags.show_all, show_ignored=flags.show_ignored, verbose=flags.verbose
    )
    if prepared.guards and not plan.pending and not flags.show_all:
        lines = (line("Nothing is planned: the errors stand in the way."), ())
    return (
        *policy_lines(session.policy),
        *lines,
        *((*asides, ()) if asides else ()),
        line((plan_summary(plan), "bold")),
    )


def tell_where(session: Session, count: int) -> None:
    """Say which project meets which tenant, before anything is asked or changed."""
    project = f"project {session.project.name}, " if session.project else ""
    name = f"environment {session.environment.name}, " if session.environment else ""
    words = f"{project}{name}{counted(count, 'resource')}; looking at {place_of(session)}"
    session.terminal.tell([line((words, "dim")), ()])
