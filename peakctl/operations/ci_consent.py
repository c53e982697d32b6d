"""Consent on a request to what the guards of a plan refuse: which words ask for it, who gave it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from peakctl.engine.plan.guards import counted_changes
from peakctl.engine.record import plan_digest
from peakctl.errors import Diagnostic, PeakctlError, Severity
from peakctl.hosts.consents import (
    ADOPT,
    FORWARD,
    MASS_CHANGE,
    TAKE_OVER,
    Consent,
    Found,
    Wanted,
    find_consents,
)
from peakctl.hosts.find import connect, requests_of, why_mute
from peakctl.kinds.schemas import load_kinds
from peakctl.model.records import dataclass
from peakctl.operations.ci import POSTING_SECONDS, CiContext
from peakctl.operations.plan import PlanResult
from peakctl.settings import Settings

DIGITS = 16
"""Of the digest of a plan, as a consent names it."""


@dataclass(frozen=True, slots=True)
class FoundConsent:
    """What was looked for on a request: the lines to write there, and what counts of what is there.

    `lines` are none where consent cannot be given on the request. `given` are as many as `lines`
    once everything is consented to.
    """

    lines: tuple[str, ...] = ()
    given: tuple[Consent, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether somebody has consented to everything that was asked."""
        return bool(self.lines) and len(self.given) == len(self.lines)


def wanted_of(planned: PlanResult, guards: Sequence[Diagnostic]) -> tuple[Wanted, ...]:
    """What somebody would have to consent to, without a commit; none if that cannot be done.

    That is an unusual number of changes, adopting, undoing a rollback, and taking over from another
    project. What a rule of the environment forbids is lifted by nobody on a request.
    """
    found: dict[Wanted, None] = {}
    for guard in guards:
        wanted = _wanted(planned, guard)
        if wanted is None:
            return ()
        found[wanted] = None
    return tuple(found)


def _wanted(planned: PlanResult, guard: Diagnostic) -> Wanted | None:
    match guard.code:
        case "guard/mass-change":
            return Wanted(MASS_CHANGE, str(len(counted_changes(planned.plan, load_kinds()))))
        case "guard/adopt":
            return Wanted(ADOPT)
        case "guard/rolled-back":
            return Wanted(FORWARD)
        case "guard/foreign-owner":
            action = next((a for a in planned.plan.actions if a.key == guard.key), None)
            owner = planned.live.owners.owner(action.live) if action and action.live else None
            return Wanted(TAKE_OVER, str(owner)) if owner else None
        case _:
            return None


def digest_of(planned: PlanResult) -> str:
    """The beginning of the plan's digest."""
    return plan_digest(planned.plan)[:DIGITS]


async def look_for_consent(
    context: CiContext,
    settings: Settings,
    planned: PlanResult,
    guards: Sequence[Diagnostic],
    *,
    short: bool,
) -> FoundConsent:
    """Who has consented on the request of the job, or on the one that it merged, to this very plan.

    `short` lines and labels count where the job is that of the request: they name no plan. Raises
    nothing: a host that does not answer has no consent.
    """
    wanted = wanted_of(planned, guards)
    if not wanted or context.job.host not in ("github", "gitlab") or why_mute(context.job):
        return FoundConsent()
    try:
        async with asyncio.timeout(POSTING_SECONDS), connect(context.job, settings) as client:
            requests = requests_of(client, context.job)
            if context.job.request:
                request = await requests.request(context.job.request)
            else:
                brought = await requests.of_commit(context.job.commit)
                merged = [each for each in brought if context.job.commit in each.merged_as]
                if not merged:
                    return FoundConsent()
                request = await requests.request(merged[0].number)
            digest = digest_of(planned)
            asked = [Wanted(each.guard, each.value, request.head, digest) for each in wanted]
            made_by = context.made_by if short else ""
            found = await find_consents(requests, request, asked, made_by)
    except (TimeoutError, PeakctlError) as error:
        why = "; ".join(d.summary for d in getattr(error, "diagnostics", ())) or "it took too long"
        return FoundConsent(diagnostics=(no_consent(f"it cannot be read: {why}"),))
    lines = tuple(str(each) for each in asked)
    return FoundConsent(lines, tuple(found.consents.values()), told_of(found))


def told_of(found: Found) -> tuple[Diagnostic, ...]:
    """What does not count, and what does."""
    refused = dict.fromkeys((each.by, each.why) for each in found.refused)
    return (
        *(no_consent(f"that of {by or 'somebody'} does not count: {why}") for by, why in refused),
        *map(_consented, found.consents.values()),
    )


def no_consent(why: str) -> Diagnostic:
    return Diagnostic(
        code="ci/no-consent",
        summary=f"consent on the request: {why}",
        fix="the comment of the plan has the line to write; docs/ci.md says who may",
        severity=Severity.WARNING,
    )


def _consented(consent: Consent) -> Diagnostic:
    return Diagnostic(
        code="ci/consent",
        summary=f"{consent.by} has consented to {_in_words(consent.to)} on the request",
        detail=consent.url,
        severity=Severity.NOTE,
    )


def _in_words(wanted: Wanted) -> str:
    match wanted.guard:
        case "mass-change":
            return f"{wanted.value} change{'' if wanted.value == '1' else 's'}"
        case "adopt":
            return "adopt what nobody owns"
        case _:
            return f"take over from {wanted.value}"


def consent_line(consent: Consent, request: str = "") -> str:
    """A consent as the history has it: who, to what, when and where."""
    at = (
        ""
        if consent.at is None
        else f" at {datetime.fromtimestamp(consent.at, UTC):%Y-%m-%dT%H:%MZ}"
    )
    where = consent.url or (f"request {request}" if request else "")
    return f"{consent.by}: {consent.to.words}{at}{f' ({where})' if where else ''}"
