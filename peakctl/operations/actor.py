"""Who runs, from where and what: what a lease and the history of a ledger tell of a run."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import secrets
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.model import Actor
from peakctl.operations.ci import Words, find_ci, job_of

if TYPE_CHECKING:
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
