"""Versions of images that others use: which exist, which can run, which are in use and by what."""

from __future__ import annotations

from collections.abc import Iterable

from peakctl.emulator import schemas as s
from peakctl.emulator.problems import invalid
from peakctl.emulator.rows import Row, Transaction
from peakctl.emulator.views import NAME, NULLABLE, NUMBER, STATUS, View, column, stored

VERSION = "image-version"
SHOWN_IN_IMAGE = View(
    id=NUMBER, version=NAME, description=stored("description", NULLABLE), status=STATUS,
    lastBuildStatus=column("facet"), lastBuildAt=stored("lastBuildAt", NULLABLE),
    tags=stored("tags", s.LIST, ()),
)  # fmt: skip
"""A version as it appears inside an image."""


def is_ready(version: Row | None) -> bool:
    """Whether it can run."""
    return version is not None and version.status in ("ready", "in-use")


def refresh_image(tx: Transaction, image_id: str) -> None:
    """Copy the newest version into its image, where listings filter by it."""
    image = tx.get("image", image_id)
    versions = tx.children(VERSION, image_id)
    if image is None:
        return
    image.body["latestVersion"] = SHOWN_IN_IMAGE(versions[-1]) if versions else {}
    image.status = versions[-1].status if versions else "deleting"
    tx.save(image)


def refresh_version(tx: Transaction, version_id: str) -> None:
    """Ready or in-use, by what uses it now."""
    version = tx.get(VERSION, version_id)
    if version is None or not is_ready(version):
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
    return next((v for v in reversed(tx.children(VERSION, image_id)) if is_ready(v)), None)


def find_image(
    tx: Transaction, image_id: object, version_id: object, at: tuple[str, str]
) -> tuple[Row, Row | None]:
    """An image and, unless its id is None, one of its versions.

    Raises a 422 that names one of the two fields of `at`.
    """
    image = tx.get("image", image_id)
    if image is None:
        raise invalid(at[0], f"image {image_id} does not exist")
    version = None if version_id is None else tx.get(VERSION, version_id)
    if version_id is not None and (version is None or version.parent != image.id):
        raise invalid(at[1], f"image {image.name} has no version with id {version_id}")
    return image, version
