"""What the answers about images tell, in manifest shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.adapters.shapes import manifest, pick, without_nulls
from peakctl.archives import split_digest

if TYPE_CHECKING:
    from peakctl.model import Tree

PRIVATE = ("versionId", "buildId")


def build_id(answer: Tree) -> str | None:
    """The build as text: examples disagree on whether it is a number (docs/platform.md, 5)."""
    return str(answer["buildId"]) if answer.get("buildId") is not None else None


def version_word(version: Tree) -> str:
    """The word that counts: a version that is not ready yet is told by its build."""
    status, build = version.get("status") or "", version.get("lastBuildStatus") or ""
    return str(build or status) if status in ("", "not-ready") else str(status)


def image_values(described: Tree, version: Tree) -> dict[str, Any]:
    """Manifest shape of an image at one version."""
    text, digest = split_digest(version.get("description") or "")
    details = without_nulls(version.get("buildDetails") or {})
    details.pop("token", None)
    spec = pick({"type": described.get("type") or version.get("imageType")}, "type")
    spec = {name: str(word).lower() for name, word in spec.items()} | pick(version, "version")
    if details:
        spec["buildDetails"] = details
    if digest:
        spec["artifact"] = {"digest": digest}
    return manifest(pick(described, "name") | ({"description": text} if text else {}), spec)
