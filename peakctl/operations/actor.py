"""Who runs, and from where: what a lease and the history of a ledger tell of a run.

The actor is the account or the job; the origin what is applied: branch, pull request, approver, and
whether git sees edits.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path

from peakctl.model import Actor, CiJob, Origin, Resource
from peakctl.model.records import dataclass
from peakctl.model.text import safe_line
from peakctl.model.values import value_at
from peakctl.operations.project import Project
from peakctl.settings import Settings

UNKNOWN = "unknown"
GIT_SECONDS = 3.0
_LOGINS = ("LOGNAME", "USER", "USERNAME")
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
_PROC = Path("/proc")
_DEAD = ("Z", "X", "x")  # states of a process that has ended and was not yet waited for


def actor_of(settings: Settings, root: Path) -> Actor:
    """Who runs; `root` is the folder whose commit is told. Raises nothing, takes a few ms.

    A CI's own words come first: who started it, and the commit that it checked out.
    """
    words = Words(settings.environment)
    ci = find_ci(words)
    names = (*(ci.who if ci else ()), *_LOGINS)
    who = next((word for name in names if (word := words.get(name))), "")
    commit = words.get(ci.commit) if ci else ""
    return Actor(
        who=who or words.fit(_login()) or UNKNOWN,
        host=this_host(),
        process=_process(os.getpid()) or "",
        commit=commit if _COMMIT.match(commit) else _head(root),
        ci=job_of(ci, words) if ci else None,
    )


def redacted(actor: Actor, redact: Callable[[str], str]) -> Actor:
    """The actor without secrets of manifests in the words that come from a CI or the system."""
    ci = actor.ci and replace(
        actor.ci, run=redact(actor.ci.run), job=redact(actor.ci.job), url=redact(actor.ci.url)
    )
    return replace(actor, who=redact(actor.who), ci=ci)


def alive(actor: Actor) -> bool | None:
    """Whether the process of `actor` is there: False only when it is certainly gone.

    None for another machine (or container), and where nobody can tell.
    """
    pid = actor.process.partition(":")[0]
    if not actor.host or actor.host != this_host() or not re.fullmatch(r"[0-9]{1,9}", pid):
        return None
    found = _process(int(pid))
    if found is None:
        return False
    if ":" not in found or ":" not in actor.process:
        return None  # a process of that number is there, perhaps another one
    return found == actor.process


def run_id() -> str:
    """A short word that no other run has."""
    return secrets.token_hex(5)


@functools.cache
def this_host() -> str:
    """A word that processes share exactly when they can see each other's numbers; "" is unknown.

    On Linux that takes one boot of one kernel and one namespace of process numbers: containers may
    share a host's name. Elsewhere the address of a network card stands in for both.
    """
    try:
        parts = _of_linux() if _PROC.is_dir() else _of_others()
    except OSError:
        return ""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _of_linux() -> tuple[str, ...]:
    boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    return _hostname(), boot, os.readlink(_PROC / "self/ns/pid")  # noqa: PTH115 - not a path


def _of_others() -> tuple[str, ...]:
    import uuid

    return _hostname(), str(uuid.getnode())


def _hostname() -> str:
    import socket

    return socket.gethostname()


def _process(pid: int) -> str | None:
    """`<number>:<start>` of a process, `<number>` when its start is not told, None when it is gone.

    The start is in ticks since the boot: a number that is given again has another one.
    """
    if os.name != "posix":
        return str(pid)  # asking would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass  # somebody else's process, but it is there
    state, start = _state(pid)
    if state in _DEAD:
        return None
    return f"{pid}:{start}" if start else str(pid)


def _state(pid: int) -> tuple[str, str]:
    """State and start of a process, as Linux tells them; "" for what is not told."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return "", ""
    # The name in brackets may hold anything; state is the next field, start the 20th from there.
    fields = stat.rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else ("", "")


def _login() -> str:
    """The name of the account, where the system has one for it."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return ""


def _head(root: Path) -> str:
    """The commit that is checked out around `root`; "" when git cannot tell."""
    command = ["git", "-C", str(root), "rev-parse", "--verify", "HEAD"]
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no word of it is a user's
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    found = done.stdout.decode("ascii", "replace").strip()
    return found if done.returncode == 0 and _COMMIT.match(found) else ""


# --- which job of which CI runs this -----------------------------------------------------------
# A later attempt may take over the lease of an earlier one of the same run and job at once. So
# `run` and `job` must never be shared by two jobs that can run side by side under different
# attempts. Where a CI does not tell attempts apart, it is 1: such a lease is waited for, or taken
# back by hand.

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
    over variables, the others are variables, of which the first that is set counts.
    """

    mark: str
    run: tuple[str, ...]
    job: tuple[str, ...]
    attempt: str = ""
    url: str = ""
    who: tuple[str, ...] = ()
    commit: str = ""
    branch: tuple[str, ...] = ()
    pull_request: tuple[str, ...] = ()
    approver: tuple[str, ...] = ()


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
        branch=("GITHUB_HEAD_REF", "GITHUB_REF_NAME"),
        pull_request=("GITHUB_REF",),  # refs/pull/12/merge
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
        branch=("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH", "CI_COMMIT_REF_NAME"),
        pull_request=("CI_MERGE_REQUEST_IID",),
    ),
    Ci(
        mark="TF_BUILD",
        run=("BUILD_BUILDID",),
        job=("SYSTEM_STAGENAME", "SYSTEM_JOBNAME", "SYSTEM_JOBPOSITIONINPHASE"),
        attempt="SYSTEM_JOBATTEMPT",
        url="{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        who=("BUILD_REQUESTEDFOR",),
        commit="BUILD_SOURCEVERSION",
        branch=("SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH"),
        pull_request=("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID"),
    ),
    # A build that is repeated gets a number of its own.
    Ci(
        mark="JENKINS_URL",
        run=("JOB_NAME", "BUILD_NUMBER"),
        job=("STAGE_NAME",),
        url="{BUILD_URL}",
        who=("BUILD_USER_ID", "CHANGE_AUTHOR"),
        commit="GIT_COMMIT",
        branch=("CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"),
        pull_request=("CHANGE_ID",),
    ),
    # A workflow that is repeated gets an id of its own.
    Ci(
        mark="CIRCLECI",
        run=("CIRCLE_WORKFLOW_ID",),
        job=("CIRCLE_JOB", "CIRCLE_NODE_INDEX"),
        url="{CIRCLE_BUILD_URL}",
        who=("CIRCLE_USERNAME",),
        commit="CIRCLE_SHA1",
        branch=("CIRCLE_BRANCH",),
        pull_request=("CIRCLE_PULL_REQUEST", "CIRCLE_PR_NUMBER"),
    ),
    # Jobs of a matrix may share all but an id that a retry does not keep: no attempts.
    Ci(
        mark="BUILDKITE",
        run=("BUILDKITE_BUILD_ID",),
        job=("BUILDKITE_STEP_KEY", "BUILDKITE_LABEL", "BUILDKITE_PARALLEL_JOB"),
        url="{BUILDKITE_BUILD_URL}",
        who=("BUILDKITE_BUILD_CREATOR",),
        commit="BUILDKITE_COMMIT",
        branch=("BUILDKITE_BRANCH",),
        pull_request=("BUILDKITE_PULL_REQUEST",),  # "false" where there is none
        approver=("BUILDKITE_UNBLOCKER",),
    ),
    Ci(
        mark="BITBUCKET_BUILD_NUMBER",
        run=("BITBUCKET_PIPELINE_UUID",),
        job=("BITBUCKET_STEP_UUID",),
        url="{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
        who=("BITBUCKET_STEP_TRIGGERER_UUID",),
        commit="BITBUCKET_COMMIT",
        branch=("BITBUCKET_BRANCH",),
        pull_request=("BITBUCKET_PR_ID",),
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


# --- the origin of what is applied -------------------------------------------------------------

APPROVER = "PEAKCTL_APPROVER"
PULL_REQUEST = "PEAKCTL_PULL_REQUEST"
CONSENTS = "PEAKCTL_CONSENTS"
"""What a pipeline may set where its CI has no variable of its own; they win. Consents stand a line
each."""
CONSENT_LIMIT = 500
MOST_CONSENTS = 50
_OWN_FOLDER = ".peakctl/"
_PULL = re.compile(r"(?:refs/pull/)?([0-9]{1,18})(?:/(?:merge|head))?\Z")
_ADDRESS = re.compile(r"https?://[^\s@?#]+\Z")
_NO_BRANCH = ("HEAD", "(detached)")
_COMMAND = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C"]
_STATUS = ["status", "--porcelain=v2", "--branch", "--untracked-files=normal", "-z", "--", "."]


def origin_of(project: Project, resources: Iterable[Resource] = ()) -> Origin:
    """The origin of what a run applies. Raises nothing, takes as long as `git status`.

    A file that git does not know makes the tree dirty only in a folder of `resources`: others are
    not applied. A CI's own words come first.
    """
    words = Words(project.settings.environment)
    ci = find_ci(words)
    tree = _read_tree(project.root)
    told = _first(words, ci.branch) if ci else ""
    branch = _branch(told) or _branch(words.fit(tree.branch if tree else ""))
    pull_request = _pull_request(words, (PULL_REQUEST, *(ci.pull_request if ci else ())))
    approver = _first(words, (APPROVER, *(ci.approver if ci else ())))
    return Origin(
        branch=project.redact(branch),
        dirty=_is_dirty(project, tree, resources) if tree else None,
        pull_request=project.redact(pull_request),
        approver=project.redact(approver),
        consents=tuple(map(project.redact, _consents(words))),
    )


def _consents(words: Words) -> Iterator[str]:
    """The lines of the variable, as far as they are kept."""
    rows = words.environment.get(CONSENTS, "").splitlines()
    fit = (words.fit(row, CONSENT_LIMIT) for row in rows[:MOST_CONSENTS])
    yield from filter(None, fit)


def _first(words: Words, names: Iterable[str]) -> str:
    return next((word for name in names if (word := words.get(name))), "")


def _branch(word: str) -> str:
    name = word.removeprefix("refs/heads/").removeprefix("origin/")
    return "" if name in _NO_BRANCH else name


def _pull_request(words: Words, names: Iterable[str]) -> str:
    """The number, or the address, of the first variable that has one."""
    for name in names:
        word = words.get(name, URL_LIMIT)
        if found := _PULL.match(word):
            return found[1]
        if _ADDRESS.match(word):
            return word
    return ""


# --- the working tree --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tree:
    """What git says of the folder of a project: `unknown` are files and folders it does not track.

    Paths are relative to `top`.
    """

    top: Path
    branch: str
    edited: bool
    unknown: tuple[str, ...]


def _read_tree(root: Path) -> _Tree | None:
    """None outside of a repository, and where git cannot tell."""
    top = next((each for each in (root, *root.parents) if (each / ".git").exists()), None)
    if top is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no word of it is a user's
            [*_COMMAND, str(root), *_STATUS],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return _parse(top, os.fsdecode(done.stdout)) if done.returncode == 0 else None


def _parse(top: Path, text: str) -> _Tree:
    branch, edited, unknown = "", False, []
    entries = iter(text.split("\0"))
    for entry in entries:
        if entry.startswith("# branch.head "):
            branch = entry.removeprefix("# branch.head ")
        elif entry.startswith("? "):
            unknown.append(entry[2:])
        elif entry.startswith(("1 ", "2 ", "u ")):
            edited = True
            if entry.startswith("2 "):
                next(entries, "")  # the path that it had before
    return _Tree(top, branch, edited, tuple(unknown))


def _is_dirty(project: Project, tree: _Tree, resources: Iterable[Resource]) -> bool:
    if tree.edited or not tree.unknown:
        return tree.edited
    folders = {Path(os.path.realpath(folder)) for each in resources for folder in _folders(each)}
    own = {Path(os.path.realpath(project.folder / str(each))) for each in project.options.outputs}
    top = Path(os.path.realpath(tree.top))
    return any(_is_applied(top / word, folders) for word in tree.unknown if _may_be(word, top, own))


def _may_be(word: str, top: Path, own: set[Path]) -> bool:
    """Whether it may be a user's own, and not a file of this run or of peakctl."""
    return not f"/{word}".endswith(f"/{_OWN_FOLDER}") and top / word not in own


def _is_applied(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(each) or each.is_relative_to(path) for each in folders)


def _folders(resource: Resource) -> Iterator[str]:
    """The folder of its manifest, and those of its archives."""
    folder = resource.document.folder
    yield folder
    for path in resource.archives:
        found = value_at(resource.document.value, (*path, "path"))
        if isinstance(found, str):
            yield os.path.join(folder, found)  # noqa: PTH118 - `realpath` takes it as text
