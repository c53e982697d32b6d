"""Whether this process is a job of a pull or merge request, by the variables of its CI."""

from __future__ import annotations

from collections.abc import Mapping

from peakctl.hosts.find import find_job
from peakctl.hosts.job import read_event, text_at

_GITHUB_EVENTS = (
    *("pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment"),
    *("merge_group", "issue_comment"),
)
_GITLAB_SOURCES = ("merge_request_event", "external_pull_request_event")
_MARKS = (
    *("CI_MERGE_REQUEST_IID", "CI_EXTERNAL_PULL_REQUEST_IID"),
    *("SYSTEM_PULLREQUEST_PULLREQUESTID", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER"),
    *("CHANGE_ID", "BITBUCKET_PR_ID", "CIRCLE_PULL_REQUEST", "CIRCLE_PR_NUMBER"),
    *("BUILDKITE_PULL_REQUEST", "DRONE_PULL_REQUEST", "CI_COMMIT_PULL_REQUEST"),
    *("TRAVIS_PULL_REQUEST", "APPVEYOR_PULL_REQUEST_NUMBER"),
)
"""Variables that CIs set to the number or address of a request; some to `false` for none."""


def is_of_request(environment: Mapping[str, str]) -> bool:
    """Whether the job runs for a request that is not merged; True where that cannot be ruled out.

    Such a job may be defined by whoever opened the request.
    """
    marks = (environment.get(name, "").strip().lower() for name in _MARKS)
    if any(value not in ("", "false", "0") for value in marks):
        return True
    if environment.get("BUILD_REASON") == "PullRequest":
        return True
    if environment.get("CI_PIPELINE_SOURCE") in _GITLAB_SOURCES:
        return True
    if environment.get("CODEBUILD_WEBHOOK_TRIGGER", "").startswith("pr/"):
        return True
    job = find_job(environment)
    return bool(job.request) or job.foreign or _is_of_github_request(environment)


def _is_of_github_request(environment: Mapping[str, str]) -> bool:
    if environment.get("GITHUB_REF", "").startswith(
        ("refs/pull/", "refs/heads/gh-readonly-queue/")
    ):
        return True
    name = environment.get("GITHUB_EVENT_NAME", "")
    if name != "workflow_run":
        return name in _GITHUB_EVENTS
    event = read_event(environment.get("GITHUB_EVENT_PATH", ""))
    source = text_at(event, "workflow_run", "event")
    return source in ("", *_GITHUB_EVENTS)
