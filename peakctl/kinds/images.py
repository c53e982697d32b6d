"""Where the images of a block come from, against its scope and its artifact."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from peakctl.kinds.fields import PARAM
from peakctl.model import Path, Reference, reveal
from peakctl.model.values import value_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peakctl.kinds.complaints import Complaints
    from peakctl.model import Archive


def check_private_images(
    value: Any, path: Path, complaints: Complaints, _: Sequence[Reference]
) -> None:
    """An image that exists already needs scope private (docs/platform.md, 3.4)."""
    scope = reveal(value.get("scope", "private"))
    if scope == "private":
        return
    for at in _uses(value["config"], "imageDetails"):
        complaints.add(
            "needs-private",
            (*path, "config", *at),
            f"an existing image cannot go with scope {scope}",
            detail="other tenants have no access to this tenant's images",
            fix="write scope: private, or build the image from the block's artifact with image:",
        )


def check_inline_images(
    value: Any, path: Path, complaints: Complaints, _: Sequence[Reference]
) -> None:
    """An image of the block's own is built from its artifact (fields of BlockSpec)."""
    if "artifact" in value:
        return
    config = value["config"]
    uses = [*_uses(config, "image"), *(("images", name) for name in config.get("images") or ())]
    for at in uses:
        complaints.add(
            "needs-artifact",
            (*path, "config", *at),
            "there is no artifact to build this image from",
            fix="give spec.artifact: {path: ...}, or use an existing image with imageDetails:",
        )


def check_dockerfiles(
    value: Mapping[str, Any], path: Path, complaints: Complaints, archives: Mapping[Path, Archive]
) -> None:
    """The Dockerfile of each image that is built from the archive beside it is among its files.

    Whether its path begins at the artifact or at the context is not documented: both will do.
    """
    archive = archives.get((*path, "artifact"))
    if archive is None or archive.paths is None:
        return
    for at, context, named in _builds(value):
        if not isinstance(named, str) or not isinstance(context, str) or named.startswith(PARAM):
            continue  # it is known when the block is deployed, or may not be shown
        places = [_normal(named), _normal(f"{context}/{named}")]
        if not archive.paths.intersection(places):
            complaints.add(
                "dockerfile-missing",
                (*path, *at),
                f'there is no Dockerfile "{named}" in the folder to upload',
                detail="looked for: " + " and ".join(dict.fromkeys(places)),
                fix="add it, name another one, or see whether an ignore file leaves it out",
            )


def _builds(value: Mapping[str, Any]) -> Iterator[tuple[Path, Any, Any]]:
    """Where an image says how it is built, its context and its Dockerfile."""
    if "config" not in value:
        details = value.get("buildDetails") or {}
        if reveal(details.get("source", "upload")) == "upload":
            at = (
                ("buildDetails", "dockerfilePath") if "dockerfilePath" in details else ("artifact",)
            )
            yield at, details.get("context", "."), details.get("dockerfilePath", "Dockerfile")
        return
    config = value["config"]
    uses = [*_uses(config, "image"), *(("images", name) for name in config.get("images") or ())]
    for use in uses:
        image = value_at(config, use)
        if isinstance(image, Mapping) and "dockerfile" in image:
            yield ("config", *use, "dockerfile"), image.get("context", "."), image["dockerfile"]


def _normal(place: str) -> str:
    return posixpath.normpath(place).lstrip("/")


def _uses(config: Mapping[str, Any], word: str) -> Iterator[Path]:
    """Where `word` stands in the config of a service block, or in the steps of a workflow block."""
    if word in config:
        yield (word,)
    for name, step in (config.get("steps") or {}).items():
        if word in step:
            yield ("steps", name, word)
