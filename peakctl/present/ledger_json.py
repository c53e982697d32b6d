"""A ledger for programs. Neither digests nor their salt are ever in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from peakctl.model import JsonDict, ledger_name
from peakctl.present.ledger_text import address, entry_word, in_order, newest_first

if TYPE_CHECKING:
    from peakctl.engine.rebuild import Rebuilt
    from peakctl.ledger.revisions import LedgerRevision
    from peakctl.model import Actor, Owned, PastRun
    from peakctl.present.ledger_text import Shown


def ledger_document(shown: Shown) -> JsonDict:
    """Everything about it but digests and their salt; times as ISO 8601 in UTC."""
    revision = shown.revision
    ledger = revision.ledger
    return {
        **place_document(revision),
        "lease": lease_document(shown) if shown.lease else None,
        "owned": [owned_document(each) for each in in_order(ledger)],
        "intents": [
            {
                "key": str(each.key),
                "kind": each.key.kind,
                "name": each.key.name,
                "verb": each.verb,
                "version": each.version,
                "id": each.id,
                "run": each.run,
            }
            for each in ledger.intents
        ],
        "runs": [_run_document(run) for run in newest_first(ledger)],
    }


def place_document(revision: LedgerRevision) -> JsonDict:
    """Where a ledger is: its name, id, version in force and newest version of all."""
    return {
        "name": ledger_name(revision.ledger.owner),
        "id": revision.id,
        "version": revision.number,
        "newest_version": revision.newest,
    }


def lease_document(shown: Shown) -> JsonDict:
    """The lease for programs; `held` is false once it has expired."""
    lease = shown.lease
    assert lease is not None  # noqa: S101 - callers look first
    return {
        "held": shown.is_held,
        "run": lease.run,
        "since": _iso(lease.since),
        "until": _iso(lease.until),
        **_actor_document(lease.actor),
    }


def owned_document(owned: Owned) -> JsonDict:
    """One owned resource, without its digests."""
    return {
        "key": str(owned.key),
        "kind": owned.key.kind,
        "name": owned.key.name,
        "id": owned.id,
        "protect": owned.protect,
        "claimed": owned.claimed,
        "uses": [str(key) for key in owned.uses],
    }


def rebuilt_document(rebuilt: Rebuilt) -> JsonDict:
    """The entries for programs, each with the word that the table has."""
    listed = [(each, entry_word(each, rebuilt)) for each in rebuilt.owned.values()]
    gone = [(each, "dropped") for each in rebuilt.dropped]
    return {"entries": [{**owned_document(e), "entry": word} for e, word in (*listed, *gone)]}


def _run_document(run: PastRun) -> JsonDict:
    return {
        "run": run.run,
        "command": run.command,
        "outcome": run.outcome,
        "started": _iso(run.started),
        "ended": _iso(run.ended),
        "counts": dict(run.counts),
        **_actor_document(run.actor),
    }


def _actor_document(actor: Actor) -> JsonDict:
    ci = actor.ci
    return {
        "who": actor.who,
        "commit": actor.commit,
        "ci": ci and {"run": ci.run, "job": ci.job, "attempt": ci.attempt, "url": address(actor)},
    }


def _iso(seconds: float) -> str:
    """`2026-10-01T12:04:05Z`."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
