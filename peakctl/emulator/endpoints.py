"""All rows of the contract's section 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.emulator import (
    artifacts,
    deployment_calls,
    emails,
    executions,
    image_calls,
    images,
    instance_types,
    rest,
    services,
    spec_calls,
    workflows,
)

if TYPE_CHECKING:
    from peakctl.emulator.calls import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *artifacts.ENDPOINTS,
    *images.ENDPOINTS,
    *image_calls.ENDPOINTS,
    *services.ENDPOINTS,
    *executions.ENDPOINTS,
    *workflows.ENDPOINTS,
    *spec_calls.ENDPOINTS,
    *deployment_calls.ENDPOINTS,
    *instance_types.ENDPOINTS,
    *emails.ENDPOINTS,
    *rest.ENDPOINTS,
)
