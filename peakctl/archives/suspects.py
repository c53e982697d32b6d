"""Files that were hardly meant to be uploaded, known by their names and first bytes.

Takes what was read of each file, gives a notice a sort of file. Plan files are told apart too: they
are peakctl's own, and one that lies in an artifact would make its own plan stale.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from peakctl.model import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = 20
_PLAN = re.compile(rb'\s*\{\s*"kind":\s*"peakctl-plan"')
_LFS = b"version https://git-lfs.github.com/spec/"
_LFS_SIZE = 1024
_LINK = re.compile(rb"\.{1,2}/[^\s\0]{1,4000}")
"""What git writes in place of a link where links are switched off, as on Windows."""
_PRIVATE = b"PRIVATE KEY-----"
_NAMES = (
    ".env",
    ".env.*",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".git-credentials",
    "credentials.json",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
)
_KEYS = ("*.pem", "*.key")
"""These may be certificates as well, which are public: only a private key in them counts."""
_EMPTY_FILES = frozenset({".dockerignore", ".gitignore", ".gitkeep", ".keep"})
"""A folder that holds nothing else is as good as empty."""
_HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist")


_EMPTY = Notice(
    "artifact/empty",
    "the folder has no file to upload, but for ignore files",
    "it is empty, or its ignore files leave everything out",
    "if it is a git submodule, check it out: git submodule update --init",
)
_POINTERS = (
    "artifact/lfs-pointer",
    "Git LFS pointers are uploaded in place of files",
    "the files themselves were not fetched",
    "fetch them with git lfs pull, in CI at the checkout",
)
_LINKS = (
    "artifact/link-as-text",
    "files that hold nothing but a path are uploaded",
    "git writes a link so where links are switched off, as on Windows",
    "set core.symlinks and check them out again, or put the files in their place",
)
_CREDENTIALS = (
    "artifact/credentials",
    "files that may hold credentials are uploaded",
    "whoever may download the artifact, or run the image, can read them",
    "leave them out with an ignore file, e.g. .dockerignore",
)


def is_plan_file(start: bytes) -> bool:
    """Whether a file that begins so is a plan of `peakctl plan --out`."""
    return _PLAN.match(start) is not None


@dataclass(slots=True)
class Suspects:
    """What was noticed so far, by path."""

    pointers: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)

    def look(self, path: str, size: int, start: bytes) -> None:
        """Note a file of which `start` was read."""
        if size < _LFS_SIZE and start.startswith(_LFS):
            self.pointers.append(path)
        if len(start) == size and _LINK.fullmatch(start):
            self.links.append(path)
        if _holds_credentials(PurePosixPath(path).name.lower(), start):
            self.credentials.append(path)

    def notices(self, paths: Iterable[str]) -> tuple[Notice, ...]:
        """One a sort of file; `paths` are those of all files."""
        told = [
            Notice(code, f"{words}: {_listed(noted)}", detail, fix)
            for noted, (code, words, detail, fix) in (
                (self.pointers, _POINTERS),
                (self.links, _LINKS),
                (self.credentials, _CREDENTIALS),
            )
            if noted
        ]
        holds_any = any(PurePosixPath(path).name not in _EMPTY_FILES for path in paths)
        return tuple(told) if holds_any else (_EMPTY, *told)


def _holds_credentials(name: str, start: bytes) -> bool:
    if name in _HARMLESS:
        return False
    if any(fnmatchcase(name, pattern) for pattern in _KEYS):
        return _PRIVATE in start
    return any(fnmatchcase(name, pattern) for pattern in _NAMES)


def _listed(paths: list[str]) -> str:
    more = len(paths) - SHOWN
    return ", ".join(paths[:SHOWN]) + (f" and {more} more" if more > 0 else "")
