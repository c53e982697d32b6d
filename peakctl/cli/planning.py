"""From flags to a plan: what plan, apply and destroy have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peakctl.cli.inputs import load_resources
from peakctl.cli.keeping import owner_of
from peakctl.cli.selection import choose, narrow
from peakctl.cli.session import place_of
from peakctl.errors import Diagnostic, GuardRefused, Severity, UsageError, raise_if_any
from peakctl.present.plan_text import plan_lines, plan_summary
from peakctl.present.text import Line, counted, line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.cli.session import Connection, Session
    from peakctl.engine.observe import World
    from peakctl.engine.plan import Planned
    from peakctl.model import Key, Ledger, Live, Plan, Resource


@dataclass(frozen=True, slots=True)
class Wanted:
    """Every resource of the manifests, and which of them the run is about."""

    resources: Mapping[Key, Resource]
    chosen: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, what it was made from, and the guards that stand before it.

    `gone` are owned resources that the platform does not have any more.
    """

    plan: Plan
    world: World
    guards: tuple[Diagnostic, ...] = ()
    gone: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Again:
    """What a second look may rely on: our lease, and what this run has read and leaves alone.

    `makes` tells that it is to create something, which others might be about to make too.
    """

    held: Ledger | None = None
    known: Mapping[Key, Live] = field(default_factory=dict)
    makes: bool = False


def read_wanted(session: Session) -> Wanted:
    """Read the manifests and the selection, before anything is asked of the platform."""
    resources = load_resources(session)
    chosen = choose(resources, session.flags.select, session.flags.exclude)
    if session.flags.prune:
        _check_whole(session)
    tell_where(session, len(chosen))
    return Wanted(resources, chosen)


async def prepare(
    session: Session,
    connection: Connection,
    wanted: Wanted,
    *,
    destroy: bool = False,
    again: Again | None = None,
) -> Prepared:
    """The plan of the run. Raises ManifestsInvalid with everything that forbids one.

    Resources that are not selected are planned too, so that references to them get their names
    and versions, and are then left out.
    """
    world = await look(session, connection, wanted.resources, again or Again())
    found = _planned(session, connection, wanted, world, destroy=destroy)
    plan, needed = narrow(found.plan, wanted.chosen)
    gone = _gone(wanted, world) if destroy else frozenset()
    guards = [d for d in found.guards if d.key in wanted.chosen]
    told = [d for d in found.diagnostics if d.key is None or d.key in wanted.chosen]
    if session.flags.prune and world.ledger is not None:
        plan, pruning, gone = await _pruned(session, connection, wanted, world, plan)
        guards += [d for d in pruning if d.severity is Severity.ERROR]
        told += [d for d in pruning if d.severity is not Severity.ERROR]
    if not destroy:
        guards += _mass_change(session, connection, plan)
    _tell(session, (*told, *needed), first=again is None)
    return Prepared(plan, world, tuple(guards), gone)


def _gone(wanted: Wanted, world: World) -> frozenset[Key]:
    """What was to be destroyed, is in the ledger, and is not there any more."""
    owned = world.ledger.owned if world.ledger else {}
    return frozenset(key for key in wanted.chosen if key in owned and key not in world.live)


def refuse_guarded(prepared: Prepared) -> None:
    """Return when no guard stands before the plan. Raises GuardRefused with all of them."""
    if prepared.guards:
        raise GuardRefused(*prepared.guards)


async def look(
    session: Session, connection: Connection, resources: Mapping[Key, Resource], again: Again
) -> World:
    """Observe the tenant, the ledger with it where the run keeps one; check whose tenant it is."""
    from peakctl.cli.tenant import check_tenant
    from peakctl.engine.observe import Books, observe
    from peakctl.model import ledger_name

    owner = owner_of(session)
    store = connection.ledgers
    rivals = session.flags.prune or again.makes
    books = Books(store, owner, again.held, again.known, rivals) if owner else None
    world = await observe(resources, connection.kinds, connection.adapters, books)
    if again.held is None:
        ledgers = store.pick(world.listed[store.kind]) if owner else ()
        ids = [str(each.id) for each in ledgers if owner and each.name == ledger_name(owner)]
        await check_tenant(session, connection, ids[0] if ids else None)
    return world


def _planned(
    session: Session, connection: Connection, wanted: Wanted, world: World, *, destroy: bool
) -> Planned:
    from peakctl.engine.destroy import make_destroy_plan
    from peakctl.engine.ledger.owners import Consent
    from peakctl.engine.plan import make_plan

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


async def _pruned(
    session: Session, connection: Connection, wanted: Wanted, world: World, plan: Plan
) -> tuple[Plan, tuple[Diagnostic, ...], frozenset[Key]]:
    from peakctl.engine.prune import add_prune, observe_orphans, plan_prune

    ledger, resources = world.ledger, wanted.resources
    assert ledger is not None  # noqa: S101 - the caller has looked
    orphans = await observe_orphans(world, ledger, resources, connection.adapters)
    deletes, told, gone = plan_prune(
        orphans,
        ledger,
        connection.kinds,
        resources,
        history=session.flags.prune_history,
        others=world.others,
    )
    return add_prune(plan, deletes), told, gone


def _mass_change(session: Session, connection: Connection, plan: Plan) -> tuple[Diagnostic, ...]:
    from peakctl.engine.guards import mass_change

    if session.flags.plan_file:
        return ()  # who approved the file has seen each of its actions
    return mass_change(plan, connection.kinds, allowed=session.flags.allow_mass_change)


def _tell(session: Session, told: tuple[Diagnostic, ...], *, first: bool) -> None:
    """Note what is no error, once. Raises GuardRefused or ManifestsInvalid with the errors."""
    errors = [d for d in told if d.severity is Severity.ERROR]
    if first:
        session.warnings += [d for d in told if d.severity is not Severity.ERROR]
    if errors and all(d.code.startswith("guard/") for d in errors):
        raise GuardRefused(*errors)
    raise_if_any(errors)


def _check_whole(session: Session) -> None:
    """Raise UsageError when the run sees a part of the project only: the rest is not gone."""
    flags = session.flags
    partial = [
        word
        for word, typed in (
            ("-f", flags.filename),
            ("--select", flags.select),
            ("--exclude", flags.exclude),
        )
        if typed
    ]
    if partial:
        summary, fix = f"--prune and {partial[0]} exclude each other", f"leave out {partial[0]}"
    elif owner_of(session) is None:
        summary, fix = (
            "--prune needs a project with a ledger",
            "go to your project, or prune by hand",
        )
    else:
        return
    detail = "it deletes what the ledger has and no manifest of the whole project names"
    raise UsageError(Diagnostic("usage/prune", summary, detail=detail, fix=fix))


def plan_result(session: Session, plan: Plan) -> tuple[Line, ...]:
    """The plan as lines, the summary last."""
    flags = session.flags
    return (
        *plan_lines(
            plan,
            show_all=flags.show_all,
            show_ignored=flags.show_ignored,
            verbose=flags.verbose,
        ),
        line((plan_summary(plan), "bold")),
    )


def tell_where(session: Session, count: int) -> None:
    """Say which project meets which tenant, before anything is asked or changed."""
    project = f"project {session.project.name}, " if session.project else ""
    name = f"environment {session.environment.name}, " if session.environment else ""
    words = f"{project}{name}{counted(count, 'resource')}; looking at {place_of(session)}"
    session.terminal.tell([line((words, "dim")), ()])
