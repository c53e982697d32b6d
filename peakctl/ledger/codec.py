"""A ledger as the text that is kept: JSON that is checked to the last field when it is read.

`LEDGER` declares the fields once; reading and writing both walk it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from peakctl.errors import Diagnostic, LedgerUnusable, PeakctlError
from peakctl.ledger import fields as codecs
from peakctl.model import Flaw, Intent, JsonDict, Key, Lease, Ledger, Owned, Owner, PastRun

KIND = "peakctl-ledger"
FORMAT = 2
"""What is written. Format 1, whose entries lack what `NEW_IN_2` names, is read as well."""
OLDEST_FORMAT = 1
NEW_IN_2: Mapping[str, object] = {"secret": None, "claimed": False, "created": False}
"""What format 2 adds to an entry, with what is read where it is not there."""
LARGEST = 16 * 2**20
"""Bytes of a text; a resource takes about 300."""


def write_ledger(ledger: Ledger) -> bytes:
    """The text of `ledger`. Raises PeakctlError for one that could not be read again."""
    try:
        fields = LEDGER.write(ledger)
        LEDGER.read(fields)
        text = codecs.seal_record(KIND, FORMAT, fields)
    except codecs.BROKEN as error:
        raise PeakctlError(_unfit(ledger.owner, str(error))) from error
    if len(text) > LARGEST:
        raise PeakctlError(_unfit(ledger.owner, f"it would take {len(text):,} bytes"))
    return text


def read_ledger(text: bytes, owner: Owner | None) -> Ledger:
    """The ledger in `text`; `owner` is the one that it must be of (None: anybody).

    Raises LedgerUnusable for anything else, and no other error, whatever the bytes are.
    """
    if len(text) > LARGEST:
        raise _corrupt(owner)
    try:
        format_, body = codecs.open_record(text, KIND, range(OLDEST_FORMAT, FORMAT + 1))
        ledger = LEDGER.read(_upgraded(body) if format_ == 1 else body)
    except codecs.Unreadable as error:
        raise _UNUSABLE[error.flaw](owner) from error
    except codecs.BROKEN as error:
        raise _corrupt(owner) from error
    if owner is not None and ledger.owner != owner:
        raise _foreign(owner, ledger.owner)
    return ledger


def _upgraded(body: JsonDict) -> JsonDict:
    """The body of a text of format 1 as one of format 2."""
    entries = [codecs.as_mapping(item) for item in codecs.as_list(body["owned"])]
    if any(entry.keys() & NEW_IN_2.keys() for entry in entries):
        raise ValueError("fields of format 2 in format 1")
    return {**body, "owned": [{**entry, **NEW_IN_2} for entry in entries]}


def _by_key(entries: Iterable[Owned]) -> dict[Key, Owned]:
    entries = tuple(entries)
    found = {each.key: each for each in entries}
    if len(found) < len(entries):
        raise ValueError("a resource is there twice")
    return found


# --- the fields ------------------------------------------------------------------------------

PAIR = codecs.Codec(
    lambda value: codecs.KEY.read(dict(zip(("kind", "name"), codecs.as_list(value), strict=True))),
    lambda key: [key.kind, key.name],
)
LEASE = codecs.record_of(
    Lease, run=codecs.NAME, actor=codecs.ACTOR, since=codecs.MOMENT, until=codecs.MOMENT
)
OWNED = codecs.record_of(
    Owned,
    {"key": codecs.KEY},
    id=codecs.ID,
    protect=codecs.FLAG,
    uses=codecs.list_of(PAIR),
    digests=codecs.mapping_to(codecs.WORD),
    secret=codecs.optional(codecs.list_of(codecs.TEXT)),
    claimed=codecs.FLAG,
    created=codecs.FLAG,
)
INTENT = codecs.record_of(
    Intent,
    {"key": codecs.KEY},
    verb=codecs.WORD,
    version=codecs.optional(codecs.TEXT),
    id=codecs.optional(codecs.ID),
    run=codecs.TEXT,
)
PAST_RUN = codecs.record_of(
    PastRun,
    run=codecs.NAME,
    actor=codecs.ACTOR,
    command=codecs.TEXT,
    started=codecs.MOMENT,
    ended=codecs.MOMENT,
    outcome=codecs.TEXT,
    counts=codecs.mapping_to(codecs.COUNT),
)
ENTRIES = codecs.Codec(
    lambda value: _by_key(codecs.list_of(OWNED).read(value)),
    lambda owned: [OWNED.write(owned[key]) for key in sorted(owned)],
)
LEDGER = codecs.record_of(
    Ledger,
    {"owner": codecs.OWNER},
    salt=codecs.WORD,
    writer=codecs.text_of(0, codecs.LONGEST_WORD),
    base=codecs.COUNT,
    seen=codecs.COUNT,
    lease=codecs.optional(LEASE),
    owned=ENTRIES,
    intents=codecs.list_of(INTENT),
    runs=codecs.list_of(PAST_RUN),
)


# --- what is wrong ---------------------------------------------------------------------------


def _of(owner: Owner | None) -> str:
    return f"the ledger of {owner}" if owner else "a ledger"


def _in_environment(owner: Owner | None) -> str:
    return f" -e {owner.named}" if owner else ""


def _corrupt(owner: Owner | None) -> LedgerUnusable:
    diagnostic = Diagnostic(
        code="ledger/corrupt",
        summary=f"{_of(owner)} is damaged",
        detail="its newest version is not what a peakctl wrote; no resource was changed",
        fix=f"build it again from what is there: peakctl ledger rebuild{_in_environment(owner)}",
    )
    return LedgerUnusable(diagnostic, Flaw.CORRUPT)


def _foreign(owner: Owner | None, whose: Owner | None = None) -> LedgerUnusable:
    why = "an artifact that is no ledger has its name"
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


_UNUSABLE = {Flaw.CORRUPT: _corrupt, Flaw.FOREIGN: _foreign, Flaw.NEWER: _newer}


def _unfit(owner: Owner, why: str) -> Diagnostic:
    return Diagnostic(
        code="ledger/unfit",
        summary=f"the ledger of {owner} cannot hold what this run would write",
        detail=f"{why}; at most {LARGEST:,} bytes, and texts of {codecs.LONGEST_TEXT:,} characters",
        fix="shorten the longest names, or split the project in two",
    )
