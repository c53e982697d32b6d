"""Rules that a schema cannot say, by the word that follows `x-peakctl-check`.

Each takes the value as the manifest has it, its path, the complaints to add to and the references
found so far in the document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from peakctl.kinds.definitions import check_definitions, check_used
from peakctl.kinds.fields import PARAM
from peakctl.kinds.images import check_inline_images, check_private_images
from peakctl.kinds.steps import check_steps
from peakctl.model import LEDGER_PREFIX, Path, Reference, reveal

if TYPE_CHECKING:
    from peakctl.kinds.complaints import Complaints

Check = Callable[[Any, Path, "Complaints", Sequence[Reference]], None]
CRON_FIELDS = 5
START = datetime(2020, 1, 1, tzinfo=UTC)
GROUPS = {"build", "run"}


def check_cron(value: str, path: Path, complaints: Complaints, _: Sequence[Reference]) -> None:
    """Five fields that cronsim understands; a sixth would be seconds, which the platform lacks."""
    if value.startswith(PARAM):
        return
    from cronsim import CronSim, CronSimError

    problem = "" if len(value.split()) == CRON_FIELDS else "it has not five fields"
    try:
        CronSim(value, START)
    except CronSimError as error:
        problem = problem or str(error).lower()
    if problem:
        complaints.add(
            "cron",
            path,
            f'"{value}" is not a cron expression',
            detail=problem,
            fix="give minute, hour, day, month and weekday, like 0 2 * * *",
        )


def check_semver(value: str, path: Path, complaints: Complaints, _: Sequence[Reference]) -> None:
    """Semantic versions, suffixes allowed (docs/platform.md, 3.2)."""
    if value.startswith(PARAM):
        return
    from semver import Version

    if not Version.is_valid(value):
        complaints.add(
            "version",
            path,
            f'"{value}" is not a semantic version',
            fix="give three numbers, like 1.4.0; a suffix may follow, like 1.4.0-rc1",
        )


def check_tenants(value: Any, path: Path, complaints: Complaints, _: Sequence[Reference]) -> None:
    """Scope shared needs tenants, and tenants go only with it (docs/platform.md, 3.4)."""
    scope, tenants = reveal(value.get("scope", "private")), value.get("tenants")
    if scope == "shared" and not tenants:
        fix = "list the tenants under tenants:"
        complaints.add("tenants", (*path, "scope"), "scope shared without tenants", fix=fix)
    elif scope != "shared" and tenants:
        summary = f"tenants have no place beside scope: {scope}"
        fix = "write scope: shared, or remove tenants"
        complaints.add("tenants", (*path, "tenants"), summary, fix=fix)


def check_values(value: Any, path: Path, complaints: Complaints, _: Sequence[Reference]) -> None:
    """Values for a block stand under build and run, those for an app under the name of a block."""
    values = value.get("parameters") or {}
    if "blockSpec" in value:
        if "appParameters" in value:
            at = (*path, "appParameters")
            summary = "appParameters have no place beside blockSpec"
            complaints.add("not-here", at, summary, fix="give the values under parameters")
        wrong = [word for word in values if word not in GROUPS]
        fix = "a block takes parameters: {build: {...}, run: {...}}"
    else:
        wrong = [word for word in GROUPS & values.keys() if not _is_block(values[word])]
        fix = "an app takes parameters: {<block>: {build: {...}, run: {...}}}"
    for word in sorted(wrong):
        at = (*path, "parameters", word)
        complaints.add("not-here", at, f'parameters have no place for "{word}" here', fix=fix)


def check_name(value: str, path: Path, complaints: Complaints, _: Sequence[Reference]) -> None:
    """Ledgers are artifacts too, and a manifest must not write over one."""
    if value.startswith(LEDGER_PREFIX):
        complaints.add(
            "reserved-name",
            path,
            f'"{value}" is the name of a ledger',
            detail=f"names that begin with {LEDGER_PREFIX} are kept for peakctl's own records",
            fix="give the artifact another name",
        )


def _is_block(values: Mapping[str, Any]) -> bool:
    """Whether these values of "build" or "run" can be those of a block that is called so."""
    return values.keys() <= GROUPS and all(isinstance(v, Mapping) for v in values.values())


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "cron": check_cron,
        "semver": check_semver,
        "step-graph": check_steps,
        "definitions": check_definitions,
        "definitions-used": check_used,
        "tenants": check_tenants,
        "private-images": check_private_images,
        "inline-images": check_inline_images,
        "deployment-parameters": check_values,
        "not-a-ledger": check_name,
    }
)
