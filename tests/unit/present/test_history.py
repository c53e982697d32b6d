"""The history as people see it: at most 60 columns a line, but for words that are longer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peakctl.model import (
    Actor,
    CiJob,
    HistoryResource,
    HistoryRun,
    Key,
    Origin,
    Owner,
)
from peakctl.operations.history import HistoryResult
from peakctl.present.history import history_document, history_lines
from peakctl.present.text import to_plain
from peakctl.present.wrap import wrapped

NOW = 1_800_000_000.0
JOB = CiJob("17", "deploy", 2, "https://ci.example.com/17")
ROBOT = Actor("robot", "host-1", "12:34", "0123456789abcdef", JOB)
BUILT = HistoryResource(Key("Image", "train"), "build", "done", "0.0.1", "0.0.2")
LEFT = HistoryResource(Key("Service", "price-api"), "edit", "still in progress")
RUN = HistoryRun(
    9,
    "r9",
    ROBOT,
    "apply",
    NOW - 60,
    NOW,
    "interrupted",
    {"build": 1, "edit": 1},
    Origin("feature/prices", dirty=True, pull_request="482", approver="bob"),
    "d" * 64,
    "0.1.0",
    (BUILT, LEFT),
)
OLD = HistoryRun(
    8, "r8", Actor("alice"), "destroy", NOW - 90, NOW - 80, "done", {"delete": 2}, recovered=True
)


def text(*runs: HistoryRun, shown: tuple[HistoryRun, ...] | None = None, **more: Any) -> str:
    found = HistoryResult(Owner("retail", "prod"), "id1", runs, NOW)
    lines = history_lines(found, runs if shown is None else shown, **more)
    return to_plain(wrapped(lines, 60))


def test_each_run_has_its_facts_and_fits_60_columns() -> None:
    assert text(RUN, OLD).splitlines() == [
        "RUN  ENDED (UTC)       COMMAND  OUTCOME      WHO",
        "  9  2027-01-15 08:00  apply    interrupted  robot",
        "       commit 01234567, branch feature/prices, uncommitted",
        "           changes, pull request 482, approved by bob",
        "       https://ci.example.com/17",
        "       build  Image/train  0.0.1 -> 0.0.2",
        "       edit   Service/price-api  (still in progress)",
        "",
        "  8  2027-01-15 07:58  destroy  done         alice",
        "       2 delete (from the ledger alone)",
        "",
        "2 runs.",
    ]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, "0.0.1", "Image/train  0.0.1"),
        ("0.0.1", None, "Image/train"),
        ("0.0.1", "0.0.1", "Image/train  0.0.1"),
        (None, None, "Image/train"),
    ],
)
def test_a_version_is_told_once(before: str | None, after: str | None, words: str) -> None:
    run = replace(RUN, resources=(replace(BUILT, before=before, after=after),))
    assert f"       build  {words}\n" in text(run)


def test_of_what_was_deleted_the_version_that_it_had_is_told() -> None:
    run = replace(RUN, resources=(replace(BUILT, verb="delete", after=None),))
    assert "       delete  Image/train  0.0.1\n" in text(run)


def test_of_many_resources_the_first_are_shown() -> None:
    many = tuple(replace(BUILT, key=Key("Image", f"i{n}")) for n in range(7))
    run = replace(RUN, resources=many, left_out=3)
    assert "… 2 more, --verbose shows them\n       … 3 more, counted alone\n" in text(run)
    assert "--verbose" not in text(run, verbose=True)
    only = text(run, fits=lambda key: key.name == "i6")
    assert only.count("Image/") == 1
    assert "more" not in only


def test_a_long_name_does_not_move_the_columns_of_all() -> None:
    long = replace(OLD, command="taken over by a-project/with-a-long-name", actor=Actor("w" * 40))
    rows = text(RUN, long).splitlines()
    assert rows[1].startswith("  9  2027-01-15 08:00  apply             interrupted  robot")
    assert max(map(len, rows[:3])) <= 60


def test_what_is_not_known_is_not_told() -> None:
    bare = replace(OLD, counts={}, outcome="died", command="")
    assert "no changes known (from the ledger alone)" in text(bare)
    assert text(RUN, OLD, shown=()) == "0 of 2 runs.\n"
    assert text() == "retail/prod has no history yet: the first apply makes it.\n"


def test_programs_get_whole_runs() -> None:
    found = HistoryResult(Owner("retail", "prod"), "id1", (RUN, OLD), NOW)
    document = history_document(found, (RUN,))
    assert (document["name"], document["id"], document["total"]) == (
        "peakctl-history-retail-prod",
        "id1",
        2,
    )
    (run,) = document["runs"]
    assert run["resources"][0]["version_before"] == "0.0.1"
    assert run["resources"][0]["version_after"] == "0.0.2"
    assert (run["dirty"], run["branch"], run["pull_request"]) == (True, "feature/prices", "482")
    assert run["ci"]["url"] == "https://ci.example.com/17"
    assert run["ended"] == "2027-01-15T08:00:00Z"
