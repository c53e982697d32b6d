"""What is live, in the form of manifests: names for ids, variables for secrets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from peakctl.engine.export import Exported, Exporter, Referenced, UniqueNames, referenced
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.names import Told, ask_for_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from peakctl.model import Listed, Live, Tree
    from peakctl.operations.platform import Platform

Sealed = tuple["Live", "Tree"]
"""A live resource, and its values with a `Secret` for each that is one."""


async def export_live(
    platform: Platform,
    found: Sequence[Sealed],
    listed: Mapping[str, tuple[Listed, ...]] | None = None,
    taken: Collection[str] = (),
) -> tuple[Exported, ...]:
    """Each of `found` in manifest form; no variable has the name of another, nor one of `taken`.

    What is referred to is listed once, unless `listed` has it; of each resource whose version is
    referred to, the newest is asked for. Raises ApiError and NotAuthenticated.
    """
    uses = {use for live, tree in found for use in referenced(platform.kinds[live.key.kind], tree)}
    known = dict(listed or {})
    kinds = sorted({kind for use in uses for kind in use.kinds} - set(known))
    items = await asyncio.gather(*(platform.adapters[kind].index() for kind in kinds))
    state = LiveState(listed=known | dict(zip(kinds, items, strict=True)))
    newest = await _newest(platform, state, uses)
    redact, prefix = platform.project.redact, platform.project.prefix
    names = UniqueNames(state, platform.kinds, {}, redact, prefix)
    done = _export(platform, found, names, newest, taken)
    if not names.missing:
        return done
    told = await ask_for_names(names.missing, platform.adapters, Told())
    names = UniqueNames(state, platform.kinds, told, redact, prefix)
    return _export(platform, found, names, newest, taken)


def _export(
    platform: Platform,
    found: Iterable[Sealed],
    names: UniqueNames,
    newest: Mapping[tuple[str, str], str],
    taken: Collection[str],
) -> tuple[Exported, ...]:
    from peakctl.kinds.prefix import without_prefix

    exporter = Exporter(names, _is_newest(newest), {*taken})
    kinds, prefix = platform.kinds, platform.project.prefix
    done = (exporter.export(live, kinds[live.key.kind], tree) for live, tree in found)
    return tuple(
        replace(each, values=without_prefix(each.values, kinds[each.key.kind], prefix))
        for each in done
    )


def _is_newest(newest: Mapping[tuple[str, str], str]) -> Callable[[Referenced], bool]:
    return lambda use: any(newest.get((kind, use.id)) == use.version for kind in use.kinds)


async def _newest(
    platform: Platform, state: LiveState, uses: Iterable[Referenced]
) -> dict[tuple[str, str], str]:
    """The newest ready version of everything that is referred to at a version, by kind and id."""
    ids = {(kind, use.id) for use in uses if use.version is not None for kind in use.kinds}
    wanted = [
        (kind, item)
        for kind, items in state.listed.items()
        for item in items
        if (kind, str(item.id)) in ids
    ]
    pins = await asyncio.gather(*(platform.adapters[kind].pin(item, None) for kind, item in wanted))
    return {
        (kind, str(item.id)): str(pin["version"])
        for (kind, item), pin in zip(wanted, pins, strict=True)
        if pin is not None and pin.get("version") is not None
    }
