"""The job that this run is, as the variables that its CI documents tell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path
from urllib.parse import urlsplit

from peakctl.errors import Diagnostic, Severity
from peakctl.model import JsonObject
from peakctl.model.records import dataclass
from peakctl.settings import is_loopback, wrong_address

LARGEST_EVENT = 32 * 2**20
"""Bytes of an event file; GitHub's own limit for what it sends is 25 MiB."""
OWN_TOKEN = "PEAKCTL_HOST_TOKEN"  # noqa: S105 - the name of a variable
"""The variable whose token is taken before those that each host documents."""
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
NUMBER = re.compile(r"[1-9][0-9]{0,17}\Z")
BRANCH = re.compile(r"[^\s~^:?*\[\\\x00-\x1f\x7f-][^\s~^:?*\[\\\x00-\x1f\x7f]{0,249}\Z")


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a CI; "" is unknown.

    `request` is the number of the pull or merge request that the job runs for, `head` the last
    commit of its branch, `base_branch` the branch that it is to be merged into, and `base` the tip
    of that branch as the CI told it. `commit` is the one that the job is for. `api` is the address
    of the host's REST API, and `token_from` the variable with the token for it. `jobs_at`
    is how the addresses of all jobs of this project begin. `foreign` says that
    the request comes from a fork. `problems` are warnings about variables.
    """

    host: str
    repository: str = ""
    request: str = ""
    head: str = ""
    base: str = ""
    base_branch: str = ""
    commit: str = ""
    api: str = ""
    token_from: str = ""
    summary_file: str = ""
    outputs_file: str = ""
    jobs_at: str = ""
    foreign: bool = False
    more: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()

    def merged(self, request: str) -> Job:
        """The same job, with the request that brought its commit."""
        return replace(self, request=request)


class Variables:
    """The variables of a process, each checked as it is read; what is wrong is told once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[Diagnostic] = []

    def text(self, name: str) -> str:
        """The value as it stands, without blanks around it."""
        return self._environment.get(name, "").strip()

    def fitting(self, name: str, pattern: re.Pattern[str], what: str) -> str:
        """The value, if it fits; "" with a warning if it does not, and "" where it is unset."""
        value = self.text(name)
        if not value or pattern.match(value):
            return value
        self.warn_of(f"{name} is not {what}", f"set {name} as the CI documents it")
        return ""

    def number(self, name: str) -> str:
        return self.fitting(name, NUMBER, "the number of a request")

    def commit(self, name: str) -> str:
        return self.fitting(name, COMMIT, "a whole commit id")

    def branch(self, name: str) -> str:
        """The name of a branch, without `refs/heads/`."""
        return self.fitting(name, BRANCH, "the name of a branch").removeprefix("refs/heads/")

    def address(self, name: str, usual: str = "") -> str:
        """The base address in a variable; the token is sent there, so it must be https.

        "" with a warning for anything else, unless it leads to this machine.
        """
        value = self.text(name) or usual
        if not value:
            return ""
        problem = wrong_address(value)
        if problem:
            self.warn_of(f"{name}: {problem[0]}", f"set {name} as the CI documents it")
            return ""
        parts = urlsplit(value)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            self.warn_of(f"{name} is no https address", "no token is sent there in the clear")
            return ""
        return value.rstrip("/")

    def token(self, *names: str) -> str:
        """The name of the first variable that has a token."""
        return next((name for name in (OWN_TOKEN, *names) if self.text(name)), "")

    def warn_of(self, summary: str, fix: str) -> None:
        self.problems.append(Diagnostic("ci/variable", summary, fix=fix, severity=Severity.WARNING))

    def event(self, name: str) -> JsonObject:
        """The JSON object in the file that a variable names; {} with a warning if there is none."""
        file = self.text(name)
        found = read_event(file) if file else {}
        if isinstance(found, str):
            self.problems.append(
                Diagnostic(
                    code="ci/event",
                    summary=f"{name}: the file of the event cannot be used",
                    detail=found,
                    fix="without it the request is known by the other variables alone",
                    severity=Severity.WARNING,
                )
            )
            return {}
        return found


def read_event(file: str) -> JsonObject | str:
    """The JSON object in a file, or what is wrong with it."""
    try:
        path = Path(file)
        if not path.is_file():
            return "there is no such file"
        with path.open("rb") as opened:
            data = opened.read(LARGEST_EVENT + 1)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or "it is no path"
    if len(data) > LARGEST_EVENT:
        return f"it has more than {LARGEST_EVENT // 2**20} MiB"
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return "it is not JSON"
    return found if isinstance(found, dict) else "it is no JSON object"


def at(value: object, *path: str) -> object:
    """What stands at `path` in JSON, None where that leads nowhere."""
    for word in path:
        value = value.get(word) if isinstance(value, Mapping) else None
    return value


def text_at(value: object, *path: str, fits: Callable[[str], object] = bool) -> str:
    """The text or number at `path`, if it fits; else ""."""
    found = at(value, *path)
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    return str(found) if fits(str(found)) else ""
