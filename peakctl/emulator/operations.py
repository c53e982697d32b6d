"""All operations of the platform."""

from __future__ import annotations

from peakctl.emulator import (
    artifacts,
    builds,
    deployments,
    emails,
    executions,
    images,
    instance_types,
    services,
    specs,
    tenants,
    workflows,
)

GROUPS = (
    artifacts.OPERATIONS, images.IMAGES, builds.BUILDS, builds.FILES, services.OPERATIONS,
    executions.RUNS, executions.FILES, executions.SPOKE, workflows.OPERATIONS,
    specs.SPECS, specs.BLOCKS, specs.APPS, specs.BOTH,
    deployments.EACH, deployments.BOTH, deployments.NEWER, deployments.OF_SPEC,
    instance_types.OF_TENANT, instance_types.OF_STEPS, emails.TEMPLATES, emails.EMAILS,
    tenants.OPERATIONS, tenants.NEWER,
)  # fmt: skip
OPERATIONS = tuple(operation for group in GROUPS for operation in group)
