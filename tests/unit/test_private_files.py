"""Files that may hold secrets are their owner's alone, from the first byte on."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from peakctl.files import make_private, make_private_folder, narrow, write_private

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")


@pytest.fixture(autouse=True)
def _lax_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_private(tmp_path: Path) -> None:
    write_private(tmp_path / "a", b"x")
    make_private(tmp_path / "b")
    make_private_folder(tmp_path / "c")
    assert [mode(tmp_path / name) for name in "abc"] == [0o600, 0o600, 0o700]
    assert (tmp_path / "a").read_bytes() == b"x"


def test_a_file_with_a_wider_mode_is_narrowed(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"old")
        (tmp_path / name).chmod(0o644)
    write_private(tmp_path / "a", b"new")
    make_private(tmp_path / "b")
    narrow(tmp_path / "c")
    narrow(tmp_path / "absent")
    assert [mode(tmp_path / name) for name in "abc"] == [0o600] * 3
    assert [(tmp_path / name).read_bytes() for name in "abc"] == [b"new", b"old", b"old"]


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o755)
    make_private_folder(tmp_path / "a")
    assert mode(tmp_path / "a") == 0o755


def test_no_moment_shows_a_file_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    replace = Path.replace

    def watch(self: Path, target: Path) -> Path:
        seen.append(mode(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watch)
    monkeypatch.setattr(os, "fchmod", lambda *_: pytest.fail("the mode came later"))
    write_private(tmp_path / "a", b"x")
    make_private(tmp_path / "b")
    assert seen == [0o600]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_private(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_private(tmp_path / "pipe", b"x")
    reader.join()
    assert got == [b"x"]


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "a", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}


def test_the_mode_of_a_file_of_another_user_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "a").chmod(0o644)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchmod", refuse)
    make_private(tmp_path / "a")
    assert mode(tmp_path / "a") == 0o644
