"""The words of the dialect: which keywords a kind file may hold, and what each must look like.

`schemas/dialect.json` says the same for editors, with a description of every word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.kinds.fields import Absent

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "x-peakctl-"
PARAM = "@param:"
"""A build parameter in place of a whole value (docs/platform.md, 3.4)."""

ABSENCE = {
    "default": Absent.DEFAULT,
    "readOnly": Absent.READ_ONLY,
    "writeOnly": Absent.WRITE_ONLY,
    f"{PREFIX}server-default": Absent.SERVER,
    f"{PREFIX}clear": Absent.CLEAR,
    f"{PREFIX}by-name": Absent.BY_NAME,
    f"{PREFIX}local": Absent.LOCAL,
}
"""What a missing optional field means; each carries exactly one of these."""

STANDARD = frozenset(
    [
        "$ref",
        "description",
        "type",
        "const",
        "enum",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "uniqueItems",
        "items",
        "properties",
        "required",
        "additionalProperties",
        "minProperties",
        "dependentRequired",
        "oneOf",
        "anyOf",
    ]
)

OWN: Mapping[str, type | tuple[type, ...]] = {
    "immutable": str,
    "sensitive": bool,
    "list-key": (str, list),
    "unordered": bool,
    "call": str,
    "redeploys": bool,
    "unseen": bool,
    "deferred": str,
    "after-create": bool,
    "archive": bool,
    "file": str,
    "check": str,
    "only-if": dict,
    "alias": dict,
    "ref": dict,
    "short-for": str,
}
"""Our own words without their prefix, and the type of what follows them."""

CALLS = frozenset({"build", "release", "revise", "patch", "edit", "update", "create"})

CHECKS = frozenset(
    {
        "cron",
        "semver",
        "step-graph",
        "definitions",
        "definitions-used",
        "tenants",
        "private-images",
        "inline-images",
        "deployment-parameters",
        "not-a-ledger",
        "dockerfiles",
    }
)

REF = frozenset(
    [
        "kinds",
        "version",
        "id",
        "version-id",
        "kind",
        "kind-words",
        "edge",
        "scope",
        "scope-by",
        "scope-words",
    ]
)

KIND = frozenset(
    [
        "name-group",
        "history",
        "deprecated",
        "versions",
        "lifecycle",
        "whole-update",
        "carries",
        "removals",
        "defines",
        "of-parts",
        "defined-by",
        "defined-by-whole",
    ]
)

LIFECYCLE = frozenset(
    ["ready", "pending", "failed", "stuck", "warning", "deleting", "on-failed", "advice", "wait"]
)

TOP = frozenset(
    f"""$schema $id title description type required properties additionalProperties
    {PREFIX}kind $defs""".split()
)

KEYWORDS = STANDARD | set(ABSENCE) | {f"{PREFIX}{word}" for word in OWN}


def split_path(text: str) -> tuple[str, ...]:
    """`spec.release.version` -> ("spec", "release", "version"); `../id` -> ("..", "id")."""
    steps: list[str] = []
    while text.startswith("../"):
        steps.append("..")
        text = text[3:]
    return (*steps, *text.split(".")) if text else ()
