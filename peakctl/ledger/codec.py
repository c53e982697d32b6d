"""A ledger as the text that is kept: JSON that is checked to the last field when it is read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from peakctl.errors import Diagnostic, LedgerUnusable, PeakctlError
from peakctl.ledger.fields import LONGEST_TEXT, parse_body
from peakctl.model import Flaw

if TYPE_CHECKING:
    from peakctl.model import Actor, Intent, Lease, Ledger, Owned, Owner, PastRun

KIND = "peakctl-ledger"
FORMAT = 2
"""What is written. Format 1, whose entries lack what `NEW_IN_2` names, is read as well."""
OLDEST_FORMAT = 1
LARGEST = 16 * 2**20
"""Bytes of a text; a resource takes about 300."""
_BROKEN = (ValueError, KeyError, TypeError, RecursionError)


def write_ledger(ledger: Ledger) -> bytes:
    """The text of `ledger`. Raises PeakctlError for one that could not be read again."""
    fields = _fields(ledger)
    try:
        parse_body(fields, FORMAT)
        body = {"kind": KIND, "format_version": FORMAT, **fields}
        text = json.dumps({**body, "checksum": _checksum(body)}, allow_nan=False).encode()
    except _BROKEN as error:
        raise PeakctlError(_unfit(ledger.owner, str(error))) from error
    if len(text) > LARGEST:
        raise PeakctlError(_unfit(ledger.owner, f"it would take {len(text):,} bytes"))
    return text


def read_ledger(text: bytes, owner: Owner | None) -> Ledger:
    """The ledger in `text`; `owner` is whose it must be (None: anybody's).

    Raises LedgerUnusable for anything else, and no other error, whatever the bytes are.
    """
    body = _load(text, owner)
    if body.get("kind") != KIND:
        raise _foreign(owner)
    format_ = _check_format(body.get("format_version"), owner)
    ledger = _parse(body, format_, owner)
    if owner is not None and ledger.owner != owner:
        raise _foreign(owner, ledger.owner)
    return ledger


def _load(text: bytes, owner: Owner | None) -> dict[str, Any]:
    if len(text) > LARGEST:
        raise _corrupt(owner)
    try:
        body = json.loads(text.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _corrupt(owner) from error
    if not isinstance(body, dict):
        raise _foreign(owner)
    return body


def _check_format(said: object, owner: Owner | None) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or said < OLDEST_FORMAT:
        raise _corrupt(owner)
    if said > FORMAT:
        raise _newer(owner)
    return said


def _parse(body: dict[str, Any], format_: int, owner: Owner | None) -> Ledger:
    try:
        given = body.pop("checksum")
        if given != _checksum(body):
            raise _corrupt(owner)
        del body["kind"], body["format_version"]
        return parse_body(body, format_)
    except _BROKEN as error:
        raise _corrupt(owner) from error


def _refuse(word: str) -> None:
    """NaN and infinity are no JSON."""
    raise ValueError(word)


def _checksum(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


# --- writing ---------------------------------------------------------------------------------


def _fields(ledger: Ledger) -> dict[str, Any]:
    return {
        "project": ledger.owner.project,
        "environment": ledger.owner.environment,
        "salt": ledger.salt,
        "writer": ledger.writer,
        "base": ledger.base,
        "seen": ledger.seen,
        "lease": None if ledger.lease is None else _lease(ledger.lease),
        "owned": [_owned(ledger.owned[key]) for key in sorted(ledger.owned)],
        "intents": [_intent(intent) for intent in ledger.intents],
        "runs": [_past(past) for past in ledger.runs],
    }


def _actor(actor: Actor) -> dict[str, Any]:
    ci = actor.ci
    return {
        "who": actor.who,
        "host": actor.host,
        "process": actor.process,
        "commit": actor.commit,
        "ci": ci and {"run": ci.run, "job": ci.job, "attempt": ci.attempt, "url": ci.url},
    }


def _lease(lease: Lease) -> dict[str, Any]:
    return {
        "run": lease.run,
        "actor": _actor(lease.actor),
        "since": lease.since,
        "until": lease.until,
    }


def _owned(owned: Owned) -> dict[str, Any]:
    return {
        "kind": owned.key.kind,
        "name": owned.key.name,
        "id": owned.id,
        "protect": owned.protect,
        "uses": [[key.kind, key.name] for key in owned.uses],
        "digests": dict(sorted(owned.digests.items())),
        "secret": None if owned.secret is None else list(owned.secret),
        "claimed": owned.claimed,
        "created": owned.created,
    }


def _intent(intent: Intent) -> dict[str, Any]:
    return {
        "kind": intent.key.kind,
        "name": intent.key.name,
        "verb": intent.verb,
        "version": intent.version,
        "id": intent.id,
        "run": intent.run,
    }


def _past(past: PastRun) -> dict[str, Any]:
    return {
        "run": past.run,
        "actor": _actor(past.actor),
        "command": past.command,
        "started": past.started,
        "ended": past.ended,
        "outcome": past.outcome,
        "counts": dict(sorted(past.counts.items())),
    }


# --- what is wrong ---------------------------------------------------------------------------


def _of(owner: Owner | None) -> str:
    return f"the ledger of {owner}" if owner else "a ledger"


def _in_environment(owner: Owner | None) -> str:
    return f" -e {owner.environment}" if owner else ""


def _corrupt(owner: Owner | None) -> LedgerUnusable:
    diagnostic = Diagnostic(
        code="ledger/corrupt",
        summary=f"{_of(owner)} is damaged",
        detail="its newest version is not what a peakctl wrote; no resource was changed",
        fix=f"make it anew from what is there: peakctl ledger rebuild{_in_environment(owner)}",
    )
    return LedgerUnusable(diagnostic, Flaw.CORRUPT)


def _foreign(owner: Owner | None, whose: Owner | None = None) -> LedgerUnusable:
    why = "an artifact that is no ledger bears its name"
    fix = (
        "rename that artifact, or give the project in peakctl.yaml another name;"
        " if it was the ledger before: peakctl ledger rebuild"
    )
    if whose is not None:
        why = f"it belongs to {whose}, whose name is spelt the same"
        fix = "give the project or the environment in peakctl.yaml another name"
    diagnostic = Diagnostic("ledger/foreign", f"{_of(owner)} is not ours", detail=why, fix=fix)
    return LedgerUnusable(diagnostic, Flaw.FOREIGN)


def _newer(owner: Owner | None) -> LedgerUnusable:
    diagnostic = Diagnostic(
        code="ledger/newer",
        summary=f"{_of(owner)} was written by a newer peakctl",
        detail=f"this one knows formats up to {FORMAT}",
        fix="upgrade peakctl",
    )
    return LedgerUnusable(diagnostic, Flaw.NEWER)


def _unfit(owner: Owner, why: str) -> Diagnostic:
    return Diagnostic(
        code="ledger/unfit",
        summary=f"the ledger of {owner} cannot hold what this run would write",
        detail=f"{why}; at most {LARGEST:,} bytes, and texts of {LONGEST_TEXT:,} characters",
        fix="shorten the longest names, or split the project in two",
    )
