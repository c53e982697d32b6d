"""Plan files: written from a plan, and compared with the new plan of the apply that reads one."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from pathlib import Path

from peakctl.engine.diff.compare import same
from peakctl.engine.plan.approval import (
    FORMAT,
    NOWHERE,
    Approval,
    Tenant,
    approve,
    edited_actions,
    left_deletes,
    objections_to_all,
    other_format,
    read_approval,
    write_approval,
)
from peakctl.engine.plan.guards import unset_values
from peakctl.errors import Diagnostic, PlanStale, Severity, UsageError, counted
from peakctl.files import write_private
from peakctl.kinds.fields import Kind
from peakctl.ledger.digests import LIGHT
from peakctl.model import Key, Plan, Value
from peakctl.model.records import dataclass
from peakctl.operations.plan import PlanResult
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project

LARGEST = 64 * 2**20
"""Bytes of a plan file; an action takes a few hundred, and what its changes take."""
PLAN_AGAIN = "plan again with --out, and have the new plan approved"
NOT_SAVED = "plan/not-saved"
_WARNING = Severity.WARNING


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """Consent to the actions of a plan that was saved, as read from its file.

    `tenant_confirmed` says that a person has seen that the platform is the tenant of the plan, for
    a file that is not bound to one. `others` are approvals that count beside it, action by action.
    """

    file: str
    approval: Approval
    tenant_confirmed: bool = False
    others: tuple[Approval, ...] = ()

    @property
    def plan(self) -> Plan:
        """What was approved, for readers: it has no values that are sent."""
        return self.approval.plan

    @property
    def tenant(self) -> Tenant:
        """What tells the tenant that the plan was made for."""
        return self.approval.tenant


async def save_plan_async(
    project: Project, planned: PlanResult, file: str | Path
) -> tuple[Diagnostic, ...]:
    """Write a plan to a file, for `read_saved_plan` and an apply that does that and no more.

    The file holds what a plan shows of its actions, and digests of what they send; no secret. Gives
    what is to be said of that: a plan that a guard refuses is not written, one of an unknown tenant
    is not bound to it. Raises UsageError when the file cannot be written, NotAuthenticated.
    """
    async with connect(project, planned.options.parallelism) as platform:
        return await save_plan(platform, planned, file)


async def save_plan(
    platform: Platform, planned: PlanResult, file: str | Path, commit: str = ""
) -> tuple[Diagnostic, ...]:
    """As `save_plan_async`, on a platform that is connected. One request at most.

    `commit` is the one that a job plans for a request.
    """
    from peakctl.operations.tenant import tenant_of

    tenant = await tenant_of(platform, planned.live)
    if planned.guards or unset_values(planned.plan):
        summary = f'"{file}" was not written: what is refused cannot be approved'
        return (Diagnostic(NOT_SAVED, summary, fix="see the error", severity=_WARNING),)
    approval = _approved(platform, planned.plan, tenant=tenant, commit=commit)
    data = write_approval(approval).encode()
    if len(data) > LARGEST:
        raise UsageError(_too_large(str(file), len(data)))
    try:
        write_private(Path(file), data)
    except OSError as error:
        raise UsageError(
            Diagnostic(
                code="usage/plan-file",
                summary=f'"{file}" cannot be written',
                detail=error.strerror or "",
                fix="name a file in a folder that exists",
            )
        ) from None
    return () if tenant.is_known else (_unbound(str(file)),)


def read_saved_plan(project: Project, file: str | Path) -> SavedPlan:
    """The consent in a plan file. Raises PlanStale when it is not whole, or for something else."""
    saved = open_saved_plan(file)
    approval = saved.approval
    here = (project.name or "", project.slot)
    if (approval.project, approval.environment) != here:
        there = f"project {approval.project or '-'}, environment {approval.environment or '-'}"
        raise _unusable(f'"{file}" approves another run', f"it is for {there}")
    return saved


def open_saved_plan(file: str | Path) -> SavedPlan:
    """What was approved in a plan file, of whatever project. Raises PlanStale for what is none.

    Asks nothing of the platform, and reads no manifest.
    """
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(LARGEST + 1)  # no more, should it have no end
    except OSError as error:
        raise _unusable(f'"{file}" cannot be read', error.strerror or "") from None
    return parse_saved_plan(str(file), data)


def parse_saved_plan(name: str, data: bytes) -> SavedPlan:
    """What was approved in the bytes of a plan file. Raises PlanStale for what is none."""
    try:
        text = data.decode() if len(data) <= LARGEST else ""
    except UnicodeDecodeError:
        raise _unusable(f'"{name}" cannot be read', "it is not text") from None
    approval = read_approval(text)
    if approval is None:
        raise _unreadable(name, text)
    return SavedPlan(name, approval)


def check_is_file(words: Sequence[str]) -> str:
    """The file that `show` was given. Raises UsageError for a resource, with what shows that."""
    from peakctl.kinds.schemas import load_kinds
    from peakctl.operations.target import known_kind

    first, _, rest = words[0].partition("/")
    if Path(words[0]).exists() and len(words) == 1:
        return words[0]
    kind = known_kind(first, load_kinds())
    name = rest or " ".join(words[1:])
    if kind is None and len(words) == 1:
        return words[0]
    meant = shlex.join(["peakctl", "get", kind or first, *([name] if name else [])])
    summary = "show takes a plan file, and prints what was approved in it"
    raise UsageError(
        Diagnostic("usage/command-line", summary, fix=f"for what is on the platform: {meant}")
    )


def check_approved(
    platform: Platform, consent: PlanResult | SavedPlan, now: Plan, again: str
) -> None:
    """Return when all that a plan does was consented to. Raises PlanStale.

    Consent is a saved plan, or a plan that was shown. `again` is what to type to run it again.
    """
    if isinstance(consent, SavedPlan):
        approvals, fix = (consent.approval, *consent.others), PLAN_AGAIN
    elif _is_same(now, consent.plan):
        return
    else:
        approvals = (_approved(platform, consent.plan, cost=LIGHT),)
        fix = f"look at the new plan: {again}"
    if found := objections_to_all(approvals, now, platform.kinds, fix):
        raise PlanStale(*found)


def _is_same(now: Plan, then: Plan) -> bool:
    """Whether both do the same to the same live state, in which 1 is not true."""
    return now.pending == then.pending and same(_trees(now), _trees(then))


def _trees(plan: Plan) -> list[Value]:
    """What each action would send, and what it was planned from."""
    return [
        tree
        for each in plan.pending
        for tree in (each.desired, each.live.values if each.live else None)
    ]


async def left_out(
    platform: Platform, planned: PlanResult, saved: SavedPlan
) -> tuple[Diagnostic, ...]:
    """A warning of approved deletes that a missing flag leaves out, of what is owned and there.

    Raises ApiError or NotAuthenticated when that cannot be looked up.
    """
    from peakctl.engine.rebuild import find_there

    options, ledger = planned.options, planned.live.ledger
    left = [
        key
        for key in left_deletes(saved.approval, planned.plan)
        if key not in planned.loaded.resources
    ]
    owned = {key: o for key in left if ledger and (o := ledger.owned.get(key))}
    needs = {key: _flags_for(platform.kinds.get(key.kind)) for key in owned}
    missing = {"--prune": not options.prune, "--prune-history": not options.prune_history}
    words = {key: [word for word in each if missing[word]] for key, each in needs.items()}
    held = {key: owned[key] for key in owned if words[key]}
    there = await find_there(held.values(), planned.live, platform.adapters)
    keys = [key for key, each in held.items() if each.live_id in there]
    return (_less(keys, sorted({w for key in keys for w in words[key]})),) if keys else ()


def _flags_for(kind: Kind | None) -> tuple[str, ...]:
    """What a plan needs to delete something of a kind that no manifest names."""
    return ("--prune", "--prune-history") if kind and kind.history else ("--prune",)


def _less(keys: list[Key], flags: list[str]) -> Diagnostic:
    verb = "is" if len(keys) == 1 else "are"
    return Diagnostic(
        code="plan/less",
        summary=f"{counted(len(keys), 'approved delete')} {verb} left out for want of a flag",
        detail=f"approved, and not deleted: {', '.join(map(str, keys))}",
        fix=f"give the flags of the plan again: add {' '.join(flags)}",
        severity=_WARNING,
    )


def _approved(
    platform: Platform, plan: Plan, *, cost: int = 0, tenant: Tenant = NOWHERE, commit: str = ""
) -> Approval:
    project = platform.project
    return approve(
        plan,
        platform.kinds,
        project=project.name or "",
        environment=project.slot,
        salt=secrets.token_hex(16),
        cost=cost,
        tenant=tenant,
        commit=commit,
    )


def _unbound(file: str) -> Diagnostic:
    return Diagnostic(
        code="plan/unbound",
        summary=f'"{file}" is not bound to a tenant',
        detail="nothing there shows yet which tenant it is: no spoke domain, no ledger",
        fix="`apply FILE` will ask whether it is the right one, or needs `tenant` in peakctl.yaml",
        severity=_WARNING,
    )


def _unreadable(file: str, text: str) -> PlanStale:
    """What is wrong with a plan file that cannot be read."""
    number, edited = other_format(text), edited_actions(text)
    if edited:
        return PlanStale(_tampered(file, edited))
    if number is None:
        return _unusable(f'"{file}" is not a whole plan file of this peakctl', "")
    which = "a newer" if number > FORMAT else "an older"
    summary = f'"{file}" was saved by {which} peakctl: its format is {number}, not {FORMAT}'
    why = "a plan of an older one does not hold what was shown to whoever approved it"
    return _unusable(summary, why if number < FORMAT else "")


def _tampered(file: str, edited: Sequence[str]) -> Diagnostic:
    most = 10
    more = f" and {len(edited) - most} more" if len(edited) > most else ""
    return Diagnostic(
        code="plan/tampered",
        summary=f'"{file}" was edited: it does not say what was approved',
        detail=f"their digests do not fit: {', '.join(edited[:most])}{more}",
        fix=PLAN_AGAIN,
    )


def _too_large(file: str, size: int) -> Diagnostic:
    return Diagnostic(
        code="usage/plan-file",
        summary=f'"{file}" was not written: the plan takes {size // 2**20} MiB',
        detail=f"a plan file has {LARGEST // 2**20} MiB at most",
        fix="plan in parts with --select",
    )


def _unusable(summary: str, detail: str) -> PlanStale:
    return PlanStale(Diagnostic("plan/unusable", summary, detail=detail, fix=PLAN_AGAIN))
