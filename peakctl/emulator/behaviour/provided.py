"""Images that the platform itself provides: the same ids for every tenant, nobody's to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.emulator.behaviour.usage import VERSION, refresh_image
from peakctl.emulator.times import stamp

if TYPE_CHECKING:
    from peakctl.emulator.rows import Transaction

IMAGES = (
    (9001, 9101, "peak-python", "workflow", "3.12.1"),
    (9002, 9102, "peak-http-server", "api", "1.0.0"),
    (9003, 9103, "peak-pages", "webapp", "1.0.0"),
)
"""Id, id of the version, name, type and version; beyond the ids that tenants' own images get."""


def provide(tx: Transaction) -> None:
    """Give the tenant the provided images, unless it has them."""
    if tx.get("image", IMAGES[0][0]) is not None:
        return
    for image_id, version_id, name, word, number in IMAGES:
        body = {"type": word, "latestVersion": {}}
        tx.add("image", body, key=str(image_id), name=name, facet="global")
        made = {
            "description": "Provided by the platform",
            "buildDetails": {"source": "dockerfile", "useCache": True},
            "autodeployResources": [],
            "lastBuildAt": stamp(tx.now),
        }
        version = tx.add(VERSION, made, key=str(version_id), parent=str(image_id), name=number)
        version.status, version.facet = "ready", "success"
        tx.save(version)
        refresh_image(tx, str(image_id))
