"""Services: web apps, APIs and shiny apps that run an image (docs/platform.md, 3.3)."""

from __future__ import annotations

from peakctl.adapters.webapps import Webapps


class Adapter(Webapps):
    """An older page shows the list under `webapps` for the same call (docs/platform.md, 5)."""

    items = ("services", "webapps")
    query = (("featureType", "services"),)
    spec = (
        "serviceType",
        "imageDetails",
        "resources",
        "parameters",
        "sessionStickiness",
        "scaleToZero",
        "entrypoint",
        "healthCheckURL",
        "minInstances",
    )
