"""The history: what is kept of runs, how two writers get along, and what a damaged one costs."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from peakctl.errors import ApiError, LedgerUnusable, PeakctlError
from peakctl.ledger import history as histories
from peakctl.ledger.codec import checksum_of
from peakctl.ledger.history import (
    DAYS,
    DROPS,
    FEWEST_RUNS,
    KEPT_VERSIONS,
    LARGEST,
    MOST_RESOURCES,
    MOST_RUNS,
    TRIES,
    HistoryClient,
    merge_runs,
    read_history,
    recovered_run,
    runs_to_keep,
    write_history,
)
from peakctl.model import (
    Actor,
    CiJob,
    Flaw,
    History,
    HistoryResource,
    HistoryRun,
    Intent,
    Key,
    Origin,
    Owner,
    PastRun,
    history_name,
)

T = TypeVar("T")
US = Owner("retail", "prod")
ADA = Actor(
    "ada", "laptop", "77:1", "1a2b3c4d", CiJob("7", "deploy", 2, "https://ci.example.com/7")
)
API = HistoryResource(Key("Service", "api"), "edit", "done")
FORMATS = Path(__file__).resolve().parents[2] / "data/formats"
DAY = 86_400.0
NOW = 1_800_000_000.0


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def made(id_: str, ended: float = NOW, number: int = 0, **more: Any) -> HistoryRun:
    given = {"resources": (API,), **more}
    return HistoryRun(number, id_, ADA, "apply", ended - 5, ended, "done", {"edit": 1}, **given)


def client_of(store: Any) -> HistoryClient:
    return HistoryClient(store, US, store.clock)


def add(store: Any, *runs: HistoryRun) -> None:
    client = client_of(store)
    run(client.add(runs, run(client.find())))


def texts(store: Any) -> dict[int, bytes]:
    (only,) = store.versions.values()
    return dict(only)


def kept(store: Any) -> list[tuple[int, str]]:
    found = run(client_of(store).find())
    assert found is not None
    return [(each.number, each.id) for each in found.history.runs]


def sealed(**fields: Any) -> bytes:
    return json.dumps({**fields, "checksum": checksum_of(fields)}).encode()


# --- the text --------------------------------------------------------------------------------


def test_a_history_is_read_as_it_was_written() -> None:
    whole = made(
        "a",
        number=3,
        origin=Origin("main", False, "12", "bob"),
        plan="0" * 64,
        peakctl="0.1.0",
        resources=(API, HistoryResource(Key("Image", "x"), "build", "failed", "0.0.1", "0.0.2")),
        left_out=4,
    )
    history = History(US, 7, (whole, recovered_run(PastRun("b", Actor("bob"), "", 1, 2, "died"))))
    assert read_history(write_history(history), US) == history


def test_consents_make_a_format_that_older_versions_do_not_take_for_damaged() -> None:
    plain = History(US, 1, (made("a", origin=Origin("main", approver="bob")),))
    assert json.loads(write_history(plain))["format_version"] == 1
    consented = replace(plain.runs[0], origin=Origin(consents=("bob: mass-change 12",)))
    history = replace(plain, runs=(*plain.runs, replace(consented, number=2, id="b")))
    text = write_history(history)
    body = json.loads(text)
    assert body["format_version"] == 2
    assert [sorted(run["origin"]) for run in body["runs"]] == [
        ["approver", "branch", "dirty", "pull_request"],
        ["approver", "branch", "consents", "dirty", "pull_request"],
    ]
    assert read_history(text, US) == history


def test_what_another_version_of_peakctl_wrote_is_read() -> None:
    owner = Owner("formats", "local")
    found = read_history((FORMATS / "794d715/history.json").read_bytes(), owner)
    assert [(each.number, each.command, each.outcome) for each in found.runs] == [
        (1, "apply", "done"),
        (2, "", "died"),
        (3, "apply", "done"),
    ]
    first, died, last = found.runs
    assert (first.recovered, died.recovered, last.recovered) == (False, True, False)
    assert {each.verb for each in first.resources} == {"create"}
    assert {each.status for each in died.resources} == {"unknown"}
    assert write_history(found) == (FORMATS / "794d715/history.json").read_bytes()


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (b"", Flaw.CORRUPT),
        (b"\xff", Flaw.CORRUPT),
        (b"null", Flaw.FOREIGN),
        (b'{"kind": "peakctl-ledger"}', Flaw.FOREIGN),
        (b'{"kind": "peakctl-history", "format_version": 3}', Flaw.NEWER),
        (b'{"kind": "peakctl-history", "format_version": 0}', Flaw.CORRUPT),
        (b'{"kind": "peakctl-history", "format_version": true}', Flaw.CORRUPT),
        (b'{"kind": "peakctl-history", "format_version": 1}', Flaw.CORRUPT),
        (sealed(kind="peakctl-history", format_version=1, runs=[]), Flaw.CORRUPT),
        (write_history(History(US, 1)).replace(b"retail", b"retain"), Flaw.CORRUPT),
        (write_history(History(Owner("retail-prod", "x"), 1)), Flaw.FOREIGN),
    ],
)
def test_anything_else_is_told_for_what_it_is(text: bytes, flaw: Flaw) -> None:
    with pytest.raises(LedgerUnusable) as error:
        read_history(text, US)
    assert error.value.flaw is flaw
    code = {Flaw.NEWER: "ledger/newer", Flaw.FOREIGN: "history/foreign"}
    assert error.value.diagnostics[0].code == code.get(flaw, "history/damaged")


def test_what_could_not_be_read_again_is_not_written() -> None:
    with pytest.raises(PeakctlError) as error:
        write_history(History(US, 1, (made("x" * 20_000),)))
    assert error.value.diagnostics[0].code == "history/unfit"


def test_a_large_history_keeps_its_runs_and_the_newest_resources() -> None:
    many = tuple(replace(API, key=Key("Service", f"s{n:04}")) for n in range(MOST_RESOURCES))
    runs = tuple(made(str(n), number=n + 1, resources=many) for n in range(100))
    text = write_history(History(US, 1, runs))
    assert len(text) <= LARGEST
    found = read_history(text, US).runs
    assert [each.id for each in found] == [each.id for each in runs]
    full = [bool(each.resources) for each in found]
    assert full == sorted(full)
    assert found[-1].resources == many
    assert {len(each.resources) + each.left_out for each in found} == {MOST_RESOURCES}


def test_the_oldest_runs_go_where_even_their_heads_are_too_much() -> None:
    runs = tuple(made(str(n), number=n, resources=(), plan="p" * 9000) for n in range(200))
    found = read_history(write_history(History(US, 1, runs)), US).runs
    assert found == runs[100:]


def test_the_history_of_the_fewest_runs_is_small() -> None:
    """A first apply of 1,000 resources, and then ten changes each time: all of it is kept."""
    names = [f"Service/forecast-{n:04}" for n in range(MOST_RESOURCES)]
    all_ = tuple(replace(API, key=Key("Service", name), after="1.0.0") for name in names)
    runs = [made("first", number=1, resources=all_)]
    runs += [made(str(n), number=n, resources=all_[n : n + 10]) for n in range(2, FEWEST_RUNS + 1)]
    text = write_history(History(US, 1, tuple(runs)))
    assert read_history(text, US).runs == tuple(runs)
    assert len(zlib.compress(text)) < 100_000


# --- which runs ------------------------------------------------------------------------------


def test_runs_are_numbered_as_they_come_and_known_once() -> None:
    first = merge_runs((), (made("b", NOW + 1), made("a", NOW)))
    assert [(each.number, each.id) for each in first] == [(1, "a"), (2, "b")]
    second = merge_runs(first, (made("b", NOW + 9), made("c", NOW + 2)))
    assert [(each.number, each.id) for each in second] == [(1, "a"), (2, "b"), (3, "c")]
    assert second[1] == first[1]


def test_a_record_of_its_own_replaces_what_the_ledger_knew() -> None:
    past = PastRun("a", Actor("bob"), "apply", NOW - 9, NOW, "done", {"edit": 1})
    known = merge_runs((), [recovered_run(past)])
    (found,) = merge_runs(known, [made("a")])
    assert (found.number, found.recovered, found.resources) == (1, False, (API,))
    assert merge_runs([found], [recovered_run(past)]) == (found,)


def test_a_run_that_died_is_told_with_what_it_left_behind() -> None:
    past = PastRun("a", Actor("bob"), "", NOW - 9, NOW, "died")
    mine = Intent(Key("Image", "x"), "create", "0.0.1", run="a")
    found = recovered_run(past, [mine, replace(mine, run="b")])
    assert found.resources == (
        HistoryResource(Key("Image", "x"), "create", "unknown", None, "0.0.1"),
    )
    assert found.recovered


def test_the_newest_runs_are_kept_and_those_of_the_last_days() -> None:
    old, young = NOW - (DAYS + 1) * DAY, NOW - (DAYS - 1) * DAY
    runs = [made(f"old{n}", old) for n in range(300)]
    assert len(runs_to_keep(runs, NOW)) == FEWEST_RUNS
    runs += [made(f"young{n}", young) for n in range(300)]
    assert [each.id for each in runs_to_keep(runs, NOW)] == [f"young{n}" for n in range(300)]
    runs = [made(str(n), young) for n in range(MOST_RUNS + 5)]
    assert runs_to_keep(runs, NOW) == tuple(runs[5:])
    assert runs_to_keep([], NOW) == ()


def test_of_a_large_run_some_resources_are_counted_alone() -> None:
    (found,) = runs_to_keep([made("a", resources=(API,) * (MOST_RESOURCES + 3), left_out=1)], NOW)
    assert (len(found.resources), found.left_out) == (MOST_RESOURCES, 4)


# --- on the platform -------------------------------------------------------------------------


def test_the_first_run_makes_it_and_the_next_takes_two_requests(history_store: Any) -> None:
    add(history_store, made("a"))
    assert history_store.asked == ["list", "create"]
    history_store.asked.clear()
    listed = history_store._listed()
    client = client_of(history_store)
    run(client.add([made("b")], run(client.find(listed))))
    assert history_store.asked == ["read", "append"]
    assert kept(history_store) == [(1, "a"), (2, "b")]
    assert read_history(texts(history_store)[2], US).version == 2


def test_there_is_none_before(history_store: Any) -> None:
    assert run(client_of(history_store).find()) is None


def test_the_history_of_another_project_is_left_alone(history_store: Any) -> None:
    other = Owner("retail", "dev")
    run(history_store.create(history_name(other), write_history(History(other, 1))))
    add(history_store, made("a"))
    assert kept(history_store) == [(1, "a")]
    assert len(history_store.versions) == 2


def test_two_that_write_at_the_same_moment_are_both_kept(history_store: Any) -> None:
    add(history_store, made("a"))
    base = texts(history_store)[1]

    async def race() -> None:
        found = await client_of(history_store).find()
        assert found is not None
        await client_of(history_store).add([made("b", NOW + 1)], found)
        late = client_of(history_store)
        assert await late._add(found.id, found.history, [made("c", NOW + 2)]) == 4

    run(race())
    assert read_history(base, US).version == 1
    assert kept(history_store) == [(1, "a"), (2, "b"), (3, "c")]
    assert read_history(texts(history_store)[4], US).version == 4


def test_a_version_in_between_that_is_gone_or_damaged_costs_nothing(history_store: Any) -> None:
    add(history_store, made("a"))
    (id_,) = history_store.versions
    run(history_store.append(id_, b"damage"))
    found = run(client_of(history_store).find())
    assert found is not None
    assert run(client_of(history_store)._add(id_, replace(found.history, version=1), [])) == 4
    history_store.versions[id_].pop(3)
    assert run(client_of(history_store)._add(id_, replace(found.history, version=2), [])) == 6
    assert kept(history_store) == [(1, "a")]


def test_a_writer_that_is_always_too_late_gives_up(
    history_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(history_store, made("a"))
    sent = []

    async def append(_: object, text: bytes) -> int:
        sent.append(text)
        return 1000 * len(sent)

    monkeypatch.setattr(history_store, "append", append)
    add(history_store, made("b"))
    assert len(sent) == TRIES


def test_a_new_version_in_doubt_is_sent_again(history_store: Any) -> None:
    add(history_store, made("a"))
    for fault in ("lost", "never"):
        history_store.faults["append"] = [fault]
        add(history_store, made(fault))
        assert kept(history_store)[-1][1] == fault
    ids = [id_ for _, id_ in kept(history_store)]
    assert ids == ["a", "lost", "never"]
    history_store.faults["append"] = ["never", "never"]
    with pytest.raises(ApiError):
        add(history_store, made("b"))
    history_store.faults["append"] = [history_store.error(422)]
    with pytest.raises(ApiError):
        add(history_store, made("b"))


@pytest.mark.parametrize(("fault", "there"), [("lost", 1), ("never", 0)])
def test_a_first_one_in_doubt_is_looked_for(history_store: Any, fault: str, there: int) -> None:
    history_store.faults["create"] = [fault]
    if there:
        add(history_store, made("a"))
        assert kept(history_store) == [(1, "a")]
    else:
        with pytest.raises(ApiError):
            add(history_store, made("a"))
    assert len(history_store.versions) == there
    assert history_store.asked.count("create") == 1


def test_a_first_one_that_is_refused_is_not_looked_for(history_store: Any) -> None:
    history_store.faults["create"] = [history_store.error(422)]
    with pytest.raises(ApiError):
        add(history_store, made("a"))
    assert history_store.asked == ["list", "create"]


def test_old_versions_are_trimmed_now_and_then(history_store: Any) -> None:
    for number in range(1, 31):
        add(history_store, made(str(number)))
    assert list(texts(history_store)) == [*range(20, 31)]
    assert len(kept(history_store)) == 30
    assert history_store.asked.count("drop") == 30 - KEPT_VERSIONS - 1
    assert history_store.asked.count("numbers") == 3


def test_what_does_not_let_itself_be_trimmed_stays(history_store: Any) -> None:
    for number in range(1, 20):
        add(history_store, made(str(number)))
    history_store.faults["numbers"] = [history_store.error(500)]
    add(history_store, made("20"))
    assert len(texts(history_store)) == 20
    assert DROPS >= KEPT_VERSIONS


def test_of_a_damaged_one_the_version_before_counts(history_store: Any) -> None:
    add(history_store, made("a"))
    add(history_store, made("b"))
    (id_,) = history_store.versions
    history_store.versions[id_] |= {3: b"{", 4: b"x"}
    history_store.counts[id_] = 4
    found = run(client_of(history_store).find())
    assert found is not None
    assert found.damage is not None
    assert found.damage.code == "history/damaged"
    assert found.history.version == 4
    add(history_store, made("c"))
    assert kept(history_store) == [(1, "a"), (2, "b"), (3, "c")]


def test_one_that_cannot_be_read_at_all_starts_again(history_store: Any) -> None:
    run(history_store.create(history_name(US), b""))
    add(history_store, made("a"))
    assert kept(history_store) == [(1, "a")]
    assert read_history(texts(history_store)[2], US).version == 2


def test_one_that_is_gone_while_it_is_read_starts_again(
    history_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(history_store, made("a"))
    (id_,) = history_store.versions
    history_store.versions[id_] = {}
    add(history_store, made("b"))
    assert kept(history_store) == [(1, "b")]

    async def none(_: object) -> tuple[int, ...]:
        return ()

    monkeypatch.setattr(history_store, "numbers", none)
    damage = histories._damaged(US)
    found = run(client_of(history_store)._older(id_, damage))
    assert found.history == History(US)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"null", "history/foreign"),
        (b'{"kind": "peakctl-history", "format_version": 9}', "ledger/newer"),
    ],
)
def test_one_that_is_not_ours_or_newer_is_not_written_over(
    history_store: Any, text: bytes, code: str
) -> None:
    run(history_store.create(history_name(US), text))
    with pytest.raises(LedgerUnusable) as error:
        add(history_store, made("a"))
    assert error.value.diagnostics[0].code == code
    assert texts(history_store) == {1: text}
