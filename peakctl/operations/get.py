"""What is live: the resources of a kind, or those of one name, with their secrets sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path as FilePath
from typing import Any

from peakctl import model
from peakctl.engine.diff.secrecy import sealed_live, secret_places
from peakctl.engine.observe.live_state import find_makers
from peakctl.errors import Diagnostic, PeakctlError, Severity, UsageError
from peakctl.kinds.fields import Kind
from peakctl.model.records import dataclass
from peakctl.operations.load import load_documents, under_environment
from peakctl.operations.overview import find_uses
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, telling
from peakctl.operations.target import find_kind, not_found

OF_PLATFORM = "part of the platform"


@dataclass(frozen=True, slots=True)
class GetResult:
    """Live resources of one kind. `part_of` says of what each is a part, by kind and id.

    `values` are the specs, one for each of `found`, with a `Secret` for each value that must not be
    shown; empty where only a listing was asked for: then `uses` says what each is made of, such as
    the images that it runs. `prefix` is that of the environment, for the names that have it.
    """

    kind: str
    found: tuple[model.Live, ...]
    part_of: Mapping[model.LiveId, str]
    values: tuple[model.Tree, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    uses: Mapping[model.LiveId, tuple[str, ...]] = field(default_factory=dict)
    prefix: str = ""


async def get_async(
    project: Project, kind: str, name: str | None = None, *, values: bool = True
) -> GetResult:
    """The live resources of a kind, or those called `name`; `name@version` is one version.

    Raises UsageError for a kind that is not there, PeakctlError when nothing has the name, and
    NotAuthenticated, ApiError, LedgerUnusable.
    """
    async with connect(project) as platform:
        return await get_live(platform, kind, name, values=values)


async def get_live(
    platform: Platform,
    word: str,
    name: str | None = None,
    *,
    values: bool = True,
    provided: bool = False,
) -> GetResult:
    """As `get`, on a platform that is connected. `provided`: what the platform has itself, too."""
    kind = find_kind(word, platform.kinds)
    with telling() as told:
        found = await _read(platform, kind, name, provided=provided)
        part_of = await parts_of(platform, found, told)
        sealed: tuple[model.Tree, ...] = ()
        if values:
            told += [_is_part(live, part_of) for live in found if live.live_id in part_of]
            found = await _with_hidden(platform, found, part_of)
            redact = platform.project.redact
            found = [_without_secrets(live, redact) for live in found]
            ids = {live.live_id for live in found}
            ledgers = await find_ledgers(platform, ids, told)
            sealed = seal_found(platform, found, ledgers, told)
            sealed = tuple(seal_repeated(tree, redact) for tree in sealed)
            prefix = platform.project.prefix
            return GetResult(kind, tuple(found), part_of, sealed, tuple(told), prefix=prefix)
        uses, unread = await find_uses(platform, found)
        told += unread
        prefix = platform.project.prefix
        return GetResult(kind, tuple(found), part_of, (), tuple(told), uses, prefix)


async def _read(
    platform: Platform, kind: str, name: str | None, *, provided: bool
) -> Sequence[model.Live]:
    """Every live resource of the kind, or those of that name. Raises PeakctlError when none is.

    The name is that of a manifest, which has the prefix live; else a live one. After an `@` it may
    have a version, release or revision, which is then read.
    """
    adapter = platform.adapters[kind]
    listed = [item for item in await adapter.index() if item.ours or provided or name]
    wanted, version = _named(listed, name, platform.project.prefix), None
    if name is not None and not wanted:
        base, _, version = name.rpartition("@")
        wanted = _named(listed, base, platform.project.prefix) if base and version else []
    if name is not None and not wanted:
        raise PeakctlError(not_found(model.Key(kind, name), (item.name for item in listed)))
    if version:
        return [await _read_version(adapter, kind, item, version) for item in wanted]
    reads = await asyncio.gather(*(adapter.read(item, None) for item in wanted))
    return [live for live in reads if live is not None]


def _named(listed: Sequence[model.Listed], name: str | None, prefix: str) -> list[model.Listed]:
    """What has the name, with the prefix first; all of it without a name."""
    ours = [item for item in listed if prefix and item.name == f"{prefix}{name}"]
    return ours or [item for item in listed if name is None or item.name == name]


async def _read_version(
    adapter: model.Adapter, kind: str, listed: model.Listed, number: str
) -> model.Live:
    """One version. Raises UsageError for a kind that has none, PeakctlError where it is missing."""
    from peakctl.operations.versions import no_versions, unknown_version

    key = model.Key(kind, listed.name)
    if not adapter.numbered:
        raise UsageError(no_versions(key))
    found = await adapter.read_version(listed, number)
    if found is None:
        numbers = [each.number for each in await adapter.versions(listed)]
        raise PeakctlError(unknown_version(key, adapter.numbered, number, numbers))
    return found


async def parts_of(
    platform: Platform, found: Sequence[model.Live], told: list[Diagnostic]
) -> dict[model.LiveId, str]:
    """What each is a part of, for what is a part of something: the plan's own reads tell."""
    parts = [(live, live.foreign) for live in found if live.foreign not in (None, OF_PLATFORM)]
    own = {live.live_id: why.removeprefix("part of ") for live, why in parts if why}
    asked = [live for live in found if not live.foreign]
    decided = await find_makers(asked, (), platform.adapters)
    told += [_unsure(why) for why in dict.fromkeys(decided.unsure.values())]
    return own | {id_: str(key) for id_, key in decided.found.items() if key}


async def _with_hidden(
    platform: Platform, found: Sequence[model.Live], part_of: Mapping[model.LiveId, str]
) -> list[model.Live]:
    """`found` with the places of values that the resource hides for which they were made."""
    out = []
    for live in found:
        kind, _, name = part_of.get(live.live_id, "").partition("/")
        adapter = platform.adapters.get(kind)
        hidden = await adapter.hidden_in(live, model.Key(kind, name)) if adapter else frozenset()
        out.append(replace(live, hidden=live.hidden | hidden))
    return out


def _without_secrets(live: model.Live, redact: Callable[[str], str]) -> model.Live:
    """`live` with no secret of the run in what is told beside its values."""
    version = redact(live.version) if live.version else live.version
    return replace(live, status=redact(live.status), version=version)


def _unsure(why: str) -> Diagnostic:
    return Diagnostic(
        code="live/parts-unread",
        summary="what is a part of something else is not marked: a read failed",
        detail=why,
        fix="run the same command again",
        severity=Severity.WARNING,
    )


def _is_part(live: model.Live, part_of: Mapping[model.LiveId, str]) -> Diagnostic:
    return Diagnostic(
        code="live/part-of",
        summary=f"it is part of {part_of[live.live_id]}, and cannot be managed by itself",
        key=live.key,
        fix="write a manifest of what it belongs to instead",
        severity=Severity.WARNING,
    )


# --- which values are secret -------------------------------------------------------------------


def seal_found(
    platform: Platform, found: Sequence[model.Live], ledgers: FoundLedgers, told: list[Diagnostic]
) -> tuple[model.Tree, ...]:
    """The values of each of `found`, with a `Secret` for each leaf that must not be shown.

    Ledgers know where secrets were applied: ours, and those of other projects where ours does not
    have the resource. What no ledger tells of is as secret as our manifests say.
    """
    from peakctl.ledger.digests import StoredDigests

    entries = _of_ids(ledgers.all, {live.live_id for live in found})
    unknown = [live for live in found if _is_unknown(entries.get(live.live_id, ()))]
    declared = _declared(platform, unknown, told) if unknown else {}
    made = _of_specs(ledgers.all, platform.kinds)
    out = []
    for live in found:
        known = entries.get(live.live_id, ())
        places = {p for entry in known for p in entry.secret or ()} if known else made
        memory = StoredDigests(secret=places | {*declared.get(live.live_id, ())})
        out.append(sealed_live(platform.kinds[live.key.kind], live, memory))
    return tuple(out)


def seal_repeated(value: object, redact: Callable[[str], str]) -> Any:
    """`value` with a `Secret` for each text that repeats a secret of the run."""
    if isinstance(value, str):
        return value if redact(value) == value else model.Secret(value)
    if isinstance(value, Mapping):
        shown = {word: redact(str(word)) for word in value}
        return {
            name: seal_repeated(value[word], redact)
            if name == str(word)
            else model.Secret(value[word])
            for word, name in shown.items()
        }
    if isinstance(value, list):
        return [seal_repeated(each, redact) for each in value]
    return value


def _is_unknown(entries: Collection[model.Owned]) -> bool:
    """Whether no ledger says which values of a resource are secret (format 1 did not)."""
    return not entries or any(entry.secret is None for entry in entries)


@dataclass(frozen=True, slots=True)
class FoundLedgers:
    """Our ledger, None where there is none, and those of other projects as far as they were read.

    `unread` are the names of those that could not be read.
    """

    ours: model.Ledger | None = None
    others: tuple[model.Ledger, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[model.Ledger, ...]:
        return (*((self.ours,) if self.ours else ()), *self.others)


async def find_ledgers(
    platform: Platform, ids: Collection[model.LiveId], told: list[Diagnostic]
) -> FoundLedgers:
    """Our ledger, and every other one where ours does not have all of the resources.

    Raises LedgerUnusable when ours cannot be read.
    """
    from peakctl.ledger.revisions import find_revision, read_others, tell_unread

    store, owner = platform.ledgers, platform.project.owner
    listed = await store.list()
    revision = await find_revision(store, listed, owner) if owner else None
    ours = revision.ledger if revision else None
    if not set(ids) - set(_of_ids((ours,) if ours else (), ids)):
        return FoundLedgers(ours)
    others = await read_others(store, listed, owner)
    told += tell_unread(others.unread)
    return FoundLedgers(ours, others.ledgers, others.unread)


def _of_ids(
    ledgers: Iterable[model.Ledger], ids: Collection[model.LiveId]
) -> dict[model.LiveId, list[model.Owned]]:
    """What ledgers have of the resources."""
    out: dict[model.LiveId, list[model.Owned]] = {}
    for ledger in ledgers:
        for each in ledger.owned.values():
            if each.live_id in ids:
                out.setdefault(each.live_id, []).append(each)
    return out


def _of_specs(ledgers: Iterable[model.Ledger], kinds: Mapping[str, Kind]) -> set[str]:
    """Where secrets stand in what a deployment may have made from a spec that a ledger has.

    It takes its fields from the spec's own, and from its `config`.
    """
    return {
        place.replace("spec/config/", "spec/", 1)
        for ledger in ledgers
        for each in ledger.owned.values()
        if each.key.kind in kinds and kinds[each.key.kind].defines
        for place in each.secret or ()
    }


def _declared(
    platform: Platform, found: Sequence[model.Live], told: list[Diagnostic]
) -> dict[model.LiveId, tuple[str, ...]]:
    """Where our manifests have secrets, for each live resource of that key."""
    if platform.project.file is None:
        return {}
    try:
        resources = declared_resources(platform.project, platform.kinds)
    except PeakctlError as error:
        told.append(_not_known(error))
        return {}
    return {
        live.live_id: secret_places(platform.kinds[live.key.kind], resources[live.key].values)
        for live in found
        if live.key in resources
    }


def declared_resources(
    project: Project, kinds: Mapping[str, Kind]
) -> Mapping[model.Key, model.Resource]:
    """The resources of the project, without a look into the folders that they pack.

    What is odd in manifests is for plan and validate to tell. Raises ManifestsInvalid.
    """
    from peakctl.kinds.validate import read_resources

    documents = load_documents(project)
    found, _ = read_resources(documents, kinds, project_root=project.root, pack=unpacked_folders)
    return under_environment(project, {resource.key: resource for resource in found}, kinds)


def unpacked_folders(
    folders: Sequence[model.ArtifactFolder], root: FilePath
) -> list[model.Archive]:
    """An archive in place of each, where they need not be looked into."""
    return [model.Archive("", 0, bytes) for _ in folders]


def _not_known(error: PeakctlError) -> Diagnostic:
    return Diagnostic(
        code="get/secrets-unknown",
        summary="values that came from os_env may be shown: where they are is not known",
        detail=(
            "no ledger of this version has the resource, and the manifests cannot be read:"
            f" {'; '.join(d.summary for d in error.diagnostics if d.severity is Severity.ERROR)}"
        ),
        fix="apply once with this version: the ledger records the places of secrets",
        severity=Severity.WARNING,
    )
