"""Whether the commit that is checked out holds others: its base branch, and what was applied."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from peakctl.errors import Diagnostic, Severity
from peakctl.hosts.job import Job
from peakctl.model import PastRun
from peakctl.operations.actor import GIT_SECONDS

CHANGED = ("done", "partial", "failed", "interrupted")
"""How runs end that may have changed something."""
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
_PASSED = ("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "XDG_CONFIG_HOME")
_GIT = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"}


class Checkout:
    """The repository around a folder, as git tells of it. Asks no network, writes nothing."""

    def __init__(self, root: Path, variables: Mapping[str, str]) -> None:
        self._root = root
        self._environment = {n: variables[n] for n in _PASSED if n in variables} | _GIT

    @property
    def top(self) -> Path | None:
        """The folder of the working tree; None outside of a repository."""
        found = self._ask("rev-parse", "--show-toplevel")
        return Path(found) if found else None

    def head(self) -> str:
        """The commit that is checked out; "" where there is none."""
        return self._ask("rev-parse", "--verify", "HEAD") or ""

    def resolve(self, revision: str) -> str:
        """The commit that `revision` means; "" where it is not here."""
        return self._ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") or ""

    def default_branch(self) -> str:
        """The default branch of the remote, as the clone was told; "" if it was not."""
        found = self._ask("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD") or ""
        return found.removeprefix("origin/")

    def holds(self, commit: str, tip: str = "HEAD") -> bool | None:
        """Whether `tip` has `commit` in its history; None where the checkout does not tell."""
        code, _ = self._run("merge-base", "--is-ancestor", commit, tip)
        if code == 0:
            return True
        return None if code != 1 or self.is_cut() else False

    def is_cut(self) -> bool:
        """Whether the checkout lacks commits of its own history, or is none."""
        return self._ask("rev-parse", "--is-shallow-repository") != "false"

    def since(self, base: str, most: int) -> tuple[str, ...]:
        """The commits of the branch that HEAD has and `base` has not, the newest first.

        Of a merge only the merge itself. Without `base` the newest `most`.
        """
        words = ["rev-list", "--first-parent", f"--max-count={most}", "HEAD"]
        if base:
            words.append(f"^{base}")
        return tuple((self._ask(*words) or "").split())

    def rules_since(self, base: str, file: str, most: int) -> tuple[str, ...]:
        """The commits whose `file`, in the folder, was in force after `base` and before HEAD.

        Without `base` those of the branch, and always the one before HEAD.
        """
        words = ("log", "--first-parent", "--format=%P", f"--max-count={most}")
        span = f"{base}..HEAD" if base else "HEAD"
        found = self._ask(*words, span, "--", f":(literal){file}") or ""
        parents = [row.split()[0] for row in found.splitlines() if row.strip()]
        first = base or self.resolve("HEAD^1")
        return tuple(dict.fromkeys(filter(None, (first, *parents))))

    def changed(self, base: str) -> tuple[str, ...] | None:
        """The paths below `top` that differ between HEAD's fork point from `base` and the tree.

        None where git cannot tell. Both names of a renamed file are there.
        """
        fork = self._ask("merge-base", base, "HEAD")
        if not fork:
            return None
        words = ("diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", fork)
        code, found = self._run(*words)
        new = self._run("ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/")
        if code != 0:
            return None
        return _paths(found + new[1])

    def files(self, *names: str) -> tuple[str, ...]:
        """The files of these names anywhere below `top`, tracked or new, ignored ones left out."""
        patterns = [f":(top,glob)**/{name}" for name in names]
        words = ("--cached", "--others", "--exclude-standard", "--full-name", "-z", "--")
        top, found = self.top, _paths(self._run("ls-files", *words, *patterns)[1])
        return tuple(file for file in found if top and os.path.lexists(top / file))

    def _ask(self, *words: str) -> str | None:
        code, found = self._run(*words)
        return found.strip() if code == 0 else None

    def _run(self, *words: str) -> tuple[int, str]:
        command = ["git", "-C", str(self._root), *words]
        try:
            done = subprocess.run(  # noqa: S603 - no shell; callers check revisions
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=10 * GIT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return 128, ""
        return done.returncode, done.stdout.decode("utf-8", "surrogateescape")


def _paths(text: str) -> tuple[str, ...]:
    return tuple(sorted({path for path in text.split("\0") if path}))


def base_warnings(checkout: Checkout, job: Job) -> tuple[Diagnostic, ...]:
    """That the checkout lacks commits of the branch that it is to be merged into."""
    if not job.request or not (job.base_branch or job.base):
        return ()
    tip = checkout.resolve(f"refs/remotes/origin/{job.base_branch}") if job.base_branch else ""
    tip = tip or job.base
    held = checkout.holds(tip) if tip else None
    name = job.base_branch or "the base branch"
    if held is None:
        return (_unknown(f'whether this branch has all commits of "{name}"'),)
    if held:
        return _merged_by_host(checkout, job, tip, name)
    return (
        Diagnostic(
            code="ci/behind",
            summary=f'this branch lacks commits of "{name}"',
            detail=f"{tip[:12]} is not in it: the plan may take back what others have merged",
            fix=f"merge or rebase onto {name}, and plan again",
            severity=Severity.WARNING,
        ),
    )


def _merged_by_host(checkout: Checkout, job: Job, tip: str, name: str) -> tuple[Diagnostic, ...]:
    """That the checkout is the host's merge of a branch that lacks commits of its base."""
    if not job.head or checkout.holds(tip, job.head) is not False:
        return ()
    return (
        Diagnostic(
            code="ci/behind",
            summary=f'this branch lacks commits of "{name}"',
            detail=f"the result is of the merge that the host made: {job.head[:12]} and {tip[:12]}",
            fix=f"once more has been merged into {name}, run the job again",
            severity=Severity.NOTE,
        ),
    )


def applied_warnings(checkout: Checkout, runs: tuple[PastRun, ...]) -> tuple[Diagnostic, ...]:
    """That the last apply was of a commit that the checkout does not hold. `runs` oldest first."""
    applied = (run for run in reversed(runs) if run.outcome in CHANGED and run.actor.commit)
    last = next(applied, None)
    if last is None or not _COMMIT.match(last.actor.commit):
        return ()
    held = checkout.holds(last.actor.commit)
    commit = last.actor.commit[:12]
    if held is None:
        return (_unknown(f"whether this branch holds {commit}, which was applied last"),)
    if held:
        return ()
    return (
        Diagnostic(
            code="ci/applied-elsewhere",
            summary=f"commit {commit} was applied last, and this branch does not hold it",
            detail="the plan may take back what that commit brought",
            fix="merge or rebase onto the branch that is applied, and plan again",
            severity=Severity.WARNING,
        ),
    )


def _unknown(what: str) -> Diagnostic:
    return Diagnostic(
        code="ci/unknown-history",
        summary=f"it is not known {what}",
        detail="the checkout does not have the commits that would tell",
        fix="fetch the whole history: fetch-depth: 0 on GitHub, GIT_DEPTH: 0 on GitLab",
        severity=Severity.NOTE,
    )
