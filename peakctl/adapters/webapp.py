"""Webapps, which the platform deprecates in favour of services (docs/platform.md, 2.3)."""

from __future__ import annotations

from peakctl.adapters.service import Webapps
from peakctl.model import JsonObject


class Adapter(Webapps):
    """The route is that of services; an item that says it is one is not a webapp."""

    items = ("webapps",)
    spec = ("imageDetails", "resources", "sessionStickiness", "scaleToZero")

    def is_mine(self, item: JsonObject) -> bool:
        """Types that only services have. "web-app" alone says nothing: it is the default."""
        is_service = item.get("featureType") == "services"
        return not is_service and item.get("serviceType") not in ("api", "shiny")
