"""`ci apply`: the plan of the branch, held to what was approved on the requests that it merged."""

from __future__ import annotations

from collections.abc import Sequence

from peakctl.cli.carry_out import carry_out_typed
from peakctl.cli.ci import consented, name_approvers, name_consents, warn_of_applied
from peakctl.cli.consent import require_tenant
from peakctl.cli.lease_wait import waiting_for_lease
from peakctl.cli.planning import plan_result, plan_typed
from peakctl.cli.session import Session
from peakctl.errors import Diagnostic, GuardRefused, Severity
from peakctl.model import Guards
from peakctl.model.records import dataclass
from peakctl.operations.apply import check_saved
from peakctl.operations.ci import CiContext
from peakctl.operations.ci_approval import REQUIRED, ApprovalFinder, Approvals, check_approved
from peakctl.operations.load import LoadResult
from peakctl.operations.plan import PlanResult, refuse_guarded
from peakctl.operations.platform import Platform
from peakctl.operations.saved_plan import SavedPlan
from peakctl.present.report import Report

MASS_CHANGE = "guard/mass-change"


@dataclass(slots=True)
class CiApply:
    """One apply of a job. `saved` is a plan file that was typed; `approvals` what was found."""

    session: Session
    context: CiContext
    loaded: LoadResult
    saved: SavedPlan | None
    planned: PlanResult | None = None
    finder: ApprovalFinder | None = None

    async def run(self) -> Report:
        """Apply; once more where a guard refuses what somebody has consented to."""
        session = self.session
        before = len(session.warnings)
        try:
            return await self._attempt()
        except GuardRefused as refused:
            first = len(session.warnings)
            guards = [d for d in refused.diagnostics if d.severity is Severity.ERROR]
            if self.planned is None or not await self._consented(self.planned, guards):
                raise
            del session.warnings[before:first]  # the second attempt tells them again
            return await self._attempt()

    async def _attempt(self) -> Report:
        async with self.session.connected() as platform:
            return await waiting_for_lease(
                self.session, platform, lambda: self._once(platform), self.context
            )

    async def _once(self, platform: Platform) -> Report:
        """Plan and carry out, as `apply --yes` does, what was approved."""
        session, saved = self.session, self.saved
        planned = await plan_typed(session, platform, self.loaded, saved)
        self.planned = planned
        warn_of_applied(session, self.context, planned)
        approvals = await self._approvals(platform, planned)
        session.show_plan(planned.plan, plan_result(session, planned))
        refuse_guarded(planned)
        if saved is not None:
            session.warnings += await check_saved(
                platform, planned, saved, confirm=lambda *_: require_tenant(session)
            )
        held = None
        if saved is None or approvals.rule == REQUIRED:
            held, told = check_approved(planned, approvals, platform.kinds)
            session.warnings += told
        if held is not None:
            name_approvers(session, approvals.approvers)
        return await carry_out_typed(session, platform, planned, saved or held or planned)

    async def _approvals(self, platform: Platform, planned: PlanResult) -> Approvals:
        known = self.finder.found if self.finder else Approvals()
        self.finder = ApprovalFinder(self.context, self.session.settings, platform, known)
        return await self.finder.find(planned)

    async def _consented(self, planned: PlanResult, guards: Sequence[Diagnostic]) -> bool:
        """Whether the guards are lifted by what was approved and consented to on the requests."""
        session, finder = self.session, self.finder
        if (
            finder is None
            or not finder.found.approved
            or any(d.code != MASS_CHANGE for d in guards)
        ):
            return await consented(session, self.context, planned, guards)
        if session.flags.allow_mass_change is not None:
            return False
        environment = session.project.environment
        limits = environment.guards if environment else Guards()
        agreed, given, told = await finder.consents(planned, limits)
        session.warnings += told
        for consent, request in given:
            name_consents(session, [consent], request)
        if agreed - session.agreed:
            session.agreed |= agreed
            return True
        return await consented(session, self.context, planned, guards)
