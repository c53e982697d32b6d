"""Which job of which CI runs this, from the variables that each CI documents.

A later attempt may take over the lease of an earlier one of the same run and job at once. So `run`
and `job` must never be shared by two jobs that can run side by side under different attempts. Where
a CI does not tell attempts apart, it is 1: such a lease is waited for, or taken back by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peakctl.model import CiJob
from peakctl.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Mapping

WORD_LIMIT = 100
URL_LIMIT = 300
_URL = re.compile(r"https?://[^\s@]+\Z")
_PLACE = re.compile(r"{(\w+)}")
_SECRET = re.compile(
    r"(TOKEN|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|JWT|_(PASS|PWD|PAT|AUTH)"
    r"|(API|ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION|DEPLOY|SSH)_?KEY)(_?V?[0-9]+)?\Z"
)
_TELLING = 8
"""A secret of fewer characters is looked for as a whole: it may well be part of another word."""


@dataclass(frozen=True, slots=True)
class Ci:
    """The variables of one CI. `job` are joined; what is unset is left out.

    `attempt` counts up with each repetition of the same job of the same run. `url` is a template
    over variables, `who` and `commit` are variables.
    """

    mark: str
    run: tuple[str, ...]
    job: tuple[str, ...]
    attempt: str = ""
    url: str = ""
    who: tuple[str, ...] = ()
    commit: str = ""


CIS = (
    # A run is repeated only when it has ended: an earlier attempt is dead, in a matrix too.
    Ci(
        mark="GITHUB_ACTIONS",
        run=("GITHUB_RUN_ID",),
        job=("GITHUB_JOB",),
        attempt="GITHUB_RUN_ATTEMPT",
        url="{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
        who=("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"),
        commit="GITHUB_SHA",
    ),
    # The names of parallel and matrix jobs have their number or values in them.
    Ci(
        mark="GITLAB_CI",
        run=("CI_PIPELINE_ID",),
        job=("CI_JOB_NAME",),
        attempt="CI_JOB_ID",
        url="{CI_JOB_URL}",
        who=("GITLAB_USER_LOGIN",),
        commit="CI_COMMIT_SHA",
    ),
    Ci(
        mark="TF_BUILD",
        run=("BUILD_BUILDID",),
        job=("SYSTEM_STAGENAME", "SYSTEM_JOBNAME", "SYSTEM_JOBPOSITIONINPHASE"),
        attempt="SYSTEM_JOBATTEMPT",
        url="{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        who=("BUILD_REQUESTEDFOR",),
        commit="BUILD_SOURCEVERSION",
    ),
    # A build that is repeated gets a number of its own.
    Ci(
        mark="JENKINS_URL",
        run=("JOB_NAME", "BUILD_NUMBER"),
        job=("STAGE_NAME",),
        url="{BUILD_URL}",
        who=("BUILD_USER_ID", "CHANGE_AUTHOR"),
        commit="GIT_COMMIT",
    ),
    # A workflow that is repeated gets an id of its own.
    Ci(
        mark="CIRCLECI",
        run=("CIRCLE_WORKFLOW_ID",),
        job=("CIRCLE_JOB", "CIRCLE_NODE_INDEX"),
        url="{CIRCLE_BUILD_URL}",
        who=("CIRCLE_USERNAME",),
        commit="CIRCLE_SHA1",
    ),
    # Jobs of a matrix may share all but an id that a retry does not keep: no attempts.
    Ci(
        mark="BUILDKITE",
        run=("BUILDKITE_BUILD_ID",),
        job=("BUILDKITE_STEP_KEY", "BUILDKITE_LABEL", "BUILDKITE_PARALLEL_JOB"),
        url="{BUILDKITE_BUILD_URL}",
        who=("BUILDKITE_BUILD_CREATOR",),
        commit="BUILDKITE_COMMIT",
    ),
    Ci(
        mark="BITBUCKET_BUILD_NUMBER",
        run=("BITBUCKET_PIPELINE_UUID",),
        job=("BITBUCKET_STEP_UUID",),
        url="{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
        who=("BITBUCKET_STEP_TRIGGERER_UUID",),
        commit="BITBUCKET_COMMIT",
    ),
)


@dataclass(frozen=True, slots=True)
class Words:
    """Variables as they may be shown and kept: short, of printable characters, never a secret."""

    environment: Mapping[str, str] = field(repr=False)

    def get(self, name: str, limit: int = WORD_LIMIT) -> str:
        """The value of a variable; "" when it is unset, or holds what another keeps secret."""
        return self.fit(self.environment.get(name, ""), limit)

    def fit(self, text: str, limit: int = WORD_LIMIT) -> str:
        """`text` without control characters, cut to `limit`; "" when a secret is in it."""
        if any(_holds(text, secret) for secret in self._secrets()):
            return ""
        return safe_line(text)[:limit].strip()

    def _secrets(self) -> list[str]:
        return [v for name, v in self.environment.items() if v and _SECRET.search(name.upper())]


def _holds(text: str, secret: str) -> bool:
    return secret in text if len(secret) >= _TELLING else secret == text


def find_ci(words: Words) -> Ci | None:
    """The CI that this runs in, if it is one of `CIS`."""
    return next((ci for ci in CIS if words.environment.get(ci.mark)), None)


def job_of(ci: Ci, words: Words) -> CiJob | None:
    """The job that this is; None where the CI does not say which run."""
    run = _joined(ci.run, words)
    if not run:
        return None
    number = words.get(ci.attempt)
    attempt = int(number) if re.fullmatch(r"[0-9]{1,18}", number) else 1
    return CiJob(run, _joined(ci.job, words), attempt, _url(ci.url, words))


def _joined(names: tuple[str, ...], words: Words) -> str:
    return " ".join(word for name in names if (word := words.get(name)))[:WORD_LIMIT]


def _url(template: str, words: Words) -> str:
    """The address of the job; "" unless it is whole and holds no user name."""
    values = {name: words.get(name, URL_LIMIT + 1) for name in _PLACE.findall(template)}
    if not all(values.values()):
        return ""
    url = template.format(**values).replace(" ", "%20")
    return url if _URL.match(url) and len(url) <= URL_LIMIT else ""
