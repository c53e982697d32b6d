"""From flags to a plan: what plan, apply and destroy have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakctl.cli.inputs import load_resources
from peakctl.cli.selection import choose, narrow
from peakctl.cli.session import place_of
from peakctl.errors import GuardRefused, Severity, raise_if_any
from peakctl.present.plan_text import plan_lines, plan_summary
from peakctl.present.text import Line, counted, line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.cli.session import Connection, Session
    from peakctl.model import Key, Plan, Resource


@dataclass(frozen=True, slots=True)
class Wanted:
    """Every resource of the manifests, and which of them the run is about."""

    resources: Mapping[Key, Resource]
    chosen: frozenset[Key]


def read_wanted(session: Session) -> Wanted:
    """Read the manifests and the selection, before anything is asked of the platform."""
    resources = load_resources(session)
    chosen = choose(resources, session.flags.select, session.flags.exclude)
    tell_where(session, len(chosen))
    return Wanted(resources, chosen)


async def planned(
    session: Session, connection: Connection, wanted: Wanted, *, destroy: bool = False
) -> Plan:
    """The plan of the run. Raises ManifestsInvalid with everything that forbids one.

    Resources that are not selected are planned too, so that references to them get their names
    and versions, and are then left out.
    """
    from peakctl.engine.destroy import make_destroy_plan
    from peakctl.engine.observe import observe
    from peakctl.engine.plan import make_plan

    resources, chosen = wanted.resources, wanted.chosen
    world = await observe(resources, connection.kinds, connection.adapters)
    if destroy:
        found = make_destroy_plan(resources, world)
    else:
        retry = session.flags.retry_failed
        found = make_plan(resources, world, connection.kinds, retry_failed=retry)
    plan, problems = narrow(found.plan, chosen)
    told = [d for d in found.diagnostics if d.key is None or d.key in chosen]
    errors = [d for d in (*told, *problems) if d.severity is Severity.ERROR]
    session.warnings += [d for d in told if d.severity is not Severity.ERROR]
    if errors and all(d.code.startswith("guard/") for d in errors):
        raise GuardRefused(*errors)
    raise_if_any(errors)
    return plan


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
