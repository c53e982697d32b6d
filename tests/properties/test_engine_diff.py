"""Nothing differs from itself, and what a diff tells closes it when it is done."""

from __future__ import annotations

from typing import Any

from drawn import KINDS, WORDS, trees
from hypothesis import given, settings
from hypothesis import strategies as st

from peakctl.engine.diff.compare import compare
from peakctl.engine.diff.unseen import has_entries, seen_values, split_values, unseen_values
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.planner import make_plan
from peakctl.kinds.fields import Absent, Field, child, field_at, is_free, variant
from peakctl.ledger.digests import Digests, StoredDigests, place
from peakctl.model import MISSING, Document, Key, Live, Location, Resource, Secret
from peakctl.model.values import holds_secret

DIGESTS = Digests("salt")
LEAVES_ALONE = (Absent.SERVER, Absent.WRITE_ONLY)
ANY_KIND = st.sampled_from(sorted(KINDS))


@settings(max_examples=100, deadline=None)
@given(ANY_KIND.flatmap(lambda kind: st.tuples(st.just(kind), trees(kind))))
def test_nothing_differs_from_itself(case: tuple[str, Any]) -> None:
    kind, tree = case
    assert compare(KINDS[kind], tree, tree, shown=lambda _: True).changes == ()


@settings(max_examples=100, deadline=None)
@given(ANY_KIND.flatmap(lambda kind: st.tuples(st.just(kind), trees(kind), trees(kind))))
def test_what_is_live_afterwards_does_not_differ(case: tuple[str, Any, Any]) -> None:
    """Doing what is desired leaves nothing to do, whatever was there before."""
    kind, desired, live = case
    before = compare(KINDS[kind], desired, live, shown=lambda _: True)
    paths = [change.path for change in before.changes]
    assert len(set(paths)) == len(paths)
    assert all(change.call for change in before.changes)
    assert compare(KINDS[kind], desired, desired, shown=lambda _: True).changes == ()


@settings(max_examples=100, deadline=None)
@given(trees("Workflow", secrets=True), trees("Workflow"))
def test_secrets_stay_out_of_the_text_of_a_diff(desired: Any, live: Any) -> None:
    def marked(value: Any) -> Any:
        if isinstance(value, Secret):
            return Secret(f"s3cret-{value.reveal()}")
        if isinstance(value, dict):
            return {k: marked(v) for k, v in value.items()}
        return [marked(v) for v in value] if isinstance(value, list) else value

    assert "s3cret" not in repr(compare(KINDS["Workflow"], marked(desired), live))


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(WORDS, trees("Workflow"), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_a_plan_is_the_same_for_shuffled_resources(specs: dict[str, Any], random: Any) -> None:
    document = Document({}, "m.yaml", "/", lambda _: Location("m.yaml", 1, 1))
    resources = {
        Key("Workflow", name): Resource(
            Key("Workflow", name),
            {"metadata": {**tree.get("metadata", {}), "name": name}, "spec": tree.get("spec", {})},
            document,
        )
        for name, tree in specs.items()
    }
    live = {key: Live(key, key.name, {"spec": {}}) for key in list(resources)[::2]}
    keys = list(resources)
    random.shuffle(keys)
    world = LiveState(live=live)
    shuffled = make_plan({key: resources[key] for key in keys}, world, KINDS)
    assert shuffled.plan == make_plan(resources, world, KINDS).plan


def blind(field: Field, value: Any) -> Any:
    """What a read gives that leaves out or masks all that it may; MISSING for nothing."""
    if field.unseen or field.absent is Absent.WRITE_ONLY:
        return MISSING
    chosen = variant(field, value)
    if isinstance(value, dict) and not is_free(chosen):
        inner = {w: blind(rule, v) for w, v in value.items() if (rule := child(chosen, w))}
        return {word: v for word, v in inner.items() if v is not MISSING}
    if isinstance(value, list) and field.items is not None:
        return [blind(field.items, v) for v in value]
    return "****" if field.sensitive or holds_secret(value) else value


def recorded(kind: str, desired: Any) -> dict[str, str]:
    found = unseen_values(KINDS[kind], desired)
    return {place(path): DIGESTS.of(value) for path, value in found.items()}


@settings(max_examples=100, deadline=None)
@given(ANY_KIND.flatmap(lambda kind: st.tuples(st.just(kind), trees(kind, secrets=True))))
def test_what_was_recorded_is_equal_whatever_reads_leave_out(case: tuple[str, Any]) -> None:
    kind, desired = case
    memory = StoredDigests(recorded(kind, desired), DIGESTS)
    for live in (desired, blind(KINDS[kind].root, desired)):
        assert compare(KINDS[kind], desired, live, memory=memory).changes == ()


@settings(max_examples=100, deadline=None)
@given(ANY_KIND.flatmap(lambda kind: st.tuples(st.just(kind), trees(kind, secrets=True))))
def test_one_walk_gives_what_two_give(case: tuple[str, Any]) -> None:
    kind, desired = KINDS[case[0]], case[1]
    assert split_values(kind, desired) == (unseen_values(kind, desired), seen_values(kind, desired))


@settings(max_examples=100, deadline=None)
@given(
    ANY_KIND.flatmap(lambda kind: st.tuples(st.just(kind), trees(kind, secrets=True))), st.data()
)
def test_another_recorded_value_is_one_change_at_its_place(
    case: tuple[str, Any], data: st.DataObject
) -> None:
    kind, desired = case
    found = unseen_values(KINDS[kind], desired)
    if not found:
        return
    path = data.draw(st.sampled_from(list(found)))
    memory = StoredDigests({**recorded(kind, desired), place(path): "another"}, DIGESTS)
    live = blind(KINDS[kind].root, desired)
    changes = compare(KINDS[kind], desired, live, memory=memory).changes
    rule = field_at(KINDS[kind].root, path, desired)
    assert rule is not None
    no_value = found[path] is MISSING and (rule.absent in LEAVES_ALONE or has_entries(rule))
    assert [change.path for change in changes] == ([] if no_value else [path])
    assert all(change.call for change in changes)
