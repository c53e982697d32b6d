"""The files of another commit, written below a folder of their own: nothing is checked out."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from peakctl.errors import Diagnostic, UsageError
from peakctl.manifests.policy import REVISION, Git, no_git, no_revision
from peakctl.model.records import dataclass

_REGULAR, _EXECUTABLE, _LINK = "100644", "100755", "120000"


@dataclass(frozen=True, slots=True)
class Blob:
    """One file of a commit. `path` is relative, with `/`."""

    mode: str
    id: str
    path: str


def find_base(root: Path, revision: str, variables: Mapping[str, str]) -> str:
    """The commit to compare with: where this branch left `revision`, else that commit itself.

    Asks no network. Raises UsageError where git does not know it, or there is no git.
    """
    if not REVISION.match(revision):
        raise UsageError(no_revision(revision, "that is no name of a commit"))
    git = Git(str(root), variables)
    code, found, why = git.run("rev-parse", "--verify", f"{revision}^{{commit}}")
    if code != 0:
        raise UsageError(no_revision(revision, why))
    commit = found.decode("ascii", "replace").strip()
    code, found, _ = git.run("merge-base", commit, "HEAD")
    fork = found.decode("ascii", "replace").strip()
    return fork if code == 0 and fork else commit


def write_commit(root: Path, commit: str, into: Path, variables: Mapping[str, str]) -> int:
    """Write what `commit` has in the folder `root` below `into`; gives the number of files.

    Bytes are those of the commit: no filter, line end or attribute of git changes them, but that
    for a pointer of Git LFS its content is written where the working tree has it. Submodules are
    left out, as they are in a clone without them. Raises UsageError.
    """
    git = Git(str(root), variables)
    code, listed, why = git.run("ls-tree", "-r", "-z", commit)
    if code != 0:
        raise UsageError(no_revision(commit, why))
    blobs = [_blob(row) for row in listed.decode("utf-8", "surrogateescape").split("\0") if row]
    files = [each for each in blobs if each.mode in (_REGULAR, _EXECUTABLE, _LINK)]
    # links last, the deepest of them first: nothing is ever written through one
    files.sort(key=lambda each: (each.mode == _LINK, -each.path.count("/")))
    try:
        _write_all(git, files, into)
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(no_git(f"{type(error).__name__} while reading {commit[:12]}")) from None
    return len(files)


def changed_files(root: Path, commit: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Files below `root` in which the working tree differs from `commit`, relative to it.

    Nothing where git cannot tell. Files that git does not track are left out.
    """
    git = Git(str(root), variables)
    code, found, _ = git.run("diff", "--name-only", "--no-ext-diff", "--relative", "-z", commit)
    names = found.decode("utf-8", "surrogateescape").split("\0") if code == 0 else []
    return tuple(name for name in names if name)


def _blob(row: str) -> Blob:
    head, _, path = row.partition("\t")
    mode, _, id_ = head.split(" ")
    parts = path.split("/")
    if any(part.lower() in ("", ".", "..", ".git") for part in parts) or "\\" in path:
        raise UsageError(_hostile(path))
    return Blob(mode, id_, path)


_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\n"
)


def _stored(data: bytes, file: Path) -> bytes:
    """What a pointer of Git LFS stands for, if the working tree has it in `file`; else `data`.

    Else every such file would count as changed. A content that is not here is another one.
    """
    found = _POINTER.match(data)
    if found is None or file.is_symlink() or not file.is_file():
        return data
    content = file.read_bytes()
    same = hashlib.sha256(content).hexdigest().encode() == found[1]
    return content if same else data


def _write_all(git: Git, files: Iterable[Blob], into: Path) -> None:
    with tempfile.TemporaryFile() as asked:
        files = list(files)
        asked.write("".join(f"{each.id}\n" for each in files).encode())
        asked.seek(0)
        with subprocess.Popen(  # noqa: S603 - no shell; ids are those that git has listed
            ["git", "-C", git.root, "cat-file", "--batch"],  # noqa: S607 - as for all of git
            env=git.environment,
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as running:
            assert running.stdout is not None  # noqa: S101 - it was asked for
            for each in files:
                _write(each, running.stdout, Path(git.root), into)


def _write(blob: Blob, stream: IO[bytes], root: Path, into: Path) -> None:
    """Write one file from what `git cat-file --batch` tells: a line with its size, its bytes."""
    head = stream.readline().split()
    size = int(head[2]) if len(head) == 3 else -1  # it is missing: a partial clone
    data = stream.read(size) if size >= 0 else b""
    if len(data) != size:
        raise OSError("git lacks a file of the commit")
    stream.read(1)
    path = into / blob.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if blob.mode == _LINK:
        path.symlink_to(os.fsdecode(data))
        return
    with path.open("xb") as file:
        file.write(_stored(data, root / blob.path))
    if blob.mode == _EXECUTABLE:
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _hostile(path: str) -> Diagnostic:
    return Diagnostic(
        code="offline/path",
        summary=f'the commit has a file whose path is not safe to write: "{path}"',
        fix="compare with another commit: --base",
    )
