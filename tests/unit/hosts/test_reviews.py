"""Which jobs are those of a pull or merge request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peakctl.hosts.reviews import is_of_request

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "a/b"}


@pytest.mark.parametrize(
    ("variables", "of_request"),
    [
        ({}, False),
        ({**GITHUB, "GITHUB_REF": "refs/pull/7/merge"}, True),
        ({**GITHUB, "GITHUB_REF": "refs/heads/gh-readonly-queue/main/pr-7-abc"}, True),
        ({**GITHUB, "GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_NAME": "push"}, False),
        ({**GITHUB, "GITHUB_EVENT_NAME": "schedule"}, False),
        ({**GITHUB, "GITHUB_EVENT_NAME": "issue_comment"}, True),
        ({**GITHUB, "GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": "/none"}, True),
        ({"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push"}, False),
        ({"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "external_pull_request_event"}, True),
        ({"TF_BUILD": "True", "BUILD_REASON": "PullRequest"}, True),
        ({"TF_BUILD": "True", "BUILD_REASON": "Schedule"}, False),
        ({"BUILDKITE_PULL_REQUEST": "false"}, False),
        ({"BUILDKITE_PULL_REQUEST": "12"}, True),
        ({"TRAVIS_PULL_REQUEST": "false"}, False),
        ({"CODEBUILD_WEBHOOK_TRIGGER": "pr/3"}, True),
        ({"CODEBUILD_WEBHOOK_TRIGGER": "branch/main"}, False),
    ],
)
def test_variables_tell(variables: dict[str, str], of_request: bool) -> None:
    assert is_of_request(variables) is of_request


@pytest.mark.parametrize(
    ("event", "of_request"),
    [
        ({"workflow_run": {"event": "push"}}, False),
        ({"workflow_run": {"event": "pull_request"}}, True),
        ({"workflow_run": {}}, True),
        ([], True),
    ],
)
def test_a_job_that_follows_another_is_of_what_that_was_of(
    tmp_path: Path, event: object, of_request: bool
) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    more = {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": str(file)}
    assert is_of_request({**GITHUB, **more}) is of_request


def test_the_event_of_a_request_tells_without_its_ref(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps({"pull_request": {"number": 7}}))
    assert is_of_request({**GITHUB, "GITHUB_EVENT_PATH": str(file)})
