"""What a tenant has: how much of each kind, which machines there are, and what runs on what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from peakctl.catalog import LOOKED_UP
from peakctl.engine.export import Referenced, referenced
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.names import Names, Told, ask_for_names
from peakctl.errors import ApiError, Diagnostic, PeakctlError, Severity
from peakctl.kinds.fields import Field, Kind
from peakctl.model import JsonObject, Key, Live, LiveId
from peakctl.model.records import dataclass
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project
from peakctl.operations.target import not_found

DEFAULTS = "service/workflows/api/v1/resources/defaults"


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many resources of a kind there are: `more` than `count`, or None where a read failed."""

    kind: str
    count: int | None
    more: bool
    description: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Every kind with its number. `diagnostics` are of listings that could not be read."""

    kinds: tuple[KindCount, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """An instance type by the name that manifests write, and the kinds that can use it.

    `Service (api)` where a field of the manifest decides it (`serviceType: api`). `storage` is the
    disk space beside it where this is what steps of workflows get when they name none.
    """

    name: str
    used_for: tuple[str, ...]
    storage: str | None = None


async def overview_async(project: Project) -> Overview:
    """How much of each kind the tenant has.

    Raises NotAuthenticated, and ApiError when no listing at all can be read.
    """
    async with connect(project) as platform:
        return await read_overview(platform)


async def read_overview(platform: Platform, *, provided: bool = False) -> Overview:
    """As `overview_async`, on a platform that is connected: the first page of each listing."""
    kinds = [kind for name, kind in platform.kinds.items() if name not in LOOKED_UP]
    pages = await asyncio.gather(
        *(platform.adapters[kind.name].first_page() for kind in kinds), return_exceptions=True
    )
    failed = [page for page in pages if isinstance(page, ApiError)]
    if failed and len(failed) == len(pages):  # it is not the listing of one kind: nobody answers
        raise failed[0]
    counts, told = [], []
    for kind, page in zip(kinds, pages, strict=True):
        if isinstance(page, ApiError):
            told += [_unread(kind.name, page)]
            counts.append(KindCount(kind.name, None, more=False, description=_described(kind)))
        elif isinstance(page, BaseException):
            raise page
        else:
            items, is_all = page
            number = sum(item.ours or provided for item in items)
            counts.append(KindCount(kind.name, number, not is_all, _described(kind)))
    return Overview(tuple(counts), tuple(told))


def _described(kind: Kind) -> str:
    return str(kind.schema.get("description", ""))


def _unread(kind: str, error: ApiError) -> Diagnostic:
    return Diagnostic(
        code="get/unread",
        summary=f"how many {kind} there are is not known: the listing cannot be read",
        detail="; ".join(d.summary for d in error.diagnostics),
        fix=f"see peakctl get {kind}",
        severity=Severity.WARNING,
    )


# --- machines ------------------------------------------------------------------------------------


async def read_machines(
    platform: Platform, kind: str, name: str | None = None
) -> tuple[Machine, ...]:
    """The machines of the tenant, or the one called `name`; one request for each use, and one.

    What no manifest can use is left out. Raises PeakctlError when none has the name.
    """
    words = _uses_of(platform.kinds, kind)
    scopes: dict[str, list[str]] = {}
    listed, default = await asyncio.gather(platform.adapters[kind].index(), _default_of(platform))
    usual = {}
    for item in listed:
        scope = str(item.item.get("scope", ""))
        if scope in words:
            scopes.setdefault(item.name, []).extend(words[scope])
        if (scope, str(item.id)) == ("workflow", str(default.get("instanceTypeId"))):
            usual[item.name] = str(default.get("storage") or "")
    if name is not None and name not in scopes:
        raise PeakctlError(not_found(Key(kind, name), scopes))
    return tuple(
        Machine(each, tuple(sorted(set(used))), usual.get(each))
        for each, used in scopes.items()
        if name in (None, each)
    )


async def _default_of(platform: Platform) -> JsonObject:
    """What a step of a workflow gets that names no machine; nothing where that is not told."""
    try:
        answer = await platform.api.get(DEFAULTS)
    except ApiError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _uses_of(kinds: Mapping[str, Kind], target: str) -> dict[str, list[str]]:
    """Which kinds name a machine of which scope; `Service (api)` where a field decides it."""
    found: dict[str, list[str]] = {}
    for kind in kinds.values():
        if kind.deprecated:
            continue
        for scope, word in _scopes(kind.root, target, set()):
            found.setdefault(scope, []).append(f"{kind.name} ({word})" if word else kind.name)
    return found


def _scopes(rule: Field, target: str, seen: set[int]) -> Iterator[tuple[str, str]]:
    """The scopes of a kind's references to `target`, each with the word that chooses it."""
    if id(rule) in seen:
        return
    seen.add(id(rule))
    if rule.ref is not None and target in rule.ref.kinds:
        if rule.ref.scope:
            yield rule.ref.scope, ""
        yield from ((scope, word) for word, scope in rule.ref.scope_words.items())
    inner = [*rule.properties.values(), *rule.variants.values(), rule.items, rule.extra]
    for each in inner:
        if each is not None:
            yield from _scopes(each, target, seen)


# --- what runs on what ---------------------------------------------------------------------------


async def find_uses(
    platform: Platform, found: Sequence[Live]
) -> tuple[Mapping[LiveId, tuple[str, ...]], tuple[Diagnostic, ...]]:
    """What each of `found` is made of, as `forecast 0.0.2`: the images it runs, the spec it is of.

    One listing for each kind that is referred to, and a request for each resource whose version no
    listing names. A read that fails is a warning.
    """
    kinds, adapters = platform.kinds, platform.adapters
    uses = {live.live_id: sorted(_versioned(kinds, live), key=_order) for live in found}
    wanted = sorted({kind for each in uses.values() for use in each for kind in use.kinds})
    try:
        listed = await asyncio.gather(*(adapters[kind].index() for kind in wanted))
    except ApiError as error:
        return {}, (_unnamed(error),)
    state, redact = (
        LiveState(listed=dict(zip(wanted, listed, strict=True))),
        platform.project.redact,
    )
    names = Names((), state, kinds, Told(), redact)
    texts = {id_: _texts(each, names) for id_, each in uses.items()}
    if names.missing:
        told = await ask_for_names(names.missing, adapters, Told())
        names = Names((), state, kinds, told, redact)
        texts = {id_: _texts(each, names) for id_, each in uses.items()}
    return texts, ()


def named_uses(kinds: Mapping[str, Kind], live: Live, names: Names) -> tuple[str, ...]:
    """What one resource is made of, as `find_uses` tells it, by names that are known already."""
    found = sorted(_versioned(kinds, live), key=_order)
    return tuple(
        f"{name} {names.number(use.kinds, use.id, use.version) or ''}".rstrip()
        for use in found
        if (name := names.name(use.kinds, use.id))
    )


def _order(use: Referenced) -> tuple[tuple[str, ...], str, str]:
    return use.kinds, use.id, str(use.version)


def _versioned(kinds: Mapping[str, Kind], live: Live) -> Iterator[Referenced]:
    """What it refers to at a version; machines have none."""
    for use in referenced(kinds[live.key.kind], live.values):
        if use.version is not None and any(kinds[kind].versions for kind in use.kinds):
            yield use


def _texts(uses: Sequence[Referenced], names: Names) -> tuple[str, ...]:
    """Name and version of each, the id of what nothing names."""
    return tuple(
        dict.fromkeys(
            f"{names.name(use.kinds, use.id) or f'id {use.id}'} "
            f"{names.number(use.kinds, use.id, use.version) or f'(id {use.version})'}"
            for use in uses
        )
    )


def _unnamed(error: ApiError) -> Diagnostic:
    return Diagnostic(
        code="get/unread",
        summary="what these run is not shown: a listing cannot be read",
        detail="; ".join(d.summary for d in error.diagnostics),
        fix="run the same command again",
        severity=Severity.WARNING,
    )
