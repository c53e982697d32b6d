"""A ledger as people and programs see it: never with digests or their salt."""

from __future__ import annotations

import json
from dataclasses import replace

from peakctl.engine.rebuild import Rebuilt
from peakctl.errors import Diagnostic
from peakctl.ledger.recovery import Found
from peakctl.ledger.revisions import LedgerRevision
from peakctl.model import Actor, CiJob, Intent, Key, Lease, Ledger, Owned, Owner, PastRun
from peakctl.present.ledger import (
    Shown,
    found_lines,
    lease_lines,
    ledger_document,
    ledger_lines,
    rebuilt_document,
    rebuilt_lines,
)
from peakctl.present.text import to_plain

US = Owner("retail", "prod")
IMAGE, FLOW = Key("Image", "a"), Key("Workflow", "b")
NOW = 1_800_000_000.0
JOB = CiJob("17", "deploy", 2, "https://ci.example.com/17")
ROBOT = Actor("robot", "host-1", "12:34", "0123456789abcdef", JOB)
LEASE = Lease("r1", ROBOT, NOW - 60, NOW + 840)
EMPTY = Ledger(US, salt="the-salt")
FULL = replace(
    EMPTY,
    owned={
        FLOW: Owned(FLOW, "w1", protect=True, uses=(IMAGE,), digests={"spec.x": "the-digest"}),
        IMAGE: Owned(IMAGE, 7),
    },
    intents=(Intent(FLOW, "create"), Intent(IMAGE, "build", "0.0.2", 7, "r1")),
    lease=LEASE,
    runs=(
        PastRun("r0", ROBOT, "apply", NOW - 90, NOW - 80, "done", {"create": 2, "edit": 0}),
        PastRun("r9", Actor("alice"), "ledger unlock", NOW - 70, NOW - 70, "done"),
    ),
)


def shown(ledger: Ledger = FULL, *, number: int = 3, newest: int = 3, now: float = NOW) -> Shown:
    return Shown(LedgerRevision("id1", number, newest, ledger), now)


def test_everything_is_shown_but_digests_and_salt() -> None:
    text = to_plain(ledger_lines(shown()))
    assert text == (
        "Ledger   peakctl-ledger-retail-prod  id id1\n"
        "Version  3 in force\n"
        "Lease    held by ci run 17 (job deploy) of robot, since 2027-01-15 07:59:00 UTC,"
        " until 2027-01-15 08:14:00 UTC\n"
        "         https://ci.example.com/17\n"
        "\n"
        "RESOURCE    ID  PROTECTED\n"
        "Image/a     7\n"
        "Workflow/b  w1  yes\n"
        "\n"
        "Begun and not reported on:\n"
        "  create  Workflow/b\n"
        "  build   Image/a  0.0.2  (ci run 17 (job deploy) of robot, 2027-01-15 07:59:00 UTC)\n"
        "The next apply looks at each of them first. What no manifest names any more is"
        " looked at by an apply with --prune.\n"
        "\n"
        "ENDED (UTC)       COMMAND        OUTCOME  CHANGES   WHO    COMMIT\n"
        "2027-01-15 07:58  ledger unlock  done               alice\n"
        "2027-01-15 07:58  apply          done     2 create  robot  01234567\n"
        "What each run did, and to which resources: peakctl ledger history\n"
        "\n"
        "Owned: 2 resources, 1 protected; 2 not finished; lease held.\n"
    )


def test_an_empty_ledger_says_so() -> None:
    text = to_plain(ledger_lines(shown(EMPTY, newest=5)))
    assert "Version  3 in force; 4 to 5 are void" in text
    assert "Lease    free\n" in text
    assert "It owns nothing yet.\n" in text
    assert text.endswith("Owned: 0 resources, 0 protected; 0 not finished; lease free.\n")


def test_a_lease_that_is_over_is_free_and_told() -> None:
    text = to_plain(ledger_lines(shown(newest=4, now=NOW + 840)))
    assert "Version  3 in force; 4 is void" in text
    words = "that of ci run 17 (job deploy) of robot expired at 2027-01-15 08:14:00 UTC"
    assert f"Lease    free; {words}\n" in text
    person = replace(FULL, lease=replace(LEASE, actor=Actor("alice")))
    assert "Lease    held by alice, since" in to_plain(ledger_lines(shown(person)))


def test_programs_get_the_same() -> None:
    found = ledger_document(shown(newest=4))
    text = json.dumps(found)
    assert "the-salt" not in text
    assert "the-digest" not in text
    assert (found["name"], found["id"]) == ("peakctl-ledger-retail-prod", "id1")
    assert (found["version"], found["newest_version"]) == (3, 4)
    assert found["lease"] == {
        "held": True,
        "run": "r1",
        "since": "2027-01-15T07:59:00Z",
        "until": "2027-01-15T08:14:00Z",
        "who": "robot",
        "commit": "0123456789abcdef",
        "ci": {"run": "17", "job": "deploy", "attempt": 2, "url": "https://ci.example.com/17"},
    }
    assert [each["key"] for each in found["owned"]] == ["Image/a", "Workflow/b"]
    assert found["owned"][1]["uses"] == ["Image/a"]
    assert found["intents"][1] == {
        "key": "Image/a",
        "kind": "Image",
        "name": "a",
        "verb": "build",
        "version": "0.0.2",
        "id": 7,
        "run": "r1",
    }
    assert [run["run"] for run in found["runs"]] == ["r9", "r0"]
    assert found["runs"][0]["ci"] is None
    assert ledger_document(shown(EMPTY))["lease"] is None


def test_a_lease_is_told_fact_by_fact() -> None:
    assert to_plain(lease_lines(shown())).splitlines() == [
        "The lease of retail/prod is held:",
        "  by      ci run 17 (job deploy) of robot",
        "  since   2027-01-15 07:59:00 UTC",
        "  until   2027-01-15 08:14:00 UTC (it is 2027-01-15 08:00:00 UTC)",
        "  commit  01234567",
        "  ci      https://ci.example.com/17",
        "It set out for 2 actions:",
        "  create  Workflow/b",
        "  build   Image/a  0.0.2",
    ]
    person = replace(EMPTY, lease=replace(LEASE, actor=Actor("alice")))
    assert len(to_plain(lease_lines(shown(person))).splitlines()) == 4


def test_what_a_rebuild_starts_from_is_told() -> None:
    damage = Diagnostic("ledger/corrupt", "damaged")
    whole, part, none = (
        LedgerRevision("i", 4, 4, EMPTY),
        LedgerRevision("i", 3, 4, EMPTY),
        LedgerRevision("i", 0, 4, EMPTY),
    )
    starts = (None, Found(whole), Found(part, damage), Found(none, damage))
    texts = [to_plain(found_lines(each, US)).splitlines()[0] for each in starts]
    assert texts == [
        "There is no ledger of retail/prod.",
        "Version 4 of the ledger of retail/prod is in force.",
        "Version 4 of the ledger of retail/prod cannot be read; 3 is built upon.",
        "No version of the ledger of retail/prod can be read: it is written from scratch.",
    ]


def test_each_entry_of_a_rebuilt_ledger_says_what_is_new_about_it() -> None:
    keys = [Key("Image", name) for name in "abc"]
    rebuilt = Rebuilt(
        {key: Owned(key, number) for number, key in enumerate(keys)},
        added=(keys[0],),
        changed=(keys[1],),
        dropped=(Owned(FLOW, "w1"),),
        undecided=(Diagnostic("ledger/left-out", "it is not listed: why", key=Key("Image", "d")),),
    )
    text = to_plain(rebuilt_lines(rebuilt))
    assert [row.split(maxsplit=2) for row in text.splitlines()[1:5]] == [
        ["Image/a", "0", "added"],
        ["Image/b", "1", "changed"],
        ["Image/c", "2", "unchanged"],
        ["Workflow/b", "w1", "dropped"],
    ]
    assert "it is not listed: why" in text
    assert text.endswith("Ledger: 1 added, 1 changed, 1 dropped, 1 unchanged.\n")
    words = [each["entry"] for each in rebuilt_document(rebuilt)["entries"]]
    assert words == ["added", "changed", "unchanged", "dropped"]
    assert to_plain(rebuilt_lines(Rebuilt({}))) == (
        "Ledger: 0 added, 0 changed, 0 dropped, 0 unchanged.\n"
    )


def test_what_is_no_address_of_the_web_is_not_given_as_one() -> None:
    for url in ("javascript:alert(1)", "file:///etc/passwd"):
        eve = Actor("eve", ci=CiJob("1", "j", 1, url))
        lying = shown(
            replace(
                FULL,
                lease=replace(LEASE, actor=eve),
                runs=(PastRun("r", eve, "apply", 0, 1, "done"),),
            )
        )
        told = to_plain((*ledger_lines(lying), *lease_lines(lying)))
        assert url not in told + json.dumps(ledger_document(lying))


def test_one_long_name_does_not_widen_every_row() -> None:
    names = [Key("Workflow", "x" * 10_000), *(Key("Workflow", f"w{n}") for n in range(100))]
    text = to_plain(ledger_lines(shown(replace(EMPTY, owned={k: Owned(k, 1) for k in names}))))
    assert "x" * 10_000 in text
    assert len(text) < 30_000
