"""Calls that would upload a folder which the manifest leaves out, since its changes are ignored."""

from __future__ import annotations

from peakctl.errors import Diagnostic, diagnose
from peakctl.kinds.fields import Field, Kind
from peakctl.kinds.ignored import is_ignored
from peakctl.kinds.walk import said, variant
from peakctl.model import Action, Resource, Step, Tree, dotted, mapping_at, reveal

UPLOADING = frozenset((Step.CREATE, Step.CREATE_VERSION, Step.UPDATE_VERSION, Step.CREATE_RELEASE))


def missing_uploads(resource: Resource, kind: Kind, action: Action) -> list[Diagnostic]:
    """An error for each folder that `action` would have to upload, and that no field names.

    Such a manifest says that what is live counts, whatever it holds: where nothing is live, and
    for a new version, there is nothing to send.
    """
    if not UPLOADING & {*action.steps}:
        return []
    spec = mapping_at(resource.values, ("spec",))
    rule = variant(kind.root.properties["spec"], spec)
    return [
        _missing(resource, action, word)
        for word, field in rule.properties.items()
        if field.archive
        and ("spec", word) not in resource.archives
        and is_ignored(("spec", word), resource.ignore_changes)
        and _has_place(rule, field, spec)
    ]


def _has_place(rule: Field, field: Field, spec: Tree) -> bool:
    """Whether the field goes with what is said beside it: no folder with a build from git."""
    return all(
        reveal(said(rule, spec, tuple(other.split(".")))) in allowed
        for other, allowed in field.only_if.items()
    )


def _missing(resource: Resource, action: Action, word: str) -> Diagnostic:
    path = ("spec", word)
    new = "it is not live, so it would be created" if action.live is None else "it changes"
    return diagnose(
        resource,
        path,
        "plan/no-artifact",
        f"{new}, and the manifest has no {dotted(path)} to upload",
        place=("lifecycle", "ignoreChanges"),
        detail=(
            f"{dotted(path)} stands under lifecycle.ignoreChanges instead, which only serves"
            " what is live already"
        ),
        fix=(
            f"give the folder as {dotted(path)}: {{path: ...}}, and take {dotted(path)} out of"
            " lifecycle.ignoreChanges"
        ),
    )
