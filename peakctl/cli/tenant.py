"""Is this the tenant that the environment is meant for? A token or a stage is easily mixed up."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from peakctl.cli.consent import require_tenant
from peakctl.cli.owning import owner_of
from peakctl.cli.session import endpoint_of, is_emulated, place_of
from peakctl.errors import (
    ApiError,
    Diagnostic,
    GuardRefused,
    NotAuthenticated,
    PlanStale,
    Severity,
)
from peakctl.settings import is_loopback

if TYPE_CHECKING:
    from peakctl.cli.session import Connection, Session
    from peakctl.engine.observe.live_state import LiveState
    from peakctl.engine.observe.tenant import Tenant

METADATA = "service/tenant-management/api/v1/external/tenants/tenant-metadata"
_GONE = (404, 410)
_ID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\Z")


async def check_tenant(session: Session, connection: Connection, ledger_id: str | None) -> None:
    """Return when the environment's `tenant` is the one that answers, or when it wants none.

    That is the domain of the tenant's spoke, or its first label, or else the id of the project's
    ledger, `ledger_id`. One request (docs/platform.md, 2.7).
    A word that cannot be checked is a warning
    in the session. Raises GuardRefused for another tenant, and what the request raises.
    """
    if not session.environment or session.environment.tenant is None:
        return
    judge_tenant(session, await find_domain(connection), ledger_id)


async def tenant_of(session: Session, connection: Connection, world: LiveState) -> Tenant:
    """What tells the tenant of `world` from others. One request at most.

    The emulator in process is the tenant of its environment, whatever token there is.
    """
    from peakctl.engine.observe.tenant import read_tenant
    from peakctl.ledger.revisions import named

    owner, store = owner_of(session), connection.ledgers
    ledgers = store.pick(world.listed.get(store.kind, ()))
    ours = named(ledgers, owner) if owner else ()
    domain = "emulator" if is_emulated(session) else None
    with contextlib.suppress(ApiError):  # a sign less
        domain = await find_domain(connection) or domain
    ledger = str(ours[0].id) if ours else None
    return read_tenant(world, ledgers, domain=domain, ledger=ledger, local=_local_sign(session))


def _local_sign(session: Session) -> str | None:
    """The digest of the address and the token of a server on this machine; None for any other.

    An empty tenant tells nothing of itself. On this machine, where people rehearse, the same
    address and token are sign enough; a real token is never digested.
    """
    from peakctl.ledger.digests import Digests

    address = endpoint_of(session)
    if is_emulated(session) or address is None or not is_loopback(urlsplit(address).hostname or ""):
        return None
    return Digests(address).short([address, session.settings.require_token()])


async def refuse_other_tenant(
    session: Session, connection: Connection, world: LiveState, wanted: Tenant
) -> None:
    """Return unless `world` is certainly another tenant than `wanted`. Raises PlanStale then."""
    why = wanted.why_other(await tenant_of(session, connection, world))
    if why:
        raise PlanStale(
            Diagnostic(
                code="plan/other-tenant",
                summary="the plan was approved for another tenant",
                detail=f"asked {place_of(session)}: {why}",
                fix=(
                    "check the stage and the token; if this is the right tenant, plan again with"
                    " --out, and have the new plan approved"
                ),
            )
        )


async def confirm_tenant(
    session: Session, connection: Connection, world: LiveState, wanted: Tenant
) -> None:
    """Return when the tenant is the one of the plan, or when somebody says that it is.

    Where nothing tells, the environment's `tenant` says so (it has been checked as far as it can
    be), or a person at the terminal, whom --yes does not replace. Raises GuardRefused.
    """
    if wanted.is_same(await tenant_of(session, connection, world)):
        return
    if session.environment is not None and session.environment.tenant is not None:
        return
    require_tenant(session, place_of(session))


async def find_domain(connection: Connection) -> str | None:
    """The domain of the spoke that the tenant lives on; None when the platform tells none."""
    if not connection.spoke:
        connection.spoke.append(await _ask_domain(connection))
    return connection.spoke[0]


async def _ask_domain(connection: Connection) -> str | None:
    try:
        answer = await connection.api.get(METADATA)
    except ApiError as error:
        if error.status not in _GONE:
            raise
        return None
    except NotAuthenticated as error:
        if any(d.code != "auth/forbidden" for d in error.diagnostics):
            raise
        return None
    return _domain(answer)


def judge_tenant(session: Session, domain: str | None, ledger_id: str | None) -> None:
    """As `check_tenant`, when the domain is known already."""
    environment = session.environment
    wanted = environment.tenant if environment else None
    if wanted is None or _fits(wanted, domain, ledger_id):
        return
    if domain is None and not _ID.match(_plain(wanted)):
        session.warnings.append(_unchecked(wanted))
        return
    raise GuardRefused(_wrong(session, wanted, domain, ledger_id))


def _domain(answer: Any) -> str | None:
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


def _wrong(session: Session, wanted: str, domain: str | None, ledger_id: str | None) -> Diagnostic:
    name = session.environment.name if session.environment else ""
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
        detail=f"asked {place_of(session)}: {found}",
        fix="check the stage (-e, PEAK__STAGE) and whose token PEAK_AUTH_TOKEN is",
    )


def _unchecked(wanted: str) -> Diagnostic:
    return Diagnostic(
        code="guard/tenant-unchecked",
        summary=f'whether this is the tenant "{wanted}" could not be checked',
        detail="the platform does not tell its tenants' names; it knows this tenant by no domain",
        fix="write the id of the ledger as tenant: peakctl ledger show",
        severity=Severity.WARNING,
    )
