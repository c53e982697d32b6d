"""Where a run would go, by which token, and what that token may do, as far as the platform tells.

No call of the platform tells who a token is (docs/platform.md, 2.7): nothing here guesses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from peakctl.errors import Diagnostic, PeakctlError, nearest_names
from peakctl.model.records import dataclass
from peakctl.model.text import printable
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, endpoint_of, is_emulated, place_of, stage_of
from peakctl.operations.tenant import find_domain

PERMISSIONS = "service/access-control/api/v2/access/permissions"
EVERYTHING = "*"
IMPLIED = {"read": ("read", "write")}
"""Actions that stand for others too: write includes read."""
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Permission:
    """What the token may do with one feature, by the platform's own words: `PLATFORM.IMAGES`."""

    feature: str
    actions: tuple[str, ...]

    def allows(self, action: str) -> bool:
        """Whether the action is allowed: `*` allows all, and `write` includes `read`."""
        return bool({EVERYTHING, *IMPLIED.get(action, (action,))} & {*self.actions})


@dataclass(frozen=True, slots=True)
class WhoamiResult:
    """Where a run goes and what it may do.

    `token_from` is the variable that holds the token, "" for the emulator in process. `domain` is
    that of the tenant's spoke, None where the platform names none. `asked` is the answer to what
    was asked for, None where nothing was.
    """

    place: str
    stage: str | None
    token_from: str
    domain: str | None
    permissions: tuple[Permission, ...]
    project: str | None = None
    environment: str | None = None
    asked: bool | None = None


async def whoami_async(
    project: Project, feature: str | None = None, action: str = "read"
) -> WhoamiResult:
    """Where a run of this project would go, and what its token may do; two requests.

    With `feature` also whether it may do `action` with that. Raises PeakctlError for a feature that
    the platform does not name (with the nearest ones), NotAuthenticated and ApiError.
    """
    async with connect(project) as platform:
        return await look_who(platform, feature, action)


async def look_who(
    platform: Platform, feature: str | None = None, action: str = "read"
) -> WhoamiResult:
    """As `whoami_async`, on a platform that is connected."""
    project = platform.project
    permissions = await read_permissions(platform)
    asked = None if feature is None else _find(permissions, feature).allows(action)
    emulated, endpoint = is_emulated(project), endpoint_of(project)
    return WhoamiResult(
        place_of(project),
        None if emulated or endpoint else (stage_of(project) or "prod"),
        "" if emulated else project.settings.token_from,
        await find_domain(platform),
        permissions,
        project.name,
        project.environment_name if project.environment else None,
        asked,
    )


async def read_permissions(platform: Platform) -> tuple[Permission, ...]:
    """What the token may do, by feature, in the order of their names. One request."""
    answer = await platform.api.get(PERMISSIONS, (("type", "app"),))
    return tuple(sorted(_leaves(answer, (), _DEEPEST), key=lambda each: each.feature))


def _leaves(value: object, path: Sequence[str], deep: int) -> Iterator[Permission]:
    """Every feature with actions, those that have features below them as well."""
    if not isinstance(value, Mapping) or not deep:
        return
    actions = value.get("actions")
    if path and isinstance(actions, list):
        words = tuple(printable(str(each)) for each in actions)
        yield Permission(".".join(path), words)
    for word, inner in value.items():
        yield from _leaves(inner, (*path, printable(str(word))), deep - 1)


def _find(permissions: Sequence[Permission], feature: str) -> Permission:
    """The feature of this name, or the nearest one above it that has actions."""
    by_name = {each.feature.lower(): each for each in permissions}
    path = feature.lower().split(".")
    for length in range(len(path), 0, -1):
        if found := by_name.get(".".join(path[:length])):
            return found
    names = [each.feature for each in permissions]
    last = {name.rpartition(".")[2]: name for name in names}
    near = [last[each] for each in nearest_names(path[-1].upper(), sorted(last))]
    raise PeakctlError(
        Diagnostic(
            code="whoami/unknown-feature",
            summary=f'the platform names no feature "{feature}"',
            detail=f"it names: {', '.join(names)}" if names else "it names none",
            fix=f"did you mean: {', '.join(near)}" if near else "see them all: peakctl whoami",
        )
    )
