"""Tables of what a tenant has: names for ids, counts that say what they are of."""

from __future__ import annotations

from peakctl.model import Key, Live
from peakctl.operations.get import GetResult
from peakctl.operations.overview import KindCount, Machine, Overview
from peakctl.present.tenant import listing_lines, machine_lines, overview_lines
from peakctl.present.text import to_plain

APP, PART = (
    Live(Key("Deployment", name), f"id-{name}", {}, "DEPLOYED") for name in ("app", "part")
)


def test_what_is_a_part_goes_by_the_name_of_the_whole() -> None:
    whole = {PART.live_id: "app deployment id-app"}
    found = GetResult("Deployment", (APP, PART), whole, uses={APP.live_id: ("app 1.0.0",)})
    assert to_plain(listing_lines(found)).splitlines() == [
        "NAME  STATUS    USES       PART OF",
        "app   deployed  app 1.0.0",
        "part  deployed             Deployment/app",
    ]
    alone = GetResult("Deployment", (PART,), whole)
    assert "app deployment id-app" in to_plain(listing_lines(alone))


def test_two_of_one_name_are_told_apart_by_their_ids() -> None:
    twin = Live(APP.key, "id-twin", {})
    text = to_plain(listing_lines(GetResult("Deployment", (APP, twin), {})))
    assert text.splitlines()[0].split() == ["NAME", "STATUS", "ID"]
    assert "id-twin" in text


def test_descriptions_are_whole_sentences_and_unknown_counts_are_marked() -> None:
    long = "A thing that is described at more length than a table has room for. More."
    counts = (
        KindCount("Long", 100, more=True, description=long),
        KindCount("Unread", None, more=False, description="Short."),
    )
    rows = to_plain(overview_lines(Overview(counts))).splitlines()
    assert rows[1].split(maxsplit=2) == ["Long", "100+", long.partition(".")[0]]
    assert rows[2].split() == ["Unread", "?", "Short"]


def test_uses_with_the_same_machines_are_told_together() -> None:
    machines = (Machine("one", ("A (x)", "A (y)", "B")), Machine("two", ("C",)))
    assert to_plain(machine_lines(machines)).splitlines() == [
        "For A (x, y), B:", "  one", "", "For C:", "  two", "", "2 instance types."
    ]  # fmt: skip
