"""Artifact folders on their way out, and the digest of one that is on the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.api.bodies import Part
from peakctl.archives import add_digest, digest_of_zip
from peakctl.errors import ApiError
from peakctl.model import Secret, reveal

if TYPE_CHECKING:
    from peakctl.api.client import Api
    from peakctl.model import CallRequest

ARTIFACT = ("spec", "artifact")


def zip_part(order: CallRequest) -> list[Part]:
    """The file part of a multipart body; none when the resource has no folder."""
    archive = order.archives.get(ARTIFACT)
    return [Part("artifact", file=archive.encode())] if archive else []


def with_digest(text: str | Secret | None, order: CallRequest) -> str | Secret | None:
    """A version's own text with the digest of its files as the last line; secret if the text is."""
    archive = order.archives.get(ARTIFACT)
    if archive is None:
        return text
    whole = add_digest(reveal(text) or "", archive.digest)
    return Secret(whole) if isinstance(text, Secret) else whole


async def digest_at(api: Api, path: str) -> str | None:
    """The digest of the zip that a download gives; None when there is none (404)."""
    try:
        return digest_of_zip(await api.download(path))
    except ApiError as error:
        if error.status == 404:
            return None
        raise
