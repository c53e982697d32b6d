"""What --prune adds to a plan, and what a run without it says of what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.cli.owning import owner_of
from peakctl.errors import Diagnostic, UsageError
from peakctl.present.text import counted, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from peakctl.cli.planning import Again, Prepared
    from peakctl.cli.session import Connection, Session
    from peakctl.engine.observe.live_state import LiveState
    from peakctl.model import Key, Plan, Resource
    from peakctl.present.text import Line


def check_whole(session: Session) -> None:
    """Raise UsageError when the run sees a part of the project only: the rest is not gone."""
    part = next(iter(_parts(session)), None)
    if part is not None:
        raise _refused(f"--prune and {part} exclude each other", f"leave out {part}")
    if owner_of(session) is not None:
        return
    if session.project is None or session.environment is None:
        raise _refused("--prune needs a project with a ledger", "go to your project")
    raise _refused(
        f'--prune needs a ledger, and the environment "{session.environment.name}" keeps none',
        "take `ledger: false` out of peakctl.yaml, or delete by hand",
    )


def _parts(session: Session) -> list[str]:
    """The flags that keep the run from seeing the whole project."""
    flags = session.flags
    typed = {"-f": flags.filename, "--select": flags.select, "--exclude": flags.exclude}
    return [word for word, given in typed.items() if given]


def _refused(summary: str, fix: str) -> UsageError:
    detail = "it deletes what the ledger has and no manifest of the whole project names"
    return UsageError(Diagnostic("usage/prune", summary, detail=detail, fix=fix))


async def pruned(
    session: Session,
    connection: Connection,
    resources: Mapping[Key, Resource],
    world: LiveState,
    plan: Plan,
    again: Again,
) -> tuple[Plan, tuple[Diagnostic, ...], frozenset[Key]]:
    """The plan with its deletes, what is to be said, and what the ledger may forget."""
    from peakctl.engine.pending import find_uncertain_creates
    from peakctl.engine.prune import add_prune, observe_orphans, plan_prune

    ledger = world.ledger
    if ledger is None:
        return plan, (), frozenset()
    orphans = await observe_orphans(world, ledger, resources, connection.adapters)
    deletes, told, gone = plan_prune(
        orphans,
        ledger,
        connection.kinds,
        resources,
        history=session.flags.prune_history,
        others=world.others,
    )
    lease = ledger.lease
    if again.held is None and lease is not None and lease.until > connection.ledgers.now():
        return add_prune(plan, deletes), told, gone  # its run is at it: it is not dead
    notes, never = await find_uncertain_creates(world, ledger, resources, connection.adapters)
    return add_prune(plan, deletes), (*told, *notes), gone | never


def aside_lines(session: Session, prepared: Prepared) -> Iterator[Line]:
    """What is worth a line below the plan, and changes nothing."""
    from peakctl.ledger.ownership import adopted, undeclared

    flags, plan, ledger = session.flags, prepared.plan, prepared.world.ledger
    taken = len(adopted(plan.actions, prepared.world.owners))
    if taken and not (flags.show_all or flags.verbose):
        words = "was nobody's and becomes" if taken == 1 else "were nobody's and become"
        told = f"{counted(taken, 'unchanged resource')} {words} this project's; --all shows which"
        yield line((told, "dim"))
    left = 0 if ledger is None or flags.prune or _parts(session) else len(undeclared(plan, ledger))
    if left:
        verb = "is" if left == 1 else "are"
        told = f"{counted(left, 'resource')} of this project {verb} in no manifest any more; see: "
        yield line((f"{told}{session.again('plan')} --prune", "dim"))
