"""Is this the tenant that the environment is meant for? A token or a stage is easily mixed up."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from peakctl.errors import ApiError, Diagnostic, GuardRefused, NotAuthenticated, PlanStale, Severity
from peakctl.operations.platform import Platform
from peakctl.operations.project import Project, endpoint_of, is_emulated, place_of
from peakctl.settings import is_loopback

if TYPE_CHECKING:
    from peakctl.engine.observe.live_state import LiveState
    from peakctl.engine.plan.approval import Tenant

METADATA = "service/tenant-management/api/v1/external/tenants/tenant-metadata"
_GONE = (404, 410)
_ID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\Z")


async def check_tenant(platform: Platform, ledger_id: str | None) -> tuple[Diagnostic, ...]:
    """Return when the environment's `tenant` is the one that answers, or when it wants none.

    That is the domain of the tenant's spoke, or its first label, or else the id of the project's
    ledger, `ledger_id`. One request (docs/platform.md, 2.7). Gives a warning for a word that cannot
    be checked. Raises GuardRefused for another tenant, and what the request raises.
    """
    environment = platform.project.environment
    if environment is None or environment.tenant is None:
        return ()
    return judge_tenant(platform.project, await find_domain(platform), ledger_id)


async def tenant_of(platform: Platform, world: LiveState) -> Tenant:
    """What tells the tenant of `world` from others. One request at most.

    The emulator in process is the tenant of its environment, whatever token there is.
    """
    from peakctl.engine.plan.approval import read_tenant
    from peakctl.ledger.revisions import named

    project, store = platform.project, platform.ledgers
    ledgers = store.pick(world.listed.get(store.kind, ()))
    ours = named(ledgers, project.owner) if project.owner else ()
    domain = "emulator" if is_emulated(project) else None
    with contextlib.suppress(ApiError):  # a sign less
        domain = await find_domain(platform) or domain
    ledger = str(ours[0].id) if ours else None
    return read_tenant(world, ledgers, domain=domain, ledger=ledger, local=_local_sign(project))


def _local_sign(project: Project) -> str | None:
    """The digest of the address and the token of a server on this machine; None for any other.

    An empty tenant tells nothing of itself. On this machine, where people rehearse, the same
    address and token are sign enough; a real token is never digested.
    """
    from peakctl.ledger.digests import Digests

    address = endpoint_of(project)
    if is_emulated(project) or address is None or not is_loopback(urlsplit(address).hostname or ""):
        return None
    return Digests(address).short([address, project.settings.require_token()])


async def refuse_other_tenant(platform: Platform, world: LiveState, wanted: Tenant) -> None:
    """Return unless `world` is certainly another tenant than `wanted`. Raises PlanStale then."""
    why = wanted.why_other(await tenant_of(platform, world))
    if why:
        raise PlanStale(
            Diagnostic(
                code="plan/other-tenant",
                summary="the plan was approved for another tenant",
                detail=f"asked {place_of(platform.project)}: {why}",
                fix=(
                    "check the stage and the token; if this is the right tenant, plan again with"
                    " --out, and have the new plan approved"
                ),
            )
        )


async def is_tenant_sure(platform: Platform, world: LiveState, wanted: Tenant) -> bool:
    """Whether the tenant is the one of the plan; False where a person must say so.

    Where nothing tells, the environment's `tenant` does: it has been checked as far as it can be.
    """
    if wanted.is_same(await tenant_of(platform, world)):
        return True
    environment = platform.project.environment
    return environment is not None and environment.tenant is not None


async def find_domain(platform: Platform) -> str | None:
    """The domain of the spoke that the tenant lives on; None when the platform tells none."""
    if not platform.spoke:
        platform.spoke.append(await _ask_domain(platform))
    return platform.spoke[0]


async def _ask_domain(platform: Platform) -> str | None:
    try:
        answer = await platform.api.get(METADATA)
    except ApiError as error:
        if error.status not in _GONE:
            raise
        return None
    except NotAuthenticated as error:
        if any(d.code != "auth/forbidden" for d in error.diagnostics):
            raise
        return None
    return _domain(answer)


def judge_tenant(
    project: Project, domain: str | None, ledger_id: str | None
) -> tuple[Diagnostic, ...]:
    """As `check_tenant`, when the domain is known already."""
    environment = project.environment
    wanted = environment.tenant if environment else None
    if wanted is None or _fits(wanted, domain, ledger_id):
        return ()
    if domain is None and not _ID.match(_plain(wanted)):
        return (_unchecked(wanted),)
    raise GuardRefused(_wrong(project, wanted, domain, ledger_id))


def _domain(answer: object) -> str | None:
    details = answer.get("spokeDetails") if isinstance(answer, Mapping) else None
    domain = details.get("domain") if isinstance(details, Mapping) else None
    return domain if isinstance(domain, str) and domain.strip() else None


def _fits(wanted: str, domain: str | None, ledger_id: str | None) -> bool:
    known = {ledger_id.strip().lower()} if ledger_id else set()
    if domain is not None:
        known |= {_plain(domain), _plain(domain).partition(".")[0]}
    return _plain(wanted) in known


def _plain(text: str) -> str:
    return text.strip().lower().rstrip(".")


def _wrong(project: Project, wanted: str, domain: str | None, ledger_id: str | None) -> Diagnostic:
    name = project.environment_name or ""
    if domain is not None:
        found = f'the tenant that answers lives on "{domain}"'
    elif ledger_id:
        found = f"the ledger of this project has the id {ledger_id}"
    else:
        found = "this project has no ledger there, so it was never applied to that tenant"
    return Diagnostic(
        code="guard/wrong-tenant",
        summary=f'the environment "{name}" is meant for the tenant "{wanted}", not for this one',
        path=("environments", name, "tenant"),
        detail=f"asked {place_of(project)}: {found}",
        fix="check the stage (-e, PEAK__STAGE) and whose token PEAK_AUTH_TOKEN is",
    )


def _unchecked(wanted: str) -> Diagnostic:
    return Diagnostic(
        code="guard/tenant-unchecked",
        summary=f'whether this is the tenant "{wanted}" could not be checked',
        detail="the platform returns no names of tenants, and no domain of this one",
        fix="write the id of the ledger as tenant: peakctl ledger show",
        severity=Severity.WARNING,
    )
