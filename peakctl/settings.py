"""What the process environment says; the only module that reads it.

Tokens and stages as in the platform's own client (docs/platform.md, 1.2), plus `PEAKCTL_ENDPOINT`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import field

from peakctl.errors import Diagnostic, NotAuthenticated, UsageError
from peakctl.model import Secret
from peakctl.model.records import dataclass

TOKENS = ("PEAK_AUTH_TOKEN", "API_KEY")
STAGES = ("prod", "dev", "latest", "beta", "parvati", "test")


OTHERWISE = "choose an emulator environment with -e"


@dataclass(frozen=True, slots=True)
class Named:
    """A value and the variable that it came from, for messages."""

    value: str = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class Network:
    """How servers are reached: whose certificates are trusted, and through which proxy.

    `proxies` are by scheme: `http`, `https`, `all`. An address may hold a password.
    """

    ca_file: Named | None = None
    ca_folder: Named | None = None
    proxies: Mapping[str, Named] = field(default_factory=dict)
    no_proxy: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of one run. `token_from` names the variable that won, for messages."""

    token: Secret | None = None
    token_from: str = ""
    stage: str | None = None
    stage_from: str = ""
    endpoint: str | None = None
    color: bool | None = None
    ci: bool = False
    network: Network = Network()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def passwords(self) -> list[str]:
        """What no message may repeat: the tokens, and what gets past a proxy.

        That is user and password, together and alone, as they stand and decoded.
        """
        from urllib.parse import unquote

        out = [self.environment.get(name, "") for name in TOKENS]
        for name, value in self.environment.items():
            if name.upper().endswith("_PROXY") and "@" in value:
                who = value.rpartition("@")[0].rpartition("//")[2]
                out += [who, *map(unquote, (who, *who.split(":", 1)))]
        return [each for each in out if each]

    def require_token(self, otherwise: str = OTHERWISE) -> Secret:
        """The token, or NotAuthenticated that says which variables may hold it.

        `otherwise` is what else there is to do.
        """
        if self.token is None:
            raise NotAuthenticated(
                Diagnostic(
                    code="auth/no-token",
                    summary="there is no token for the platform",
                    detail="PEAK_AUTH_TOKEN and API_KEY are both unset or empty",
                    fix=f"export PEAK_AUTH_TOKEN=…, or {otherwise}",
                )
            )
        return self.token


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from `environment` (default: the process's own). Raises UsageError."""
    env = dict(os.environ if environment is None else environment)
    token_from = next((name for name in TOKENS if env.get(name)), "")
    stage_from = next((name for name in ("PEAK__STAGE", "STAGE") if env.get(name)), "")
    return Settings(
        token=Secret(env[token_from]) if token_from else None,
        token_from=token_from,
        stage=check_stage(env[stage_from], stage_from) if stage_from else None,
        stage_from=stage_from,
        endpoint=_endpoint(env.get("PEAKCTL_ENDPOINT", "")),
        color=_color(env),
        ci=bool(env.get("CI")),
        network=read_network(env),
        environment=env,
    )


_CA_FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_CA_FOLDERS = ("SSL_CERT_DIR",)


def read_network(env: Mapping[str, str]) -> Network:
    """Certificates and proxies; nothing is checked before it is needed.

    Of the files the first that is set counts. A proxy variable in lower case wins over the same in
    upper case, also when it is empty, which turns the proxy off.
    """
    proxies = {scheme: _either_case(env, f"{scheme}_proxy") for scheme in ("http", "https", "all")}
    no_proxy = _either_case(env, "no_proxy")
    return Network(
        ca_file=_first(env, _CA_FILES),
        ca_folder=_first(env, _CA_FOLDERS),
        proxies={scheme: named for scheme, named in proxies.items() if named},
        no_proxy=no_proxy.value if no_proxy else "",
    )


def _either_case(env: Mapping[str, str], name: str) -> Named | None:
    return _first(env, (name,) if name in env else (name.upper(),))


def _first(env: Mapping[str, str], names: Sequence[str]) -> Named | None:
    found = next((name for name in names if env.get(name, "").strip()), None)
    return Named(env[found].strip(), found) if found else None


def check_stage(stage: str, source: str) -> str:
    """`stage` itself. Raises UsageError for any other word (docs/platform.md, 1.1)."""
    if stage in STAGES:
        return stage
    raise UsageError(
        Diagnostic(
            code="settings/unknown-stage",
            summary=f'{source}: "{stage}" is not a stage of the platform',
            detail="stage names are lower case",
            fix=f"use one of {', '.join(STAGES)}",
        )
    )


def _endpoint(text: str) -> str | None:
    if not text:
        return None
    if problem := wrong_address(text):
        summary, fix = problem
        raise UsageError(Diagnostic("settings/endpoint", f"PEAKCTL_ENDPOINT: {summary}", fix=fix))
    return text.rstrip("/")


ALLOW_ENDPOINT = "PEAKCTL_ALLOW_ENDPOINT"
"""The variable with the hosts, separated by commas, that an `endpoint` in a file may name."""


def may_be_endpoint(address: str, allowed: str) -> bool:
    """Whether a file may send the token to `address`: to this machine, or to a host in `allowed`.

    `allowed` is the value of `ALLOW_ENDPOINT`: `host` is that host at any port, `host:port` at one.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    if is_loopback(host):
        return True
    words = {word.strip().lower() for word in allowed.split(",")}
    return host in words or f"{host}:{parts.port}" in words


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    from ipaddress import ip_address

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


_TELLING = 8
_RANDOM = re.compile(r"\d|[a-z][A-Z]|[A-Z]{3}")


def webhook_secrets(address: str) -> tuple[str, ...]:
    """What of the address of a webhook nobody may see: each part that looks drawn at random.

    Other words of it stay, since they stand in other texts too (`services`, a company's name).
    Where nothing looks random, that is the whole path.
    """
    from urllib.parse import parse_qsl, urlsplit

    try:
        parts = urlsplit(address)
    except ValueError:
        return (address,)
    values = [value for _, value in parse_qsl(f"{parts.query}&{parts.fragment}")]
    words = [*parts.path.split("/"), parts.fragment, *values]
    found = tuple(word for word in words if len(word) >= _TELLING and _RANDOM.search(word))
    return found or (f"{parts.path}?{parts.query}".strip("?/"),)


def wrong_address(text: str) -> tuple[str, str] | None:
    """What is wrong with `text` as the base address of the platform, and what to do; else None.

    Credentials in it are refused, and `text` is not repeated then: it would be shown in every run.
    """
    if "@" in text:
        return "the address holds a user name or a password", "leave out what is before the @"
    return None if _is_address(text) else (f'"{text}" is not an http address', _ADDRESS)


_ADDRESS = "give the whole address, like http://127.0.0.1:8080"


def _is_address(text: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or brackets that do not match
        return False
    return is_whole and not parts.query and not parts.fragment and not re.search(r"\s", text)


def _color(env: Mapping[str, str]) -> bool | None:
    """True or False where the environment insists, None to let the terminal decide."""
    if env.get("NO_COLOR") or env.get("TERM") == "dumb":
        return False
    if env.get("FORCE_COLOR") or env.get("CLICOLOR_FORCE") not in (None, "", "0"):
        return True
    return None


@dataclass(frozen=True, slots=True)
class Credential:
    """Variables, by name or glob, that hold a credential: why templates may not read them."""

    pattern: str
    reason: str


_PLATFORM = "it is the token of the platform"
_PEAKCTL = "it configures peakctl, which may read a credential there"
_CODE_HOST = "it is a token of the code host"
_IDENTITY = "it is the identity of the CI job"
_SIGNING = "it is a key that signs, or its password"
_NOTIFICATION = "it is an address or key that notifications go out with"
_PROXY = "it is the address of a proxy, with a user name or password in it"

CREDENTIALS: tuple[Credential, ...] = tuple(
    Credential(pattern, reason)
    for reason, patterns in {
        _PLATFORM: "PEAK_AUTH_TOKEN API_KEY PEAK_API_KEY",
        _PEAKCTL: "PEAKCTL_*",
        _CODE_HOST: (
            "GITHUB_TOKEN GH_TOKEN GH_ENTERPRISE_TOKEN GITHUB_ENTERPRISE_TOKEN"
            " GITLAB_TOKEN GITLAB_ACCESS_TOKEN GITLAB_PRIVATE_TOKEN GL_TOKEN CI_DEPLOY_PASSWORD"
            " CI_REGISTRY_PASSWORD CI_DEPENDENCY_PROXY_PASSWORD CI_REPOSITORY_URL"
            " BITBUCKET_*TOKEN BITBUCKET_*PASSWORD SYSTEM_ACCESSTOKEN AZURE_DEVOPS_EXT_PAT"
            " GITEA_TOKEN FORGEJO_TOKEN"
        ),
        _IDENTITY: (
            "ACTIONS_ID_TOKEN_REQUEST_* ACTIONS_RUNTIME_TOKEN ACTIONS_RUNTIME_URL"
            " CI_JOB_TOKEN CI_JOB_JWT* CI_BUILD_TOKEN CI_RUNNER_TOKEN *_ID_TOKEN *_OIDC_TOKEN*"
            " SYSTEM_OIDCREQUESTURI BUILDKITE_AGENT_ACCESS_TOKEN BUILDKITE_AGENT_JOB_API_TOKEN"
            " CIRCLE_OIDC_TOKEN* CIRCLE_TOKEN DRONE_TOKEN DRONE_RPC_SECRET"
            " CODEBUILD_AUTH_TOKEN HUDSON_COOKIE JENKINS_NODE_COOKIE JENKINS_*TOKEN"
        ),
        _SIGNING: (
            "COSIGN_PASSWORD COSIGN_PRIVATE_KEY COSIGN_KEY SIGNING_KEY* *_SIGNING_KEY"
            " GPG_PRIVATE_KEY GPG_PASSPHRASE MINISIGN_* SIGSTORE_*TOKEN"
        ),
        _NOTIFICATION: (
            "SLACK_WEBHOOK* SLACK_BOT_TOKEN TEAMS_WEBHOOK* MSTEAMS_WEBHOOK* DISCORD_WEBHOOK*"
            " NOTIFY_* PAGERDUTY_ROUTING_KEY OTEL_EXPORTER_OTLP_HEADERS"
            " OTEL_EXPORTER_OTLP_*_HEADERS"
        ),
    }.items()
    for pattern in patterns.split()
)
"""All variables that peakctl, or what runs it, reads as a credential, now or later.

Templates are written by whoever may open a pull request, and what they make is sent to the
platform: no template gets these, whatever peakctl.yaml says.
"""

_PROXIES = ("*_PROXY",)


def credential_reason(name: str, value: str = "") -> str:
    """Why templates may not read the variable `name`, whose value is `value`; "" if they may."""
    from fnmatch import fnmatchcase

    upper = name.upper()
    for credential in CREDENTIALS:
        if fnmatchcase(upper, credential.pattern):
            return credential.reason
    is_proxy = any(fnmatchcase(upper, pattern) for pattern in _PROXIES)
    return _PROXY if is_proxy and "@" in value else ""
