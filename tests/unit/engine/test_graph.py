"""The order of actions, and loops told field by field."""

from __future__ import annotations

import itertools
from typing import Any

from peakctl.engine.graph import (
    Edge,
    cycle_problem,
    find_cycle,
    find_cycles,
    find_edges,
    order_keys,
    reached_by,
    with_needed,
)
from peakctl.model import Key

A, B, C, D = (Key("Image", name) for name in "abcd")


def edges(*pairs: tuple[Key, Key]) -> list[Edge]:
    return [Edge(source, target, ("spec", target.name)) for source, target in pairs]


def test_the_order_is_the_same_for_any_order_of_keys() -> None:
    found = edges((A, C), (B, C), (C, D))
    for keys in itertools.permutations((A, B, C, D)):
        assert order_keys(keys, found) == [D, C, A, B]


def test_keys_in_a_loop_have_no_order() -> None:
    assert order_keys((A, B, C), edges((A, B), (B, A))) == [C]


def test_a_loop_starts_at_its_smallest_key() -> None:
    loop = find_cycle(edges((C, B), (D, C), (B, D), (A, D)))
    assert [edge.source for edge in loop] == [B, D, C]
    assert [edge.target for edge in loop] == [D, C, B]


def test_loops_that_share_nothing_are_told_each() -> None:
    both = find_cycles(edges((C, D), (D, C), (A, B), (B, A), (A, C)))
    assert [[edge.source for edge in loop] for loop in both] == [[A, B], [C, D]]


def test_a_loop_behind_a_dead_end_is_found() -> None:
    assert [e.source for e in find_cycle(edges((A, B), (A, C), (C, D), (D, C)))] == [C, D]


def test_without_a_loop_there_is_none() -> None:
    assert find_cycle(edges((A, B), (A, C), (B, D), (C, D))) == []


def test_a_chain_of_thousands_is_no_problem() -> None:
    keys = [Key("Image", f"{n:05}") for n in range(5000)]
    assert find_cycle(edges(*itertools.pairwise(keys))) == []


def test_edges_come_from_references_and_depends_on(lab: Any) -> None:
    resources = lab.resources(
        lab.manifest("Image", "a", {"type": "api"}),
        lab.manifest("Service", "s", {"imageDetails": {"name": "a"}}, dependsOn=["Image/b"]),
        lab.manifest("Image", "b", {"type": "api"}),
    )
    found, problems = find_edges(resources)
    service = Key("Service", "s")
    assert problems == []
    assert sorted(found) == [
        Edge(service, A, ("spec", "imageDetails")),
        Edge(service, B, ("dependsOn", 0)),
    ]


def test_an_unknown_dependency_is_told_with_near_names(lab: Any) -> None:
    resources = lab.resources(
        lab.manifest(
            "Image", "forecast", {"type": "api"}, dependsOn=["Image/forecats", "Webapp/zzz"]
        )
    )
    near, far = find_edges(resources)[1]
    assert near.code == far.code == "manifest/unknown-dependency"
    assert near.fix == "did you mean: Image/forecast"
    assert far.fix == "add its manifest, or remove the line"


def test_a_loop_names_its_fields_and_places(lab: Any) -> None:
    resources = lab.resources(
        lab.manifest("Image", "a", {"type": "api"}, dependsOn=["Image/b"]),
        lab.manifest("Image", "b", {"type": "api"}, dependsOn=["Image/a"]),
    )
    told = cycle_problem(find_cycle(find_edges(resources)[0]), resources)
    assert told.code == "manifest/cycle"
    assert told.detail.splitlines() == [
        "Image/a needs Image/b through dependsOn[0]",
        "Image/b needs Image/a through dependsOn[0]",
    ]
    assert len(told.locations) == 2
    planned = lab.plan(
        lab.manifest("Image", "a", {"type": "api"}, dependsOn=["Image/b"]),
        lab.manifest("Image", "b", {"type": "api"}, dependsOn=["Image/a"]),
    )
    assert [d.code for d in planned.diagnostics] == ["manifest/cycle"]
    assert planned.plan.actions == ()
    assert not planned.ok


def test_what_is_needed_is_followed_to_its_end_also_in_a_loop(lab: Any) -> None:
    needs = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["a"], "e": ["a"], "f": []}
    resources = lab.resources(
        *(
            lab.manifest("Image", name, {"type": "api"}, dependsOn=[f"Image/{n}" for n in names])
            for name, names in needs.items()
        )
    )
    assert with_needed(resources, [C]) == {A, B, C, D}
    assert with_needed(resources, [Key("Image", "f")]) == {Key("Image", "f")}
    assert with_needed(resources, []) == frozenset()


def test_what_a_broken_manifest_may_declare_is_not_missing(lab: Any) -> None:
    resources = lab.resources(
        lab.manifest("Image", "a", {"type": "api"}, dependsOn=["Image/b", "Image/c"])
    )
    _, (problem,) = find_edges(resources, lambda key: key == B)
    assert problem.path == ("dependsOn", 1)


def flow(lab: Any, name: str, *images: Any, waits: Any = ()) -> Any:
    steps = {f"s{n}": {"imageDetails": each, "command": "a"} for n, each in enumerate(images)}
    steps = steps or {"s": {"type": "http", "method": "get", "url": "https://example.com"}}
    return lab.manifest("Workflow", name, {"steps": steps}, dependsOn=list(waits))


def test_a_change_reaches_what_follows_and_passes_nothing_on_from_what_is_pinned(lab: Any) -> None:
    base, pinned = {"name": "a"}, {"name": "a", "version": "1.0.0"}
    block = lab.manifest(
        "BlockSpec",
        "b",
        {"kind": "workflow", "config": {"steps": {"s": {"imageDetails": base, "command": "a"}}}},
        {"title": "b", "summary": "b"},
    )
    deployed = lab.manifest("Deployment", "d", {"blockSpec": {"name": "b"}}, dependsOn=["Image/a"])
    resources = lab.resources(
        flow(lab, "f1", base, pinned),
        flow(lab, "f2", pinned),
        flow(lab, "f3", waits=["Workflow/f2"]),
        flow(lab, "f4", pinned, {"name": "a", "version": "2.0.0"}),
        flow(lab, "f5", {"name": "other"}),
        flow(lab, "f6", waits=["Image/a", "BlockSpec/b"]),
        block,
        deployed,
    )
    found = {
        str(each.key): (str(each.via), each.pinned, each.follows, len(each.paths))
        for each in reached_by(Key("Image", "a"), resources)
    }
    assert found == {
        "BlockSpec/b": ("Image/a", None, True, 1),
        "Deployment/d": ("BlockSpec/b", None, True, 1),
        "Workflow/f1": ("Image/a", None, True, 2),
        "Workflow/f2": ("Image/a", "1.0.0", False, 1),
        "Workflow/f4": ("Image/a", "1.0.0, 2.0.0", False, 2),
        "Workflow/f6": ("Image/a", None, False, 1),
    }


def test_a_loop_reaches_everything_once(lab: Any) -> None:
    steps = {"s": {"type": "http", "method": "get", "url": "https://example.com"}}
    both = [
        lab.manifest("Workflow", one, {"steps": steps}, dependsOn=[f"Workflow/{two}"])
        for one, two in ("ab", "ba")
    ]
    resources = lab.resources(*both)
    (found,) = reached_by(Key("Workflow", "a"), resources)
    assert str(found.key) == "Workflow/b"
