"""A run as data: the stages of an apply. `apply` carries them out, `explain` shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import assert_never

from peakctl.errors import counted
from peakctl.model import Owner
from peakctl.model.records import dataclass
from peakctl.operations.plan import PlanResult


@dataclass(frozen=True, slots=True)
class AcquireLease:
    """Write a version of the ledger with a lease, and with what the run sets out to do."""

    owner: Owner
    intents: int


@dataclass(frozen=True, slots=True)
class Replan:
    """Look again, and stop unless it comes to what was approved, or less.

    `known` is how many resources are not read again; `conflicts` whether ledgers of other projects
    are read, too.
    """

    known: int
    conflicts: bool


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Take what changes hands out of the ledgers of those that own it: all, or none."""

    owners: tuple[Owner, ...]


@dataclass(frozen=True, slots=True)
class CarryOut:
    """Make the calls, each action as soon as what it needs is ready."""

    actions: int


@dataclass(frozen=True, slots=True)
class Record:
    """Say in the ledger what is owned now. Without a lease, only where that differs."""

    owner: Owner


@dataclass(frozen=True, slots=True)
class ReleaseLease:
    """Give the lease back, in the version that has the record."""

    owner: Owner


@dataclass(frozen=True, slots=True)
class WriteHistory:
    """Add the run, with all that it did, to the history of the project."""

    owner: Owner


@dataclass(frozen=True, slots=True)
class RemoveRecords:
    """Delete the ledger and the history of a prefix of names that owns nothing any more."""

    owner: Owner


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """Ask the services that peakctl.yaml names, when something was changed."""

    checks: int


Stage = (
    AcquireLease
    | Replan
    | TakeOver
    | CarryOut
    | Record
    | ReleaseLease
    | WriteHistory
    | RemoveRecords
    | CheckHealth
)


def build_stages(
    planned: PlanResult, owner: Owner | None, *, asked: bool, checks: int = 0
) -> tuple[Stage, ...]:
    """The stages of applying a plan. `asked`: a person took time to agree to it.

    `owner` is None where no ledger is kept. A run that changes nothing needs no lease. `checks` is
    how many health checks the project has for the environment.
    """
    found = tuple(_stages(planned, owner, asked=asked))
    if checks and planned.has_changes and not planned.options.destroy:
        return (*found, CheckHealth(checks))
    return found


def _stages(planned: PlanResult, owner: Owner | None, *, asked: bool) -> Iterator[Stage]:
    plan = planned.plan
    leased = owner is not None and (planned.has_changes or planned.changes_hands)
    if owner is not None and leased:
        yield AcquireLease(owner, len(plan.pending) + planned.newly_owned())
    if leased or (owner is None and planned.has_changes and asked):
        again = planned.replan_inputs()
        yield Replan(len(again.known), again.conflicts)
    if leased:
        yield TakeOver(tuple(sorted({a.taken_from for a in plan.actions if a.taken_from})))
    yield CarryOut(sum(bool(action.steps) for action in plan.actions))
    if owner is not None:
        yield Record(owner)
    if owner is not None and leased:
        yield ReleaseLease(owner)
        yield WriteHistory(owner)
        if planned.options.destroy and owner.is_of_prefix:
            yield RemoveRecords(owner)


def explain(stages: Iterable[Stage]) -> tuple[tuple[str, str], ...]:
    """Each stage in words: its name, and what it does."""
    return tuple((stage_name(stage), _explained(stage)) for stage in stages)


_OF_RECORDS = {
    Record: "write what {} owns, and how each action ended",
    ReleaseLease: "give the lease of {} back, in the same version of the ledger",
    WriteHistory: "add the run to the history of {}, beside the last write of the ledger",
    RemoveRecords: "delete the ledger and the history of {}, if it owns nothing any more",
}


def stage_name(stage: Stage) -> str:
    """`acquire lease` for `AcquireLease`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(stage).__name__).lower()


def _explained(stage: Stage) -> str:
    match stage:
        case AcquireLease(owner, intents):
            what = counted(intents, "intent")
            return f"write the lease of {owner} and {what} into the ledger; stop if it is held"
        case Replan(known, conflicts):
            others = ", and the ledgers of other projects" if conflicts else ""
            kept = f"; {counted(known, 'unchanged resource')} not read again" if known else ""
            return f"look at the platform again{others}{kept}; stop if more would be done"
        case TakeOver(owners):
            names = ", ".join(map(str, owners)) or "other owners (nothing so far)"
            return f"take what changes hands out of the ledgers of {names}"
        case CarryOut(actions):
            return f"make the calls of {counted(actions, 'action')}, and wait until each is ready"
        case CheckHealth(checks):
            return f"make {counted(checks, 'health check')} of peakctl.yaml"
        case Record(owner) | ReleaseLease(owner) | WriteHistory(owner) | RemoveRecords(owner):
            return _OF_RECORDS[type(stage)].format(owner)
        case _:
            assert_never(stage)
