"""All files are written, or none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from peakctl.errors import UsageError
from peakctl.operations.new_files import WrittenFiles, write_files


def test_files_are_written_once(tmp_path: Path) -> None:
    files = {"a/b.txt": b"1", "c.sh": b"2"}
    found = write_files(tmp_path, files, executable=["c.sh"])
    assert found == WrittenFiles(("a/b.txt", "c.sh"))
    assert os.access(tmp_path / "c.sh", os.X_OK)
    assert write_files(tmp_path, files) == WrittenFiles((), ("a/b.txt", "c.sh"))


def test_only_what_may_be_replaced_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError) as refused:
        write_files(tmp_path, {"a": b"new", "folder": b"", "z": b""})
    assert [d.summary for d in refused.value.diagnostics] == [
        '"a" cannot be written: it exists',
        '"folder" cannot be written: it is a folder',
    ]
    assert write_files(tmp_path, {"a": b"new"}, replace=["a"]).written == ("a",)
    assert (tmp_path / "a").read_bytes() == b"new"


def test_nothing_is_written_through_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(outside)
    with pytest.raises(UsageError, match="link is a link"):
        write_files(root, {"link/a": b"1"})
    (root / "dangling").symlink_to(outside / "nowhere")
    with pytest.raises(UsageError, match="exists"):
        write_files(root, {"dangling": b"1"})
    assert list(outside.iterdir()) == []


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old").write_bytes(b"old")
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "third":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_files(tmp_path, {"first": b"1", "third": b"3"})
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
