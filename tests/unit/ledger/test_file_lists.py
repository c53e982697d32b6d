"""Lists of files in the ledger: what they tell again, where they end, what room they take."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace

import pytest
from ledgers import US

from peakctl.ledger import remembered
from peakctl.ledger.codec import read_ledger, write_ledger
from peakctl.ledger.digests import Digests
from peakctl.ledger.remembered import (
    FileList,
    kept_lists,
    read_list,
    short_file_digest,
    shorten_lists,
    without_lists,
    write_list,
)
from peakctl.model import Archive, ArchiveFile, FileTotal, Key, Ledger, Owned

PATH = ("spec", "artifact")
DIGESTS = Digests("salt")


def file(path: str, content: str = "x", *, executable: bool = False) -> ArchiveFile:
    sha = hashlib.sha256(content.encode()).hexdigest()
    return ArchiveFile(path, executable, len(content), sha)


def archive(*files: ArchiveFile, digest: str = "sha256:a") -> Archive:
    return Archive(digest, len(files), bytes, files=files)


def test_a_list_is_read_as_it_was_written() -> None:
    files = (file("a.py"), file("d/b:c.py", "yy"))
    stored = {"spec/x": "1", **write_list(PATH, archive(*files), DIGESTS)}
    assert read_list(stored, PATH, "sha256:a", DIGESTS) == FileList(
        FileTotal(2, 3), {each.path: short_file_digest(each, DIGESTS) for each in files}
    )
    assert without_lists(stored) == {"spec/x": "1"}
    assert {**without_lists(stored), **kept_lists(stored)} == stored


def test_a_list_is_of_one_archive_alone() -> None:
    stored = write_list(PATH, archive(file("a")), DIGESTS)
    assert read_list(stored, PATH, "sha256:b", DIGESTS) is None
    assert read_list(stored, ("spec", "other"), "sha256:a", DIGESTS) is None
    assert read_list(stored, PATH, "sha256:a", Digests("other salt")) is None
    assert read_list({}, PATH, "sha256:a", DIGESTS) is None


@pytest.mark.parametrize("total", ["", "{} 1", "{} one 2", "{} 1 2 3", "{} -1 2", "{} ٣ 2"])
def test_a_total_that_is_none_is_passed_over(total: str) -> None:
    stored = {"files:spec/artifact": total.format(DIGESTS.short("sha256:a"))}
    assert read_list(stored, PATH, "sha256:a", DIGESTS) is None


def test_a_digest_tells_content_and_the_executable_bit_apart_and_not_the_path() -> None:
    one = short_file_digest(file("a"), DIGESTS)
    assert one == short_file_digest(file("b"), DIGESTS)
    assert len(one) == 8
    assert one != short_file_digest(file("a", "y"), DIGESTS)
    assert one != short_file_digest(file("a", executable=True), DIGESTS)
    assert one != short_file_digest(file("a"), Digests("other salt"))
    assert one not in file("a").sha256


@pytest.mark.parametrize(
    "files",
    [
        [file(f"{number}.py") for number in range(201)],
        [file(f"{number}" + "long" * 100) for number in range(45)],
    ],
    ids=["many files", "long paths"],
)
def test_a_long_list_is_left_out_and_its_total_stays(files: list[ArchiveFile]) -> None:
    stored = write_list(PATH, archive(*files), DIGESTS)
    assert list(stored) == ["files:spec/artifact"]
    found = read_list(stored, PATH, "sha256:a", DIGESTS)
    assert found == FileList(FileTotal(len(files), len(files)), None)


def test_the_longest_lists_give_way_where_all_are_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST_IN_ALL", 5)
    owned = {
        Key("Image", name): Owned(
            Key("Image", name),
            name,
            digests=write_list(PATH, archive(*(file(f"{i}") for i in range(n))), DIGESTS),
        )
        for name, n in (("a", 3), ("b", 4), ("c", 2))
    }
    short = shorten_lists(owned)
    assert {key.name: len(each.digests) for key, each in short.items()} == {"a": 4, "b": 1, "c": 3}
    monkeypatch.setattr(remembered, "MOST_IN_ALL", 9)
    assert shorten_lists(owned) == owned


def test_a_ledger_of_a_thousand_resources_stays_small() -> None:
    """With as many files as it takes, its text compresses to less than 300 KB."""
    owned = {}
    for number in range(1_000):
        key = Key(("Image", "Workflow")[number % 2], f"resource-{number}")
        files = [file(f"src/part_{i}/module_{i}.py", f"{number}/{i}") for i in range(20)]
        lists = write_list(PATH, archive(*files), DIGESTS) if number % 2 == 0 else {}
        digests = {"spec/parameters/env/A": DIGESTS.of(number), **lists}
        owned[key] = Owned(key, number, uses=(), digests=digests, secret=(), created=True)
    ledger = Ledger(US, "salt", owned=shorten_lists(owned))
    text = write_ledger(ledger)
    assert len(gzip.compress(text, 6)) < 300_000
    assert read_ledger(text, US) == replace(ledger, owned=dict(sorted(ledger.owned.items())))
    assert sum(len(each.digests) > 2 for each in ledger.owned.values()) == 250
