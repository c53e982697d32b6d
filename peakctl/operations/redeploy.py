"""A failed deployment tried again: its latest revision, as it is. Sent once, and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from peakctl.api.lost_answers import find_lost_write
from peakctl.engine.waiting import Stop, StoppableClock, wait_until_settled
from peakctl.errors import ApiError, Diagnostic, GuardRefused, PeakctlError, Severity, UsageError
from peakctl.model import CallRequest, CallResult, Failure, Key, Live, Readiness, State, Step
from peakctl.model.records import dataclass
from peakctl.model.text import status_word
from peakctl.operations.apply import ApplyOptions, wait_limits
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project
from peakctl.operations.target import find_target

DEPLOYMENT = "Deployment"
AGAIN = ("failed", "warning")
"""The states in which the platform redeploys."""
BUSY = ("deploying", "redeploying", "updating")


@dataclass(frozen=True, slots=True)
class RedeployResult:
    """A deployment that was tried again. `before` is its status then, `took` is in seconds.

    `revision` is the number of what is tried, where the platform tells it.
    `state` is READY where it is deployed, WARNING as the platform says so, PENDING where it goes
    on, and a failure else, of which `failure` tells.
    """

    key: Key
    before: str
    status: str
    state: State
    failure: Failure | None = None
    took: float = 0.0
    diagnostics: tuple[Diagnostic, ...] = ()
    revision: str | None = None

    @property
    def ok(self) -> bool:
        """Whether it is deployed now."""
        return self.state in (State.READY, State.WARNING)


def as_it_is(key: Key, live: Live) -> RedeployResult:
    """What is to be agreed to, as a result: nothing was tried yet."""
    state = State.WARNING if live.status.lower() == State.WARNING else State.FAILED
    return RedeployResult(key, live.status, live.status, state, revision=live.latest)


async def redeploy_async(
    project: Project, key: Key, *, limit: float | None = None, stop: Stop | None = None
) -> RedeployResult:
    """Try the latest revision of a failed deployment again, and wait for it up to `limit` seconds.

    Calling it is the consent. Raises UsageError for a kind that the platform does not redeploy,
    GuardRefused for what is not this project's, PeakctlError where it has not failed, or where the
    answer was lost and nothing tells what became of it; NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        live = await look_to_redeploy(platform, key)
        return await redeploy_live(platform, key, live, limit=limit, stop=stop)


async def look_to_redeploy(platform: Platform, key: Key) -> Live:
    """What would be redeployed. Raises as `redeploy`, where it cannot be."""
    if key.kind != DEPLOYMENT:
        raise UsageError(_no_call(key))
    listed = await find_target(platform, key)
    live = await platform.adapters[DEPLOYMENT].read(listed, None)
    if live is None:
        raise PeakctlError(_gone(key))
    await _check_owner(platform, key, live)
    if live.status.lower() not in AGAIN:
        raise PeakctlError(_not_failed(key, live))
    return live


def _no_call(key: Key) -> Diagnostic:
    return Diagnostic(
        code="redeploy/no-call",
        summary="the platform has no call that redeploys this kind",
        key=key,
        detail="it redeploys deployments that failed",
        fix=f"change what restarts it, and apply: peakctl explain {key.kind} tells which fields do",
    )


def _gone(key: Key) -> Diagnostic:
    return Diagnostic(
        code="live/not-found",
        summary=f'there is no {key.kind} named "{key.name}"',
        fix=f"see peakctl get {key.kind}",
    )


async def _check_owner(platform: Platform, key: Key, live: Live) -> None:
    """Raise GuardRefused for what is a part of something, or is not this project's."""
    from peakctl.ledger.revisions import find_revision

    environment, owner = platform.project.environment, platform.project.owner
    allowed = environment.allow if environment else None
    if allowed is not None and "restart" not in allowed:
        raise GuardRefused(
            Diagnostic(
                code="guard/not-allowed",
                summary="a redeploy is of the class restart, which the environment does not allow",
                key=key,
                fix="add restart to `allow` of the environment in peakctl.yaml",
            )
        )
    why = f"it is {live.foreign}" if live.foreign else ""
    if owner is not None and not why:
        store = platform.ledgers
        revision = await find_revision(store, await store.list(), owner)
        owned = revision.ledger.owned.values() if revision else ()
        if live.live_id not in {each.live_id for each in owned}:
            why = f"{owner} does not own it"
    if why:
        raise GuardRefused(
            Diagnostic(
                code="live/not-ours",
                summary=f"it is not redeployed: {why}",
                key=key,
                fix="redeploy what it is a part of, or adopt it by an apply first",
            )
        )


def _not_failed(key: Key, live: Live) -> Diagnostic:
    return Diagnostic(
        code="redeploy/not-failed",
        summary=f"it is {status_word(live.status)}, and the platform redeploys what failed",
        key=key,
        fix="wait until it has ended"
        if live.status.lower() in BUSY
        else "a change of its manifest makes a new revision: peakctl apply",
    )


async def redeploy_live(
    platform: Platform,
    key: Key,
    live: Live,
    *,
    limit: float | None = None,
    stop: Stop | None = None,
    report: Callable[[str], None] | None = None,
) -> RedeployResult:
    """Redeploy what `look_to_redeploy` found, and wait. `report` hears each status on the way."""
    adapter, clock = platform.adapters[DEPLOYMENT], platform.project.clock
    began, asked, stopped = clock.now(), stop or Stop(), asyncio.Event()
    result, told = await _send(platform, key, live)

    def hear(reading: Readiness) -> None:
        if report is not None:
            report(reading.status)

    with asked.waking(stopped):
        reading = await wait_until_settled(
            adapter,
            result,
            clock=StoppableClock(clock, stopped),
            limits=wait_limits(platform.project, ApplyOptions(deploy_timeout=limit)),
            what="deploy",
            stop=asked,
            report=hear,
        )
    failure = None
    if reading.state not in (State.READY, State.WARNING, State.PENDING):
        failure = await adapter.explain(result)
    elif reading.state is State.PENDING:
        told += (_goes_on(key),)
    return RedeployResult(
        key,
        live.status,
        reading.status,
        reading.state,
        failure,
        clock.now() - began,
        told,
        live.latest,
    )


async def _send(
    platform: Platform, key: Key, live: Live
) -> tuple[CallResult, tuple[Diagnostic, ...]]:
    """Send it once; where the answer is lost, the deployment tells whether it took effect."""
    adapter = platform.adapters[DEPLOYMENT]
    request = CallRequest(Step.REDEPLOY, key, live.values, live)
    try:
        return await adapter.call(request), ()
    except ApiError as error:
        if not error.doubtful:
            raise _refused(key, error) from error
        lost = error
    listed = await find_target(platform, key)

    async def look() -> Live | None:
        now = await adapter.read(listed, None)
        if now is None:
            return None
        moved = now.private.get("revision") != live.private.get("revision")
        return now if moved or now.status.lower() in BUSY or now.status != live.status else None

    found = await find_lost_write(look, platform.project.clock)
    if found is None:
        raise PeakctlError(
            Diagnostic(
                code="run/unknown",
                summary="whether it is redeployed is not known: the answer was lost",
                key=key,
                detail=lost.diagnostics[0].summary,
                fix=f"look at it before you try again: peakctl get {key.kind} {key.name}",
            )
        ) from lost
    path = f"press/v1/{found.private['family']}/deployments/{found.id}"
    watch = {"path": path, "revision": found.private.get("revision")}
    warning = Diagnostic(
        code="run/answer-lost",
        summary="the answer was lost; its state shows that it is redeployed",
        key=key,
        severity=Severity.WARNING,
    )
    return CallResult(key, found.id, watch=watch), (warning,)


def _refused(key: Key, error: ApiError) -> PeakctlError:
    if error.status not in (409, 422):
        return error
    return PeakctlError(
        Diagnostic(
            code="run/refused",
            summary="the platform refuses to redeploy it now",
            key=key,
            detail=error.detail,
            fix=f"look at it: peakctl get {key.kind} {key.name}",
        )
    )


def _goes_on(key: Key) -> Diagnostic:
    return Diagnostic(
        code="run/goes-on",
        summary="it is waited for no longer, and goes on at the platform",
        key=key,
        fix="see how it ended: peakctl status",
        severity=Severity.ERROR,
    )
