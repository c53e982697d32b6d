"""What was reviewed is what runs: the plans of merged requests, found again by `ci apply`."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ci_play import Repository
from reviewed import Reviewed, ReviewedGithub, ReviewedGitlab, archive

from peakctl.emulator.faults import read_faults
from peakctl.operations import ci_approval

PROJECT = """\
project: shop
manifests: [manifests]
environments:
  prod: {emulator: {buildSeconds: 0}%s}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {call: {type: http, method: post, url: "https://example.com/%s"}}}
"""
HOSTS = [ReviewedGithub, ReviewedGitlab]


def flow(name: str, word: str = "one") -> dict[str, str]:
    return {f"manifests/{name}.yaml": FLOW % (name, word)}


@pytest.fixture
def make(
    tmp_path: Path, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> Iterator[Any]:
    made: list[Reviewed] = []

    def new(
        host: type[Reviewed], approval: str | None, more: str = "", *, applied: bool = True
    ) -> Reviewed:
        """A repository whose main branch is applied, with one workflow."""
        rule = f", approval: {approval}" if approval else ""
        files = {"peakctl.yaml": PROJECT % (rule + more), **flow("nightly")}
        repository = Repository(tmp_path, files)
        ci = host(repository, peakctl, make_emulator(), monkeypatch, clock)
        if applied:
            folder = repository.checkout(repository.tip())
            assert ci.job(folder, {}, "apply", "-e", "prod", "--yes").code == 0
        made.append(ci)
        return ci

    yield new
    for ci in made:
        assert ci.host.broken == []


@pytest.fixture(params=HOSTS, ids=lambda each: each.name)
def required(request: pytest.FixtureRequest, make: Any) -> Reviewed:
    found: Reviewed = make(request.param, "required")
    return found


@pytest.fixture(params=HOSTS, ids=lambda each: each.name)
def optional(request: pytest.FixtureRequest, make: Any) -> Reviewed:
    found: Reviewed = make(request.param, "optional")
    return found


def last_run(ci: Reviewed) -> dict[str, Any]:
    told = ci.nightly("ledger", "history", "-e", "prod", "-o", "json")
    found: dict[str, Any] = json.loads(told.out)["history"]["runs"][0]
    return found


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_the_approved_plan_of_the_merged_request_is_applied(required: Reviewed, how: str) -> None:
    ci = required
    commit = ci.ready(7, flow("weekly"), how)
    done = ci.apply(commit)
    assert (done.code, "Applied: 1 created" in done.out) == (0, True), done.log
    assert "note[ci/approved]: the plan of request 7 is applied, approved by bob" in done.err
    assert " · approved by `bob`" in done.summary
    run = last_run(ci)
    assert (run["approver"], run["pull_request"], run["consents"]) == ("bob", "7", [])
    again = ci.apply(commit)
    assert (again.code, again.outputs["has_changes"]) == (0, "false")


# --- which requests -------------------------------------------------------------------------------


def test_the_run_of_a_merge_in_between_may_have_been_cancelled(required: Reviewed) -> None:
    ci = required
    assert ci.apply(ci.ready(7, flow("a"))).code == 0
    ci.ready(8, flow("b"))  # its apply is cancelled
    done = ci.apply(ci.ready(9, flow("c")))
    assert (done.code, "Applied: 2 created" in done.out) == (0, True), done.log
    assert "the plan of requests 9, 8 is applied" in done.err or "of request 9 is" in done.err


def test_what_a_failed_apply_left_is_applied_with_an_innocent_merge(required: Reviewed) -> None:
    ci = required
    ci.open(8, {"README.md": "hello"})
    assert ci.planned(8).code == 0  # planned while 7 is not merged: it changes nothing
    ci.approve(8)
    ci.ready(7, flow("a"))
    ci.emulator.faults += read_faults(
        {"method": "POST", "path": "/workflows/", "action": "status", "status": 422}
    )
    assert ci.apply(ci.repository.tip()).code == 1
    ci.emulator.faults.clear()
    done = ci.apply(ci.merge(8))
    assert (done.code, "Applied: 1 created" in done.out) == (0, True), done.log
    assert "the plan of requests 8, 7 is applied, approved by bob" in done.err
    assert last_run(ci)["approver"] == "bob"


def test_the_queue_merges_several_and_one_run_applies_them(required: Reviewed) -> None:
    ci = required
    ci.open(7, flow("a"))
    ci.open(8, flow("b"))
    for number in (7, 8):
        assert ci.planned(number).code == 0
        ci.approve(number)
    ci.merge(7)
    done = ci.apply(ci.merge(8))
    assert (done.code, "Applied: 2 created" in done.out) == (0, True), done.log
    assert "the plan of requests 8, 7 is applied" in done.err


def test_a_revert_is_a_request_of_its_own(required: Reviewed) -> None:
    ci = required
    assert ci.apply(ci.ready(7, flow("nightly", "two"))).code == 0
    done = ci.apply(ci.ready(8, flow("nightly", "one")))
    assert (done.code, "Applied: 1 edited" in done.out) == (0, True), done.log


def test_an_old_run_that_is_run_again_takes_nothing_back(required: Reviewed) -> None:
    ci = required
    old = ci.ready(7, flow("nightly", "two"))
    assert ci.apply(old).code == 0
    assert ci.apply(ci.ready(8, flow("nightly", "three"))).code == 0
    again = ci.apply(old)
    assert again.code == 12, again.log
    assert f"nothing was merged since {old[:12]}, which was applied completely" in again.err
    assert "ci/applied-elsewhere" in again.err


@pytest.mark.parametrize(
    ("rule", "code", "told"),
    [
        ("required", 12, "error[guard/not-approved]: 1 action has no plan that was approved"),
        ("optional", 11, "error[plan/not-approved]: 1 action has no plan that was approved"),
        (None, 0, "Applied: 1 created"),
    ],
)
@pytest.mark.parametrize("host", HOSTS, ids=lambda each: each.name)
def test_a_push_without_a_request(
    make: Any, host: type[Reviewed], rule: str | None, code: int, told: str
) -> None:
    ci = make(host, rule)
    ci.repository.start_branch()
    ci.repository.write("manifests/a.yaml", FLOW % ("a", "one"))
    commit = ci.repository.commit("pushed", "main")
    done = ci.apply(commit)
    assert (done.code, told in done.log) == (code, True), done.log
    if code:
        assert f"no merged request brought {commit[:12]}" in done.err
        assert "+ create  Workflow/a" in done.out  # what it would do is told all the same
        assert told.rpartition("]")[2].strip(": ") in done.summary
        assert "POST" not in done.methods
    again = ci.apply(commit)
    assert again.code == code
    ci.repository.write("README.md", "x")
    nothing = ci.repository.commit("nothing to apply", "main")
    assert ci.apply(nothing).code == code  # what was pushed before is still not applied


def test_what_changes_nothing_needs_no_approval(required: Reviewed) -> None:
    ci = required
    ci.repository.start_branch()
    ci.repository.write("README.md", "x")
    done = ci.apply(ci.repository.commit("pushed", "main"))
    assert (done.code, done.outputs["has_changes"]) == (0, "false")
    assert ci.host.asked == [] or all("pipelines" not in each.path for each in ci.host.asked)


def test_a_change_beside_the_approved_one_is_refused_and_told_on_the_request(
    required: Reviewed,
) -> None:
    ci = required
    ci.open(7, flow("a"))
    assert ci.planned(7).code == 0
    ci.approve(7)
    ci.repository.start_branch()
    ci.repository.write("manifests/b.yaml", FLOW % ("b", "one"))
    ci.repository.commit("pushed", "main")
    done = ci.apply(ci.merge(7))
    assert done.code == 12, done.log
    assert "error[plan/stale]: Workflow/b: it was not part of the approved plan" in done.err
    assert "Workflow/a: it was" not in done.err
    (body,) = [b for b in ci.host.bodies(7) if "peakctl:ci apply" in b]
    for text in (body, done.summary):
        assert "guard/not-approved" in text
        assert "Workflow/b" in text
    assert "POST" not in done.methods


def test_what_moved_on_the_platform_since_the_approval_is_not_applied(required: Reviewed) -> None:
    ci = required
    commit = ci.ready(7, flow("nightly", "two"))
    (found,) = ci.send("GET", "/service/workflows/api/v1/workflows/")["workflows"]
    path = f"/service/workflows/api/v1/workflows/{found['id']}"
    steps = json.loads(json.dumps(ci.send("GET", path)["steps"]).replace("/one", "/by-hand"))
    ci.send("PUT", path, {"name": "nightly", "steps": steps})
    done = ci.apply(commit)
    assert done.code == 11, done.log
    assert "it was changed on the platform meanwhile" in done.err


# --- who approves, and when -----------------------------------------------------------------------


def test_a_required_approval_that_is_missing_can_be_given_after_the_merge(
    required: Reviewed,
) -> None:
    ci = required
    ci.open(7, flow("a"))
    plan = ci.planned(7)
    assert (plan.code, "**Approval**: the apply of this plan needs" in plan.summary) == (0, True)
    commit = ci.merge(7)
    done = ci.apply(commit)
    assert (done.code, "request 7: nobody has approved it" in done.err) == (12, True), done.log
    assert "**Approval**" not in done.summary
    ci.approve(7)
    assert ci.apply(commit).code == 0


def test_without_a_required_approval_the_plan_binds_alone(optional: Reviewed) -> None:
    ci = optional
    ci.open(7, flow("a"))
    assert ci.planned(7).code == 0
    done = ci.apply(ci.merge(7))
    assert (done.code, "the plan of request 7 is applied\n" in done.err) == (0, True), done.log
    ci.open(8, flow("b"))
    done = ci.apply(ci.merge(8))  # it was never planned
    assert done.code == 11
    assert "request 8: no " in done.err


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("alice", "they opened the request"),
        ("carol", "they may not write to the repository"),
        ("dave", "they may not write to the repository"),
    ],
)
def test_the_approval_of_somebody_who_may_not(required: Reviewed, who: str, why: str) -> None:
    ci = required
    ci.open(7, flow("a"))
    assert ci.planned(7).code == 0
    ci.approve(7, who)
    done = ci.apply(ci.merge(7))
    assert done.code == 12
    assert f"request 7: the approval of {who} does not count: {why}" in done.err


def test_an_approval_before_the_last_push_is_void(required: Reviewed) -> None:
    ci = required
    ci.open(7, flow("a"))
    assert ci.planned(7).code == 0
    ci.approve(7)
    ci.push(7, flow("b"))
    assert ci.planned(7).code == 0
    done = ci.apply(ci.merge(7))
    assert done.code == 12
    assert f"of bob does not count: {ci.heads[7][:12]} was pushed since" in done.err


def test_an_approval_before_the_plan_was_there_is_void(required: Reviewed) -> None:
    ci = required
    ci.open(7, flow("a"))
    ci.approve(7)
    assert ci.planned(7).code == 0
    done = ci.apply(ci.merge(7))
    assert (done.code, "of bob does not count: it is older than the plan" in done.err) == (12, True)


def test_an_approval_before_the_plan_was_made_again_is_void(required: Reviewed) -> None:
    ci = required
    ci.ready(7, flow("a"))
    assert ci.planned(7, rerun=True).code == 0
    done = ci.apply(ci.repository.tip())
    assert (done.code, "it is older than the plan" in done.err) == (12, True), done.log


def test_an_approval_that_was_taken_back_is_none(required: Reviewed) -> None:
    ci = required
    ci.ready(7, flow("a"))
    ci.approve(7, "bob", "DISMISSED")
    done = ci.apply(ci.repository.tip())
    assert (done.code, "nobody has approved it" in done.err) == (12, True), done.log


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["APPROVED", "COMMENTED"], 0),
        (["APPROVED", "CHANGES_REQUESTED"], 12),
        (["CHANGES_REQUESTED", "APPROVED"], 0),
        (["CHANGES_REQUESTED"], 12),
    ],
)
def test_the_last_word_of_a_reviewer_counts(make: Any, states: list[str], code: int) -> None:
    ci = make(ReviewedGithub, "required")
    ci.open(7, flow("a"))
    assert ci.planned(7).code == 0
    for state in states:
        ci.approve(7, "bob", state)
    assert ci.apply(ci.merge(7)).code == code


def test_an_app_approves_nothing(make: Any) -> None:
    ci = make(ReviewedGithub, "required")
    ci.host.permissions["helper[bot]"] = "write"
    ci.open(7, flow("a"))
    assert ci.planned(7).code == 0
    ci.approve(7, "helper[bot]")
    done = ci.apply(ci.merge(7))
    assert (done.code, "that is no person" in done.err) == (12, True)


# --- what is evidence -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "file", "rule", "code"),
    [
        (ReviewedGithub, ".github/workflows/other.yml", "required", 12),
        (ReviewedGithub, ".github/actions/peakctl/action.yml", "optional", 11),
        (ReviewedGithub, ".github/workflows/peak.yml", None, 0),
        (ReviewedGitlab, ".gitlab-ci.yml", "required", 12),
        (ReviewedGitlab, ".gitlab/peak.yml", "optional", 11),
        (ReviewedGitlab, ".gitlab/peak.yml", None, 0),
    ],
)
def test_a_plan_of_a_job_that_the_request_changes_is_no_evidence(
    make: Any, host: type[Reviewed], file: str, rule: str | None, code: int
) -> None:
    ci = make(host, rule)
    done = ci.apply(ci.ready(7, {**flow("a"), file: "name: evil"}))
    assert done.code == code, done.log
    assert "request 7: it changes .git" in done.err
    assert ("note[ci/not-held]" in done.err) is (rule is None)


def test_a_pipeline_may_be_defined_elsewhere(make: Any) -> None:
    ci = make(ReviewedGitlab, "required")
    ci.host.configuration = "ci/main.yml"
    done = ci.apply(ci.ready(7, {**flow("a"), "ci/main.yml": "x"}))
    assert (done.code, "it changes ci/main.yml or .gitlab/" in done.err) == (12, True), done.log


def test_a_file_that_was_moved_away_from_where_jobs_are_defined(make: Any) -> None:
    ci = make(ReviewedGithub, "optional")
    commit = ci.ready(7, flow("a"))
    ci.host.files["7"][0]["previous_filename"] = ".github/workflows/peak.yml"
    assert ci.apply(commit).code == 11
    ci.host.files["7"][0].pop("previous_filename")
    ci.pull(7)["changed_files"] = 5000
    done = ci.apply(commit)
    assert (done.code, "too many files to see whether" in done.err) == (11, True)


def test_a_request_that_went_to_another_branch_when_it_was_planned(required: Reviewed) -> None:
    ci = required
    ci.open(7, flow("a"), base="evil")
    assert ci.planned(7).code == 0
    ci.move_base(7, "main")
    ci.approve(7)
    commit = ci.merge(7)
    done = ci.apply(commit)
    assert (done.code, "branch was changed after it was planned" in done.err) == (12, True), (
        done.log
    )


def test_a_run_that_another_request_of_the_branch_may_have_started(make: Any) -> None:
    ci = make(ReviewedGithub, "required")
    ci.open(7, flow("a"))
    twin = {**ci.pull(7), "number": 8, "base": {"ref": "evil"}}
    assert ci.planned(7).code == 0
    ci.approve(7)
    ci.host.pulls.append(twin)
    commit = ci.merge(7)
    done = ci.apply(commit)
    assert (done.code, "its branch had a request into another branch" in done.err) == (12, True)
    twin.update(state="closed", closed_at="2020-01-01T00:00:00Z")  # before the run
    assert ci.apply(commit).code == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"path": ".github/workflows/tests.yml"}, "no run of .github/workflows/peak.yml"),
        ({"event": "push"}, "no run of .github/workflows/peak.yml"),
        ({"head_branch": "other"}, "no run of .github/workflows/peak.yml"),
        (
            {"head_repository": {"full_name": "mallory/shop"}},
            "no run of .github/workflows/peak.yml",
        ),
        ({"conclusion": "failure"}, "the last run that planned its head is failure"),
        ({"conclusion": None}, "the last run that planned its head is under way"),
        ({"conclusion": "skipped"}, "no run of .github/workflows/peak.yml"),
    ],
)
def test_a_run_of_something_else(make: Any, change: dict[str, Any], why: str) -> None:
    ci = make(ReviewedGithub, "required")
    commit = ci.ready(7, flow("a"))
    ci.host.runs[-1].update(change)
    done = ci.apply(commit)
    assert (done.code, why in done.err) == (12, True), done.log


def test_plans_of_another_workflow_count_where_the_job_says_so(make: Any) -> None:
    ci = make(ReviewedGithub, "required")
    commit = ci.ready(7, flow("a"))
    ci.host.runs[-1]["path"] = ".github/workflows/plan.yml"
    assert ci.apply(commit).code == 12
    assert ci.apply(commit, "--plan-from", ".github/workflows/plan.yml").code == 0


def test_plans_of_another_job_count_where_the_job_says_so(make: Any) -> None:
    ci = make(ReviewedGitlab, "required")
    commit = ci.ready(7, flow("a"))
    ci.kept(7)["name"] = "tests"
    done = ci.apply(commit)
    assert (done.code, 'has no job "plan"' in done.err) == (12, True), done.log
    assert ci.apply(commit, "--plan-from", "tests").code == 0


def test_the_plan_of_a_fork_counts_nowhere(required: Reviewed) -> None:
    ci = required
    commit = ci.ready(7, flow("a"))
    if isinstance(ci, ReviewedGithub):
        ci.pull(7)["head"]["repo"] = {"full_name": "mallory/shop"}
    else:
        ci.host.requests["7"]["source_project_id"] = 66
    done = ci.apply(commit)
    assert (done.code, "it comes from a fork" in done.err) == (12, True)


def test_a_plan_that_has_expired(required: Reviewed) -> None:
    ci = required
    commit = ci.ready(7, flow("a"))
    ci.expire(7)
    done = ci.apply(commit)
    assert (done.code, "with its plan ha" in done.err, "expired" in done.err) == (12, True, True)


def bomb() -> bytes:
    return archive({"p.peakplan": b"0" * (65 * 2**20)})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK nothing", "its archive cannot be read"),
        (archive({}), "its archive has 0 plan files among 0"),
        (archive({"a.peakplan": b"", "b.peakplan": b""}), "its archive has 2 plan files among 2"),
        (archive({"a.peakplan": b"{}"}), "is not a whole plan file"),
        (archive({"a.peakplan": b"\xff"}), "cannot be read"),
        (bomb, "its plan file is too large"),
    ],
    ids=["no-zip", "empty", "two", "no-plan", "no-text", "bomb"],
)
def test_an_archive_that_is_no_plan(required: Reviewed, data: Any, why: str) -> None:
    ci = required
    commit = ci.ready(7, flow("a"))
    content = data() if callable(data) else data
    ci.forge(7, content)
    if isinstance(ci, ReviewedGithub):
        done = ci.apply(commit)
        assert "it is not the one" in done.err or "has a digest of" in done.err
        ci.artifact(7).pop("digest")
    done = ci.apply(commit)
    assert (done.code, why in done.err) == (12, True), done.log
    assert "Traceback" not in done.err


def test_a_plan_of_another_project_or_environment(required: Reviewed) -> None:
    ci = required
    commit = ci.ready(7, flow("a"))
    folder = ci.repository.checkout(ci.heads[7])
    (folder / "peakctl.yaml").write_text((PROJECT % "").replace("shop", "other"))
    (folder / "manifests/nightly.yaml").unlink()  # it is another's
    assert ci.job(folder, {}, "plan", "-e", "prod", "--out", "p").code == 0
    ci.forge(7, archive({"a.peakplan": (folder / "p").read_bytes()}))
    if isinstance(ci, ReviewedGithub):
        ci.artifact(7).pop("digest")
    done = ci.apply(commit)
    assert (done.code, "request 7: its plan is for other/prod" in done.err) == (12, True), done.log


def test_a_larger_plan_that_was_forged_binds_what_it_says(required: Reviewed) -> None:
    """An edited file is no plan: its digests do not fit."""
    ci = required
    commit = ci.ready(7, flow("a"))
    file = zipfile.ZipFile(io.BytesIO(next(iter(ci.host.archives.values()))))
    text = file.read("peakctl-prod.peakplan").replace(b'"a"', b'"b"')
    ci.forge(7, archive({"a.peakplan": text}))
    if isinstance(ci, ReviewedGithub):
        ci.artifact(7).pop("digest")
    done = ci.apply(commit)
    assert (done.code, "was edited: it does not say what was approved" in done.err) == (12, True)


# --- a host that does not answer ------------------------------------------------------------------

ANSWERS = {
    "403": httpx.Response(403, json={"message": "Resource not accessible by integration"}),
    "404": httpx.Response(404, json={"message": "Not Found"}),
    "422": httpx.Response(422, json={"message": "Validation Failed"}),
    "500": httpx.Response(500, text="oops"),
    "html": httpx.Response(200, html="<html>sign in</html>"),
    "list": httpx.Response(200, json={"message": "no list"}),
}
PARTS = {
    "github": ["/commits/", "/actions/runs", "/artifacts", "/pulls/7/files", "/pulls/7/reviews"],
    "gitlab": ["/repository/commits/", "/pipelines", "/diffs", "/approvals", "/versions"],
}


@pytest.mark.parametrize(
    ("host", "part", "answer"),
    [
        (host, part, list(ANSWERS)[(at + more) % len(ANSWERS)])
        for host in HOSTS
        for at, part in enumerate(PARTS[host.name])
        for more in (0, 3)
    ],
)
def test_a_host_that_does_not_tell_has_approved_nothing(
    make: Any, host: type[Reviewed], part: str, answer: str
) -> None:
    ci = make(host, "required")
    commit = ci.ready(7, flow("a"))
    ci.host.fail("GET", part, ANSWERS[answer])
    done = ci.apply(commit)
    assert done.code == 12, done.log
    assert "guard/not-approved" in done.err
    assert "POST" not in done.methods


@pytest.mark.parametrize(("rule", "code"), [("required", 12), ("optional", 11), (None, 0)])
@pytest.mark.parametrize("host", HOSTS, ids=lambda each: each.name)
def test_without_a_token_for_the_host(
    make: Any, host: type[Reviewed], rule: str | None, code: int
) -> None:
    ci = make(host, rule)
    commit = ci.ready(7, flow("a"))
    done = ci.apply(commit, variables={"GITHUB_TOKEN": "", "GITLAB_TOKEN": ""})
    assert done.code == code, done.log
    assert ("there is no token for" in done.err) is True
    done = ci.apply(commit, "--ci", "generic")
    assert done.code == (code if rule else 0)
    assert ("this CI is not one whose requests" in done.err) is (rule is not None)


# --- rules ----------------------------------------------------------------------------------------


def test_a_request_does_not_loosen_the_rule_that_it_is_applied_by(required: Reviewed) -> None:
    ci = required
    ci.open(7, {**flow("a"), "peakctl.yaml": PROJECT % ", approval: optional"})
    assert ci.planned(7).code == 0
    commit = ci.merge(7)
    done = ci.apply(commit)
    assert (done.code, "guard/not-approved" in done.err) == (12, True), done.log
    ci.open(8, {"README.md": "x"})
    assert ci.planned(8).code == 0  # it has all of 7, and nobody approves it
    done = ci.apply(ci.merge(8))
    assert (done.code, "guard/not-approved" in done.err) == (12, True), done.log
    ci.approve(8)
    assert ci.apply(ci.repository.tip()).code == 0
    ci.open(9, flow("b"))
    assert ci.planned(9).code == 0
    assert ci.apply(ci.merge(9)).code == 0  # the loosened rule was applied completely


def test_nor_where_nothing_was_ever_applied(make: Any) -> None:
    ci = make(ReviewedGithub, "required", applied=False)
    ci.open(7, {"peakctl.yaml": PROJECT % ""})
    ci.merge(7)
    ci.open(8, {"README.md": "x"})
    assert ci.planned(8).code == 0
    done = ci.apply(ci.merge(8))
    assert (done.code, "guard/not-approved" in done.err) == (12, True), done.log


def test_nor_by_moving_the_project_to_another_folder(make: Any) -> None:
    ci = make(ReviewedGithub, "required")
    clone = ci.repository.clone
    ci.open(7, {"README.md": "x"})
    ci.repository.git(clone, "rm", "-q", "peakctl.yaml")
    ci.push(7, {"shop/peakctl.yaml": PROJECT % "", "shop/manifests/a.yaml": FLOW % ("a", "one")})
    commit = ci.merge(7)
    folder = ci.repository.checkout(commit)
    variables = ci.of_branch() | {"GITHUB_SHA": commit}
    done = ci.job(folder / "shop", variables, "ci", "apply", "-e", "prod")
    assert (done.code, "guard/not-approved" in done.err) == (12, True), done.log


def test_the_plan_of_a_request_is_judged_by_the_rules_of_its_base(make: Any) -> None:
    guards = ", guards: {changes: {count: 0, percent: 0}}"
    ci = make(ReviewedGithub, None, guards)
    ci.open(7, {**flow("nightly", "two"), "peakctl.yaml": PROJECT % ""})
    plan = ci.planned(7)
    assert (plan.code, "guard/mass-change" in plan.err) == (12, True), plan.log
    assert "environments.prod.guards.changes.count" in plan.log
    assert plan.outputs["plan"] == ""
    assert ci.host.artifacts == {}


def test_the_request_that_brings_an_environment_has_its_own_rules(make: Any) -> None:
    ci = make(ReviewedGithub, None)
    ci.open(7, {"peakctl.yaml": (PROJECT % "") + "  other: {emulator: true}\n"})
    job = ci.planned(7, "-e", "other")
    assert "note[ci/own-rules]" in job.err
    assert 'has no environment "other", so it has no rules' in job.err
    assert "fetch-depth" not in job.err


def test_a_file_takes_the_place_of_the_plan_where_no_approval_is_required(make: Any) -> None:
    ci = make(ReviewedGithub, "optional")
    ci.open(7, flow("a"))
    file = ci.planned(7).outputs["plan"]
    commit = ci.merge(7)
    ci.host.runs.clear()
    assert ci.apply(commit).code == 11
    assert ci.apply(commit, file).code == 0


def test_a_file_does_not_take_the_place_of_a_required_approval(make: Any) -> None:
    ci = make(ReviewedGithub, "required")
    ci.open(7, flow("a"))
    file = ci.planned(7).outputs["plan"]
    commit = ci.merge(7)
    assert ci.apply(commit, file).code == 12
    ci.approve(7)
    assert ci.apply(commit, file).code == 0


# --- consent --------------------------------------------------------------------------------------

STRICT = ", guards: {changes: {count: 1, percent: 10}}"


def many(word: str, number: int = 2) -> dict[str, str]:
    """Changes of the workflows that are live."""
    names = ["nightly", "a", "b"][:number]
    return {name: text for each in names for name, text in flow(each, word).items()}


@pytest.fixture(params=HOSTS, ids=lambda each: each.name)
def guarded(request: pytest.FixtureRequest, make: Any) -> Reviewed:
    """Three workflows are live, of which one may change at once; request 7 changes two."""
    ci: Reviewed = make(request.param, "required", STRICT)
    assert ci.apply(ci.ready(6, {**flow("a"), **flow("b")})).code == 0
    ci.open(7, many("two"))
    return ci


def line_of(job: Any) -> str:
    (found,) = re.findall(r"^    (peakctl: allow .*)$", job.summary, re.M)
    return str(found)


WAYS = {
    "line": lambda ci, line: ci.say(7, "bob", f"Fine.\n\n{line}\n"),
    "short": lambda ci, line: ci.say(7, "bob", line.partition(" at ")[0]),
    "label": lambda ci, _: ci.label(7, "bob", "peakctl/allow-mass-change-2"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_consent_on_the_request_lets_its_plan_and_its_merge_pass(
    guarded: Reviewed, way: str
) -> None:
    ci = guarded
    refused = ci.planned(7)
    assert (refused.code, refused.outputs["plan"]) == (12, "")
    WAYS[way](ci, line_of(refused))
    again = ci.planned(7, rerun=True)
    assert (again.code, "bob has consented to 2 changes" in again.err) == (0, True), again.log
    ci.approve(7)
    done = ci.apply(ci.merge(7))
    assert (done.code, "Applied: 2 edited" in done.out) == (0, True), done.log
    run = last_run(ci)
    (consent,) = run["consents"]
    assert consent.startswith("bob: mass-change 2 at 20")
    assert run["approver"] == "bob"
    assert f"- consent of `{consent}`" in done.summary
    told = ci.nightly("ledger", "history", "-e", "prod").out
    assert f"consent of {consent}" in told


def test_a_consent_that_was_taken_back_after_the_plan(guarded: Reviewed) -> None:
    ci = guarded
    ci.planned(7)
    ci.label(7, "bob", "peakctl/allow-mass-change-2")
    assert ci.planned(7, rerun=True).code == 0
    ci.approve(7)
    ci.label(7, "alice", "peakctl/allow-mass-change-2", there=False)
    done = ci.apply(ci.merge(7))
    assert (done.code, "guard/mass-change" in done.err) == (12, True), done.log
    ci.say(7, "bob", line_of(done))
    assert ci.apply(ci.repository.tip()).code == 0


@pytest.mark.parametrize(
    ("who", "why"),
    [("alice", "they opened the request"), ("carol", "they may not write to the repository")],
)
@pytest.mark.parametrize("way", ["line", "label"])
def test_a_consent_of_somebody_who_may_not(guarded: Reviewed, who: str, why: str, way: str) -> None:
    ci = guarded
    line = line_of(ci.planned(7))
    if way == "line":
        ci.say(7, who, line)
    else:
        ci.label(7, who, "peakctl/allow-mass-change-2")
    again = ci.planned(7, rerun=True)
    assert (again.code, f"that of {who} does not count: {why}" in again.err) == (12, True)


def test_a_consent_that_was_edited(guarded: Reviewed) -> None:
    ci = guarded
    comment = ci.say(7, "bob", line_of(ci.planned(7)))
    comment["updated_at"] = ci.tick()
    again = ci.planned(7, rerun=True)
    assert (again.code, "the comment was edited" in again.err) == (12, True)


@pytest.mark.parametrize("way", ["short", "label"])
def test_a_short_consent_is_for_what_was_pushed_before_it(guarded: Reviewed, way: str) -> None:
    ci = guarded
    WAYS[way](ci, line_of(ci.planned(7)))
    ci.push(7, many("three"))
    again = ci.planned(7)
    assert (again.code, "it is older than the last push" in again.err) == (12, True), again.log


def test_a_short_consent_to_another_number(guarded: Reviewed) -> None:
    ci = guarded
    ci.planned(7)
    ci.say(7, "bob", "peakctl: allow mass-change 3")
    again = ci.planned(7, rerun=True)
    assert (again.code, "it is for 3 changes, and there are 2" in again.err) == (12, True)


def test_a_short_consent_without_a_known_workflow(make: Any) -> None:
    ci = make(ReviewedGithub, None, STRICT)
    assert ci.apply(ci.ready(6, {**flow("a"), **flow("b")})).code == 0
    ci.open(7, many("two"))
    ci.planned(7)
    ci.say(7, "bob", "peakctl: allow mass-change 2")
    ci.workflow_ref = lambda ref: {"GITHUB_WORKFLOW_REF": f"nonsense {ref}"}
    again = ci.planned(7, rerun=True)
    assert again.code == 12
    assert "it is not known whether it is older than the last push: write the whole" in again.err


def test_requests_that_are_usual_alone_need_no_consent_together(make: Any) -> None:
    ci = make(ReviewedGithub, "required", STRICT)
    assert ci.apply(ci.ready(6, {**flow("a"), **flow("b")})).code == 0
    ci.open(7, flow("a", "two"))
    ci.open(8, flow("b", "two"))
    for number in (7, 8):
        assert ci.planned(number).code == 0
        ci.approve(number)
    ci.merge(7)
    done = ci.apply(ci.merge(8))
    assert (done.code, "Applied: 2 edited" in done.out) == (0, True), done.log


REVIEWS = ["APPROVED", "COMMENTED"]


@pytest.mark.parametrize("state", REVIEWS)
def test_a_line_of_a_review_counts_unless_it_was_edited(make: Any, state: str) -> None:
    ci = make(ReviewedGithub, None, STRICT)
    assert ci.apply(ci.ready(6, {**flow("a"), **flow("b")})).code == 0
    ci.open(7, many("two"))
    line = line_of(ci.planned(7))
    ci.approve(7, "bob", state)
    review = ci.host.reviews_of(7)[-1]
    review["body"] = line
    ci.host.edited_reviews[str(review["id"])] = ci.tick()
    again = ci.planned(7, rerun=True)
    assert (again.code, "the review was edited" in again.err) == (12, True)
    ci.host.edited_reviews.clear()
    ci.host.fail("POST", "/graphql", ANSWERS["500"])
    again = ci.planned(7, rerun=True)
    assert (again.code, "it is not told whether the review was edited" in again.err) == (12, True)
    ci.host.faults.clear()
    assert ci.planned(7, rerun=True).code == 0


@pytest.mark.parametrize("host", HOSTS, ids=lambda each: each.name)
def test_adopting_is_consented_to_and_nothing_else_is(make: Any, host: type[Reviewed]) -> None:
    ci = make(host, "optional")
    ci.send(
        "POST",
        "/service/workflows/api/v1/workflows/",
        {"name": "old", "steps": {"x": {"type": "http", "method": "get", "url": "https://e.com"}}},
    )
    ci.open(7, flow("old"))
    refused = ci.planned(7)
    assert (refused.code, "guard/adopt" in refused.err) == (12, True), refused.log
    line = line_of(refused)
    assert line.startswith("peakctl: allow adopt at ")
    ci.say(7, "bob", line)
    assert ci.planned(7, rerun=True).code == 0
    done = ci.apply(ci.merge(7))
    assert (done.code, "Applied: 1 edited" in done.out) == (0, True), done.log
    assert last_run(ci)["consents"][0].startswith("bob: adopt at ")
    ci.open(8, flow("old", "two"))
    forbidden = ci.planned(8, "--allow", "create")
    assert forbidden.code == 12
    assert "peakctl: allow" not in forbidden.summary


def test_taking_over_is_consented_to_by_the_name_of_the_owner(make: Any) -> None:
    ci = make(ReviewedGithub, "optional")
    folder = ci.repository.checkout(ci.repository.tip())
    (folder / "peakctl.yaml").write_text((PROJECT % "").replace("shop", "other"))
    (folder / "manifests/nightly.yaml").write_text(FLOW % ("theirs", "one"))
    assert ci.job(folder, {}, "apply", "-e", "prod", "--yes").code == 0
    ci.open(7, flow("theirs", "two"))
    refused = ci.planned(7)
    assert (refused.code, "guard/foreign-owner" in refused.err) == (12, True), refused.log
    line = line_of(refused)
    assert line.startswith("peakctl: allow take-over other/prod at ")
    ci.say(7, "bob", line)
    assert ci.planned(7, rerun=True).code == 0
    assert ci.apply(ci.merge(7)).code == 0


# --- what a request puts where its plan is kept ---------------------------------------------------


def test_a_plan_file_that_lies_in_the_request_is_none(required: Reviewed) -> None:
    """Whatever a request forges, its commit cannot be in it."""
    ci = required
    commit = ci.ready(7, flow("a"))
    folder = ci.repository.checkout(ci.heads[7])
    assert ci.job(folder, {}, "plan", "-e", "prod", "--out", "p").code == 0
    ci.forge(7, archive({"peakctl-prod.peakplan/x.peakplan": (folder / "p").read_bytes()}))
    if isinstance(ci, ReviewedGithub):
        ci.artifact(7).pop("digest")
    done = ci.apply(commit)
    assert (done.code, "request 7: its plan is for the commit -" in done.err) == (12, True)


def test_what_is_in_the_way_of_the_plan_file_fails_the_job(make: Any) -> None:
    ci = make(ReviewedGitlab, "required")
    ci.open(7, {"peakctl-prod.peakplan/x.peakplan": "{}"})
    job = ci.planned(7)
    assert (job.code, "error[ci/plan-file]" in job.err) == (64, True), job.log
    ci.open(8, {"peakctl-prod.peakplan": "{}"})  # a file is replaced
    job = ci.planned(8)
    assert (job.code, job.outputs["plan"] != "") == (0, True), job.log
    ci.open(9, {"x": "y"})
    (ci.repository.clone / "peakctl-prod.peakplan").symlink_to("/nowhere/else")
    ci.push(9, {})
    job = ci.planned(9)
    assert (job.code, (job.folder / "peakctl-prod.peakplan").is_symlink()) == (0, False), job.log


@pytest.mark.parametrize("host", HOSTS, ids=lambda each: each.name)
def test_without_a_rule_a_host_that_does_not_tell_is_a_note(
    make: Any, host: type[Reviewed]
) -> None:
    ci = make(host, None)
    commit = ci.ready(7, flow("a"))
    part = "/actions/runs" if host is ReviewedGithub else "/pipelines"
    ci.host.fail("GET", part, ANSWERS["403"])
    done = ci.apply(commit)
    assert (done.code, "note[ci/not-held]" in done.err) == (0, True), done.log
    assert "answers 403: the token may not do that" in done.err


def test_without_a_rule_a_plan_that_is_found_binds(make: Any) -> None:
    ci = make(ReviewedGithub, None)
    ci.open(7, flow("a"))
    assert ci.planned(7).code == 0
    commit = ci.merge(7)
    ci.send(
        "POST",
        "/service/workflows/api/v1/workflows/",
        {"name": "a", "steps": {"x": {"type": "http", "method": "get", "url": "https://e.com"}}},
    )
    done = ci.apply(commit, "--adopt")
    assert (done.code, "plan/not-approved" in done.err) == (11, True), done.log


# --- what GitLab has beside -----------------------------------------------------------------------


def test_a_pipeline_of_the_merged_result_is_of_the_head_if_it_is_newer(make: Any) -> None:
    ci = make(ReviewedGitlab, "required")
    commit = ci.ready(7, flow("a"))
    (pipeline,) = ci.list("pipelines", 7)
    pipeline.update(sha="f" * 40, ref="refs/merge-requests/7/merge")
    began = pipeline["created_at"]
    pipeline["created_at"] = "2020-01-01T00:00:00.000Z"  # of an earlier head
    done = ci.apply(commit)
    assert (done.code, "no pipeline has planned its head" in done.err) == (12, True), done.log
    pipeline["created_at"] = began
    assert ci.apply(commit).code == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ref": "refs/merge-requests/8/head"}, 12),
        ({"ref": "feature-7"}, 12),
        ({"source": "web"}, 12),
        ({}, 0),
    ],
)
def test_a_pipeline_of_something_else(make: Any, change: dict[str, Any], code: int) -> None:
    ci = make(ReviewedGitlab, "required")
    commit = ci.ready(7, flow("a"))
    ci.list("pipelines", 7)[0].update(change)
    assert ci.apply(commit).code == code


@pytest.mark.parametrize("change", [{"bot": True}, {"state": "blocked"}, {"access_level": 20}])
def test_an_approval_of_an_account_that_may_not(make: Any, change: dict[str, Any]) -> None:
    ci = make(ReviewedGitlab, "required")
    commit = ci.ready(7, flow("a"))
    ci.host.members["2"].update(change)
    done = ci.apply(commit)
    assert (done.code, "bob does not count: they may not write" in done.err) == (12, True), done.log


def test_an_approval_that_gitlab_kept_over_a_push_is_void(make: Any) -> None:
    ci = make(ReviewedGitlab, "required")
    ci.open(7, flow("a"))
    assert ci.planned(7).code == 0
    ci.approve(7)
    ci.push(7, flow("b"))  # GitLab still lists bob
    assert ci.planned(7).code == 0
    done = ci.apply(ci.merge(7))
    assert (done.code, "was pushed since" in done.err) == (12, True), done.log


def test_a_job_that_was_run_again_and_failed(make: Any) -> None:
    ci = make(ReviewedGitlab, "required")
    commit = ci.ready(7, flow("a"))
    again = {**ci.kept(7), "status": "failed", "created_at": ci.tick()}
    ci.list("jobs", ci.list("pipelines", 7)[0]["id"]).insert(0, again)
    done = ci.apply(commit)
    assert (done.code, "the last job that planned its head is failed" in done.err) == (12, True)


# --- bounds ---------------------------------------------------------------------------------------


def test_not_every_commit_of_a_long_branch_is_asked_about(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ci = make(ReviewedGithub, "required")
    ci.open(8, {"README.md": "x"})
    assert ci.planned(8).code == 0
    ci.approve(8)
    ci.ready(7, flow("a"))
    commit = ci.merge(8)
    with monkeypatch.context() as patch:
        patch.setattr(ci_approval, "MOST_COMMITS", 1)
        done = ci.apply(commit)
    assert (done.code, "only the newest 1 commits were looked at" in done.err) == (12, True)
    assert ci.apply(commit).code == 0


@pytest.mark.parametrize("host", HOSTS, ids=lambda each: each.name)
def test_a_host_that_takes_too_long(make: Any, host: type[Reviewed]) -> None:
    def wait(_: httpx.Request) -> httpx.Response:
        raise TimeoutError  # as the limit over all requests does

    ci = make(host, "required")
    commit = ci.ready(7, flow("a"))
    ci.host.fail("GET", "/commits/", wait)
    done = ci.apply(commit)
    assert (done.code, "the host took more than 180 seconds" in done.err) == (12, True), done.log
    assert "run the job again once the host answers" in done.err
    ci.host.faults.clear()
    assert ci.apply(commit).code == 0


def test_a_checkout_that_is_cut_cannot_tell_the_rule(required: Reviewed) -> None:
    ci = required
    commit = ci.ready(7, flow("a"))
    folder = ci.repository.folder / "cut"
    origin = f"file://{ci.repository.origin}"
    ci.repository.git(ci.repository.folder, "clone", "-q", "--depth", "1", origin, str(folder))
    variables = ci.of_branch() | {"GITHUB_SHA": commit, "CI_COMMIT_BRANCH": "main"}
    done = ci.job(folder, variables, "ci", "apply", "-e", "prod")
    assert (done.code, "does not have the whole history" in done.err) == (12, True), done.log
    assert "fetch-depth: 0" in done.err
    assert ci.apply(commit).code == 0
