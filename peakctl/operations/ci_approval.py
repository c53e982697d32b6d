"""The plans that were approved on the requests whose merges a job applies.

What counts is the union of the plans of all requests that were merged since the commit that was
applied completely last: a run in between may have been cancelled, or have failed. Each plan is
that of the head of its request, made by a job that the request could not change.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import field

from peakctl.engine.plan.approval import Tenant, objections_to_all
from peakctl.engine.plan.guards import counted_changes, mass_change
from peakctl.engine.record import plan_digest
from peakctl.errors import (
    Diagnostic,
    GuardRefused,
    HostError,
    PeakctlError,
    PlanStale,
    Severity,
    UsageError,
    counted,
)
from peakctl.hosts.consents import MASS_CHANGE, Consent, Wanted, find_consents
from peakctl.hosts.find import connect, requests_of, why_mute
from peakctl.hosts.requests import PlanFile, Request, Requests, Review
from peakctl.kinds.fields import Kind
from peakctl.manifests.policy import read_elsewhere, read_ruling
from peakctl.manifests.project import Project as ProjectFile
from peakctl.model import Guards, Key, PastRun
from peakctl.model.records import dataclass
from peakctl.operations.ci import CiContext, marker_of
from peakctl.operations.ci_consent import DIGITS, told_of
from peakctl.operations.plan import PlanResult
from peakctl.operations.platform import Platform
from peakctl.operations.project import Project
from peakctl.operations.saved_plan import SavedPlan, parse_saved_plan
from peakctl.operations.tenant import tenant_of
from peakctl.settings import Settings

MOST_COMMITS = 100
"""How many commits of the branch are asked about: the newest first."""
SECONDS = 180.0
"""How long all requests to the host may take together."""
REQUIRED, OPTIONAL = "required", "optional"
_STRICTNESS = {None: 0, OPTIONAL: 1, REQUIRED: 2}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_COMMIT = re.compile(r"[0-9a-f]{40,64}\Z")
AGAIN = (
    "open a request whose plan has all that is pending (one without a change will do), have it"
    " approved, and merge it"
)


def artifact_name(context: CiContext, project: Project) -> str:
    """What the artifact with the plan of a request is called: of one project, environment, tenant.

    Host and job have a say in what characters it may have.
    """
    marker = marker_of(context, "plan", project, None)
    words = (marker.project, marker.environment, marker.tenant)
    return "-".join(("peakctl-plan", *(_UNSAFE.sub("_", word) or "_" for word in words)))


@dataclass(frozen=True, slots=True)
class Approved:
    """A request whose plan counts, and the approvals of that plan."""

    request: Request
    saved: SavedPlan
    reviews: tuple[Review, ...] = ()

    @property
    def digest(self) -> str:
        return plan_digest(self.saved.plan)[:DIGITS]


@dataclass(slots=True)
class Approvals:
    """What was found so far on the requests of a job, the newest first.

    `void` are requests whose plan does not count, each with why; `strays` are commits that no
    request brought, and `problem` why the host could not be asked; `is_known` is False where there
    is none to ask, `is_shallow` True where the checkout cannot tell the rule. `since` is the last
    complete apply where nothing was merged after it.
    """

    rule: str | None = None
    approved: list[Approved] = field(default_factory=list)
    void: dict[str, str] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)
    problem: str = ""
    asked: set[str] = field(default_factory=set)
    is_cut: bool = False
    since: str = ""
    is_known: bool = True
    is_shallow: bool = False

    @property
    def plans(self) -> tuple[SavedPlan, ...]:
        return tuple(each.saved for each in self.approved)

    @property
    def union(self) -> SavedPlan | None:
        """All plans as one; None where there is none."""
        if not self.approved:
            return None
        first, *others = self.plans
        return SavedPlan(first.file, first.approval, others=tuple(o.approval for o in others))

    @property
    def approvers(self) -> tuple[str, ...]:
        names = (review.by for each in self.approved for review in each.reviews)
        return tuple(dict.fromkeys(names))

    @property
    def way_on(self) -> str:
        """What to do where something has no approval."""
        if not self.is_known:
            return (
                "run it in a job of GitHub or GitLab that has a token for its API; elsewhere take"
                " `approval` out of the environment, and use the approvals that the CI has"
            )
        if self.is_shallow:
            return "fetch the whole history: fetch-depth: 0 on GitHub, GIT_DEPTH: 0 on GitLab"
        return "run the job again once the host answers" if self.problem else AGAIN

    @property
    def gaps(self) -> tuple[str, ...]:
        """Why something that is merged may have no approved plan."""
        found = [f"request {number}: {why}" for number, why in self.void.items()]
        if self.strays:
            shown = ", ".join(commit[:12] for commit in self.strays[:5])
            more = f" and {len(self.strays) - 5} more" if len(self.strays) > 5 else ""
            found.append(f"no merged request brought {shown}{more}")
        if self.since:
            found.append(
                f"nothing was merged since {self.since[:12]}, which was applied completely"
            )
        if self.is_cut:
            found.append(f"only the newest {MOST_COMMITS} commits were looked at")
        return (*found, *((self.problem,) if self.problem else ()))


@dataclass(slots=True)
class ApprovalFinder:
    """Finds the approved plans of one job; what was found is kept for its next attempt."""

    context: CiContext
    settings: Settings
    platform: Platform
    found: Approvals = field(default_factory=Approvals)

    async def find(self, planned: PlanResult) -> Approvals:
        """Look until every action of `planned` has an approval, or nothing more is there.

        Raises nothing: where the host does not answer, nothing was approved.
        """
        project, found = self.platform.project, self.found
        ledger = planned.live.ledger
        base = last_complete(self.context, ledger.runs if ledger else ())
        found.rule = strictest_rule(self.context, project, base, self.settings.environment)
        if not planned.has_changes or self._covers(planned):
            return found
        found.problem = ""
        if self.context.job.host not in ("github", "gitlab"):
            found.is_known = False
            found.problem = "this CI is not one whose requests and approvals can be asked for"
        elif why := why_mute(self.context.job):
            found.problem, found.is_known = why, False
        elif found.rule is not None and self.context.checkout.is_cut():
            found.problem, found.is_shallow = "the checkout does not have the whole history", True
        else:
            await self._ask(planned, base)
        return found

    def _covers(self, planned: PlanResult) -> bool:
        approvals = [each.approval for each in self.found.plans]
        return not objections_to_all(approvals, planned.plan, self.platform.kinds, AGAIN)

    async def _ask(self, planned: PlanResult, base: str) -> None:
        job = self.context.job
        try:
            async with asyncio.timeout(SECONDS), connect(job, self.settings) as client:
                tenant = await tenant_of(self.platform, planned.live)
                await self._walk(requests_of(client, job), planned, base, tenant)
        except TimeoutError:
            self.found.problem = f"the host took more than {SECONDS:.0f} seconds"
        except PeakctlError as error:
            self.found.problem = "; ".join(each.summary for each in error.diagnostics)

    async def _walk(
        self, requests: Requests, planned: PlanResult, base: str, tenant: Tenant
    ) -> None:
        found = self.found
        commits = self.context.checkout.since(base, MOST_COMMITS + 1)
        found.is_cut = len(commits) > MOST_COMMITS
        found.since = "" if commits else base
        for commit in commits[:MOST_COMMITS]:
            if found.rule is None and (found.void or found.strays):
                return
            if commit in found.asked:
                continue
            brought = [
                each
                for each in await requests.of_commit(commit)
                if any(made in commits for made in each.merged_as)
            ]
            if not brought:
                found.strays.append(commit)
            for each in brought:
                if each.number not in found.asked:
                    found.asked.add(each.number)
                    await self._take(requests, each.number, tenant)
            found.asked.add(commit)
            if brought and self._covers(planned):
                return

    async def _take(self, requests: Requests, number: str, tenant: Tenant) -> None:
        """Look at one request: its plan counts, or there is a reason why not."""
        request = await requests.request(number)
        project = self.platform.project
        name = artifact_name(self.context, project)
        plan = await requests.plan(request, name, self.context.made_by)
        saved = plan if isinstance(plan, str) else _read(plan, project, tenant, request.head)
        if isinstance(saved, str) or isinstance(plan, str):
            self.found.void[number] = str(saved)
            return
        reviews, why = await self._reviews(requests, request, plan)
        if self.found.rule == REQUIRED and not reviews:
            self.found.void[number] = why
            return
        self.found.approved.append(Approved(request, saved, reviews))

    async def _reviews(
        self, requests: Requests, request: Request, plan: PlanFile
    ) -> tuple[tuple[Review, ...], str]:
        """The approvals that count for a plan; why there is none otherwise."""
        counting, flaws = [], []
        for each in await self._all_reviews(requests, request):
            flaw = each.flaw or ("" if each.at > plan.at else "it is older than the plan")
            if not flaw and not await requests.may_write(each.id):
                flaw = "they may not write to the repository"
            if flaw:
                flaws.append(f"the approval of {each.by} does not count: {flaw}")
            else:
                counting.append(each)
        return tuple(counting), "; ".join(flaws) or "nobody has approved it"

    async def _all_reviews(self, requests: Requests, request: Request) -> tuple[Review, ...]:
        """What is only to be named, where no approval is required, may be unknown."""
        try:
            return await requests.reviews(request)
        except HostError:
            if self.found.rule == REQUIRED:
                raise
            return ()

    # --- guards ----------------------------------------------------------------------------------

    async def consents(
        self, planned: PlanResult, limits: Guards
    ) -> tuple[frozenset[Key], tuple[tuple[Consent, str], ...], tuple[Diagnostic, ...]]:
        """What need not count as an unusual number of changes, each request by itself.

        A request that changes a usual number was approved as it is; another one needs somebody's
        consent, which is read again. Gives the resources, the consents with their requests, and
        what is told.
        """
        agreed: set[Key] = set()
        given: list[tuple[Consent, str]] = []
        told: list[Diagnostic] = []
        asked: list[tuple[Approved, frozenset[Key], int]] = []
        for each in self.found.approved:
            keys, number = self._share(planned, each)
            if self._is_usual(planned, keys, limits):
                agreed |= keys
            else:
                asked.append((each, keys, number))
        job = self.context.job
        try:
            if not asked:
                return frozenset(agreed), (), ()
            async with asyncio.timeout(SECONDS), connect(job, self.settings) as client:
                requests = requests_of(client, job)
                for each, keys, number in asked:
                    wanted = Wanted(MASS_CHANGE, str(number), each.request.head, each.digest)
                    found = await find_consents(
                        requests, each.request, [wanted], self.context.made_by
                    )
                    told += told_of(found)
                    if wanted in found.consents:
                        agreed |= keys
                        given.append((found.consents[wanted], each.request.number))
        except (TimeoutError, PeakctlError) as error:
            why = "; ".join(d.summary for d in getattr(error, "diagnostics", ()))
            self.found.problem = why or "it took too long"
        return frozenset(agreed), tuple(given), tuple(told)

    def _share(self, planned: PlanResult, approved: Approved) -> tuple[frozenset[Key], int]:
        """What one plan approves of `planned`, and how many of that count as changes."""
        kinds = self.platform.kinds
        left = objections_to_all([approved.saved.approval], planned.plan, kinds, "")
        beyond = {each.key for each in left}
        keys = frozenset(a.key for a in planned.plan.pending if a.key not in beyond)
        return keys, sum(a.key in keys for a in counted_changes(planned.plan, kinds))

    def _is_usual(self, planned: PlanResult, keys: frozenset[Key], limits: Guards) -> bool:
        others = frozenset(a.key for a in planned.plan.pending if a.key not in keys)
        kinds: Mapping[str, Kind] = self.platform.kinds
        return not mass_change(planned.plan, kinds, allowed=None, limits=limits, agreed=others)


# --- what an apply is held to ---------------------------------------------------------------------


def check_approved(
    planned: PlanResult, found: Approvals, kinds: Mapping[str, Kind]
) -> tuple[SavedPlan | None, tuple[Diagnostic, ...]]:
    """The plan that the apply is held to, None for what it finds; and what is to be told.

    Raises PlanStale where more would be done than was approved, and GuardRefused where an approval
    is required and something has none.
    """
    if not planned.has_changes:
        return None, ()
    approvals = [each.approval for each in found.plans]
    beyond = objections_to_all(approvals, planned.plan, kinds, found.way_on)
    if not beyond:
        return found.union, (_held(found),)
    if found.rule is None and (found.gaps or not found.approved):
        is_told = found.void or (found.problem and found.is_known)
        return None, (_not_held(found),) if is_told else ()
    if found.rule == REQUIRED and (found.gaps or not found.approved):
        raise GuardRefused(_not_approved("guard/not-approved", len(beyond), found), *beyond)
    raise PlanStale(_not_approved("plan/not-approved", len(beyond), found), *beyond)


def _not_approved(code: str, number: int, found: Approvals) -> Diagnostic:
    verb = "has" if number == 1 else "have"
    plans = [f"request {each.request.number}: its plan counts" for each in found.approved]
    return Diagnostic(
        code=code,
        summary=f"{counted(number, 'action')} {verb} no plan that was approved on a request",
        detail="\n".join((*plans, *found.gaps)),
        fix=found.way_on,
    )


def _held(found: Approvals) -> Diagnostic:
    numbers = ", ".join(each.request.number for each in found.approved)
    who = f", approved by {', '.join(found.approvers)}" if found.approvers else ""
    plural = "s" if len(found.approved) > 1 else ""
    return Diagnostic(
        code="ci/approved",
        summary=f"the plan of request{plural} {numbers} is applied{who}",
        severity=Severity.NOTE,
    )


def _not_held(found: Approvals) -> Diagnostic:
    return Diagnostic(
        code="ci/not-held",
        summary="no plan of a request is found that this apply could be held to",
        detail="\n".join(found.gaps),
        fix="nothing to do; with `approval` in peakctl.yaml this would be refused",
        severity=Severity.NOTE,
    )


# --- since when, and by which rule ----------------------------------------------------------------


def last_complete(context: CiContext, runs: Sequence[PastRun]) -> str:
    """The commit of the last apply that did everything, of those that the checkout holds."""
    for run in reversed(runs):
        commit = run.actor.commit
        is_whole = run.command == "apply" and run.outcome == "done"
        if is_whole and _COMMIT.match(commit) and context.checkout.holds(commit):
            return commit
    return ""


def strictest_rule(
    context: CiContext, project: Project, base: str, variables: Mapping[str, str]
) -> str | None:
    """`approval` of the environment: the strictest of all that was in force since `base`.

    No request loosens the rule that it is applied by, nor the one of a request before it that was
    not applied yet.
    """
    file, environment = project.file, project.environment
    if file is None or environment is None:
        return None
    found = [environment.approval]
    for revision in context.checkout.rules_since(base, file.file.name, MOST_COMMITS):
        try:
            rulings: tuple[ProjectFile, ...] = (read_ruling(file, revision, variables)[1],)
        except UsageError:
            rulings = read_elsewhere(file, revision, variables)  # it was moved, or is new
        there = (each.environments.get(environment.name) for each in rulings)
        found += [each.approval for each in there if each]
    return max(found, key=lambda rule: _STRICTNESS[rule])


def _read(plan: PlanFile, project: Project, tenant: Tenant, head: str) -> SavedPlan | str:
    """What a plan file approves here, or why it approves nothing."""
    try:
        saved = parse_saved_plan("the plan of the request", plan.data)
    except PlanStale as error:
        return "; ".join(each.summary for each in error.diagnostics)
    approval = saved.approval
    if (approval.project, approval.environment) != (project.name or "", project.slot):
        there = f"{approval.project or '-'}/{approval.environment or '-'}"
        return f"its plan is for {there}"
    if approval.commit != head:
        return f"its plan is for the commit {approval.commit[:12] or '-'}, and not for {head[:12]}"
    why = approval.tenant.why_other(tenant)
    return f"its plan is for another tenant: {why}" if why else saved
