"""Folders to archives: which files, which bytes, which limits."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import socket
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakctl.archives import files
from peakctl.archives.pack import _WORTH_A_THREAD, LIMIT, pack, pack_all
from peakctl.archives.zips import digest_of_zip
from peakctl.engine.plan.approval import Approval, write_approval
from peakctl.errors import ManifestsInvalid
from peakctl.model import Archive, ArtifactFolder

RECORDED = json.loads(
    (Path(__file__).parents[2] / "contract/client/artifact-archives.json").read_text()
)
DEFECTS = (
    "client joins the path twice",
    "outside targets too",
    "older than 1980",
    "is not understood",
    "relative to the working directory",
)
"""Contract, section 6.8, links that leave the folder, and where the client's folder differs."""
BY_HAND = ("symbolic link", "random data", "40 MiB", "file modes")


def is_comparable(trial: dict) -> bool:
    return (
        "artifact" in trial["body"]
        and "artifact: {}" not in trial["body"]
        and not any(word in trial["about"] for word in (*DEFECTS, *BY_HAND))
    )


def grow(folder: Path, tree: dict[str, str]) -> Path:
    for name, text in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    folder.mkdir(exist_ok=True)
    return folder


def names_of(folder: Path, ignore_files: list[str] | None = None) -> list[str]:
    archive = pack(folder, ignore_files, folder.parent)
    return zipfile.ZipFile(io.BytesIO(archive.encode())).namelist()


def refused(folder: Path, ignore_files: list[str] | None = None, root: Path | None = None) -> str:
    with pytest.raises(ManifestsInvalid) as caught:
        pack(folder, ignore_files, root or folder.parent)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.locations == ()
    return diagnostic.code


@pytest.mark.parametrize(
    "trial", [t for t in RECORDED["trials"] if is_comparable(t)], ids=lambda t: t["about"]
)
def test_the_files_are_those_of_the_platforms_own_client(trial: dict, tmp_path: Path) -> None:
    artifact = yaml_free_artifact(trial["body"])
    folder = grow(tmp_path / "artifact", trial["tree"]) / artifact["path"]
    if trial["exitCode"]:
        refused(folder, artifact["ignore_files"], tmp_path)
        return
    archive = pack(folder, artifact["ignore_files"], tmp_path)
    zipped = zipfile.ZipFile(io.BytesIO(archive.encode()))
    kept = [name for name in trial["zipEntries"] if ".git" not in name.split("/")]
    assert sorted(zipped.namelist()) == sorted(kept)
    for info in trial.get("zipInfo", ()):
        assert oct(zipped.getinfo(info["name"]).external_attr >> 16) == info["unixMode"]
        assert zipped.getinfo(info["name"]).file_size == info["size"]


def yaml_free_artifact(body: str) -> dict:
    """`artifact: {path: x, ignore_files: [a, b]}` of a recorded body."""
    import yaml

    artifact = yaml.safe_load(body)["artifact"]
    return {"path": artifact["path"], "ignore_files": artifact.get("ignore_files")}


def test_a_folder_below_the_working_folder_uses_its_own_default_ignore_file(tmp_path: Path) -> None:
    grow(
        tmp_path, {".dockerignore": "*", "app/.dockerignore": "*.log", "app/a.log": "", "app/b": ""}
    )
    assert names_of(tmp_path / "app") == [".dockerignore", "b"]


def test_folder_entries_come_last_and_only_for_folders_with_files(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"d/e/f": "1", "z": "2", ".dockerignore": "gone"})
    grow(folder, {"gone/x": ""})
    (folder / "empty").mkdir()
    assert names_of(folder) == [".dockerignore", "d/e/f", "z", "d/", "d/e/"]


def test_the_same_files_give_the_same_bytes_whatever_their_times_and_order(tmp_path: Path) -> None:
    one = grow(tmp_path / "one", {"a": "1", "b/c": "2"})
    two = grow(tmp_path / "two", {"b/c": "2", "a": "1"})
    os.utime(two / "a", (0, 0))
    first, second = pack(one, None, tmp_path), pack(two, None, tmp_path)
    assert (first.digest, first.size) == (second.digest, 2)
    assert first.encode() == second.encode()


@pytest.mark.parametrize("change", ["content", "name", "executable", "another"])
def test_the_digest_tells_files_apart(tmp_path: Path, change: str) -> None:
    folder = grow(tmp_path / "a", {"x": "1", "y": "2"})
    before = pack(folder, None, tmp_path).digest
    if change == "content":
        (folder / "x").write_text("3")
    elif change == "name":
        (folder / "x").rename(folder / "z")
    elif change == "executable":
        (folder / "x").chmod(0o755)
    else:
        (folder / "z").write_text("")
    assert pack(folder, None, tmp_path).digest != before


def test_modes_are_reduced_to_the_executable_bit(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"run.sh": "", "ro": ""})
    (folder / "run.sh").chmod(0o700)
    (folder / "ro").chmod(0o444)
    zipped = zipfile.ZipFile(io.BytesIO(pack(folder, None, tmp_path).encode()))
    assert [oct(zipped.getinfo(n).external_attr >> 16) for n in ("ro", "run.sh")] == [
        "0o100644",
        "0o100755",
    ]
    assert {i.create_system for i in zipped.infolist()} == {3}


def test_links_within_the_folder_are_followed_and_stored_as_content(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"real/r.txt": "1"})
    (folder / "to-dir").symlink_to("real")
    (folder / "to-file").symlink_to("real/r.txt")
    assert names_of(folder) == ["real/r.txt", "to-dir/r.txt", "to-file", "real/", "to-dir/"]


def test_a_link_out_of_the_folder_is_refused_unless_it_is_ignored(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"x": "1"})
    (tmp_path / "secret").write_text("s")
    (folder / "out").symlink_to("../secret")
    assert refused(folder) == "artifact/link-outside"
    (folder / ".dockerignore").write_text("out")
    assert names_of(folder) == [".dockerignore", "x"]


@pytest.mark.parametrize("target", [".", "..", "loop"])
def test_link_loops_are_refused(tmp_path: Path, target: str) -> None:
    folder = grow(tmp_path / "a", {"d/x": "2"})
    (folder / "d/loop").symlink_to(target)
    assert refused(folder) == "artifact/link-loop"


def test_an_ignored_link_loop_does_no_harm(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"x": "", ".dockerignore": "loop"})
    (folder / "loop").symlink_to("loop")
    assert names_of(folder) == [".dockerignore", "x"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {})
    os.mkfifo(folder / "pipe")
    assert refused(folder) == "artifact/not-a-file"


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {})
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff"))).write_text("")
    assert refused(folder) == "artifact/file-name"


def test_odd_names_survive(tmp_path: Path) -> None:
    names = {"é/ü.txt": "", "a b": "", "back\\slash": "", "new\nline": "", "-x": "", "'\"$": ""}
    folder = grow(tmp_path / "a", names)
    archive = pack(folder, None, tmp_path)
    assert digest_of_zip(archive.encode()) == archive.digest


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 2)
    assert refused(grow(tmp_path / "a", dict.fromkeys("abc", ""))) == "artifact/too-many-files"


@pytest.mark.parametrize("error", ["file", "folder"])
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    folder = grow(tmp_path / "a", {"x": "", "d/y": ""})

    def fail(*_args: object, **_named: object) -> None:
        raise PermissionError(13, "Permission denied")

    if error == "file":
        monkeypatch.setattr(files, "FileIO", fail)
    else:
        monkeypatch.setattr(files.os, "scandir", fail)
    assert {code for code, _ in problems_of(folder)} == {"artifact/unreadable"}


def test_a_file_without_a_status_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    (entry,) = os.scandir(tmp_path)
    denied = PermissionError(13, "Permission denied")
    with pytest.raises(ManifestsInvalid) as caught:
        files._check_broken(denied, "x", entry, None)
    assert caught.value.diagnostics[0].code == "artifact/unreadable"
    gone = FileNotFoundError(2, "No such file or directory")
    files._check_broken(gone, "x", entry, None)  # removed while we looked


def problems_of(folder: Path) -> list[tuple[str, str]]:
    with pytest.raises(ManifestsInvalid) as caught:
        pack(folder, None, folder.parent)
    return [(d.code, d.summary) for d in caught.value.diagnostics]


@pytest.mark.parametrize("goal", ["nowhere", "real/r.txt/x", "/nonexistent/x"])
def test_a_broken_link_is_refused_unless_it_is_ignored(tmp_path: Path, goal: str) -> None:
    folder = grow(tmp_path / "a", {"real/r.txt": "1"})
    (folder / "model.bin").symlink_to(goal)
    ((code, summary),) = problems_of(folder)
    assert code == "artifact/broken-link"
    assert f'the link "model.bin" leads to "{goal}"' in summary
    (folder / ".dockerignore").write_text("model.bin")
    assert pack(folder, None, tmp_path).size == 2


def test_all_that_cannot_be_packed_is_told_at_once(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"x": "1"})
    (folder / "broken").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    (folder / "out").symlink_to("..")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(folder)  # the name of a socket may not be long
        made.bind("socket")
        os.chdir(here)
    assert sorted(code for code, _ in problems_of(folder)) == [
        "artifact/broken-link",
        "artifact/link-loop",
        "artifact/link-outside",
        "artifact/not-a-file",
        "artifact/not-a-file",
    ]


def test_very_many_problems_are_counted(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"x": "1"})
    for number in range(105):
        (folder / f"l{number:03}").symlink_to("nowhere")
    told = problems_of(folder)
    assert len(told) == 101
    assert told[-1][1] == "5 more files of the folder cannot be packed"


@pytest.mark.parametrize(
    "own", [".git/HEAD", ".git", "sub/.git", ".peakctl/emulator-local.sqlite", "sub/.peakctl/x"]
)
def test_what_git_and_peakctl_keep_for_themselves_is_left_out(tmp_path: Path, own: str) -> None:
    folder = grow(tmp_path / "a", {"x": "1", "sub/y": "2", ".gitignore": "", ".github/z": ""})
    before = pack(folder, None, tmp_path)
    grow(folder, {own: "something"})
    assert pack(folder, None, tmp_path).digest == before.digest
    (folder / ".dockerignore").write_text(f"!{own}")
    assert own not in names_of(folder)


def test_files_that_the_run_writes_are_left_out(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"x": "1"})
    before = pack(folder, None, tmp_path)
    grow(folder, {"report.json": "{}"})
    status = (folder / "report.json").stat()
    own = frozenset({(status.st_dev, status.st_ino)})
    assert pack(folder, None, tmp_path, skip=own).digest == before.digest
    assert pack(folder, None, tmp_path).digest != before.digest


def test_an_archive_tells_of_each_file_and_when_it_was_written(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"x": "1", "sub/y": "22"})
    os.utime(folder / "x", (5, 1_000))
    os.utime(folder / "sub/y", (5, 2_000))
    files = pack(folder, None, tmp_path).files
    assert [(f.path, f.size, f.modified) for f in files] == [("sub/y", 2, 2_000), ("x", 1, 1_000)]
    (folder / "x").chmod(0o755)
    assert [f.executable for f in pack(folder, None, tmp_path).files] == [False, True]


def test_plan_files_are_left_out(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"x": "1"})
    before = pack(folder, None, tmp_path)
    text = write_approval(Approval("p", "e", "00", ()))
    grow(folder, {"release.plan": text})
    archive = pack(folder, None, tmp_path)
    assert archive.digest == before.digest
    assert archive.paths == {"x"}
    assert zipfile.ZipFile(io.BytesIO(archive.encode())).namelist() == ["x"]


def test_the_digest_of_an_ordinary_folder_is_what_it_always_was(tmp_path: Path) -> None:
    tree = {
        "Dockerfile": "FROM python:3.12\n",
        ".dockerignore": "*.log\n",
        "a.log": "",
        "s/m.py": "",
    }
    assert pack(grow(tmp_path / "a", tree), None, tmp_path).digest == (
        "sha256:4035c5f36671d780d26de09f23b89c0acf3e54017516e02db6499f5767e290e0"
    )


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "0" + "\nsize 12345\n"
KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("m/model.bin", LFS, "lfs-pointer"),
        ("m/model.bin", LFS + 1000 * "x", None),
        ("link", "../models/model.bin", "link-as-text"),
        ("link", "./x", "link-as-text"),
        ("not-a-link", "../models/model.bin\n", None),
        ("not-a-link", "../a b", None),
        (".env", "A=1", "credentials"),
        ("app/.env.production", "A=1", "credentials"),
        (".env.example", "A=", None),
        (".ENV", "A=1", "credentials"),
        ("env", "A=1", None),
        ("id_rsa", "x", "credentials"),
        ("id_rsa.pub", "x", None),
        ("k/.netrc", "x", "credentials"),
        ("credentials.json", "{}", "credentials"),
        ("server.pem", KEY, "credentials"),
        ("ca.pem", KEY.replace("PRIVATE KEY", "CERTIFICATE"), None),
        ("tls.key", KEY.replace("PRIVATE", "RSA PRIVATE"), "credentials"),
    ],
)
def test_files_that_were_hardly_meant_are_told_by_name(
    tmp_path: Path, name: str, text: str, code: str | None
) -> None:
    folder = grow(tmp_path / "a", {"x": "1", name: text})
    told = pack(folder, None, tmp_path).notices
    assert [n.code for n in told] == ([f"artifact/{code}"] if code else [])
    assert all(n.summary.endswith(f": {name}") for n in told)
    (folder / ".dockerignore").write_text(name)
    assert pack(folder, None, tmp_path).notices == ()


def test_many_such_files_are_counted(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {f"d{number:02}/.env": "" for number in range(23)})
    (told,) = pack(folder, None, tmp_path).notices
    assert told.summary.endswith("d19/.env and 3 more")


@pytest.mark.parametrize(
    "tree", [{}, {"sub/x": "1", ".dockerignore": "sub"}, {".git": "x", ".gitkeep": ""}]
)
def test_a_folder_without_files_is_told(tmp_path: Path, tree: dict[str, str]) -> None:
    archive = pack(grow(tmp_path / "a", tree), None, tmp_path)
    assert [n.code for n in archive.notices] == ["artifact/empty"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nope", "artifact/no-folder"),
        ("file", "artifact/no-folder"),
        ("..", "artifact/outside-project"),
    ],
)
def test_the_path_is_a_folder_of_the_project(tmp_path: Path, name: str, code: str) -> None:
    project = grow(tmp_path / "project", {"file": ""})
    assert refused(project / name, None, project) == code


def test_a_missing_folder_elsewhere_is_shown_whole(tmp_path: Path) -> None:
    with pytest.raises(ManifestsInvalid, match=str(tmp_path / "nope")):
        pack(tmp_path / "nope", None, tmp_path / "project")


@pytest.mark.parametrize(
    ("names", "content", "code"),
    [
        ([".nope"], None, "artifact/ignore-file"),
        (["s/.ignore"], None, "artifact/ignore-file-place"),
        (["../x"], None, "artifact/ignore-file-place"),
        (["i"], b"\xff", "artifact/ignore-file"),
        (["i"], b"[z-a]", "artifact/ignore-pattern"),
        (["i"], b"ok\n!\n", "artifact/ignore-pattern"),
    ],
)
def test_ignore_files_are_at_the_root_and_made_of_patterns(
    tmp_path: Path, names: list[str], content: bytes | None, code: str
) -> None:
    folder = grow(tmp_path / "a", {"x": ""})
    if content is not None:
        (folder / "i").write_bytes(content)
    assert refused(folder, names) == code


def test_a_file_comes_back_from_below_an_ignored_folder(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"i": "v\n!v/d/keep", "v/d/keep": "", "v/x": "", "w/v": ""})
    assert names_of(folder, ["i"]) == ["i", "v/d/keep", "v/", "v/d/"]


def noise(count: int) -> bytes:
    return random.Random(1).randbytes(count)


def test_random_bytes_up_to_the_limit_are_packed(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {})
    (folder / "big").write_bytes(noise(LIMIT - 10_000))
    archive = pack(folder, None, tmp_path)
    assert archive.encode() is not None
    assert digest_of_zip(archive.encode()) == archive.digest


def test_the_limit_is_on_the_compressed_size(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {})
    (folder / "zeros").write_bytes(bytes(4 * LIMIT))
    assert len(pack(folder, None, tmp_path).encode()) < LIMIT


def test_too_large_an_archive_names_its_largest_files(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {str(n): "x" * n for n in range(1, 9)})
    (folder / "big").write_bytes(noise(LIMIT))
    (folder / "k").write_bytes(bytes(2048))
    with pytest.raises(ManifestsInvalid) as caught:
        pack(folder, None, tmp_path)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "artifact/too-large"
    largest = "big (10.0 MiB), k (2.0 KiB), 8 (8 B), 7 (7 B), 6 (6 B)"
    assert diagnostic.detail == f"largest files: {largest}"
    assert "ignore file" in diagnostic.fix


def test_too_much_to_unpack_is_refused(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {})
    with (folder / "sparse").open("wb") as file:
        file.truncate(2**30 + 1)
    assert refused(folder) == "artifact/too-large"


def test_files_that_change_between_plan_and_apply_are_noticed(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"x": "1"})
    archive = pack(folder, None, tmp_path)
    (folder / "x").write_text("2")
    with pytest.raises(ManifestsInvalid) as caught:
        archive.encode()
    assert caught.value.diagnostics[0].code == "artifact/changed"


def test_a_pattern_for_all_at_the_root_covers_what_lies_deeper(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep.txt").write_text("1")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "x.txt").write_text("2")
    (tmp_path / ".dockerignore").write_text("/*\n!/kept\n")
    assert names_of(tmp_path) == ["kept/x.txt", "kept/"]


# --- several folders ---------------------------------------------------------------------------


def needed(*folders: Path) -> list[ArtifactFolder]:
    return [ArtifactFolder(folder, None) for folder in folders]


def test_several_folders_give_what_each_gives_alone(tmp_path: Path) -> None:
    good = grow(tmp_path / "good", {"a": "1"})
    other = ArtifactFolder(grow(tmp_path / "other", {"b": "2", "c": "3"}), ("mine",))
    (other.place / "mine").write_text("c\n")
    unseen = ArtifactFolder(good, None, needed=False)
    missing = ArtifactFolder(tmp_path / "missing", None, needed=False)
    (broken,) = needed(grow(tmp_path / "broken", {}))
    (broken.place / "link").symlink_to("nowhere")
    asked = [*needed(good), other, unseen, missing, broken, *needed(good)]
    first, second, third, fourth, fifth, last = pack_all(asked, tmp_path)
    assert first == last == pack(good, None, tmp_path)
    assert second == pack(other.place, ["mine"], tmp_path)
    assert third is None
    assert isinstance(fourth, ManifestsInvalid)
    assert isinstance(fifth, ManifestsInvalid)
    assert [d.code for d in fourth.diagnostics] == ["artifact/no-folder"]
    assert [d.code for d in fifth.diagnostics] == ["artifact/broken-link"]


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders that are worth a thread, on a machine of two processors."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    size = _WORTH_A_THREAD // 2
    return [grow(tmp_path / name, {"a": name * size}) for name in "xy"]


def reading(monkeypatch: pytest.MonkeyPatch, before: Callable[[], object]) -> set[str]:
    """The names of the threads that read files, each of which calls `before` first."""
    names: set[str] = set()
    read = files.read_entry

    def read_entry(*args: Any) -> Any:
        names.add(threading.current_thread().name)
        before()
        return read(*args)

    monkeypatch.setattr(files, "read_entry", read_entry)
    return names


def test_large_folders_are_read_side_by_side(
    large: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [pack(folder, None, tmp_path) for folder in large]
    both = threading.Barrier(2)  # each waits for the other: one after the other never ends
    reading(monkeypatch, lambda: both.wait(timeout=60))
    assert pack_all(needed(*large), tmp_path) == alone


@pytest.mark.parametrize("count", [1, None])
def test_one_processor_reads_them_one_after_the_other(
    large: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int | None
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: count)
    names = reading(monkeypatch, lambda: None)
    pack_all(needed(*large), tmp_path)
    assert names == {threading.current_thread().name}


def test_small_files_are_read_in_one_thread_unless_they_are_compressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    few = [grow(tmp_path / name, {"a": name * 5000}) for name in "xy"]
    names = reading(monkeypatch, lambda: None)
    pack_all(needed(*few), tmp_path)
    monkeypatch.setattr("peakctl.archives.pack._WORTH_A_THREAD", 1)
    pack_all(needed(*few), tmp_path)
    assert names == {threading.current_thread().name}
    alone = [pack(folder, None, tmp_path).digest for folder in few]
    monkeypatch.setattr("peakctl.archives.pack.LIMIT", 5000)
    both = threading.Barrier(2)
    met = iter([True, True])
    reading(monkeypatch, lambda: next(met, False) and both.wait(timeout=60))
    found = pack_all(needed(*few), tmp_path)
    assert [each.digest for each in found if isinstance(each, Archive)] == alone


def test_where_no_thread_can_be_started_folders_are_read_all_the_same(
    large: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert all(isinstance(each, Archive) for each in pack_all(needed(*large), tmp_path))


def test_what_stops_one_thread_stops_all(
    large: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    reading(monkeypatch, stop)
    with pytest.raises(KeyboardInterrupt):
        pack_all(needed(*large), tmp_path)


def test_a_large_folder_that_cannot_be_packed_is_told_with_the_others(
    large: list[Path], tmp_path: Path
) -> None:
    (large[1] / "noise").write_bytes(noise(LIMIT + 2**10))
    found = pack_all(needed(*large), tmp_path)
    assert [type(each) for each in found] == [Archive, ManifestsInvalid]


def test_a_private_key_after_many_certificates_is_told(tmp_path: Path) -> None:
    text = "CERTIFICATE\n" * 60_000 + "-----BEGIN PRIVATE KEY-----\n"
    folder = grow(tmp_path / "a", {"ALL.PEM": text, "other.txt": text})
    (told,) = pack(folder, None, tmp_path).notices
    assert (told.code, "ALL.PEM" in told.summary) == ("artifact/credentials", True)
    assert len(text) > files.CHUNK


def test_a_file_that_grew_since_it_was_found_is_read_whole(tmp_path: Path) -> None:
    folder = grow(tmp_path / "a", {"log": ""})
    (found,) = files.find_files(folder, None)
    (folder / "log").write_bytes(noise(3 * files.CHUNK + 1))
    chunks: list[bytes] = []
    entry = files.read_entry(found, lambda chunk: chunks.append(bytes(chunk)))
    assert b"".join(chunks) == noise(3 * files.CHUNK + 1)
    assert entry.sha256 == hashlib.sha256(b"".join(chunks)).hexdigest()
