"""What the platform will refuse, found before the first write: machines, names, uses, permissions.

Asked of a plan that changes something, and of no other. What cannot be read predicts nothing. An
error is what the platform's documentation says it refuses; what is only likely is a warning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from peakctl.errors import ApiError, Diagnostic, NotAuthenticated, Severity, diagnose
from peakctl.kinds.fields import PARAM, child, variant
from peakctl.model import MAPS, Action, Key, Listed, Path, Plan, Reference, Step, Value, Verb
from peakctl.model.records import dataclass
from peakctl.model.resources import Resource
from peakctl.model.text import status_word
from peakctl.model.values import EMPTY, MISSING, Tree, value_at
from peakctl.operations.platform import Platform
from peakctl.operations.whoami import Permission, read_permissions

if TYPE_CHECKING:
    from peakctl.engine.observe.live_state import LiveState
    from peakctl.engine.plan.names import Site
    from peakctl.kinds.fields import Field, Kind

_IN_USE, _RUNNING = "in-use", "running"
_WRITING = (Step.UPDATE, Step.UPDATE_METADATA, Step.DELETE)
_READING = frozenset({"read"})
_MOST = 5


async def find_refusals(platform: Platform, plan: Plan, live: LiveState) -> tuple[Diagnostic, ...]:
    """What the platform would refuse of a plan with changes, in its order.

    One request for the permissions; more only for what creates something whose name another kind
    may have, names a machine by its id, or deletes a spec.
    """
    look = _Look(platform, plan, live)
    asked = (
        look.permissions,
        look.machines,
        look.versions,
        look.names,
        look.deployed,
    )
    found = await asyncio.gather(*(_unless_unread(each) for each in asked))
    told = [each for part in found for each in part]
    told += [*look.in_use(), *look.busy()]
    order = {action.key: number for number, action in enumerate(plan.actions)}
    return tuple(sorted(told, key=lambda d: order[d.key] if d.key else 0))


async def _unless_unread(ask: Callable[[], Awaitable[list[Diagnostic]]]) -> list[Diagnostic]:
    """What was found; a note in its place where the platform does not tell it."""
    try:
        return await ask()
    except (ApiError, NotAuthenticated) as error:
        return [
            Diagnostic(
                code="preflight/unread",
                summary="whether the platform would refuse some of it is not known: a read failed",
                detail="; ".join(d.summary for d in error.diagnostics),
                severity=Severity.NOTE,
            )
        ]


@dataclass(frozen=True)  # without slots: a cached property needs the instance's dictionary
class _Look:
    """One plan that changes something, and the tenant that it is for."""

    platform: Platform
    plan: Plan
    live: LiveState

    async def permissions(self) -> list[Diagnostic]:
        """Kinds of which the token may only read, by features that are called as the kind is.

        How features are named is not documented, so a refusal is only likely.
        """
        told = await read_permissions(self.platform)
        by_kind: dict[str, list[Action]] = {}
        for action in self.plan.pending:
            by_kind.setdefault(action.key.kind, []).append(action)
        return [
            _read_only(actions, denied)
            for kind, actions in by_kind.items()
            if (denied := _denied(kind, told)) is not None
        ]

    async def machines(self) -> list[Diagnostic]:
        """Machines that a manifest names by an id that the tenant does not have."""
        kinds = self.platform.kinds
        looked_up = {name for name, kind in kinds.items() if not kind.schema}
        named = self._by_id(looked_up)
        if not named:
            return []
        known = await self._options(named)
        told = []
        for action, site, id_ in named:
            same = {key[2] for key in known if key[:2] == (site.rule.kinds[0], site.scope)}
            if str(id_) not in same and action.resource is not None:
                told.append(_no_machine(action, site, id_, same))
        return told

    def _by_id(self, kinds: Collection[str]) -> list[tuple[Action, Site, Value]]:
        """What manifests name of these kinds by its id, where that is not what is live already."""
        return [each for each in self._named_by_id if {*each[1].rule.kinds} <= {*kinds}]

    @cached_property
    def _named_by_id(self) -> list[tuple[Action, Site, Value]]:
        return list(self._find_named_by_id())

    def _find_named_by_id(self) -> Iterator[tuple[Action, Site, Value]]:
        for action in self.plan.pending:
            resource = action.resource
            if resource is None or action.verb is Verb.DELETE:
                continue
            before = action.live.values if action.live else {}
            root = self.platform.kinds[action.key.kind].root
            for site in _sites(root, action.desired, (), ()):
                id_ = value_at(resource.values, site.id_at)
                is_id = isinstance(id_, int) or (isinstance(id_, str) and id_.isdigit())
                if is_id and not _same(site, resource, before):
                    yield action, site, id_

    async def versions(self) -> list[Diagnostic]:
        """Versions, or what has them, that manifests name by ids that the tenant does not have."""
        numbered = {n for n, k in self.platform.kinds.items() if k.versions and k.versions.has_id}
        named = self._by_id(numbered)
        wanted = {self._version(each): each for each in named}
        there = await asyncio.gather(*(self._is_there(*each) for each in wanted))
        known = dict(zip(wanted, there, strict=True))
        return [_no_version(*each) for each in named if not known[self._version(each)]]

    def _version(self, named: tuple[Action, Site, Value]) -> tuple[str, str, str]:
        """Kind, id and version; "" for none, or one that a parameter of a block gives."""
        action, site, id_ = named
        assert action.resource is not None  # noqa: S101 - what names something is declared
        version = value_at(action.resource.values, site.version_at) if site.version_at else MISSING
        left_open = version is MISSING or str(version).startswith(PARAM)
        return site.rule.kinds[0], str(id_), "" if left_open else str(version)

    async def _is_there(self, kind: str, id_: str, version: str) -> bool:
        adapter = self.platform.adapters[kind]
        if not version:
            return await adapter.look_up(id_, EMPTY) is not None
        found = await adapter.name_versions(id_, (version,))
        return found.name is not None or bool(found.numbers)

    async def _options(
        self, named: Iterable[tuple[Action, Site, Value]]
    ) -> set[tuple[str, str | None, str]]:
        """What there is of these kinds in these scopes: kind, scope and id of each."""
        wanted: dict[str, list[Reference]] = {}
        for _, site, _ in named:
            wanted.setdefault(site.rule.kinds[0], []).append(
                Reference(site.at, site.rule.kinds, "", None, site.id_at, None, scope=site.scope)
            )
        resource = next(a.resource for a, _, _ in named if a.resource is not None)
        found: set[tuple[str, str | None, str]] = set()
        for kind, references in wanted.items():
            asking = replace(resource, references=tuple(references))
            for item in await self.platform.adapters[kind].index((asking,)):
                found.add((kind, item.item.get("scope"), str(item.id)))
        return found

    async def names(self) -> list[Diagnostic]:
        """What is to be created under a name that something else has which shares its names.

        That is a kind of the same group, or what is deployed by another route: a block beside an
        app (docs/platform.md, 3.5).
        """
        from peakctl.engine.observe.identity import siblings

        made = [a for a in self.plan.pending if a.verb is Verb.CREATE and a.resource is not None]
        kinds = self.platform.kinds
        shared = {
            a.key.kind: (*siblings(a.key.kind, kinds), *_routes(kinds[a.key.kind])) for a in made
        }
        wanted = sorted({other for others in shared.values() for other in others})
        listed = dict(zip(wanted, await asyncio.gather(*map(self._list, wanted)), strict=True))
        told = []
        for action in made:
            for other in shared[action.key.kind]:
                taken = [i for i in listed[other] if i.name == action.key.name]
                told += [_taken(action, other, taken[0])] if taken else []
        return told

    async def _list(self, kind: str) -> Collection[Listed]:
        """All of a kind; what a plan has listed already is not asked for again."""
        if kind in self.live.listed and not _routes(self.platform.kinds[kind]):
            return self.live.listed[kind]
        return await self.platform.adapters[kind].index()

    async def deployed(self) -> list[Diagnostic]:
        """Specs that are to be deleted and that something is deployed of which stays."""
        kinds = self.platform.kinds
        specs = [a for a in self.plan.pending if a.deletes and a.live and kinds[a.key.kind].defines]
        leaving = [a.live for a in self.plan.pending if a.deletes and a.live]
        if any(live.private.get("family") == "apps" for live in leaving):
            return []  # its blocks go with an app, and the listing does not say whose they are
        going = {str(live.id) for live in leaving}
        found = await asyncio.gather(*(self._deployments(a) for a in specs))
        told = []
        for action, names in zip(specs, found, strict=True):
            staying = sorted(name for id_, name in names if id_ not in going)
            told += [_deployed(action, staying)] if staying else []
        return told

    async def _deployments(self, action: Action) -> list[tuple[str, str]]:
        assert action.live is not None  # noqa: S101 - what is deleted is there
        path = f"press/v1/specs/{action.live.id}/releases/deployments"
        items, _ = await self.platform.api.first_page(path, ("deployments",))
        return [(str(i.get("id")), str((i.get("metadata") or {}).get("name"))) for i in items]

    def in_use(self) -> Iterator[Diagnostic]:
        """What is to be deleted while something uses it, and nothing else in the plan is touched.

        Any other change may end the use, also by way of what a deployment has made.
        """
        pending = self.plan.pending
        if len({action.key.kind for action in pending}) > 1:
            return
        for action in pending:
            used = action.live is not None and status_word(action.live.status) == _IN_USE
            if action.verb is Verb.DELETE and used:
                yield _told(
                    action,
                    "in-use",
                    "the platform deletes nothing that is in use, and nothing in this plan ends it",
                    fix="see what uses it: peakctl get workflows, get services, get deployments",
                )

    def busy(self) -> Iterator[Diagnostic]:
        """What runs right now, and is written as a whole or deleted: the platform may refuse it."""
        for action in self.plan.pending:
            live = action.live
            if live is None or status_word(live.status) != _RUNNING:
                continue
            if {*_WRITING} & {*action.steps}:
                yield _told(
                    action,
                    "busy",
                    "it is running right now, and the platform may refuse a change until it ends",
                    fix="apply when its run has ended, or wait for it",
                    severity=Severity.WARNING,
                )


def _same(site: Site, resource: Resource, before: Tree) -> bool:
    """Whether the ids that a manifest gives at a place are what is live already."""
    given = {at: value_at(resource.values, at) for at in site.parts}
    return all(id_ in (MISSING, value_at(before, at)) for at, id_ in given.items())


def _routes(kind: Kind) -> tuple[str, ...]:
    """The kind itself where it has a route for blocks and one for apps: what is deployed."""
    return (kind.name,) if kind.defined_by else ()


def _sites(
    rule: Field, value: Value, path: Path, above: tuple[tuple[Field, Value], ...]
) -> Iterator[Site]:
    """Every place of a reference in a value, whether it holds anything or not."""
    from peakctl.engine.plan.names import sites

    if isinstance(value, list) and rule.items is not None:
        for number, item in enumerate(value):
            yield from _sites(rule.items, item, (*path, number), above)
    if not isinstance(value, MAPS):
        return
    chosen = variant(rule, value)
    here = (*above, (chosen, value))
    yield from sites(chosen, path, here)
    for word, each in value.items():
        if inner := child(chosen, word):
            yield from _sites(inner, each, (*path, word), here)


# --- permissions ---------------------------------------------------------------------------------


def _denied(kind: str, told: Iterable[Permission]) -> Permission | None:
    """The feature of a kind that the token may only read; None where it may more, or unknown."""
    words = _words(kind)
    own = [each for each in told if _folded(each.feature.rpartition(".")[2]) in words]
    if not own or any(each.allows("write") or not {*each.actions} <= _READING for each in own):
        return None
    return own[0]


def _words(kind: str) -> frozenset[str]:
    """How a feature of a kind may be called: `BLOCKSPECS`, `SPECS`."""
    last = max((n for n, letter in enumerate(kind) if letter.isupper()), default=0)
    return frozenset({f"{kind}s".lower(), f"{kind[last:]}s".lower()})


def _folded(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")


def _read_only(actions: list[Action], denied: Permission) -> Diagnostic:
    first, others = actions[0], actions[1:]
    return _told(
        first,
        "permission",
        f"the token may only read {denied.feature}: the platform will probably refuse the"
        f" {first.verb}",
        detail=f"so too: {_first([str(a.key) for a in others])}" if others else "",
        fix="ask your tenant's admin for the permission, or use another token: peakctl whoami",
        severity=Severity.WARNING,
    )


# --- what is told --------------------------------------------------------------------------------


def _told(
    action: Action,
    code: str,
    summary: str,
    *,
    path: Path = ("metadata", "name"),
    detail: str = "",
    fix: str = "",
    severity: Severity = Severity.ERROR,
) -> Diagnostic:
    """A diagnostic about an action, with the place of its manifest where it has one."""
    code = f"preflight/{code}"
    if action.resource is None:
        return Diagnostic(code, summary, action.key, (), (), detail, fix, severity)
    return diagnose(action.resource, path, code, summary, detail=detail, fix=fix, severity=severity)


def _no_machine(action: Action, site: Site, id_: Value, known: Iterable[str]) -> Diagnostic:
    scope = f" for {site.scope}" if site.scope else ""
    ids = sorted(known)
    return _told(
        action,
        "instance-type",
        f"the tenant has no instance type with id {id_}{scope}",
        path=site.id_at,
        detail=f"it has: {', '.join(ids)}" if ids else "it has none",
        fix="name it instead, as peakctl get instance-types lists them",
    )


def _no_version(action: Action, site: Site, id_: Value) -> Diagnostic:
    kind = site.rule.kinds[0]
    return _told(
        action,
        "unknown-id",
        f"the tenant has no {kind} with id {id_}, or not this version of it",
        path=site.id_at,
        fix=f"name it instead: ids are those of one tenant; see peakctl get {kind} --verbose",
    )


def _taken(action: Action, kind: str, item: Listed) -> Diagnostic:
    other = Key(kind, item.name)
    family = item.item.get("family")
    what = f"another {kind} (of {family})" if kind == action.key.kind else str(other)
    return _told(
        action,
        "name-taken",
        f"{what} has this name, and the platform does not give it twice",
        detail=f"its id: {item.id}",
        fix="choose another name, or delete that one first",
    )


def _deployed(action: Action, names: list[str]) -> Diagnostic:
    shown = _first(names)
    return _told(
        action,
        "deployed",
        "the platform deletes no spec that something is deployed of",
        detail=f"deployments that stay: {shown}",
        fix="delete these deployments first",
    )


def _first(names: list[str]) -> str:
    """The first names, with a count of the rest."""
    rest = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {rest} more" if rest > 0 else "")
