"""Which image versions are in use, and by what (contract, section 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peakctl.emulator.rows import Row, Transaction

VERSION = "image-version"


def version_shown(row: Row) -> dict[str, Any]:
    """A version as it appears inside an image."""
    return {
        "id": row.number,
        "version": row.name,
        "description": row.body.get("description"),
        "status": row.status,
        "lastBuildStatus": row.facet,
        "lastBuildAt": row.body.get("lastBuildAt"),
        "tags": row.body.get("tags", []),
    }


def refresh_image(tx: Transaction, image_id: str) -> None:
    """Copy the newest version into its image, where listings filter by it."""
    image = tx.get("image", image_id)
    versions = tx.children(VERSION, image_id)
    if image is None:
        return
    image.body["latestVersion"] = version_shown(versions[-1]) if versions else {}
    image.status = versions[-1].status if versions else "deleting"
    tx.save(image)


def refresh_version(tx: Transaction, version_id: str) -> None:
    """Ready or in-use, by what uses it now."""
    version = tx.get(VERSION, version_id)
    if version is None or version.status not in ("ready", "in-use"):
        return
    version.status = "in-use" if tx.users_of(VERSION, version.id) else "ready"
    tx.save(version)
    refresh_image(tx, version.parent)


def set_usage(tx: Transaction, by: Row, version_ids: Iterable[object]) -> None:
    """From now on `by` uses exactly these image versions."""
    before = set(tx.used_by(by.kind, by.id, VERSION))
    after = {str(key) for key in version_ids}
    tx.unlink(by, VERSION)
    for key in after:
        tx.link(by, VERSION, key)
    for key in sorted(before ^ after):
        refresh_version(tx, key)


def latest_ready(tx: Transaction, image_id: str) -> Row | None:
    """The newest version of an image that can run."""
    versions = tx.children(VERSION, image_id)
    return next((v for v in reversed(versions) if v.status in ("ready", "in-use")), None)
