"""How a deployment will end. The emulator decides at the start, from what it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.emulator.behaviour.building import find_dockerfile, rehearse
from peakctl.emulator.behaviour.usage import VERSION, latest_ready
from peakctl.emulator.parameters import put_values, with_defaults
from peakctl.emulator.spec_config import existing_images, inline_images

if TYPE_CHECKING:
    from peakctl.emulator.rows import Body, Row, Transaction

# Parameter values that ask for an end; `-once` fails until the first redeploy.
ASKED = {
    "fail-deployment": "failed",
    "fail-deployment-once": "failed",
    "rollback-deployment": "rollback_complete",
    "warn-deployment": "warning",
    "break-deployment": "platform_resource_error",
}
WORST_FIRST = ("failed", "platform_resource_error", "rollback_complete", "warning", "deployed")


def worst(outcomes: list[str]) -> str:
    return next((end for end in WORST_FIRST if end in outcomes), "deployed")


def _texts(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        value = list(value.values())
    return {text for item in value for text in _texts(item)} if isinstance(value, list) else set()


def outcome_of(tx: Transaction, release: Row, parameters: Body, *, again: bool) -> str:
    """The end of a block's deployment; `again` when the same revision is deployed once more."""
    kind = "service" if "steps" not in release.body["config"] else "workflow"
    definitions = release.body["parameters"]
    build = with_defaults(definitions, "build", parameters.get("build") or {})
    config = put_values(release.body["config"], build)
    ends = [
        end
        for text, end in ASKED.items()
        if text in _texts(parameters) and not (again and text.endswith("-once"))
    ]
    owner = tx.at(release.tenant, tx.now)
    ends += ["failed"] * (not _builds(owner, release, kind, config))
    ends += ["failed"] * (not all(_runs(owner, d) for _, d in existing_images(kind, config)))
    return worst(ends)


def _builds(tx: Transaction, release: Row, kind: str, config: Body) -> bool:
    images = inline_images(kind, config)
    artifact = release.body["artifact"]
    if not images or artifact is None:
        return True
    row = tx.get("artifact-version", f"{artifact['id']}/{artifact['version']}")
    data = tx.file(row.body["digest"]) if row else None
    for image in images:
        path, context = image.get("dockerfile") or "Dockerfile", image.get("context") or "."
        if not rehearse(find_dockerfile(data, path, context), path)[1]:
            return False
    return True


def _runs(tx: Transaction, details: Body) -> bool:
    version = tx.get(VERSION, details.get("versionId"))
    if details.get("versionId") is None:
        version = latest_ready(tx, str(details.get("id")))
    return version is not None and version.status in ("ready", "in-use")
