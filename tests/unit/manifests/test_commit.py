"""The files of another commit, byte by byte, below a folder of their own."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from pathlib import Path

import pytest

from peakctl.errors import UsageError
from peakctl.manifests.commit import find_base, write_commit


def git(folder: Path, *words: str, data: bytes = b"") -> str:
    who = ("-c", "user.name=n", "-c", "user.email=n@example.com")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, input=data, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


def commit(folder: Path, text: str = "one") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", text, "--allow-empty")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "shop/src").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "outside.txt").write_text("outside")
    (folder / "shop/a.txt").write_bytes(b"one\r\n\0two")
    (folder / "shop/src/run.sh").write_text("#!/bin/sh\n")
    (folder / "shop/src/run.sh").chmod(0o755)
    (folder / "shop/link").symlink_to("src/run.sh")
    (folder / "shop/ä ü.txt").write_text("umlauts")
    (folder / "shop/.gitattributes").write_text("* text=auto export-ignore\na.txt export-subst\n")
    return folder


def write(root: Path, revision: str, into: Path) -> int:
    into.mkdir()
    return write_commit(root, revision, into, os.environ)


def test_the_files_of_the_folder_are_written_as_they_were(repository: Path, tmp_path: Path) -> None:
    one = commit(repository)
    (repository / "shop/a.txt").write_text("other")
    (repository / "shop/new.txt").write_text("new")
    into = tmp_path / "into"
    assert write(repository / "shop", one, into) == 5
    found = sorted(p.relative_to(into).as_posix() for p in into.rglob("*") if not p.is_dir())
    assert found == [".gitattributes", "a.txt", "link", "src/run.sh", "ä ü.txt"]
    assert (into / "a.txt").read_bytes() == b"one\n\0two" or (
        into / "a.txt"
    ).read_bytes() == b"one\r\n\0two"
    assert (into / "src/run.sh").stat().st_mode & stat.S_IXUSR
    assert not (into / "a.txt").stat().st_mode & stat.S_IXUSR
    assert (into / "link").readlink() == Path("src/run.sh")
    assert (repository / "shop/a.txt").read_text() == "other"


def test_pointers_of_lfs_stand_for_the_content_that_is_here(
    repository: Path, tmp_path: Path
) -> None:
    def pointer(content: bytes) -> bytes:
        digest = hashlib.sha256(content).hexdigest()
        size = len(content)
        head = "version https://git-lfs.github.com/spec/v1"
        return f"{head}\noid sha256:{digest}\nsize {size}\n".encode()

    shop = repository / "shop"
    for name in ("same.bin", "other.bin", "gone.bin", "linked.bin"):
        (shop / name).write_bytes(pointer(b"content"))
    one = commit(repository)
    (shop / "same.bin").write_bytes(b"content")
    (shop / "other.bin").write_bytes(b"another")
    (shop / "gone.bin").unlink()
    (shop / "linked.bin").unlink()
    (shop / "linked.bin").symlink_to("same.bin")
    into = tmp_path / "into"
    write(shop, one, into)
    assert (into / "same.bin").read_bytes() == b"content"
    for name in ("other.bin", "gone.bin", "linked.bin"):
        assert (into / name).read_bytes() == pointer(b"content")


def test_a_folder_that_was_not_there_is_empty(repository: Path, tmp_path: Path) -> None:
    one = commit(repository)
    (repository / "later").mkdir()
    assert write(repository / "later", one, tmp_path / "into") == 0


def test_submodules_are_left_out(repository: Path, tmp_path: Path) -> None:
    inner = commit(repository)
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{inner},shop/module")
    git(repository, "commit", "-qm", "two")
    assert write(repository / "shop", git(repository, "rev-parse", "HEAD"), tmp_path / "x") == 5


def test_the_base_is_where_the_branch_left(repository: Path) -> None:
    one = commit(repository)
    git(repository, "checkout", "-qb", "side")
    commit(repository, "two")
    git(repository, "checkout", "-q", "main")
    three = commit(repository, "three")
    git(repository, "checkout", "-q", "side")
    assert find_base(repository, "main", os.environ) == one
    git(repository, "checkout", "-q", "main")
    assert find_base(repository, "main", os.environ) == three
    git(repository, "checkout", "-q", "--orphan", "alone")
    commit(repository, "four")
    assert find_base(repository, "main", os.environ) == three


@pytest.mark.parametrize("name", ["nowhere", "--output=x", "main:shop", ""])
def test_what_is_no_commit_is_told(repository: Path, name: str) -> None:
    commit(repository)
    with pytest.raises(UsageError) as told:
        find_base(repository, name, os.environ)
    assert told.value.diagnostics[0].code == "policy/no-revision"
    with pytest.raises(UsageError):
        write_commit(repository, "nowhere", repository, os.environ)


def test_a_file_that_git_lacks_is_told(repository: Path, tmp_path: Path) -> None:
    one = commit(repository)
    blob = git(repository, "rev-parse", f"{one}:shop/a.txt")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(UsageError) as told:
        write(repository / "shop", one, tmp_path / "into")
    assert told.value.diagnostics[0].code == "policy/no-git"


@pytest.mark.parametrize("name", ["..", ".git", ".GIT", "a\\..\\b"])
def test_a_path_that_leads_elsewhere_is_refused(
    repository: Path, tmp_path: Path, name: str
) -> None:
    commit(repository)
    blob = git(repository, "hash-object", "-w", "--stdin", data=b"evil")
    raw = b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob)
    tree = git(repository, "hash-object", "-wt", "tree", "--literally", "--stdin", data=raw)
    evil = git(repository, "commit-tree", tree, "-m", "evil")
    with pytest.raises(UsageError) as told:
        write(repository, evil, tmp_path / "into")
    assert told.value.diagnostics[0].code == "offline/path"
    assert not any(tmp_path.joinpath("into").iterdir())


def test_nothing_is_written_through_a_link(repository: Path, tmp_path: Path) -> None:
    commit(repository)
    target, link = tmp_path / "target", b"120000 a\0"
    target.mkdir()
    to = git(repository, "hash-object", "-w", "--stdin", data=str(target).encode())
    inner = git(repository, "hash-object", "-wt", "tree", "--literally", "--stdin",
                data=b"120000 b\0" + bytes.fromhex(to))  # fmt: skip
    raw = link + bytes.fromhex(to) + b"40000 a\0" + bytes.fromhex(inner)
    tree = git(repository, "hash-object", "-wt", "tree", "--literally", "--stdin", data=raw)
    evil = git(repository, "commit-tree", tree, "-m", "evil")
    with pytest.raises(UsageError):
        write(repository, evil, tmp_path / "into")
    assert not any(target.iterdir())
