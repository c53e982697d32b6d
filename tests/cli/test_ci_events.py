"""What happens to a repository with a CI, event by event, on GitHub and on GitLab.

Each job has a clone of its own, the variables that its host documents, and a fake of the host's API
that holds every request to its description. The platform is the emulator, the clock a fake.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ci_play import NUMBER, Job, PlayedCi, PlayedGithub, PlayedGitlab, Repository

from peakctl.emulator import Fault

PROJECT = """\
project: shop
manifests: [manifests]
environments:
  prod: {emulator: {buildSeconds: 0}}
  cloud: {stage: prod}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {call: {type: http, method: post, url: "https://example.com/%s"}}}
"""
FILES = {"peakctl.yaml": PROJECT, "manifests/nightly.yaml": FLOW % ("nightly", "one")}


@pytest.fixture(params=[PlayedGithub, PlayedGitlab], ids=lambda each: each.name)
def ci(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    peakctl: Any,
    make_emulator: Any,
    monkeypatch: pytest.MonkeyPatch,
    clock: Any,
) -> Iterator[PlayedCi]:
    repository = Repository(tmp_path, FILES)
    played: PlayedCi = request.param(repository, peakctl, make_emulator(), monkeypatch, clock)
    yield played
    assert played.host.broken == []


@pytest.fixture
def live(ci: PlayedCi) -> PlayedCi:
    """After the first push to the main branch, on a new branch."""
    assert ci.apply(ci.repository.tip()).code == 0
    ci.repository.start_branch()
    return ci


def only_looked(job: Job) -> bool:
    return bool(job.methods) and set(job.methods) == {"GET"}


def flows(ci: PlayedCi) -> dict[str, str]:
    """The live workflows and the addresses that they call, by name."""
    found = ci.nightly("get", "Workflow", "-e", "prod", "-o", "json")
    assert only_looked(found)
    names = [each["name"] for each in json.loads(found.out)["resources"]]
    urls = {}
    for name in names:
        told = ci.nightly("get", "Workflow", name, "-e", "prod", "-o", "json").out
        urls[name] = next(word for word in told.split('"') if "example.com" in word)
    return {name: url.rsplit("/", 1)[1] for name, url in urls.items()}


def test_the_first_push_creates_and_a_second_run_does_nothing(ci: PlayedCi) -> None:
    done = ci.apply(ci.repository.tip())
    assert (done.code, done.outputs["creates"]) == (0, "1")
    assert "Applied: 1 created" in done.summary
    assert ci.bodies == []  # no request brought it
    again = ci.apply(ci.repository.tip())
    assert (again.code, again.outputs["has_changes"]) == (0, "false")


def test_a_request_is_planned_pushed_to_merged_applied_and_run_again(live: PlayedCi) -> None:
    ci = live
    first = ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))
    plan = ci.plan(first)
    assert (plan.code, plan.outputs["creates"], only_looked(plan)) == (0, "1", True)
    assert f"commit `{first[:12]}`" in ci.told("plan")
    assert "Plan: 1 to create" in plan.summary
    second = ci.repository.commit_of("nightly", FLOW % ("nightly", "two"))
    plan = ci.plan(second)
    assert (plan.code, len(ci.bodies)) == (0, 1)
    assert f"commit `{second[:12]}`" in ci.told("plan")
    assert "1 to create, 1 to edit" in ci.told("plan")
    merged = ci.merged(second)
    done = ci.apply(merged)
    assert (done.code, len(ci.bodies)) == (0, 2)
    assert "1 created, 1 edited" in ci.told("apply")
    assert "1 to create, 1 to edit" in ci.told("plan")  # what was reviewed stays
    assert flows(ci) == {"nightly": "two", "weekly": "one"}
    again = ci.apply(merged, attempt=2)
    assert (again.code, len(ci.bodies)) == (0, 2)
    assert again.outputs["has_changes"] == "false"


def test_a_fork_has_no_token_and_plans_without_a_tenant(live: PlayedCi) -> None:
    ci = live
    commit = ci.repository.commit_of("weekly", FLOW % ("weekly", "{{ os_env.KEY }}"))
    ci.host.asked.clear()
    done = ci.plan(commit, "-e", "cloud", "--result-file", "result.json", fork=True)
    assert (done.code, done.methods) == (0, []), done.log
    assert "**OFFLINE**" in done.summary
    assert "1 to create" in done.summary
    assert ci.bodies == []
    assert ci.host.asked == []
    assert json.loads((done.folder / "result.json").read_text())["counts"]["create"] == 1
    assert not list(done.folder.glob("*.peakplan"))


def test_a_request_whose_job_lacks_its_token_is_planned_without_a_tenant_and_told(
    live: PlayedCi,
) -> None:
    ci = live
    commit = ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))
    plain = ci.job
    ci.monkeypatch.setattr(
        ci, "job", lambda folder, env, *words: plain(folder, {**env, "PEAK_AUTH_TOKEN": ""}, *words)
    )
    done = ci.plan(commit, "-e", "cloud")
    assert (done.code, done.methods) == (0, []), done.log
    assert "warning[ci/no-token]" in done.err
    assert "**OFFLINE**" in ci.told("plan")
    assert "ci/no-token" in ci.told("plan")
    assert not list(done.folder.glob("*.peakplan"))
    assert ci.plan(commit).code == 0  # an emulator needs none
    assert [("OFFLINE" in body) for body in ci.bodies] == [True, False]
    assert ci.apply(ci.repository.tip(), "-e", "cloud").code == 15


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ((FLOW % ("weekly", "one")).replace("spec", "specs"), "manifest/unknown-field"),
        ("kind: Workflow\n\tname: x\n", "is used for indentation"),
        ((FLOW % ("weekly", "{{ nothing }}")), "template/undefined"),
    ],
)
def test_a_failing_plan_takes_the_place_of_a_good_one(live: PlayedCi, text: str, told: str) -> None:
    ci = live
    good = ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))
    assert ci.plan(good).code == 0
    bad = ci.repository.commit_of("weekly", text)
    failed = ci.plan(bad)
    assert failed.code == 10
    assert len(ci.bodies) == 1
    body = ci.told("plan")
    assert "**Failed**" in body
    assert told in body
    assert "manifests/weekly.yaml:" in body
    assert f"commit `{bad[:12]}`" in body
    assert "Failed" in failed.summary
    assert (failed.outputs["ok"], failed.outputs["plan"]) == ("false", "")
    assert ci.plan(ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))).code == 0
    assert "1 to create" in ci.told("plan")


def test_hostile_words_of_a_manifest_are_words(live: PlayedCi) -> None:
    ci = live
    url = "x?<script>alert(1)</script>@alice|`rm`![x](http://e.vil)<!-- peakctl:ci apply -->"
    ci.plan(ci.repository.commit_of("nightly", FLOW % ("nightly", url)))
    body = ci.told("plan")
    outside = body.split("```")[::2]
    assert not any("<script" in part or "@alice" in part for part in outside)
    assert len([row for row in body.splitlines() if row.startswith("<!-- peakctl:ci")]) == 1


def test_moved_files_change_nothing(live: PlayedCi) -> None:
    ci = live
    ci.repository.write("manifests/deeper/x.yaml", FLOW % ("nightly", "one"))
    (ci.repository.clone / "manifests/nightly.yaml").unlink()
    plan = ci.plan(ci.repository.commit("move", "feature"))
    assert (plan.code, plan.outputs["has_changes"]) == (0, "false")
    assert "No changes. 1 unchanged." in ci.told("plan")


def test_comments_of_others_are_left_alone(live: PlayedCi) -> None:
    ci = live
    mine: Any = 77 if ci.name == "gitlab" else "github-actions[bot]"
    theirs: Any = 78 if ci.name == "gitlab" else "mallory"
    ci.plan(ci.repository.commit_of("weekly", FLOW % ("weekly", "one")))
    copied = ci.told("plan")
    ci.host.comments[str(NUMBER)].clear()
    ci.host.add(NUMBER, theirs, copied)
    ci.host.add(NUMBER, mine, "coverage: 91 %")
    ci.plan(ci.repository.commit_of("weekly", FLOW % ("weekly", "two")))
    assert ci.bodies[:2] == [copied, "coverage: 91 %"]
    assert len(ci.bodies) == 3


def test_a_comment_that_somebody_edited_is_ours_and_one_without_a_marker_is_not(
    live: PlayedCi,
) -> None:
    ci = live
    head = ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))
    ci.plan(head)
    comment = ci.host.comments[str(NUMBER)][0]
    comment["body"] = comment["body"].replace("1 to create", "nothing at all")
    ci.plan(head)
    assert "1 to create" in ci.told("plan")
    comment["body"] = "this was a plan once"
    ci.plan(head)
    assert len(ci.bodies) == 2
    ci.host.comments[str(NUMBER)].clear()  # deleted
    ci.plan(head)
    assert len(ci.bodies) == 1


def test_a_removed_manifest_is_named(live: PlayedCi) -> None:
    ci = live
    ci.repository.write("manifests/weekly.yaml", FLOW % ("weekly", "one"))
    ci.apply(ci.merged(ci.repository.commit("weekly", "feature")))
    ci.repository.start_branch()
    (ci.repository.clone / "manifests/weekly.yaml").unlink()
    head = ci.repository.commit("remove", "feature")
    plan = ci.plan(head)
    assert (plan.code, plan.outputs["undeclared"]) == (0, "1")
    assert "**No longer declared: 1 resource**" in ci.told("plan")
    assert "Workflow/weekly" in ci.told("plan")
    pruned = ci.plan(head, "--prune")
    assert "Deletes 1 resource for good" in ci.told("plan")
    assert pruned.outputs["deletes"] == "1"


def test_a_guard_is_told_and_its_consent_is_for_one_plan(live: PlayedCi) -> None:
    ci = live
    for number in range(12):
        ci.repository.write(f"manifests/f{number}.yaml", FLOW % (f"f-{number}", "one"))
    assert ci.apply(ci.merged(ci.repository.commit("many", "feature"))).code == 0
    ci.repository.start_branch()
    for number in range(12):
        ci.repository.write(f"manifests/f{number}.yaml", FLOW % (f"f-{number}", "two"))
    head = ci.repository.commit("all at once", "feature")
    refused = ci.plan(head)
    assert (refused.code, "guard/mass-change" in ci.told("plan")) == (12, True)
    assert "**Failed**" in refused.summary
    assert "12 to edit" in ci.told("plan")
    merged = ci.merged(head)
    assert ci.apply(merged).code == 12
    assert "guard/mass-change" in ci.told("apply")
    allowed = ci.apply(merged, "--allow-mass-change", "12")
    assert (allowed.code, "12 edited" in ci.told("apply")) == (0, True)
    assert ci.apply(merged, "--allow-mass-change", "12").code == 0  # left over: does no harm


def test_a_branch_that_is_behind_is_told(live: PlayedCi) -> None:
    ci = live
    stale = ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))
    ci.repository.start_branch()
    other = ci.repository.commit_of("nightly", FLOW % ("nightly", "two"))
    merged = ci.merged(other)
    assert ci.apply(merged).code == 0
    plan = ci.plan(stale)
    assert plan.code == 0
    for text in (ci.told("plan"), plan.summary):
        assert 'this branch lacks commits of "main"' in text
    if ci.name == "gitlab":  # the head of the branch alone
        assert "ci/applied-elsewhere" in plan.summary
        assert "1 to edit" in ci.told("plan")  # takes back what the other brought
    else:  # the merge of both
        assert "the merge that the host made" in plan.summary
        assert "Plan: 1 to create, 1 unchanged." in ci.told("plan")


def test_two_merges_in_a_row_and_the_job_of_the_first_comes_late(live: PlayedCi) -> None:
    ci = live
    one = ci.merged(ci.repository.commit_of("weekly", FLOW % ("weekly", "one")))
    ci.repository.start_branch()
    two = ci.merged(ci.repository.commit_of("monthly", FLOW % ("monthly", "one")))
    done = ci.apply(two)
    assert (done.code, done.outputs["creates"]) == (0, "2")
    late = ci.apply(one)
    assert (late.code, "ci/applied-elsewhere" in late.summary) == (0, True)
    assert set(flows(ci)) == {"nightly", "weekly", "monthly"}  # nothing is deleted unasked


def test_three_merges_and_the_middle_job_was_cancelled(live: PlayedCi) -> None:
    ci = live
    commits = []
    for name in ("a", "b", "c"):
        ci.repository.start_branch()
        head = ci.repository.commit_of(name, FLOW % (name, "one"))
        commits.append(ci.merged(head, squash=name == "b"))
    assert ci.apply(commits[0]).code == 0
    done = ci.apply(commits[2])
    assert (done.code, done.outputs["creates"]) == (0, "2")
    assert set(flows(ci)) == {"nightly", "a", "b", "c"}


def test_a_revert_takes_back(live: PlayedCi) -> None:
    ci = live
    merged = ci.merged(ci.repository.commit_of("nightly", FLOW % ("nightly", "two")))
    assert ci.apply(merged).code == 0
    ci.repository.start_branch()
    ci.repository.git(ci.repository.clone, "revert", "--no-edit", "-m", "1", merged)
    head = ci.repository.commit("revert", "feature")
    plan = ci.plan(head)
    assert (plan.code, plan.outputs["changes"]) == (0, "1")
    assert ci.apply(ci.merged(head)).code == 0
    assert flows(ci) == {"nightly": "one"}


def test_a_saved_plan_is_held_to_over_a_merge(live: PlayedCi) -> None:
    ci = live
    head = ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))
    saved = ci.plan(head).outputs["plan"]
    assert Path(saved).is_file()
    merged = ci.merged(head)
    assert ci.apply(merged, saved).code == 0
    assert ci.apply(merged, saved).code == 0  # nothing left to do
    ci.repository.start_branch()
    more = ci.merged(ci.repository.commit_of("more", FLOW % ("more", "one")))
    beyond = ci.apply(more, saved)
    assert (beyond.code, "plan/stale" in ci.told("apply")) == (11, True)
    text = Path(saved).read_text()
    Path(saved).write_text(text.replace("weekly", "other"))
    assert ci.apply(more, saved).code == 11
    (Path(saved).parent / "cut.peakplan").write_text(text[:200])
    assert ci.apply(more, str(Path(saved).parent / "cut.peakplan")).code == 11


def test_a_job_that_was_killed_is_run_again_and_takes_its_lease_over_at_once(
    live: PlayedCi,
) -> None:
    ci = live
    merged = ci.merged(ci.repository.commit_of("weekly", FLOW % ("weekly", "one")))
    ci.leave_lease("2001", job="apply", job_id="5001")
    began = ci.clock.now()
    done = ci.apply(merged, run="2001", job_id="5002", attempt=2)
    assert (done.code, "took over the lease of ci run 2001" in done.err) == (0, True)
    assert ci.clock.now() - began < 60
    assert flows(ci) == {"nightly": "one", "weekly": "one"}


def test_a_new_push_after_a_killed_job_waits_no_longer_than_the_host_says(live: PlayedCi) -> None:
    ci = live
    merged = ci.merged(ci.repository.commit_of("weekly", FLOW % ("weekly", "one")))
    ci.leave_lease("2001", job="apply", job_id="5001")
    began = ci.clock.now()
    held = ci.apply(merged)
    assert (held.code, "lease/held" in ci.told("apply")) == (13, True)
    assert "ci run 2001" in held.err
    ci.ended("2001", "5001", began)
    held = ci.apply(merged)
    assert held.code == 13  # what it sent may still be on its way
    ci.clock.time += 200
    done = ci.apply(merged)
    assert (done.code, "took over the lease" in done.err) == (0, True)
    assert "1 created" in ci.told("apply")


def test_a_new_push_waits_for_a_lease_that_expires(live: PlayedCi) -> None:
    ci = live
    merged = ci.merged(ci.repository.commit_of("weekly", FLOW % ("weekly", "one")))
    ci.leave_lease("2001", job="apply", job_id="5001")
    ci.host.fail("GET", "runs" if ci.name == "github" else "jobs", httpx.Response(503))
    began = ci.clock.now()
    assert ci.apply(merged, "--wait-for-lease", "2m").code == 13
    assert ci.clock.now() - began == pytest.approx(120)
    done = ci.apply(merged, "--wait-for-lease", "20m")
    assert done.code == 0
    assert ci.clock.now() - began < 920


def test_a_drift_is_seen_by_night_and_is_no_change_of_the_branch(live: PlayedCi) -> None:
    ci = live
    calm = ci.nightly("drift", "-e", "prod", "-o", "markdown")
    assert (calm.code, only_looked(calm)) == (0, True)
    merged = ci.merged(ci.repository.commit_of("weekly", FLOW % ("weekly", "one")))
    waiting = ci.nightly("drift", "-e", "prod", "-o", "json")
    assert (waiting.code, json.loads(waiting.out)["drift"]) == (0, [])  # not applied yet
    assert ci.apply(merged).code == 0
    ci.send("DELETE", "/service/workflows/api/v1/workflows/1", {})
    seen = ci.nightly("drift", "-e", "prod", "-o", "markdown")
    assert (seen.code, only_looked(seen)) == (2, True)
    assert "Workflow/nightly" in seen.out
    status = ci.nightly("status", "-e", "prod")
    assert only_looked(status), status.log


def test_a_write_that_fails_is_told_in_every_place(live: PlayedCi) -> None:
    ci = live
    head = ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))
    ci.repository.write("manifests/monthly.yaml", FLOW % ("monthly", "one"))
    head = ci.repository.commit("two", "feature")
    merged = ci.merged(head)
    ci.emulator.faults.append(
        Fault(method="POST", path="/workflows", status=422, detail="no @alice <b>today</b>")
    )
    done = ci.apply(merged)
    assert (done.code, done.outputs["failed"]) == (14, "1")
    for text in (ci.told("apply"), done.summary):
        assert "failed" in text
        assert "no @alice" in text.split("```")[1]
    assert ci.apply(merged).code == 0
    assert len(ci.bodies) == 1


def test_a_monorepo_has_a_matrix_and_a_comment_for_each_project(live: PlayedCi) -> None:
    ci = live
    for team in ("a", "b", "c"):
        text = PROJECT.replace("shop", f"shop-{team}")
        ci.repository.write(f"teams/{team}/peakctl.yaml", text)
        ci.repository.write(f"teams/{team}/manifests/x.yaml", FLOW % (f"team-{team}", "one"))
    ci.merged(ci.repository.commit("teams", "feature"))
    ci.repository.start_branch()
    for team in ("a", "b"):
        ci.repository.write(f"teams/{team}/manifests/x.yaml", FLOW % (f"team-{team}", "two"))
    head = ci.repository.commit("two of them", "feature")
    folder = ci.repository.checkout(head)
    found = ci.job(folder, {}, "ci", "changed", "--base", "origin/main", "-o", "json")
    matrix = json.loads(found.out)["matrix"]["include"]
    assert [each["project"] for each in matrix] == ["shop-a", "shop-b"]
    for each in matrix:
        assert ci.plan(head, "-C", each["folder"]).code == 0
    assert [body.split()[3] for body in ci.bodies] == ["project=shop-a", "project=shop-b"]
    merged = ci.merged(head)
    for each in matrix:
        assert ci.apply(merged, "-C", each["folder"]).code == 0
    assert len(ci.bodies) == 4


def test_the_comment_links_to_the_page_that_the_job_keeps(live: PlayedCi) -> None:
    ci = live
    head = ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))
    plan = ci.plan(head, "-o", "text", "-o", "html=plan.html")
    assert plan.code == 0
    assert (plan.folder / "plan.html").is_file()
    links = {
        "github": "[page](https://github.com/acme/shop/actions/runs/1001#artifacts)",
        "gitlab": "[page](https://gitlab.example.com/acme/shop/-/jobs/5001/artifacts/file/plan.html)",
    }
    assert links[ci.name] in ci.told("plan")
    ci.plan(head)
    assert "[page]" not in ci.told("plan")


def test_many_resources_fit_into_what_the_host_takes(live: PlayedCi) -> None:
    ci = live
    for number in range(60):
        name = f"a-workflow-with-a-name-that-takes-room-{number}"
        ci.repository.write(f"manifests/f{number}.yaml", FLOW % (name, "x" * 1500))
    head = ci.repository.commit("many", "feature")
    plan = ci.plan(head)
    assert (plan.code, plan.outputs["creates"]) == (0, "60")
    body = ci.told("plan")
    assert len(body) <= (65_536 if ci.name == "github" else 1_000_000)
    assert body.count("a-workflow-with") >= 60
    assert len(plan.summary.encode()) <= 2**20


# --- a host that answers what it likes ------------------------------------------------------------


def refused(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused")


ANSWERS: dict[str, Any] = {
    "403": httpx.Response(403, json={"message": "Resource not accessible by \x1b[31mintegration"}),
    "404": httpx.Response(404, json={"message": "404 Not found"}),
    "422": httpx.Response(422, json={"message": {"base": ["is not valid"]}}),
    "500": httpx.Response(500, html="<html>oops</html>"),
    "HTML": httpx.Response(200, html="<html>sign in to the proxy</html>"),
    "other JSON": httpx.Response(200, json=[7, None, {"id": {}}]),
    "nothing": httpx.Response(200),
    "refused": refused,
}


@pytest.mark.parametrize("what", ANSWERS)
def test_whatever_the_host_answers_the_result_stands(live: PlayedCi, what: str) -> None:
    ci = live
    head = ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))
    merged = ci.merged(head)
    for work in (lambda: ci.plan(head), lambda: ci.apply(merged)):
        work()
        ci.host.asked.clear()
        usual = work()
        assert usual.code == 0
        for method, path in dict.fromkeys((each.method, each.path) for each in ci.host.asked):
            ci.host.faults.clear()
            ci.host.fail(method, path, ANSWERS[what])
            job = work()
            assert (job.code, job.err.count("error[")) == (0, 0), (method, path, job.err)
            more = job.err.count("warning[") - usual.err.count("warning[")
            assert more <= 1, (method, path, job.err)
            assert "\x1b" not in job.log
            assert usual.out.splitlines()[-1] == job.out.splitlines()[-1]
            assert job.summary


LIES: dict[str, dict[str, str]] = {
    "github": {
        "GITHUB_EVENT_PATH": "/dev/null",
        "GITHUB_REPOSITORY": "../../x",
        "GITHUB_API_URL": "ftp://x",
        "GITHUB_REF": "refs/pull/1/merge/../../2",
        "GITHUB_SHA": "HEAD",
        "GITHUB_RUN_ID": "\x1b[31m",
        "GITHUB_TOKEN": "ghs_\u00e9",
        "GITHUB_SERVER_URL": "javascript:alert(1)",
        "GITHUB_STEP_SUMMARY": "/proc/nothing",
        "GITHUB_OUTPUT": "/",
    },
    "gitlab": {
        "CI_API_V4_URL": "https://me:secret@evil.example.com",
        "CI_PROJECT_ID": "1/../2",
        "CI_MERGE_REQUEST_IID": "7 ",
        "CI_MERGE_REQUEST_PROJECT_ID": "-1",
        "CI_COMMIT_SHA": "main",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "--output=/tmp/x",
        "CI_PROJECT_URL": "not an address",
        "GITLAB_TOKEN": "a\nb",
        "CI_JOB_URL": "x" * 5000,
        "CI_JOB_ID": "five",
    },
}


def test_variables_that_lie_or_are_missing_change_nothing_about_the_plan(live: PlayedCi) -> None:
    ci = live
    head = ci.repository.commit_of("weekly", FLOW % ("weekly", "one"))
    plain = ci.job
    for name, lie in LIES[ci.name].items():
        for value in (lie, None):

            def job(folder: Path, variables: dict[str, str], *words: str) -> Job:
                found = {**variables, name: value or ""}  # noqa: B023 - called at once
                return plain(folder, found, *words)

            ci.monkeypatch.setattr(ci, "job", job)
            done = ci.plan(head)
            assert (done.code, done.err.count("error[")) == (0, 0), (name, value, done.err)
            assert "Plan: 1 to create" in done.out
            assert "\x1b" not in done.log
            assert "secret@" not in done.log
            assert "](javascript:" not in "".join(ci.bodies)
