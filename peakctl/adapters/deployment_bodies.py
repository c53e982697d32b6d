"""Request bodies of deployments (docs/platform.md, 2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peakctl.adapters.bodies import carried
from peakctl.adapters.deployment_reads import SPEC_FIELDS, VALUES, family_of
from peakctl.adapters.orders import metadata_of, spec_of, stated
from peakctl.adapters.specs import METADATA
from peakctl.adapters.whole import at_path
from peakctl.model import MISSING, Tree

if TYPE_CHECKING:
    from peakctl.model import CallRequest, Path

CHOSEN = ("includes", "excludes")


def create_body(desired: Tree) -> dict[str, Any]:
    """A new deployment."""
    spec = spec_of(desired)
    return {
        "metadata": stated(metadata_of(desired), *METADATA),
        "spec": _named(desired),
        **stated(spec, "revision", *VALUES),
    }


def revision_body(order: CallRequest) -> dict[str, Any]:
    """A revision, complete: what it leaves out is not known to carry over (docs/platform.md, 5).

    So what was there and goes is sent as empty.
    """
    named, spec = _named(order.desired), spec_of(order.desired)
    removed = [c.path[1:3] for c in order.changes if c.after is MISSING]
    at = SPEC_FIELDS[family_of(order.desired)]
    body = stated(named, "release") | stated(spec, "revision", *VALUES)
    if chosen := {n: [] for n in CHOSEN if (at, n) in removed} | dict(stated(named, *CHOSEN)):
        body["blocksConfig"] = chosen
    for name in VALUES:
        shown = order.live is not None and spec_of(order.live.values).get(name)
        if shown or any(path[0] == name for path in removed):
            body.setdefault(name, {})
    return body


def _named(desired: Tree) -> Tree:
    named: Tree = spec_of(desired)[SPEC_FIELDS[family_of(desired)]]
    return named


def patch_body(order: CallRequest, family: str) -> dict[str, Any]:
    """The run values that changed: flat for a block, by block and for the whole for an app."""
    body: dict[str, Any] = {}
    for path in _run_paths(order):
        value = at_path(order.desired, path)
        if value is not MISSING:
            _put(body, _place(path, family), value)
    return body


def _run_paths(order: CallRequest) -> list[Path]:
    """Paths of single run values, among them those of the app that no read has shown."""
    changed = [c.path for c in carried(order) if c.path[:1] == ("spec",) and "run" in c.path[2:4]]
    live = order.live.values if order.live else {}
    at = ("spec", "appParameters", "run")
    if at_path(live, at[:2]) is MISSING and at_path(order.desired, at) is not MISSING:
        changed.append(at)
    return list(dict.fromkeys(name for path in changed for name in _names(order.desired, path)))


def _names(desired: Tree, path: Path) -> list[Path]:
    """The values that a change is about: one, or all below a map that is new as a whole."""
    end = path.index("run", 2) + 1
    if len(path) > end:
        return [path[: end + 1]]
    values = at_path(desired, path)
    return [(*path, name) for name in values] if isinstance(values, Mapping) else []


def _place(path: Path, family: str) -> Path:
    """Where the body has the value of `spec.parameters[.block].run.name`, and the app's own."""
    if family == "blocks":
        return path[-1:]
    return (path[1], path[-1]) if path[1] == "appParameters" else (path[1], path[2], path[-1])


def _put(body: dict[str, Any], path: Path, value: Any) -> None:
    for part in path[:-1]:
        body = body.setdefault(str(part), {})
    body[str(path[-1])] = value
