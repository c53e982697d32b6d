"""What is written down after a run: ids, protection, uses, and digests of what went well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from ledgers import ledger_of

from peakctl.engine.diff.unseen import HIDDEN_STAYS
from peakctl.engine.record import (
    is_recorded,
    known_uses,
    newly_protected,
    record,
    settles_rollback,
)
from peakctl.kinds.schemas import load_kinds
from peakctl.ledger.digests import Digests
from peakctl.ledger.remembered import kept_lists, write_list
from peakctl.model import (
    MISSING,
    Action,
    Archive,
    ArchiveFile,
    Change,
    Document,
    Intent,
    Key,
    Live,
    Location,
    Outcome,
    Owned,
    Owner,
    Plan,
    Resource,
    Secret,
    Skipped,
    State,
    Status,
    Step,
    Unknown,
    Verb,
)

KINDS = load_kinds()
API, OLD, OTHER = Key("Service", "api"), Key("Service", "old"), Key("Image", "img")
LIVE = Live(API, "s-1", {})
BAD = (Status.FAILED, Status.UNKNOWN, Status.IN_PROGRESS)
DIGESTS = Digests("salt")
PLACE = "spec/parameters/env/A"
USES = {API: (OTHER,), OTHER: ()}


def values(env: Any = None) -> dict[str, Any]:
    spec = {"parameters": {"env": {"A": env}}} if env is not None else {}
    return {"metadata": {"name": "api"}, "spec": spec}


def action(*steps: Step, verb: Verb = Verb.KEEP, env: Any = None, **more: Any) -> Action:
    document = Document({}, "a.yaml", "/", lambda _: Location("a.yaml", 1, 1))
    resource = Resource(API, values(env), document, protect=more.pop("protect", False))
    more.setdefault("live", LIVE)
    return Action(API, verb, steps, desired=values(env), resource=resource, **more)


def after(
    each: Action, status: Status, *owned: Owned, uses: Any = None, **more: Any
) -> Mapping[Key, Owned]:
    outcome = Outcome(each.key, each.verb, status, **more)
    return record(Plan((each,)), [outcome], ledger_of(*owned), KINDS, uses=uses or {})


def edit(env: Any = None, **more: Any) -> Action:
    return action(Step.UPDATE, verb=Verb.EDIT, env=env, **more)


@pytest.mark.parametrize("status", [Status.DONE, Status.ALREADY_RIGHT])
def test_what_went_well_is_owned_with_digests_of_what_was_sent(status: Status) -> None:
    made = action(Step.CREATE, verb=Verb.CREATE, live=None, protect=True)
    found = after(made, status, id="s-9", applied=values("1"), uses=USES)
    entry = found[API]
    assert (entry.key, entry.id, entry.protect, entry.uses) == (API, "s-9", True, (OTHER,))
    assert entry.digests[PLACE] == DIGESTS.of("1")
    assert entry.digests["metadata/title"] == DIGESTS.of(MISSING)


def test_what_was_sent_replaces_the_digests_of_before() -> None:
    old = Owned(API, "s-1", digests={PLACE: "old", "spec/gone": "old"})
    found = after(edit("2"), Status.DONE, old, applied=values("2"))
    assert found[API].digests[PLACE] == DIGESTS.of("2")
    assert "spec/gone" not in found[API].digests


def test_what_was_not_sent_keeps_its_digests_and_gets_those_it_lacks() -> None:
    old = Owned(API, "s-1", digests={PLACE: "old", "spec/gone": "old"})
    digests = after(action(env="1"), Status.ALREADY_RIGHT, old)[API].digests
    assert digests[PLACE] == "old"
    assert "spec/gone" not in digests
    assert digests["spec/scaleToZero"] == DIGESTS.of(False)


def test_what_is_live_and_equal_is_adopted_with_digests() -> None:
    entry = after(action(env="1"), Status.ALREADY_RIGHT)[API]
    assert (entry.id, entry.digests[PLACE]) == ("s-1", DIGESTS.of("1"))


def test_what_is_not_known_yet_gets_no_digest() -> None:
    kept = action(env=Unknown(OTHER, "id"))
    assert PLACE not in after(kept, Status.ALREADY_RIGHT)[API].digests


def test_what_was_taken_and_failed_is_told_from_changes_of_somebody_else() -> None:
    old = {PLACE: "old", "field:spec/gone": "old", **WAITED}
    found = after(edit("2"), Status.FAILED, Owned(API, "s-1", digests=old), applied=values("2"))
    digests = found[API].digests
    assert digests[PLACE] == "old"
    assert "field:spec/gone" not in digests
    assert "field:metadata/name" in digests


WAITED = {"waited": "38"}


@pytest.mark.parametrize(
    ("status", "waited", "left"),
    [
        (Status.DONE, 41, "41"),
        (Status.DONE, None, "38"),
        (Status.DONE, 0, None),
        (Status.FAILED, None, "38"),
        (Status.BLOCKED, None, "38"),
    ],
)
def test_the_seconds_of_the_last_good_wait_are_kept(
    status: Status, waited: int | None, left: str | None
) -> None:
    old = Owned(API, "s-1", digests=WAITED)
    found = after(edit("2"), status, old, applied=values("2"), waited=waited)
    assert found[API].digests.get("waited") == left


def test_what_is_made_anew_is_known_by_its_name() -> None:
    made = action(Step.DELETE, Step.CREATE, verb=Verb.REPLACE)
    old = Owned(API, "s-1", digests=WAITED)
    found = after(made, Status.DONE, old, id="s-2", applied=values("2"))
    assert found[API].digests["waited"] == "38"


@pytest.mark.parametrize("status", BAD)
def test_what_went_wrong_keeps_the_digests_of_before(status: Status) -> None:
    old = Owned(API, "s-1", digests={PLACE: "old"})
    found = after(edit("2", protect=True), status, old, id="s-1")
    assert found == {API: replace(old, protect=True)}


@pytest.mark.parametrize("status", BAD)
def test_what_was_made_and_went_wrong_is_owned(status: Status) -> None:
    made = action(Step.CREATE, verb=Verb.CREATE, live=None)
    assert after(made, status, id="s-9") == {API: Owned(API, "s-9", created=True)}


@pytest.mark.parametrize(
    ("live", "id_", "status", "made"),
    [
        (None, "s-9", Status.DONE, True),
        (None, "s-9", Status.FAILED, True),
        (None, "s-9", Status.ALREADY_RIGHT, False),  # found by its name
        (LIVE, "s-1", Status.DONE, False),  # adopted
        (LIVE, "s-9", Status.DONE, True),  # replaced
        (LIVE, None, Status.FAILED, False),
    ],
)
def test_an_id_that_an_action_made_is_recorded_as_created(
    live: Live | None, id_: str | None, status: Status, made: bool
) -> None:
    entry = after(edit("1", live=live), status, id=id_, applied=values("1"))[API]
    assert entry.created is made


@pytest.mark.parametrize("status", [*BAD, Status.DONE, Status.ALREADY_RIGHT])
def test_what_was_created_stays_so(status: Status) -> None:
    old = Owned(API, "s-1", created=True)
    assert after(edit("2"), status, old, applied=values("2"))[API].created


@pytest.mark.parametrize(
    ("status", "claimed"),
    [(Status.DONE, False), (Status.ALREADY_RIGHT, False), *((bad, True) for bad in BAD)],
)
def test_a_claim_is_confirmed_by_an_apply_that_went_well(status: Status, claimed: bool) -> None:
    old = Owned(API, "s-1", claimed=True)
    assert after(edit("2"), status, old, applied=values("2"))[API].claimed is claimed


def test_places_of_secrets_are_recorded() -> None:
    entry = after(edit(), Status.DONE, applied=values(Secret("1")))[API]
    assert entry.secret == (PLACE,)
    assert "metadata/title" in entry.digests
    assert after(edit(), Status.DONE, applied=values("1"))[API].secret == ()


def test_a_place_stays_secret_until_another_value_is_sent() -> None:
    old = Owned(API, "s-1", digests={PLACE: "old"}, secret=(PLACE, "spec/gone"))
    assert after(action(env="1"), Status.ALREADY_RIGHT, old)[API].secret == ("spec/gone", PLACE)
    assert after(edit("2"), Status.FAILED, old)[API].secret == old.secret
    assert after(edit("2"), Status.DONE, old, applied=values("2"))[API].secret == ()


def test_what_was_left_alone_keeps_its_place_and_digest() -> None:
    """A hidden value that the manifest leaves out, a deferred one, and one that is ignored."""
    gone, deferred = "spec/parameters/env/B", "metadata/description"
    old = Owned(API, "s-1", digests={gone: "old"}, secret=(deferred, PLACE, gone))
    path = ("spec", "parameters", "env", "B")
    each = edit("2", skipped=(Skipped(path, HIDDEN_STAYS),))
    entry = after(each, Status.DONE, old, applied=values("2"))[API]
    assert (entry.digests[gone], entry.secret) == ("old", (gone,))
    resource = each.resource
    assert resource is not None
    ignoring = replace(each, resource=replace(resource, ignore_changes=("spec.parameters.env.A",)))
    assert after(ignoring, Status.DONE, old, applied=values("2"))[API].secret == (PLACE, gone)
    image = Owned(OTHER, 7, secret=(deferred,))
    made = replace(edit(), key=OTHER, live=Live(OTHER, 7, {}), resource=None)
    assert after(made, Status.DONE, image)[OTHER].secret == (deferred,)


def test_what_was_not_made_is_not_owned() -> None:
    made = action(Step.CREATE, verb=Verb.CREATE, live=None)
    assert after(made, Status.FAILED) == {}
    stale = Owned(API, "s-0")
    assert after(made, Status.UNKNOWN, stale) == {API: stale}


@pytest.mark.parametrize("status", [Status.BLOCKED, Status.CANCELLED])
def test_what_was_not_begun_stays_as_it_was_written(status: Status) -> None:
    old = Owned(OLD, "s-1", digests={PLACE: "old"})
    assert after(edit("2"), status, old, id="s-1") == {OLD: old}
    assert after(edit("2"), status, id="s-1") == {}


def test_what_was_taken_over_is_owned_even_if_nothing_was_done_with_it() -> None:
    taken = edit("2", taken_from=Owner("other", "prod"))
    assert after(taken, Status.BLOCKED) == {API: Owned(API, "s-1")}


@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED])
def test_a_new_name_takes_the_place_of_the_old_one(status: Status) -> None:
    old = Owned(OLD, "s-1", digests={PLACE: "old"})
    other = Owned(Key("Image", "x"), "s-1")
    found = after(edit("2"), status, old, other)
    assert list(found) == [other.key, API]
    assert (found[API].digests.get(PLACE) == "old") is (status is Status.FAILED)


def test_digests_do_not_pass_to_another_resource_of_the_name() -> None:
    gone = Owned(API, "s-0", digests={PLACE: "old"})
    entry = after(action(env="1"), Status.ALREADY_RIGHT, gone)[API]
    assert (entry.id, entry.digests[PLACE]) == ("s-1", DIGESTS.of("1"))


def test_two_entries_of_one_resource_become_one() -> None:
    twice = (Owned(OLD, "s-1"), Owned(API, "s-1"))
    assert list(after(action(), Status.ALREADY_RIGHT, *twice)) == [API]


def test_names_may_be_swapped() -> None:
    plan = Plan((action(), replace(action(), key=OLD, live=Live(OLD, "s-2", {}))))
    before = ledger_of(Owned(OLD, "s-1"), Owned(API, "s-2"))
    outcomes = [Outcome(a.key, a.verb, Status.ALREADY_RIGHT) for a in plan.actions]
    found = record(plan, outcomes, before, KINDS, uses={})
    assert {key: entry.id for key, entry in found.items()} == {API: "s-1", OLD: "s-2"}


@pytest.mark.parametrize(
    ("status", "left"),
    [
        (Status.DONE, False),
        (Status.ALREADY_RIGHT, False),
        (Status.FAILED, True),
        (Status.BLOCKED, True),
    ],
)
def test_what_is_deleted_is_owned_no_more(status: Status, left: bool) -> None:
    kept = Owned(OTHER, 7)
    gone = Owned(API, "s-1")
    delete = action(Step.DELETE, verb=Verb.DELETE)
    found = after(delete, status, gone, kept, id="s-1")
    assert found == ({OTHER: kept, API: gone} if left else {OTHER: kept})
    assert after(delete, Status.DONE, kept) == {OTHER: kept}


def test_what_is_deleted_is_forgotten_by_its_id() -> None:
    delete = action(Step.DELETE, verb=Verb.DELETE)
    assert after(delete, Status.DONE, Owned(OLD, "s-1")) == {}
    another = Owned(API, "s-2")
    assert after(delete, Status.DONE, another) == {API: another}


def test_what_is_used_is_known_from_manifests_or_the_ledger() -> None:
    uses = {API: (OTHER, OLD)}
    image = Owned(OTHER, 7)
    assert after(action(), Status.ALREADY_RIGHT, image, uses=uses)[API].uses == (OTHER,)
    before = ledger_of(Owned(API, "s-1", uses=(OTHER,)), image)
    assert is_recorded(Plan((action(),)), before, uses)
    assert known_uses(USES, None) == USES


@pytest.mark.parametrize(
    ("owned", "expected"),
    [
        ([Owned(API, "s-1", digests={"a": "b"})], True),
        ([Owned(API, "s-1"), Owned(OTHER, "s-1")], True),
        ([], False),
        ([Owned(API, "s-2")], False),
        ([Owned(OLD, "s-1")], False),
        ([Owned(API, "s-1"), Owned(OLD, "s-1")], False),
        ([Owned(API, "s-1", secret=("a",), created=True)], True),
        ([Owned(API, "s-1", claimed=True)], False),
        ([Owned(API, "s-1", protect=True)], False),
        ([Owned(API, "s-1", uses=(OTHER,))], False),
    ],
)
def test_a_ledger_says_ids_protection_and_uses(owned: list[Owned], expected: bool) -> None:
    assert is_recorded(Plan((action(),)), ledger_of(*owned), {}) is expected


def test_ids_are_the_same_as_text() -> None:
    plan = Plan((action(live=Live(API, 7, {})),))
    assert is_recorded(plan, ledger_of(Owned(API, "7")), {})


def test_what_is_not_live_or_goes_is_not_asked_about() -> None:
    made = action(Step.CREATE, verb=Verb.CREATE, live=None)
    gone = replace(action(Step.DELETE, verb=Verb.DELETE), key=OLD)
    assert is_recorded(Plan((made, gone)), ledger_of(), {})


def test_a_run_that_is_recorded_would_write_what_is_there() -> None:
    plan = Plan((action(env="1"),))
    first = after(plan.actions[0], Status.ALREADY_RIGHT, uses=USES)
    again = after(plan.actions[0], Status.ALREADY_RIGHT, *first.values(), uses=USES)
    assert first == again
    assert is_recorded(plan, ledger_of(*first.values()), USES)


@pytest.mark.parametrize(("version", "kept"), [("2", False), ("1", True)])
def test_digests_of_an_older_version_than_a_dead_run_made_are_not_kept(
    version: str, kept: bool
) -> None:
    each = action(env="new", live=Live(API, "s-1", {}, version=version))
    before = replace(
        ledger_of(Owned(API, "s-1", digests={PLACE: "old"})), intents=(Intent(API, "build", "2"),)
    )
    outcome = Outcome(API, Verb.KEEP, Status.ALREADY_RIGHT)
    found = record(Plan((each,)), [outcome], before, KINDS, uses={})
    assert found[API].digests[PLACE] == ("old" if kept else DIGESTS.of("new"))


# --- what has been ready -----------------------------------------------------------------------


def test_what_a_run_created_and_is_ready_since_is_written_down() -> None:
    made = ledger_of(Owned(API, "s-1", uses=USES[API], created=True))
    plan = Plan((action(),))
    assert not is_recorded(plan, made, USES)
    (done,) = (Outcome(API, Verb.KEEP, Status.ALREADY_RIGHT, id="s-1"),)
    owned = record(plan, [done], made, KINDS, uses=USES)
    assert owned[API].was_ready
    assert is_recorded(plan, replace(made, owned=owned), USES)


@pytest.mark.parametrize("state", [State.READY, State.FAILED])
def test_what_ran_before_an_edit_failed_is_known_to_have_run(state: State) -> None:
    made = ledger_of(Owned(API, "s-1", created=True))
    edit = action(Step.UPDATE, verb=Verb.EDIT, live=replace(LIVE, state=state))
    failed = Outcome(API, Verb.EDIT, Status.FAILED, id="s-1")
    owned = record(Plan((edit,)), [failed], made, KINDS, uses=USES)
    assert owned[API].was_ready is (state is State.READY)


@pytest.mark.parametrize("protect", [True, False])
def test_what_a_manifest_protects_otherwise_than_the_ledger_is_told(*, protect: bool) -> None:
    plan = Plan((action(protect=protect), action(live=None, protect=protect)))
    said = Owned(API, "s-1", protect=not protect)
    assert newly_protected(plan, ledger_of(said)) == (API,)
    assert newly_protected(plan, ledger_of(replace(said, protect=protect))) == ()
    assert newly_protected(plan, ledger_of()) == ()


ARTIFACT = ("spec", "artifact")
PACKED = Archive("sha256:new", 1, bytes, files=(ArchiveFile("train.py", False, 1, "ab"),))
NEW_LIST = write_list(ARTIFACT, PACKED, DIGESTS)
OLD_LIST = {"files:spec/artifact": "of another archive"}


def build(kind: str, packed: Archive = PACKED, digest: str = "sha256:new", **more: Any) -> Action:
    document = Document({}, "a.yaml", "/", lambda _: Location("a.yaml", 1, 1))
    desired = {"metadata": {"name": "x"}, "spec": {"artifact": {"digest": digest}}}
    key = Key(kind, "x")
    resource = Resource(key, desired, document, archives={ARTIFACT: packed})
    more.setdefault("steps", (Step.CREATE_VERSION,))
    live = Live(key, 7, {})
    return Action(key, Verb.BUILD, desired=desired, live=live, resource=resource, **more)


def lists_after(each: Action, status: Status, **more: Any) -> dict[str, str]:
    old = Owned(each.key, 7, digests={"spec/x": "1", **OLD_LIST})
    outcome = Outcome(each.key, each.verb, status, id=7)
    found = record(Plan((each,)), [outcome], ledger_of(old), KINDS, uses={}, **more)
    return kept_lists(found[each.key].digests)


@pytest.mark.parametrize("status", [Status.DONE, Status.ALREADY_RIGHT, *BAD])
def test_an_archive_that_is_never_given_back_leaves_a_list_of_its_files(status: Status) -> None:
    """A build that fails leaves one too: its version is there, and the next one is compared."""
    assert lists_after(build("Image"), status) == NEW_LIST


@pytest.mark.parametrize("kind", ["Artifact", "BlockSpec"])
def test_an_archive_that_can_be_read_leaves_none(kind: str) -> None:
    assert lists_after(build(kind), Status.DONE) == {}


def test_a_list_stays_while_the_live_archive_is_another_one() -> None:
    ignored = build("Image", digest="sha256:live", steps=())
    assert lists_after(ignored, Status.ALREADY_RIGHT) == OLD_LIST
    assert lists_after(build("Image", Archive("sha256:new", 1, bytes)), Status.DONE) == OLD_LIST
    taken = replace(build("Image"), taken_from=Owner("a", "b"))
    assert lists_after(taken, Status.CANCELLED) == OLD_LIST


def test_a_name_that_holds_a_secret_leaves_no_list() -> None:
    hide = {"redact": lambda text: text.replace("train", "(sensitive)")}
    assert lists_after(build("Image"), Status.DONE, **hide) == {}


# --- rollbacks -----

MARK = {"rolled-back": "Image/img 1.0.0", "rolled-back spec/parameters/env/A": "x"}


def rolled(
    each: Action, status: Status, against: Any = None, digests: Any = None
) -> Mapping[str, str]:
    """The marks in the digests after a run; `against` are those of a rollback."""
    owned = Owned(API, "s-1", digests=digests or {})
    outcome = Outcome(each.key, each.verb, status)
    plan, ledger = Plan((each,)), ledger_of(owned)
    found = record(plan, [outcome], ledger, KINDS, uses={}, rollback=against)[API].digests
    return {name: word for name, word in found.items() if name.startswith("rolled-back")}


CHANGED = (Change(("spec", "parameters", "env", "A"), "1", "2", "update"),)


@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED])
def test_what_is_put_back_against_its_manifest_is_marked(status: Status) -> None:
    against = {API: "Image/img 1.0.0"}
    assert rolled(edit(changes=CHANGED), status, against) == MARK
    assert rolled(edit(changes=CHANGED), Status.CANCELLED, against) == {}


def test_a_rollback_to_what_the_manifest_says_takes_the_mark_away() -> None:
    assert rolled(edit(changes=CHANGED), Status.DONE, {}, MARK) == {}


def test_a_mark_stays_while_other_things_are_rolled_back_and_when_a_run_fails() -> None:
    assert rolled(action(), Status.ALREADY_RIGHT, {}, MARK) == MARK
    assert rolled(edit(changes=CHANGED), Status.FAILED, None, MARK) == MARK


def test_an_apply_that_agrees_or_goes_forward_takes_the_mark_away() -> None:
    assert rolled(action(), Status.ALREADY_RIGHT, None, MARK) == {}
    assert rolled(edit(changes=CHANGED), Status.DONE, None, MARK) == {}


def test_a_plan_without_changes_settles_a_rollback_of_what_it_is_about() -> None:
    marked, plan = ledger_of(Owned(API, "s-1", digests=MARK)), Plan((action(),))
    assert settles_rollback(plan, marked)
    assert not settles_rollback(plan, ledger_of(Owned(API, "s-1")))
    assert not settles_rollback(Plan(()), marked)
