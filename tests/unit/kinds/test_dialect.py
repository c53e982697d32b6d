"""What the check of schema files refuses, with a pointer, and what the compiler makes of them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from check_schemas import problems

from peakctl.kinds.fields import Absent
from peakctl.kinds.schemas import PREFIX, compile_kind, split_path
from peakctl.model import State

SERVER = {f"{PREFIX}server-default": True}
CLEAR = {f"{PREFIX}clear": True}


def text(**more: Any) -> dict[str, Any]:
    return {"description": "A text.", "type": "string", **more}


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "description": "A map.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def schema(*, metadata: Any = None, rules: Any = None, defs: Any = None, **spec: Any) -> Any:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://peakctl.dev/schemas/v1/thing.json",
        "title": "Thing",
        "description": "A thing.",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": "peakctl/v1"},
            "kind": {"const": "Thing"},
            "metadata": metadata or closed(),
            "spec": closed(**spec),
            "dependsOn": {"description": "A list.", "type": "array", "items": text(), **CLEAR},
            "lifecycle": {**closed(), **CLEAR},
        },
        "additionalProperties": False,
        "x-peakctl-kind": {"lifecycle": {}, **(rules or {})},
        "$defs": {"param": text(pattern="^@param:"), **(defs or {})},
    }


CHOICE = {
    "description": "A choice.",
    **CLEAR,
    "oneOf": [{"$ref": "#/$defs/one"}, {"$ref": "#/$defs/other"}],
}
BRANCHES = {
    "one": closed(type={"description": "Which.", "const": "a", "default": "a"}),
    "other": {
        **closed(type={"description": "Which.", "const": "b"}, x=text(**CLEAR)),
        "required": ["type"],
    },
}

REFUSED = {
    "an unknown keyword": (
        schema(a=text(format="uri", **SERVER)),
        "/properties/spec/properties/a",
    ),
    "an unknown word of ours": (
        schema(a=text(**{f"{PREFIX}colour": "red"}, **SERVER)),
        "/properties/spec/properties/a",
    ),
    "an unknown word at the top": ({**schema(), "oneOf": []}, ""),
    "an unknown rule of a kind": (schema(rules={"colour": "red"}), "/x-peakctl-kind"),
    "an unknown rule of versions": (
        schema(rules={"versions": {"at": "spec", "call": "build", "first": "1", "last": "2"}}),
        "/x-peakctl-kind/versions",
    ),
    "an unknown state": (
        schema(rules={"lifecycle": {"happy": []}}),
        "/x-peakctl-kind/lifecycle",
    ),
    "a path that leads nowhere": (
        schema(rules={"defines": "spec.nothing"}),
        "/x-peakctl-kind/defines",
    ),
    "a call that there is not": (
        schema(rules={"versions": {"at": "spec", "call": "push", "first": "1"}}),
        "/x-peakctl-kind/versions/call",
    ),
    "a field with an unknown call": (
        schema(a=text(**{f"{PREFIX}call": "push"}, **SERVER)),
        f"/properties/spec/properties/a/{PREFIX}call",
    ),
    "an optional field without a rule": (schema(a=text()), "/properties/spec/properties/a"),
    "a field with two rules": (
        schema(a=text(default="", **SERVER)),
        "/properties/spec/properties/a",
    ),
    "a required field with a rule": (
        {
            **schema(),
            "properties": {
                **schema()["properties"],
                "spec": {**closed(a=text(**SERVER)), "required": ["a"]},
            },
        },
        "/properties/spec/properties/a",
    ),
    "a required field that is not there": (
        {
            **schema(),
            "properties": {**schema()["properties"], "spec": {**closed(), "required": ["a"]}},
        },
        "/properties/spec/required",
    ),
    "a field without a description": (
        schema(a={"type": "string", **SERVER}),
        "/properties/spec/properties/a",
    ),
    "a field without a type": (
        schema(a={"description": "?", **SERVER}),
        "/properties/spec/properties/a",
    ),
    "an open object": (
        schema(a={"description": "?", "type": "object", "properties": {}, **SERVER}),
        "/properties/spec/properties/a",
    ),
    "a remote reference": (
        schema(a={"description": "?", "$ref": "https://x.example/a.json", **SERVER}),
        "/properties/spec/properties/a/$ref",
    ),
    "a dangling reference": (
        schema(a={"description": "?", "$ref": "#/$defs/a", **SERVER}),
        "/properties/spec/properties/a",
    ),
    "a reference to itself": (
        schema(
            a={"description": "?", "$ref": "#/$defs/a", **SERVER}, defs={"a": {"$ref": "#/$defs/a"}}
        ),
        "/properties/spec/properties/a",
    ),
    "a definition within itself": (
        schema(
            a={"description": "?", "$ref": "#/$defs/a", **SERVER},
            defs={"a": closed(a={"$ref": "#/$defs/a", **CLEAR})},
        ),
        "/properties/spec/properties/a/properties/a",
    ),
    "anyOf of two values": (
        schema(a={"description": "?", "anyOf": [{"type": "string"}, {"type": "null"}], **SERVER}),
        "/properties/spec/properties/a/anyOf/1",
    ),
    "oneOf without a constant": (
        schema(a={**CHOICE}, defs={"one": closed(), "other": closed()}),
        "/properties/spec/properties/a/oneOf",
    ),
    "oneOf of fields that are not there": (
        schema(a={**closed(), "oneOf": [{"required": ["x"]}, {"required": ["y"]}], **SERVER}),
        "/properties/spec/properties/a/oneOf",
    ),
    "a list key that items do not have": (
        schema(
            a={
                "description": "?",
                "type": "array",
                "items": closed(),
                f"{PREFIX}list-key": "name",
                **SERVER,
            }
        ),
        f"/properties/spec/properties/a/{PREFIX}list-key",
    ),
    "a list key on no list": (
        schema(a=text(**{f"{PREFIX}list-key": "name"}, **SERVER)),
        f"/properties/spec/properties/a/{PREFIX}list-key",
    ),
    "a file for no sibling": (
        schema(a=text(**{f"{PREFIX}file": "b"}, **SERVER)),
        "/properties/spec/properties/a",
    ),
    "a condition on no sibling": (
        schema(a=text(**{f"{PREFIX}only-if": {"b.c": ["x"]}}, **SERVER)),
        "/properties/spec/properties/a",
    ),
    "an unknown check": (
        schema(a=text(**{f"{PREFIX}check": "cron luck"}, **SERVER)),
        f"/properties/spec/properties/a/{PREFIX}check",
    ),
    "an unknown word of a reference": (
        schema(a=text(**{f"{PREFIX}ref": {"kinds": ["X"], "id": "b", "via": "c"}}, **SERVER)),
        f"/properties/spec/properties/a/{PREFIX}ref",
    ),
    "an empty reason": (
        schema(a=text(**{f"{PREFIX}immutable": ""}, **SERVER)),
        f"/properties/spec/properties/a/{PREFIX}immutable",
    ),
    "a reason that is a flag": (
        schema(a=text(**{f"{PREFIX}immutable": True}, **SERVER)),
        f"/properties/spec/properties/a/{PREFIX}immutable",
    ),
}


@pytest.mark.parametrize(("bad", "pointer"), REFUSED.values(), ids=list(REFUSED))
def test_the_check_refuses(bad: Any, pointer: str) -> None:
    assert {at for at, _ in problems(bad)} == {pointer}


def test_the_check_has_nothing_against_a_small_schema() -> None:
    assert problems(schema(c=CHOICE, defs=BRANCHES)) == []


def test_a_kind_has_a_name_metadata_and_spec() -> None:
    nameless = copy.deepcopy(schema())
    nameless["properties"]["kind"] = {"type": "string"}
    assert problems(nameless)
    headless = copy.deepcopy(schema())
    del headless["properties"]["metadata"]
    assert problems(headless)


def test_a_kind_is_compiled_when_its_fields_are_asked_for() -> None:
    kind = compile_kind({"properties": {"kind": {"const": "Thing"}, "metadata": {}}})
    assert kind.name == "Thing"
    with pytest.raises(KeyError):
        _ = kind.root


def test_rules_are_handed_down_and_may_be_replaced() -> None:
    inner = closed(a=text(**CLEAR), b=text(**{f"{PREFIX}call": "patch"}, **CLEAR))
    kind = compile_kind(
        schema(
            m={
                **inner,
                **SERVER,
                f"{PREFIX}call": "revise",
                f"{PREFIX}sensitive": True,
                f"{PREFIX}immutable": "it is so",
                f"{PREFIX}redeploys": True,
            }
        )
    )
    m = kind.root.properties["spec"].properties["m"]
    a, b = m.properties["a"], m.properties["b"]
    assert (a.call, a.sensitive, a.immutable, a.redeploys) == ("revise", True, "it is so", True)
    assert (b.call, b.sensitive) == ("patch", True)
    assert m.absent is Absent.SERVER
    assert a.absent is Absent.CLEAR
    assert m.touches


def test_branches_share_no_fields_and_one_may_be_the_default() -> None:
    field = compile_kind(schema(c=CHOICE, defs=BRANCHES)).root.properties["spec"].properties["c"]
    assert field.discriminator == "type"
    assert field.default_variant == "a"
    assert set(field.variants) == {"a", "b"}
    assert set(field.variants["b"].properties) == {"type", "x"}
    assert field.types == {"object"}
    assert not field.touches


def test_a_reference_is_read_with_its_paths() -> None:
    rule = {
        "kinds": ["Image"],
        "version": "version",
        "id": "../imageId",
        "version-id": "release.version",
        "kind": "type",
        "kind-words": {"Image": "image"},
        "edge": False,
        "scope": "workflow",
    }
    field = compile_kind(schema(a=text(**{f"{PREFIX}ref": rule}, **SERVER))).root
    ref = field.properties["spec"].properties["a"].ref
    assert ref is not None
    assert ref.id_to == ("..", "imageId")
    assert ref.version_to == ("release", "version")
    assert ref.kind_to == ("type",)
    assert (ref.edge, ref.scope) == (False, "workflow")


def test_a_value_or_a_parameter_takes_texts_too() -> None:
    kind = compile_kind(
        schema(
            a={
                "description": "A number.",
                "anyOf": [{"type": "integer"}, {"$ref": "#/$defs/param"}],
                "default": 1,
            }
        )
    )
    field = kind.root.properties["spec"].properties["a"]
    assert field.types == {"integer", "string"}
    assert field.default == 1


def test_status_words_keep_their_meaning() -> None:
    rules = {"lifecycle": {"ready": ["up"], "stuck": ["lost"], "on-failed": "redeploy"}}
    lifecycle = compile_kind(schema(rules=rules)).lifecycle
    assert lifecycle.words == {"up": State.READY, "lost": State.STUCK}
    assert lifecycle.on_failed == "redeploy"


def test_paths_go_up_and_down() -> None:
    assert split_path("../../a.b") == ("..", "..", "a", "b")
    assert split_path("") == ()
