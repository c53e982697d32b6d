"""What a new version of an archive changes: from the live one, from the ledger, or not known."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import ledger_of

from peakctl.engine.observe import file_changes
from peakctl.engine.observe.file_changes import add_file_changes, compare_files, compared
from peakctl.engine.observe.live_state import LiveState
from peakctl.errors import ApiError, Diagnostic
from peakctl.ledger.digests import Digests
from peakctl.ledger.remembered import write_list
from peakctl.model import (
    Action,
    Archive,
    ArchiveFile,
    Change,
    Document,
    FileChanges,
    FileCounts,
    FileTotal,
    Key,
    Ledger,
    Live,
    Location,
    Owned,
    Plan,
    Resource,
    Verb,
)

KEY, PATH = Key("Image", "train"), ("spec", "artifact")
OLD, NEW = "sha256:old", "sha256:new"
DIGESTS = Digests("salt")


def file(path: str, content: str = "x", modified: float = 0.0) -> ArchiveFile:
    sha = hashlib.sha256(content.encode()).hexdigest()
    return ArchiveFile(path, executable=False, size=len(content), sha256=sha, modified=modified)


BEFORE = (file("train.py", "old"), file("old.py", "gone"), file("moved.py", "same"))
AFTER = (file("train.py", "new!", 3), file("util.py", "one more", 2), file("here.py", "same", 1))
ADDED = FileChanges(
    ("util.py",),
    ("train.py",),
    ("old.py",),
    (("moved.py", "here.py"),),
    FileCounts(1, 1, 1, 1),
    total=FileTotal(3, 16),
    before=FileTotal(3, 11),
)
NOT_KNOWN = FileChanges(
    complete=False, total=FileTotal(3, 16), newest=("train.py", "util.py", "here.py")
)


def archive(*files: ArchiveFile, digest: str = NEW) -> Archive:
    return Archive(digest, len(files), bytes, files=files)


def action(verb: Verb = Verb.BUILD, *, packed: Archive | None = None, path: Any = PATH) -> Action:
    document = Document({}, "m.yaml", "/", lambda _: Location("m.yaml", 1, 1))
    resource = Resource(KEY, {}, document, archives={PATH: packed or archive(*AFTER)})
    live = Live(KEY, 7, {"spec": {"artifact": {"digest": OLD}}})
    changes = (Change(path, OLD, NEW, "build"),) if verb is not Verb.KEEP else ()
    return Action(KEY, verb, changes=changes, live=live, resource=resource)


def found(
    lab: Any, each: Action, ledger: Ledger | None = None, known: Any = None
) -> FileChanges | None:
    plan = Plan((each,))
    added = asyncio.run(add_file_changes(plan, LiveState(ledger=ledger), lab.shelves, known or {}))
    assert added == plan, "nothing is decided by the files"
    return added.actions[0].files


def remembered(*files: ArchiveFile, digest: str = OLD, id_: int = 7) -> Ledger:
    digests = write_list(PATH, archive(*files, digest=digest), DIGESTS)
    return ledger_of(Owned(Key("Image", "other"), 8), Owned(KEY, id_, digests=digests))


def test_the_live_archive_is_compared_file_by_file(lab: Any) -> None:
    lab.Image.archive = BEFORE
    assert found(lab, action()) == ADDED
    assert found(lab, action(path=(*PATH, "digest"))) == ADDED


def test_the_ledger_is_asked_where_the_platform_gives_nothing_back(lab: Any) -> None:
    assert found(lab, action(), remembered(*BEFORE)) == ADDED


@pytest.mark.parametrize(
    "ledger",
    [
        None,
        ledger_of(),
        remembered(*BEFORE, digest="sha256:of another version"),
        remembered(*BEFORE, id_=9),
    ],
    ids=["no ledger", "nothing of it", "another version", "another image"],
)
def test_what_is_not_known_shows_the_newest_files(lab: Any, ledger: Ledger | None) -> None:
    assert found(lab, action(), ledger) == NOT_KNOWN


def test_a_list_that_was_too_long_tells_its_total(lab: Any) -> None:
    many = [file(f"{number}") for number in range(300)]
    assert found(lab, action(), remembered(*many)) == replace(NOT_KNOWN, before=FileTotal(300, 300))


def test_a_download_that_fails_takes_nothing_from_the_plan(lab: Any) -> None:
    lab.Image.archive = ApiError(Diagnostic("api/server", "down"), status=503)
    assert found(lab, action()) == NOT_KNOWN
    assert found(lab, action(), remembered(*BEFORE)) == ADDED


def test_an_archive_that_differs_in_no_path_is_not_known(lab: Any) -> None:
    lab.Image.archive = AFTER
    assert found(lab, action()) == replace(NOT_KNOWN, before=FileTotal(3, 16))


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.REPLACE])
def test_what_is_made_has_all_its_files_added_without_a_request(lab: Any, verb: Verb) -> None:
    assert found(lab, action(verb)) == FileChanges(
        ("here.py", "train.py", "util.py"), counts=FileCounts(3), total=FileTotal(3, 16)
    )
    assert lab.Image.asked == []


def test_nothing_is_asked_where_no_archive_changes(lab: Any) -> None:
    others = (
        action(Verb.KEEP),
        action(path=("spec", "buildDetails")),
        action(packed=Archive(NEW, 1, bytes)),  # nobody looked at its files
        replace(action(), resource=None),
    )
    assert [found(lab, each) for each in others] == [None] * 4
    assert lab.Image.asked == []


def test_a_second_look_asks_for_nothing_again(lab: Any) -> None:
    lab.Image.archive = BEFORE
    first = replace(action(), files=found(lab, action()))
    known = compared(Plan((first, action(Verb.CREATE), action(Verb.KEEP))))
    assert list(known.values()) == [ADDED]
    assert found(lab, action(), known=known) == ADDED
    assert lab.Image.asked == ["files train"]
    assert found(lab, action(packed=archive(file("a"), digest="sha256:third")), known=known)
    assert lab.Image.asked == ["files train"] * 2


def test_lists_are_bounded_and_counts_are_not(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_changes, "MOST", 2)
    files = found(lab, action(Verb.CREATE))
    assert files is not None
    assert (files.added, files.counts.added) == (("here.py", "train.py"), 3)


def test_names_can_be_written_otherwise() -> None:
    words = replace(ADDED, newest=("a",)).renamed_by(str.upper)
    assert words == FileChanges(
        ("UTIL.PY",),
        ("TRAIN.PY",),
        ("OLD.PY",),
        (("MOVED.PY", "HERE.PY"),),
        ADDED.counts,
        total=ADDED.total,
        before=ADDED.before,
        newest=("A",),
    )


PATHS = st.text("ab/é", min_size=1, max_size=3)
TREES = st.dictionaries(PATHS, st.sampled_from("xyz"), max_size=6)


@given(before=TREES, after=TREES)
def test_the_changes_lead_from_one_tree_to_the_other(
    before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    found = compare_files(archive(*(file(p, c) for p, c in after.items())), after, before)
    tree = dict(before)
    for old, new in found.renamed:
        assert new not in tree
        tree[new] = tree.pop(old)
        assert tree[new] == after[new]
    for path in found.removed:
        del tree[path]
    assert not tree.keys() & set(found.added)
    assert all(tree[path] != after[path] for path in found.changed)
    tree |= {path: after[path] for path in (*found.added, *found.changed)}
    assert tree == after
    assert found.counts == tuple(
        map(len, (found.added, found.changed, found.removed, found.renamed))
    )
