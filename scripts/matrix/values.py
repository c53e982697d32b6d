"""Values to try for a field, and what each of them means for what is live."""

from __future__ import annotations

import copy
import enum
import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from matrix.schema import resolved
from peakctl.kinds.fields import Absent

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix.schema import Node, SettableField
    from peakctl.kinds.fields import Field


class Special(enum.Enum):
    """What is no JSON value."""

    ABSENT = "absent"  # the manifest does not have the field
    EMPTY = "empty"  # nothing is live: absent, null and empty where they are equal
    KEEP = "kept"  # whatever the platform has is left alone

    def __repr__(self) -> str:
        return self.value


ABSENT, EMPTY, KEEP = Special.ABSENT, Special.EMPTY, Special.KEEP
TEXTS = ["plain", "3.10", "two\nlines: ä # 'x'\n"]
NAMES = ["plain", "3.10", "zwei # ä"]
MOST = 6
PATTERNS = {"^[0-9]+GB$": ["10GB", "20GB", "30GB"]}
CHECKS = {
    "cron": ["0 2 * * *", "*/5 * * * 1-5", "30 4 1 * *"],
    "semver": ["1.0.0", "2.0.0", "3.0.0"],
}
BLOCK, APP = ["block-a", "block-b", "block-c"], ["app-a", "app-b", "app-c"]
LATEST = "3.0.0"
NAMING = ("name", "id", "imageId", "entityId")
NUMBERING = ("version", "versionId", "release", "releaseVersion")
SIZES = ["Nano (0.25CPU, 0.5GB RAM)", "Micro (0.5CPU, 1GB RAM)", "Small (1CPU, 2GB RAM)"]
WEB_SIZES = ["Nano (0.25CPU, 1GB RAM)", "Small (1CPU, 2GB RAM)", "Medium (2CPU, 8GB RAM)"]
CONDITIONS = [
    [{"dependsOn": "other", "operator": "equals", "value": "x"}],
    [{"dependsOn": "other", "operator": "not-equals", "value": "y"}],
    [
        {
            "conditionType": "AND",
            "conditions": [{"dependsOn": "other", "operator": "equals", "value": "x"}],
        }
    ],
]

GIVEN: tuple[tuple[str, list[Any]], ...] = (
    ("*.instanceType", []),  # by kind of machine, see below
    ("*:spec*.artifact.path", ["../src/a", "../src/b", "../src/c"]),
    ("*:spec*.artifact", [{"path": "../src/a"}, {"path": "../src/b"}, {"path": "../src/c"}]),
    ("*.ignore_files", [[".dockerignore"], ["ignore-text"], [".dockerignore", "ignore-text"]]),
    ("*.descriptionFile", ["a.md", "b.md", "c.txt"]),
    ("*.notesFile", ["a.md", "b.md", "c.txt"]),
    ("*.imageUrl", ["https://a.example/1.png", "https://a.example/2.png", "https://b.example/"]),
    ("BlockSpec:*.imageDetails", [
        {"name": "one"}, {"name": "one", "version": "1.0.0"}, {"name": "two"},
        {"id": "$image two", "versionId": "$version two 2.0.0"},
    ]),
    ("[SW]e*:spec.imageDetails", [
        {"name": "one"}, {"name": "one", "version": "1.0.0"}, {"name": "two"},
        {"imageId": "$image two", "versionId": "$version two 2.0.0"},
    ]),
    ("*.imageDetails", [
        {"name": "one"},
        {"name": "one", "version": "1.0.0"},
        {"name": "two"},
    ]),
    ("*.imageDetails.name", ["one", "two", "three"]),
    ("*.imageDetails.id", ["$image one", "$image two", "$image three"]),
    ("*.imageId", ["$image one", "$image two", "$image three"]),
    ("*ersionId", ["$version one 1.0.0", "$version one 2.0.0", "$version one 3.0.0"]),
    ("Workflow:*.instanceTypeId", [21, 22, 23]),
    ("*:*steps*.instanceTypeId", [21, 22, 23]),
    ("*.instanceTypeId", [43, 45, 46]),
    ("*steps*.instanceType", SIZES),
    ("*.instanceType", WEB_SIZES),
    ("Workflow:*.resources", [
        {"instanceTypeId": 21, "storage": "10GB"},
        {"instanceTypeId": 22, "storage": "10GB"},
        {"instanceType": SIZES[2], "storage": "20GB"},
    ]),
    ("*steps*.resources", [
        {"instanceTypeId": 21, "storage": "10GB"},
        {"instanceTypeId": 22, "storage": "10GB"},
        {"instanceType": SIZES[2], "storage": "20GB"},
    ]),
    ("*.resources", [
        {"instanceTypeId": 43}, {"instanceTypeId": 45}, {"instanceType": WEB_SIZES[2]},
    ]),
    ("Deployment:spec.blockSpec", [
        {"name": "block-a"}, {"name": "block-a", "release": "1.0.0"},
        {"name": "block-a", "release": {"version": "2.0.0"}}, {"name": "block-b"},
    ]),
    ("Deployment:spec.appSpec", [
        {"name": "app-a"}, {"name": "app-a", "release": "1.0.0"},
        {"name": "app-a", "release": {"version": "2.0.0"}}, {"name": "app-b"},
    ]),
    ("*cludes[[][]].name", BLOCK),
    ("*cludes[[][]].id", [f"$spec {name}" for name in BLOCK]),
    ("Deployment:spec.blockSpec.name", BLOCK),
    ("Deployment:spec.appSpec.name", APP),
    ("Deployment:spec.blockSpec.id", [f"$spec {name}" for name in BLOCK]),
    ("Deployment:spec.appSpec.id", [f"$spec {name}" for name in APP]),
    ("AppSpec:spec.config[[][]].name", BLOCK),
    ("AppSpec:spec.config[[][]].id", [f"$spec {name}" for name in BLOCK]),
    ("AppSpec:spec.config", [
        [{"name": "block-a"}], [{"name": "block-a", "release": "1.0.0"}],
        [{"name": "block-a"}, {"name": "block-b"}], [{"name": "block-b"}, {"name": "block-a"}],
    ]),
    ("AppSpec:spec.config*.release", ["1.0.0", "2.0.0", {"version": "3.0.0"}]),
    ("*Spec:spec*.release", [{}, {"notes": "a"}, {"notes": "b"}]),
    ("*=sql].repository", [
        {"url": "https://git.example/r", "branch": "main", "filePath": "q.sql"},
        {"url": "https://git.example/r", "branch": "main", "filePath": "p.sql"},
        {"url": "https://git.example/s", "branch": "dev", "filePath": "p.sql"},
    ]),
    ("*.release", ["1.0.0", "2.0.0", {"version": "3.0.0"}]),
    ("*.outputParameters", [{}, {"a": "response.txt"}, {"b": "response.txt", "a": "response.txt"}]),
    ("*.parents", [["first"], ["second"], ["second", "first"], ["first", "second"]]),
    ("*.auth", [
        {"type": "no-auth"},
        {"type": "basic", "username": "u", "password": "P"},
        {"type": "api-key", "apiKey": "K"},
    ]),
    ("*.scope", ["private", "public", "shared"]),
    ("*.tenants", [["one"], ["two"], ["two", "one"]]),
    ("Workflow:spec.steps", []),
    ("*.defaultValue", ["a", "b", "c"]),
    ("*.options[[][]].value", ["d", "e", "f"]),
    ("*.conditions[[][]].conditions", [
        [{"dependsOn": "other", "operator": "equals", "value": "x"}],
        [{"dependsOn": "other", "operator": "not-equals", "value": "x"}],
        [{"dependsOn": "other", "operator": "equals", "value": "y"}],
    ]),
    ("*.conditions", CONDITIONS),
    ("*.dependsOn", ["other", "third", "fourth"]),
    ("*.conditional[[][]].stepName", ["first", "second", "third"]),
    ("*parameters.build", []),
    ("*.watchers[[][]].webhook", [
        {"name": "hook", "url": "https://hook.example/1", "payload": "{}"},
        {"name": "hook", "url": "https://hook.example/2", "payload": "{}"},
        {"name": "other", "url": "https://hook.example/1", "payload": "[]"},
    ]),
    ("*.watchers[[][]].email", [
        {"name": "mail", "recipients": {"to": ["a@example.com"]}},
        {"name": "mail", "recipients": {"to": ["b@example.com", "a@example.com"]}},
        {"name": "other", "recipients": {"to": ["a@example.com"]}},
    ]),
    ("*.email.recipients", [
        {"to": ["a@example.com"]}, {"to": ["b@example.com"]},
        {"to": ["b@example.com", "a@example.com"]},
    ]),
    ("*.imageRef", ["main", "spare", "third"]),
    ("*.method", ["post", "put", "patch"]),
    ("Image:*upload*dockerfilePath", ["Dockerfile", "other/Dockerfile", "third/Dockerfile"]),
    ("Image:*upload*context", [".", "other", "third"]),
    ("BlockSpec:*dockerfile", ["Dockerfile", "other/Dockerfile", "third/Dockerfile"]),
    ("BlockSpec:*context", [".", "other", "third"]),
    ("Deployment:spec.parameters.build", [
        {}, {"cmd": "a"}, {"cmd": "b", "size": 1}, {"cmd": "b", "size": 2.5},
    ]),
    ("Deployment:spec.parameters.run", [
        {}, {"mode": "a"}, {"mode": "b", "flag": True, "list": ["x"]},
        {"mode": "b", "flag": False, "list": ["x", "y"], "conf": {"k": [1]}, "hidden": "s3cr3t-a"},
        {"hidden": "s3cr3t-b"},
    ]),
    ("Deployment:spec.parameters.[*].build", [{}, {"cmd": "a"}, {"cmd": "b", "size": 1}]),
    ("Deployment:spec.parameters.[*].run", [{}, {"mode": "a"}, {"mode": "b", "flag": True}]),
    ("Deployment:spec.parameters", [
        {"run": {"mode": "a"}}, {"build": {"cmd": "a"}},
        {"build": {"cmd": "b"}, "run": {"mode": "b"}},
    ]),
    ("Deployment:spec.appParameters.build", [{}, {"cmd": "a"}, {"cmd": "b", "size": 1}]),
    ("Deployment:spec.appParameters.run", [{}, {"mode": "a"}, {"mode": "b", "flag": True}]),
    ("Deployment:spec.appParameters", [
        {"run": {"mode": "a"}}, {"build": {"cmd": "a"}},
        {"build": {"cmd": "b"}, "run": {"mode": "b"}},
    ]),
)  # fmt: skip
"""Values that no schema can tell: what they name must exist. The first pattern that fits counts."""

ABSENT_MEANS = (
    ("*.imageDetails.version", LATEST),
    ("*Spec.release", {"version": LATEST}),
    ("*cludes[[][]].release", {"version": LATEST}),
    ("AppSpec:spec.config[[][]].release", {"version": LATEST}),
)
"""Absent follows the latest version where nothing else is said."""


def candidates(field: SettableField, base: Any) -> list[Any]:
    """Values worth trying, absent and null among them; `base` stands in the base manifest.

    Some may be invalid where they stand: the caller leaves out those that peakctl refuses.
    """
    given = given_for(field)
    found = given if given else _by_schema(field, field.node, base)
    if field.node.get("param") and field.kind == "BlockSpec":
        found = [*found[: MOST - 3], "@param:any"]
    absent = [ABSENT] if field.rule.absent is not Absent.REQUIRED else []
    null = [None] if "null" in field.rule.types else []
    return _different([*absent, *null, *found])[:MOST]


def given_for(field: SettableField) -> list[Any]:
    full = f"{field.kind}:{field.name}"
    for pattern, values in GIVEN:
        if values and fnmatchcase(full, pattern):
            return copy.deepcopy(values)
    return []


def _by_schema(field: SettableField, node: Node, base: Any) -> list[Any]:
    if "enum" in node:
        return [value for value in node["enum"] if value is not None]
    if "const" in node:
        return [node["const"]]
    makers: dict[str, Callable[[SettableField, Node, Any], list[Any]]] = {
        "object": _objects,
        "array": _lists,
        "string": _texts,
        "boolean": lambda *_: [True, False],
        "integer": _numbers,
        "number": _numbers,
    }
    told = node.get("type", "object")
    types = [told] if isinstance(told, str) else told
    return makers[next(each for each in types if each != "null")](field, node, base)


def _texts(field: SettableField, node: Node, base: Any) -> list[Any]:
    if field.word == "name":
        return NAMES
    if node.get("pattern") in PATTERNS:
        return PATTERNS[node["pattern"]]
    for check in node.get("x-peakctl-check", "").split():
        if check in CHECKS:
            return CHECKS[check]
    return TEXTS if "minLength" in node or node.get("writeOnly") else [*TEXTS, ""]


def _numbers(_: SettableField, node: Node, base: Any) -> list[Any]:
    low, high = node.get("minimum", 0), node.get("maximum", 70_000)
    return list(dict.fromkeys([low, high, (low + high) // 2]))


def _lists(field: SettableField, node: Node, base: Any) -> list[Any]:
    """Around the base's own items where those are maps; else of plain values."""
    if isinstance(base, list) and any(isinstance(item, dict) for item in base):
        return [base, base[:1], base[::-1], base[1:], []]
    items = _by_schema(field, resolved(node["items"], field.defs), None)
    return [items[:1], items[:2], items[1::-1], items[2:3], []]


def _objects(field: SettableField, node: Node, base: Any) -> list[Any]:
    if not field.rule.properties and field.rule.extra is not None:
        if isinstance(base, dict) and any(isinstance(each, dict) for each in base.values()):
            keys = list(base)
            return [base, {k: base[k] for k in keys[:1]}, {k: base[k] for k in keys[1:]}, {}]
        return [{}, {"A": "1"}, {"A": "2", "B.c": "x"}, {"B.c": "x"}]
    whole = dict(base) if isinstance(base, dict) else {}
    needed = {k: v for k, v in whole.items() if k in node.get("required", ())}
    less = dict(list(whole.items())[:-1])
    return [whole, needed, less, dict(list(whole.items())[1:])]


def _different(values: list[Any]) -> list[Any]:
    seen: dict[str, Any] = {}
    for value in values:
        seen.setdefault(json.dumps(value, sort_keys=False, default=repr), value)
    return list(seen.values())


def meaning_for(field: SettableField, value: Any) -> Any:
    """What the manifest wants to be live with this value."""
    if value is ABSENT:
        for pattern, wanted in ABSENT_MEANS:
            if fnmatchcase(f"{field.kind}:{field.name}", pattern):
                return wanted
    return meaning(field.rule, value)


def meaning(rule: Field, value: Any) -> Any:
    """`value` in the one form that all values of its meaning share, by the schema's rules."""
    if value is ABSENT:
        return _absent(rule)
    if value is None:
        return EMPTY
    if isinstance(value, str) and rule.short_for:
        value = {rule.short_for: value}
    if isinstance(value, dict):
        return _map_meaning(rule, value)
    if isinstance(value, list):
        return _list_meaning(rule, value)
    if value is False and rule.absent is Absent.CLEAR:
        return EMPTY  # a flag that is off is one that is not there
    if isinstance(value, str):
        empty = value == "" and (rule.absent is Absent.CLEAR or "null" in rule.types)
        return EMPTY if empty else rule.aliases.get(value, value)
    return value


def _absent(rule: Field) -> Any:
    if rule.absent is Absent.DEFAULT:
        return meaning(rule, rule.default)
    return KEEP if rule.absent is Absent.SERVER or rule.file_for else EMPTY


def _map_meaning(rule: Field, value: dict[str, Any]) -> Any:
    if rule.ref is not None:
        return _reference(value)
    chosen = rule
    if rule.variants:
        chosen = rule.variants[value.get(rule.discriminator, rule.default_variant)]
    if not (chosen.properties or chosen.extra):
        return value
    out = {
        word: meaning(inner, value.get(word, ABSENT)) for word, inner in chosen.properties.items()
    }
    if chosen.extra is not None:
        out |= {k: meaning(chosen.extra, v) for k, v in value.items() if k not in out}
    plain = {k: v for k, v in out.items() if v is not EMPTY and not _is_default(chosen, k, v)}
    says_nothing = rule.absent is Absent.CLEAR and all(v is KEEP for v in plain.values())
    return EMPTY if says_nothing else plain


def _is_default(rule: Field, word: str, wanted: Any) -> bool:
    """Whether an entry says no more than its absence: defaults alone make nothing be there."""
    inner = rule.properties.get(word)
    return inner is not None and inner.absent is Absent.DEFAULT and wanted == meaning(inner, ABSENT)


def _reference(value: dict[str, Any]) -> Any:
    """The named thing and its version; an id stands for the name that it belongs to."""
    told = [value[word] for word in NAMING if word in value]
    version = next((value[word] for word in NUMBERING if word in value), LATEST)
    if isinstance(version, dict):
        version = version["version"]
    return [str(told[0]).split()[-1], str(version).split()[-1]] if told else value


def _list_meaning(rule: Field, value: list[Any]) -> Any:
    if not value and (rule.absent is Absent.CLEAR or "null" in rule.types):
        return EMPTY
    items = [meaning(rule.items, item) if rule.items else item for item in value]
    if rule.unordered or rule.list_key:
        items.sort(key=lambda item: json.dumps(item, sort_keys=True, default=repr))
    return items


def settle(before: Any, wanted: Any) -> Any:
    """What is live once `wanted` is applied to `before`."""
    if wanted is KEEP:
        return before
    if isinstance(before, dict) and isinstance(wanted, dict):
        kept = {k: settle(before.get(k, KEEP), v) for k, v in wanted.items()}
        return {k: v for k, v in kept.items() if v is not EMPTY}
    return wanted


def is_open(value: Any) -> bool:
    """Whether the platform chose some part of what is live, so that nobody can foretell it."""
    if isinstance(value, dict):
        return any(is_open(inner) for inner in value.values())
    return value is KEEP


def scalars(value: Any) -> list[Any]:
    """All leaves of a value."""
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in scalars(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in scalars(inner)]
    return [] if isinstance(value, Special) or value in (None, "") else [value]


TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([^\]]*)\]|([^.\[\]"]+)')


def tokens(path: str) -> list[str]:
    """The parts of a path as plans print it."""
    return [quoted or index or plain for quoted, index, plain in TOKEN.findall(path)]
