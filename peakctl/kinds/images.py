"""Where the images of a block come from, against its scope and its artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.model import Path, Reference, reveal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from peakctl.kinds.complaints import Complaints


def check_private_images(
    value: Any, path: Path, complaints: Complaints, _: Sequence[Reference]
) -> None:
    """An image that exists already needs scope private (contract, section 3.4)."""
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


def _uses(config: Mapping[str, Any], word: str) -> Iterator[Path]:
    """Where `word` stands in the config of a service block, or in the steps of a workflow block."""
    if word in config:
        yield (word,)
    for name, step in (config.get("steps") or {}).items():
        if word in step:
            yield ("steps", name, word)
