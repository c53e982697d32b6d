"""What the answers about deployments tell, in manifest shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peakctl.adapters.orders import spec_of
from peakctl.adapters.shapes import manifest, pick
from peakctl.adapters.specs import METADATA
from peakctl.model import Key

if TYPE_CHECKING:
    from peakctl.model import Tree, Value

SPEC_FIELDS = {"blocks": "blockSpec", "apps": "appSpec"}
KINDS_OF_PARTS = {
    "workflow": ("Workflow",),
    **dict.fromkeys(("service", "webapp", "web-app"), ("Service", "Webapp")),
}
VALUES = ("parameters", "appParameters")


def family_of(values: Tree) -> str:
    """The route that a manifest's deployment is on."""
    return "blocks" if "blockSpec" in spec_of(values) else "apps"


def declares_values(values: Tree) -> bool:
    """Whether a manifest gives values to parameters."""
    return any(spec_of(values).get(name) for name in VALUES)


def revision_of(described: Tree) -> int | None:
    """The number of the latest revision."""
    number = (described.get("latestRevision") or {}).get("revision")
    return number if isinstance(number, int) else None


def release_of(values: Tree) -> str | None:
    """The release that is deployed."""
    spec = spec_of(values)
    named: Tree = spec.get("blockSpec") or spec.get("appSpec") or {}
    version = (named.get("release") or {}).get("version")
    return str(version) if version else None


def owner_of(described: Tree) -> str | None:
    """Why a deployment is not ours: a block that an app has deployed (docs/platform.md, 3.5)."""
    parent = described.get("parent")
    id_ = parent.get("id") if isinstance(parent, Mapping) else parent
    return f"part of app deployment {id_}" if id_ else None


def parts_of(described: Tree) -> list[dict[str, Any]]:
    """The kind and name of everything that the deployment has made, which is its own."""
    latest = described.get("latestRevision") or {}
    made = [*(latest.get("resources") or ()), *(latest.get("blocks") or ())]
    return [{"kind": m.get("kind"), "name": m.get("name")} for m in made if isinstance(m, Mapping)]


def kinds_made(item: Tree) -> tuple[str, ...]:
    """The kinds of which a listed block may have made something; an unknown word means all."""
    every = dict.fromkeys(kind for kinds in KINDS_OF_PARTS.values() for kind in kinds)
    return KINDS_OF_PARTS.get(str(item.get("kind")).lower(), tuple(every))


def made_by(described: Tree) -> tuple[Key, ...]:
    """The same, as the keys that they may have in manifests."""
    made = (described.get("latestRevision") or {}).get("resources") or ()
    return tuple(
        Key(kind, str(each.get("name")))
        for each in made
        if isinstance(each, Mapping)
        for kind in KINDS_OF_PARTS.get(str(each.get("kind")).lower(), ())
    )


def deployment_values(
    family: str, described: Tree, revision: Tree, run: Tree | None
) -> dict[str, Any]:
    """Manifest shape. `run` are the run values in force, which win over those of the revision."""
    latest = {**revision, **(described.get("latestRevision") or {})}
    spec = {**(revision.get("spec") or {}), **(described.get("spec") or {})}
    named = pick(spec, "id", "release", "includes", "excludes")
    whole: dict[str, Any] = {SPEC_FIELDS[family]: named}
    if latest.get("notes"):
        whole["revision"] = {"notes": latest["notes"]}
    whole |= _values(family, {**pick(revision, *VALUES), **pick(described, *VALUES)}, run)
    return manifest(pick(described.get("metadata") or {}, *METADATA), whole)


def _values(family: str, shown: dict[str, Any], run: Tree | None) -> dict[str, Any]:
    if run is None:
        return shown
    if family == "blocks":
        return {**shown, "parameters": {**(shown.get("parameters") or {}), "run": dict(run)}}
    by_block, of_app = _app_run(run)
    parameters = dict(shown.get("parameters") or {})
    for block, values in by_block.items():
        parameters[block] = {**(parameters.get(block) or {}), "run": values}
    if parameters:
        shown = {**shown, "parameters": parameters}
    if of_app:
        shown = {**shown, "appParameters": {**(shown.get("appParameters") or {}), "run": of_app}}
    return shown


def _app_run(run: Tree) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run values by block, and of the app, of an answer whose shape for apps is not documented."""
    nested = any(isinstance(run.get(name), Mapping) for name in VALUES)
    by_block = (run.get("parameters") or {}) if nested else run
    of_app = (run.get("appParameters") or {}) if nested else {}
    blocks = {b: _flat(v) for b, v in by_block.items() if isinstance(v, Mapping)}
    return blocks, _flat(of_app)


def _flat(values: Value) -> dict[str, Any]:
    """Values by name, also of an answer that keeps them below `run`."""
    inner = values.get("run") if set(values) <= {"build", "run"} else None
    return dict(inner if isinstance(inner, Mapping) else values)
