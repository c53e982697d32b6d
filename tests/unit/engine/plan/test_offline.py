"""Manifests compared with those of another commit, as if these were what is live."""

from __future__ import annotations

from typing import Any

from peakctl.engine.plan.offline import Compared, compare_resources
from peakctl.model import Cause, Key, Owner, Verb

OWNER = Owner("shop", "prod")
WORDS = {"type": "http", "method": "get"}


def image(lab: Any, text: str = "FROM a", **spec: Any) -> Any:
    details = {"source": "dockerfile", "dockerfile": text}
    return lab.manifest("Image", "base", {"type": "api", "buildDetails": details, **spec})


def service(lab: Any, image_of: Any = None, **spec: Any) -> Any:
    details = image_of or {"name": "base"}
    return lab.manifest("Service", "api", {"serviceType": "api", "imageDetails": details, **spec})


def flow(lab: Any, name: str = "flow", url: str = "https://a.example.com", **more: Any) -> Any:
    return lab.manifest("Workflow", name, {"steps": {"a": {**WORDS, "url": url}}}, **more)


def block(lab: Any, **spec: Any) -> Any:
    config = {"steps": {"a": {"imageDetails": {"name": "base"}, "command": "x"}}}
    meta = {"title": "T", "summary": "S"}
    whole = {"kind": "workflow", "release": {"notes": "n"}, "config": config, **spec}
    return lab.manifest("BlockSpec", "block", whole, meta)


def compared(lab: Any, before: list[Any], after: list[Any]) -> Compared:
    found = compare_resources(lab.resources(*before), lab.resources(*after), lab.kinds, OWNER)
    assert found.base_problems == ()
    assert [d for d in found.problems if d.severity == "error"] == []
    return found


def test_what_is_the_same_changes_nothing(lab: Any) -> None:
    whole = [image(lab), service(lab), flow(lab), block(lab)]
    found = compared(lab, whole, whole)
    assert found.plan.pending == ()
    assert found.removed == ()
    assert {action.live for action in found.plan.actions} == {None}


def test_changes_have_their_reasons_and_what_follows_has_no_numbers(lab: Any) -> None:
    before = [image(lab), service(lab, minInstances=1), flow(lab)]
    after = [image(lab, "FROM b"), service(lab, minInstances=2), flow(lab)]
    actions = {a.key.kind: a for a in compared(lab, before, after).plan.actions}
    made, told = actions["Image"], actions["Service"]
    assert (made.verb, made.version) == (Verb.BUILD, None)
    assert [(c.path, c.before, c.after) for c in made.shown] == [
        ("spec.buildDetails.dockerfile", "FROM a", "FROM b")
    ]
    assert (told.verb, [c.path for c in told.shown]) == (Verb.EDIT, ["spec.minInstances"])
    assert {(r.cause, r.follows, r.version) for r in told.reasons} == {
        (Cause.MANIFEST_CHANGED, None, None),
        (Cause.FOLLOWS, Key("Image", "base"), None),
    }
    assert actions["Workflow"].verb is Verb.KEEP


def test_a_number_that_the_manifest_states_is_told(lab: Any) -> None:
    before, after = (image(lab, text, version=number) for text, number in
                     (("FROM a", "1.0.0"), ("FROM b", "1.1.0")))  # fmt: skip
    (made,) = compared(lab, [before], [after]).plan.actions
    assert (made.verb, made.version) == (Verb.BUILD, "1.1.0")
    found = compare_resources(
        lab.resources(before),
        lab.resources(image(lab, "FROM b", version="1.0.0")),
        lab.kinds,
        OWNER,
    )
    assert [d.code for d in found.problems] == ["plan/version-reused"]


def test_what_is_new_is_shown_as_its_manifest_has_it(lab: Any) -> None:
    steps = {"a": {"command": "x", "imageDetails": {"name": "elsewhere"}}}
    pinned = {"a": {"command": "x", "imageDetails": {"name": "elsewhere", "version": "3.1.2"}}}
    after = [
        image(lab),
        service(lab),
        lab.manifest("Workflow", "one", {"steps": steps}),
        lab.manifest("Workflow", "two", {"steps": pinned}),
    ]
    found = {a.key.name: a for a in compared(lab, [], after).plan.actions}
    assert {action.verb for action in found.values()} == {Verb.CREATE}
    assert {action.reasons for action in found.values()} == {()}
    told = {name: {c.path: c.after for c in action.shown} for name, action in found.items()}
    assert told["api"]["spec.imageDetails"] == {"name": "base"}
    assert told["one"]["spec.steps"]["a"]["imageDetails"] == {"name": "elsewhere"}
    assert told["two"]["spec.steps"]["a"]["imageDetails"]["version"] == "3.1.2"


def test_another_name_or_number_of_a_reference_is_told(lab: Any) -> None:
    def of(reference: Any) -> Any:
        return service(lab, reference)

    (edit,) = compared(lab, [of({"name": "x"})], [of({"name": "y"})]).plan.actions
    (change,) = edit.shown
    assert (change.before, change.after) == ({"name": "x"}, {"name": "y"})
    older, newer = ({"name": "x", "version": number} for number in ("1.0.0", "1.1.0"))
    (edit,) = compared(lab, [of(older)], [of(newer)]).plan.actions
    (change,) = edit.shown
    assert change.after == newer


def test_what_reads_do_not_show_is_compared_all_the_same(lab: Any) -> None:
    config = {"steps": {"a": {**WORDS, "url": "https://a.example.com"}}}
    before = [block(lab, config=config)]
    after = [block(lab, config=config, scope="shared", tenants=["acme"])]
    actions = {a.key.kind: a for a in compared(lab, before, after).plan.actions}
    assert {c.path for c in actions["BlockSpec"].shown} == {"spec.scope", "spec.tenants"}
    more = block(lab, config=config, scope="shared", tenants=["b", "acme"])
    found = compared(lab, after, [more])
    (change,) = next(a for a in found.plan.pending).shown
    assert change.path == "spec.tenants"


def test_what_is_named_no_more_is_told_and_a_new_name_is_known(lab: Any) -> None:
    before = [flow(lab, "one"), flow(lab, "two"), image(lab), service(lab)]
    renamed = lab.manifest(
        "Workflow", "uno", {"steps": {"a": {**WORDS, "url": "https://a.example.com"}}},
        {"previousNames": ["one"]},
    )  # fmt: skip
    found = compared(lab, before, [renamed, service(lab)])
    assert found.removed == (Key("Image", "base"), Key("Workflow", "two"))
    (action,) = found.plan.pending  # a reference to what others declare from now on is the same
    assert (action.key.name, action.verb) == ("uno", Verb.EDIT)
    assert Cause.RENAMED in {reason.cause for reason in action.reasons}


def test_files_are_compared_with_those_of_the_base(lab: Any) -> None:
    from peakctl.engine.observe.file_changes import compare_archives
    from peakctl.model import Action, Archive, ArchiveFile, Change, Live, Resource

    def archive(digest: str, *names: str, size: int | None = None) -> Archive:
        files = tuple(ArchiveFile(name, False, 1, name) for name in names)
        return Archive(digest, len(names) if size is None else size, bytes, files=files)

    def resource(of: Archive) -> Resource:
        document = next(iter(lab.resources(image(lab)).values())).document
        return Resource(key, {}, document, archives={place: of})

    key, place = Key("Artifact", "data"), ("spec", "artifact")
    change = Change((*place, "digest"), "a", "b", "build")
    live = Live(key, "data", {})
    new = resource(archive("b", "x", "y"))
    edited = Action(key, Verb.BUILD, changes=(change,), live=live, resource=new)
    found = compare_archives(edited, resource(archive("a", "x", "z")))
    assert found is not None
    assert (found.added, found.removed, found.renamed, found.at) == (("y",), ("z",), (), place)
    for before in (None, resource(archive("a", size=3))):
        found = compare_archives(edited, before)
        assert found is not None
        assert not found.complete
    made = Action(key, Verb.CREATE, resource=new)
    found = compare_archives(made, None)
    assert found is not None
    assert found.added == ("x", "y")
    assert compare_archives(Action(key, Verb.KEEP, live=live, resource=new), new) is None


def test_a_base_that_cannot_be_planned_is_no_base(lab: Any) -> None:
    wrong = service(lab, minInstances=1)
    wrong["dependsOn"] = ["Workflow/nowhere"]
    found = compare_resources(lab.resources(wrong), lab.resources(flow(lab)), lab.kinds, OWNER)
    assert [d.code for d in found.base_problems] == ["manifest/unknown-dependency"]
    assert found.plan.actions == ()
