"""The parts of the requests that make image versions (docs/platform.md, 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.adapters.orders import metadata_of, spec_of
from peakctl.adapters.zips import with_digest, zip_part
from peakctl.api.bodies import Part
from peakctl.model import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peakctl.model import CallRequest


def content(order: CallRequest) -> list[Part]:
    """What a version is made of."""
    description = with_digest(metadata_of(order.desired).get("description"), order)
    details = build_details(order)
    return [
        Part("description", text=description),
        Part("buildDetails", json=details),
        *zip_part(order),
    ]


def build_details(order: CallRequest) -> Any:
    """Build details; for an upload always with both paths, as no default is stated (section 5)."""
    details = spec_of(order.desired).get("buildDetails", MISSING)
    if not order.archives:
        return details
    stated = details if isinstance(details, dict) else {}
    return {"source": "upload", "context": ".", "dockerfilePath": "Dockerfile", **stated}


def autodeploy(order: CallRequest) -> Sequence[Part]:
    """What to redeploy after the build; create does not take it (docs/platform.md, 2.2)."""
    resources = spec_of(order.desired).get("autodeployResources")
    if not resources:
        return []
    # The platform wants texts, and a resolved reference to a workflow is a number.
    texts = [{**resource, "entityId": str(resource["entityId"])} for resource in resources]
    return [Part("autodeployResources", json=texts)]
