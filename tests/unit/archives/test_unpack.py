"""An archive of the platform is hostile: what is odd about any entry refuses the whole."""

from __future__ import annotations

import io
import stat
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.archives.unpack import MAX_FILES, MAX_RATIO, RATIO_FREE, unpack
from peakctl.archives.zips import digest_of_zip
from peakctl.errors import PeakctlError

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8)


def zipped(*entries: tuple[str, bytes, int]) -> bytes:
    """A zip with these entries: name, bytes, mode."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def plain(*names: str) -> bytes:
    return zipped(*((name, b"x", 0o100644) for name in names))


def refused(data: bytes, *most: int) -> str:
    with pytest.raises(PeakctlError) as found:
        unpack(data, *most)
    (told,) = found.value.diagnostics
    assert told.code == "artifact/unsafe-archive"
    return f"{told.summary} {told.detail}"


def test_files_come_with_their_bytes_and_executable_bits() -> None:
    found = unpack(
        zipped(
            ("a/", b"", 0o40755),
            ("a/run.sh", b"#!", 0o100755),
            ("a/b.txt", b"b", 0o100644),
            ("c.txt", b"c", 0),
        )
    )
    assert found.files == {"a/run.sh": b"#!", "a/b.txt": b"b", "c.txt": b"c"}
    assert found.executable == {"a/run.sh"}
    assert found.credentials == ()


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "a/../../evil", "/etc/passwd", "./a", "a//b", "..", "a/./b",
        "a\\..\\evil", "C:/evil", "c:evil", "nul", "a/COM1.txt", "a\nb", "a\x1b[2J", "a. ", "a.",
        "what?", "star*", "a|b", 'q"', "<a>", "a" * 300,
    ],
)  # fmt: skip
def test_a_name_that_leads_out_or_that_not_every_system_takes_is_refused(name: str) -> None:
    assert "name" in refused(plain("ok", name))


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_are_refused(mode: int) -> None:
    assert "link or a device" in refused(zipped(("a", b"/etc/passwd", mode | 0o777)))


@pytest.mark.parametrize("name", [".git/hooks/post-checkout", "a/.git/config", ".GIT/config"])
def test_files_of_gits_own_are_refused(name: str) -> None:
    assert "git" in refused(plain(name))


@pytest.mark.parametrize(
    "names",
    [
        ("a", "A"), ("a/x", "A/y"), ("a", "a/b"), ("a/b", "a"), ("ä", "a\u0308"), ("x", "x"),
        ("straße", "STRASSE"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_meet_on_some_system_are_refused(names: tuple[str, ...]) -> None:
    refused(plain(*names))


def test_a_folder_may_be_named_before_and_after_what_is_in_it() -> None:
    made = zipped(("a/", b"", 0o40755), ("a/b/c", b"x", 0o100644), ("a/b/", b"", 0o40755))
    assert set(unpack(made).files) == {"a/b/c"}


def test_what_is_no_zip_is_refused() -> None:
    assert "readable" in refused(b"<html>")
    assert "readable" in refused(plain("a")[:-10])


def test_what_is_too_much_is_refused() -> None:
    assert "entries" in refused(plain(*(f"{n}" for n in range(MAX_FILES + 1))))
    bomb = zipped(("bomb", b"\0" * (RATIO_FREE * 300), 0o100644))
    assert len(bomb) * MAX_RATIO < RATIO_FREE * 300
    assert "more than it may" in refused(bomb)
    assert "more than it may" in refused(zipped(("a", b"12345", 0o100644)), 4)
    assert unpack(zipped(("a", b"1234", 0o100644)), 4).files == {"a": b"1234"}


def test_files_that_may_hold_credentials_are_named() -> None:
    key = b"-----BEGIN RSA PRIVATE KEY-----"
    made = zipped(
        (".env", b"A=1", 0o100644),
        ("c/id_rsa", b"x", 0o100644),
        ("server.pem", key, 0o100644),
        ("public.pem", b"-----BEGIN CERTIFICATE-----", 0o100644),
        (".env.example", b"A=", 0o100644),
    )
    assert unpack(made).credentials == (".env", "c/id_rsa", "server.pem")


@given(st.lists(st.tuples(WORDS, st.binary(max_size=20)), max_size=5, unique_by=lambda e: e[0]))
def test_it_gives_just_the_files_or_refuses(entries: Any) -> None:
    made = zipped(*((name, data, 0o100644) for name, data in entries))
    try:
        found = unpack(made)
    except PeakctlError:
        return
    assert found.files == dict(entries)
    assert all(not name.startswith("/") and ".." not in name.split("/") for name in found.files)
    assert digest_of_zip(made)
