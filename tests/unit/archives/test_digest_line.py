"""The digest as the last line of a text, and the digest of a zip that came from elsewhere."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import pytest

from peakctl.archives import zips
from peakctl.archives.digest import add_digest, split_digest
from peakctl.archives.pack import pack
from peakctl.archives.zips import digest_of_zip, files_of_zip
from peakctl.errors import PeakctlError

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    "text", ["", "a", "a\n", "a\n\n", "a\nb", "\n", f"peakctl-digest: {DIGEST}"]
)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert split_digest(add_digest(text, DIGEST)) == (text, DIGEST)


def test_the_digest_is_the_last_line_behind_a_blank_one() -> None:
    assert add_digest("Notes", DIGEST) == f"Notes\n\npeakctl-digest: {DIGEST}"


@pytest.mark.parametrize(
    ("text", "plain"),
    [(f"a\r\n\r\npeakctl-digest: {DIGEST}\r\n", "a"), (f"a\npeakctl-digest: {DIGEST}  ", "a")],
)
def test_other_line_breaks_and_trimmed_ends_are_understood(text: str, plain: str) -> None:
    assert split_digest(text) == (plain, DIGEST)


@pytest.mark.parametrize(
    "text", ["", "notes", f"peakctl-digest: {DIGEST}\nmore", f"x peakctl-digest: {DIGEST}"]
)
def test_a_text_without_the_line_has_no_digest(text: str) -> None:
    assert split_digest(text) == (text, None)


def zipped(*entries: tuple[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        for name, data in entries:
            archive.writestr(name, data)
    return sink.getvalue()


def test_times_order_and_folder_entries_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x").write_bytes(b"1")
    (tmp_path / "a").write_bytes(b"2")
    archive = pack(tmp_path, None, tmp_path)
    assert digest_of_zip(archive.encode()) == archive.digest
    assert digest_of_zip(zipped(("d/", b""), ("d/x", b"1"), ("a", b"2"))) == archive.digest


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a//b", "./a", "..", "/"])
def test_unsafe_names_are_refused(name: str) -> None:
    with pytest.raises(PeakctlError, match="unsafe name"):
        digest_of_zip(zipped((name, b"")))


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(PeakctlError, match="twice"):
        digest_of_zip(zipped(("a", b"1"), ("a", b"2")))


def test_a_list_to_be_read_leaves_out_what_is_unsafe_or_there_twice() -> None:
    data = zipped(("../x", b"1"), ("/y", b"1"), ("d/", b""), ("a", b"1"), ("a", b"2"))
    assert [(file.path, file.size) for file in files_of_zip(data, lenient=True)] == [("a", 1)]


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MAX_UNPACKED", 1000)
    bomb = zipped(("a", bytes(600)), ("b", bytes(600)))
    with pytest.raises(PeakctlError, match="unpacks to more"):
        digest_of_zip(bomb)
    with pytest.raises(PeakctlError, match="unpacks to more"):
        files_of_zip(bomb, lenient=True)


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MAX_ENTRIES", 1)
    with pytest.raises(PeakctlError, match="entries"):
        digest_of_zip(zipped(("a", b""), ("b", b"")))


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "turned", "password"])
def test_what_is_no_zip_is_refused(damage: str) -> None:
    good = zipped(("a", b"some text " * 50))
    at = good.index(b"PK\x01\x02")
    bad = {
        "empty": b"",
        "text": b"<html>not found</html>",
        "cut": good[: len(good) // 2],
        "turned": good[:35] + bytes(b ^ 255 for b in good[35:50]) + good[50:],
        "password": good[:6] + b"\x01" + good[7 : at + 8] + b"\x01" + good[at + 9 :],
    }[damage]
    with pytest.raises(PeakctlError) as caught:
        digest_of_zip(bad)
    assert caught.value.diagnostics[0].code == "artifact/bad-archive"
