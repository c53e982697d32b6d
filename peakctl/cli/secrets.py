"""Which values of live resources are secret, for commands that print them as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peakctl.cli.owning import owner_of
from peakctl.errors import Diagnostic, PeakctlError, Severity
from peakctl.model import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path as FilePath

    from peakctl.cli.session import Connection, Session
    from peakctl.kinds.fields import Kind
    from peakctl.model import Archive, Ledger, Live, Owned, Resource, Tree


async def seal_found(
    session: Session, connection: Connection, kind: str, found: Sequence[Live]
) -> list[Tree]:
    """The values of each of `found`, with a `Secret` for each leaf that must not be shown.

    Ledgers know where secrets were applied: ours, and those of other projects where ours does not
    have the resource. What no ledger tells of is as secret as our manifests say. Raises
    LedgerUnusable when ours cannot be read.
    """
    from peakctl.engine.diff.secrecy import sealed_live
    from peakctl.ledger.digests import StoredDigests

    ids = {str(live.id) for live in found}
    ledgers = await _ledgers(session, connection, ids, kind)
    entries = _of_ids(ledgers, ids, kind)
    unknown = [live for live in found if _is_unknown(entries.get(str(live.id), ()))]
    declared = _declared(session, connection.kinds, unknown) if unknown else {}
    made = _of_specs(ledgers, connection.kinds)
    out = []
    for live in found:
        known = entries.get(str(live.id), ())
        places = {p for entry in known for p in entry.secret or ()} if known else made
        memory = StoredDigests(secret=places | {*declared.get(str(live.id), ())})
        out.append(sealed_live(connection.kinds[kind], live, memory))
    return out


def seal_repeated(value: Any, redact: Callable[[str], str]) -> Any:
    """`value` with a `Secret` for each text that repeats a secret of the run."""
    if isinstance(value, str):
        return value if redact(value) == value else Secret(value)
    if isinstance(value, Mapping):
        shown = {word: redact(str(word)) for word in value}
        return {
            name: seal_repeated(value[word], redact) if name == str(word) else Secret(value[word])
            for word, name in shown.items()
        }
    if isinstance(value, list):
        return [seal_repeated(each, redact) for each in value]
    return value


def _is_unknown(entries: Collection[Owned]) -> bool:
    """Whether no ledger says which values of a resource are secret (format 1 did not)."""
    return not entries or any(entry.secret is None for entry in entries)


async def _ledgers(
    session: Session, connection: Connection, ids: Collection[str], kind: str
) -> tuple[Ledger, ...]:
    """Our ledger, and every other one where ours does not have all of the resources."""
    from peakctl.ledger.revisions import find_revision, read_others, tell_unread

    store, owner = connection.ledgers, owner_of(session)
    listed = await store.list()
    standing = await find_revision(store, listed, owner) if owner else None
    ours = (standing.ledger,) if standing else ()
    if not set(ids) - set(_of_ids(ours, ids, kind)):
        return ours
    others = await read_others(store, listed, owner)
    session.warnings += tell_unread(others.unread)
    return (*ours, *others.ledgers)


def _of_ids(ledgers: Iterable[Ledger], ids: Collection[str], kind: str) -> dict[str, list[Owned]]:
    """What ledgers have of the resources, by id."""
    out: dict[str, list[Owned]] = {}
    for ledger in ledgers:
        for each in ledger.owned.values():
            if each.key.kind == kind and str(each.id) in ids:
                out.setdefault(str(each.id), []).append(each)
    return out


def _of_specs(ledgers: Iterable[Ledger], kinds: Mapping[str, Kind]) -> set[str]:
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
    session: Session, kinds: Mapping[str, Kind], found: Sequence[Live]
) -> dict[str, tuple[str, ...]]:
    """Where our manifests have secrets, by the id of the live resource of that key."""
    from peakctl.engine.diff.secrecy import secret_places

    if session.project is None:
        return {}
    try:
        resources = _resources(session, kinds)
    except PeakctlError as error:
        session.warnings.append(_not_known(error))
        return {}
    return {
        str(live.id): secret_places(kinds[live.key.kind], resources[live.key].values)
        for live in found
        if live.key in resources
    }


def _resources(session: Session, kinds: Mapping[str, Kind]) -> Mapping[object, Resource]:
    """The resources of the project, without a look into the folders that they pack."""
    from peakctl.cli.inputs import load_all_documents, root_of
    from peakctl.kinds.validate import read_resources

    warnings = list(session.warnings)
    documents = load_all_documents(session)
    session.warnings = warnings  # what is odd in manifests is for plan and validate to tell
    found, _ = read_resources(documents, kinds, project_root=root_of(session), pack=_unpacked)
    return {resource.key: resource for resource in found}


def _unpacked(folder: FilePath, ignore: Sequence[str] | None, root: FilePath) -> Archive:
    from peakctl.model import Archive

    return Archive("", 0, bytes)


def _not_known(error: PeakctlError) -> Diagnostic:
    return Diagnostic(
        code="get/secrets-unknown",
        summary="values that came from os_env may be shown: where they are is not known",
        detail=(
            "no ledger of this version tells of the resource, and the manifests cannot be read:"
            f" {error}"
        ),
        fix="apply once with this version: the ledger records the places of secrets",
        severity=Severity.WARNING,
    )
