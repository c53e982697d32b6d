"""The rules of peakctl.yaml from another commit than the manifests, so that no pull request loosens
the rules that it is judged by.

Rules are what a run may do, not what it is about: what templates may read, what is protected, which
tenant is meant, how much may change at once, whether a ledger is kept, how names begin, whether
schedules run, and who is told.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace

from peakctl.errors import Diagnostic, UsageError
from peakctl.manifests.project import Environment, Project, parse_project
from peakctl.manifests.sources import PROJECT_FILES
from peakctl.model import Guards, Policy, PolicyChange

PROJECT_RULES = ("os_env", "notify")
ENVIRONMENT_RULES = (
    "protect",
    "tenant",
    "ledger",
    "guards",
    "os_env",
    "allow",
    "name_prefix",
    "paused",
    "approval",
    "notify",
)
_WORDS = {"os_env": "osEnv", "name_prefix": "namePrefix"}
"""What peakctl.yaml calls those that it calls otherwise."""
GIT_SECONDS = 30
REVISION = re.compile(r"[^\s:\x00-\x20\x7f-][^\s:\x00-\x20\x7f]{0,250}\Z")
_PASSED = ("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "XDG_CONFIG_HOME")
_GIT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C",
}
"""No question, no network, no writing, and nothing in place of a commit."""


def apply_policy(
    project: Project, environment: Environment, revision: str, variables: Mapping[str, str]
) -> tuple[Project, Environment, Policy]:
    """`project` and `environment` with the rules that peakctl.yaml has at `revision`.

    Reads the file with git, checks nothing out and asks no network; `variables` are those of the
    process. Raises UsageError when there is no such file, revision, environment, or no git.
    """
    commit, ruling = read_ruling(project, revision, variables)
    ruled = ruling.environments.get(environment.name)
    if ruled is None and (ruling.environments or project.environments):
        raise UsageError(_no_environment(environment.name, revision))
    ruled = ruled or Environment(environment.name)
    changes = (
        *_changes("", _rules(ruling, PROJECT_RULES), _rules(project, PROJECT_RULES)),
        *_changes(
            f"environments.{environment.name}.",
            _rules(ruled, ENVIRONMENT_RULES),
            _rules(environment, ENVIRONMENT_RULES),
        ),
    )
    return (
        replace(project, os_env=ruling.os_env, notify=ruling.notify),
        replace(
            environment,
            protect=ruled.protect,
            tenant=ruled.tenant,
            ledger=ruled.ledger,
            guards=ruled.guards,
            os_env=ruled.os_env,
            allow=ruled.allow,
            name_prefix=ruled.name_prefix,
            prefix_places=ruled.prefix_places,
            paused=ruled.paused,
            approval=ruled.approval,
            notify=ruled.notify,
        ),
        Policy(revision, commit, changes),
    )


# --- what differs ------------------------------------------------------------------------------


def _rules(owner: Project | Environment, names: tuple[str, ...]) -> dict[str, str]:
    """Each rule by its place in peakctl.yaml, as text."""
    return {
        path: text
        for name in names
        for path, text in _told(_WORDS.get(name, name), getattr(owner, name))
    }


def _told(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Guards):
        for guard in fields(value):
            threshold = getattr(value, guard.name)
            for number in fields(threshold):
                yield f"{path}.{guard.name}.{number.name}", _text(getattr(threshold, number.name))
    else:
        yield path, _text(value)


def _text(value: object) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def _changes(
    prefix: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[PolicyChange]:
    for path, ruled in before.items():
        if after[path] != ruled:
            yield PolicyChange(prefix + path, ruled, after[path])


# --- another commit ----------------------------------------------------------------------------


def read_ruling(
    project: Project, revision: str, variables: Mapping[str, str]
) -> tuple[str, Project]:
    """The commit that `revision` means, and the project as peakctl.yaml has it there."""
    if not REVISION.match(revision):
        raise UsageError(no_revision(revision, "that is no name of a commit"))
    git = Git(str(project.root), variables)
    code, found, why = git.run("rev-parse", "--verify", f"{revision}^{{commit}}")
    commit = found.decode("ascii", "replace").strip()
    if code != 0:
        raise UsageError(no_revision(revision, why))
    names = (project.file.name, *(n for n in PROJECT_FILES if n != project.file.name))
    for name in names:
        code, data, _ = git.run("cat-file", "blob", f"{commit}:./{name}")
        if code == 0:
            return commit, _parsed(project, f"{revision}:{name}", data)
    raise UsageError(
        Diagnostic(
            code="policy/no-file",
            summary=f'there is no {project.file.name} in the commit "{revision}"',
            detail="it is looked for in the folder where it is now",
            fix="name a commit that has it",
        )
    )


def read_elsewhere(
    project: Project, revision: str, variables: Mapping[str, str]
) -> tuple[Project, ...]:
    """The projects of the same name in all folders of the commit that `revision` means.

    For one that was moved. What cannot be read is left out, as is what git does not find.
    """
    git = Git(str(project.root), variables)
    code, data, _ = git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", revision)
    paths = data.decode("utf-8", "surrogateescape").split("\0") if code == 0 else []
    found = []
    for path in paths:
        if path.rpartition("/")[2] not in PROJECT_FILES:
            continue
        code, text, _ = git.run("cat-file", "blob", f"{revision}:{path}")
        try:
            found.append(_parsed(project, f"{revision}:{path}", text))
        except UsageError:
            continue
    return tuple(each for each in found if each.name == project.name)


def _parsed(project: Project, display: str, data: bytes) -> Project:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        summary = f"{display} is not UTF-8 text"
        fix = "name a commit where it is"
        raise UsageError(Diagnostic("policy/unreadable", summary, fix=fix)) from None
    return parse_project(text, project.file, display, files=False)


class Git:
    """git in one folder, with an environment that holds no secret and no setting of ours."""

    def __init__(self, root: str, variables: Mapping[str, str]) -> None:
        self.root = root
        self.environment = {n: variables[n] for n in _PASSED if n in variables} | _GIT

    def run(self, *words: str) -> tuple[int, bytes, str]:
        """The exit code, standard output, and the first line of standard error."""
        command = ["git", "-C", self.root, *words]
        try:
            done = subprocess.run(  # noqa: S603 - no shell; the revision cannot be an option
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=GIT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise UsageError(no_git(type(error).__name__)) from None
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return done.returncode, done.stdout, told[0] if told else ""


def no_git(why: str) -> Diagnostic:
    return Diagnostic(
        code="policy/no-git",
        summary="another commit is read with git, which cannot be run",
        detail=why,
        fix="install git, or leave out --policy-from and --base",
    )


def no_revision(revision: str, why: str) -> Diagnostic:
    return Diagnostic(
        code="policy/no-revision",
        summary=f'there is no commit "{revision}" in this repository',
        detail=why,
        fix="check the name; in CI fetch it first (fetch-depth: 0): nothing is fetched here",
    )


def _no_environment(name: str, revision: str) -> Diagnostic:
    return Diagnostic(
        code="policy/no-environment",
        summary=f'peakctl.yaml of "{revision}" has no environment "{name}", so it has no rules',
        fix=f"add the environment there first, or name a commit that has it: -e {name}",
    )
