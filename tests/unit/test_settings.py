"""What the environment says, and what is wrong with it."""

from __future__ import annotations

import pytest

from peakctl.errors import UsageError
from peakctl.settings import (
    CREDENTIALS,
    credential_reason,
    may_be_endpoint,
    read_settings,
    webhook_secrets,
)


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://proxy.example.com/peak", "https://proxy.example.com/peak"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("", None),
    ],
)
def test_an_endpoint_is_a_whole_address(address: str, read: str | None) -> None:
    assert read_settings({"PEAKCTL_ENDPOINT": address}).endpoint == read


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:80",
        "ftp://x",
        "yes",
        "http://",
        "http://127.0.0.1:99999",
        "http://x:port",
        "http://x:0",
        "http://[::1",
        "http://a b",
        "http://x?y=z",
        "http://x#y",
    ],
)
def test_another_endpoint_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is not an http address") as caught:
        read_settings({"PEAKCTL_ENDPOINT": address})
    assert address in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "PEAK_AUTH_TOKEN",
        "API_KEY",
        "PEAKCTL_ENDPOINT",
        "PEAKCTL_SIGNING_KEY",
        "PEAKCTL_ANY",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GITLAB_TOKEN",
        "CI_JOB_TOKEN",
        "CI_JOB_JWT",
        "CI_JOB_JWT_V2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_RUNTIME_TOKEN",
        "SYSTEM_ACCESSTOKEN",
        "BITBUCKET_STEP_OIDC_TOKEN",
        "BITBUCKET_TOKEN",
        "BUILDKITE_AGENT_ACCESS_TOKEN",
        "CIRCLE_OIDC_TOKEN",
        "CIRCLE_OIDC_TOKEN_V2",
        "MY_ID_TOKEN",
        "COSIGN_PRIVATE_KEY",
        "RELEASE_SIGNING_KEY",
        "SLACK_WEBHOOK_URL",
        "NOTIFY_URL",
        "peak_auth_token",
    ],
)
def test_templates_never_read_a_credential(name: str) -> None:
    assert credential_reason(name)


@pytest.mark.parametrize("name", ["DB_PASSWORD", "PIP_TOKEN", "GIT_TOKEN", "HTTPS_PROXY", "HOME"])
def test_templates_read_what_is_no_credential_of_the_run(name: str) -> None:
    assert credential_reason(name, "http://proxy:3128") == ""


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_with_a_password_is_a_credential(name: str) -> None:
    assert "proxy" in credential_reason(name, "http://ann:hunter2@proxy:3128")


def test_each_credential_has_a_reason_and_stands_once() -> None:
    patterns = [credential.pattern for credential in CREDENTIALS]
    assert len(set(patterns)) == len(patterns)
    assert all(c.reason.startswith("it ") and c.pattern.upper() == c.pattern for c in CREDENTIALS)


def test_credentials_in_an_endpoint_are_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        read_settings({"PEAKCTL_ENDPOINT": "http://ann:hunter2@x"})
    (problem,) = caught.value.diagnostics
    assert problem.code == "settings/endpoint"
    assert "hunter2" not in f"{problem}"


@pytest.mark.parametrize(
    ("address", "allowed", "may"),
    [
        ("http://localhost:8080", "", True),
        ("http://127.0.0.1:1/x", "", True),
        ("http://[::1]:8080", "", True),
        ("https://peak.example.com", "", False),
        ("https://127.0.0.1.example.com", "", False),
        ("https://localhost.example.com", "", False),
        ("https://Peak.Example.com", "other.org, peak.example.com", True),
        ("https://peak.example.com:444", "peak.example.com", True),
        ("https://peak.example.com:444", "peak.example.com:444", True),
        ("https://peak.example.com:445", "peak.example.com:444", False),
        ("https://a.peak.example.com", "peak.example.com", False),
        ("https://example.com", "*", False),
    ],
)
def test_a_file_sends_the_token_to_this_machine_and_to_hosts_that_are_allowed(
    address: str, allowed: str, may: bool
) -> None:
    assert may_be_endpoint(address, allowed) is may


def test_what_no_message_may_repeat_is_gathered_from_the_environment() -> None:
    found = read_settings(
        {
            "PEAK_AUTH_TOKEN": "one",
            "API_KEY": "two",
            "https_proxy": "http://user:p%40ss@proxy:1",
            "HTTP_PROXY": "http://proxy:1",
            "ALL_PROXY": "only@proxy",
        }
    ).passwords()
    assert {*found} == {"one", "two", "user:p%40ss", "user:p@ss", "user", "p@ss", "only"}
    assert read_settings({}).passwords() == []


@pytest.mark.parametrize(
    ("address", "hidden"),
    [
        (
            "https://hooks.slack.com/services/T0A1B2C3D/B0A1B2C3D/x8Jq2Lw9Zk3V",
            ("T0A1B2C3D", "B0A1B2C3D", "x8Jq2Lw9Zk3V"),
        ),
        ("https://a.b/workflows/f00/run?api-version=1&sig=Zk3Vn4TcLw", ("Zk3Vn4TcLw",)),
        ("https://a.b/hook", ("hook",)),
        ("https://a.b/hook?key=ab", ("hook?key=ab",)),
        ("https://a.b/#x8Jq2Lw9", ("x8Jq2Lw9",)),
        ("https://a.b", ("",)),
        ("https://[a/x8Jq2Lw9", ("https://[a/x8Jq2Lw9",)),
    ],
)
def test_of_a_webhook_nobody_sees_what_looks_drawn_at_random(
    address: str, hidden: tuple[str, ...]
) -> None:
    assert webhook_secrets(address) == hidden
