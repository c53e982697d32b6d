"""A ledger for people and for programs. Neither digests nor their salt are ever in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from peakctl.engine.rebuild import Rebuilt
from peakctl.ledger.recovery import Found
from peakctl.ledger.revisions import LedgerRevision
from peakctl.model import EMPTY, Actor, Intent, JsonDict, Lease, Ledger, Owned, Owner, PastRun
from peakctl.model.ledger import ledger_name
from peakctl.model.records import dataclass
from peakctl.operations.ownership import OwnershipResult
from peakctl.present.text import Line, counted, indent, line, table_lines

SHORT_COMMIT = 8
_OWNED = ("resource", "id", "protected")
_RUNS = ("ended (utc)", "command", "outcome", "changes", "who", "commit")
_MARGIN = 2
_CLEARED = (
    "The next apply looks at each of them first. What no manifest names any more is looked at by"
    " an apply with --prune."
)
_MORE = line(
    ("What each run did, and to which resources: ", "dim"), ("peakctl ledger history", "command")
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A ledger as it stands, at a moment of the platform's clock (seconds since 1970)."""

    revision: LedgerRevision
    now: float

    @property
    def lease(self) -> Lease | None:
        """The lease, expired or not."""
        return self.revision.ledger.lease

    @property
    def is_held(self) -> bool:
        """Whether the lease has yet to expire."""
        return self.lease is not None and self.lease.until > self.now


def ledger_lines(shown: Shown) -> tuple[Line, ...]:
    """Everything about it but digests and their salt; the counts last."""
    ledger = shown.revision.ledger
    return (
        *_head(shown),
        (),
        *_owned_lines(ledger),
        *_intent_lines(ledger),
        *_run_lines(ledger),
        line((_summary(shown), "bold")),
    )


def no_ledger_lines(owner: Owner) -> tuple[Line, ...]:
    """What to say where there is none."""
    return (line(f"{owner} has no ledger yet: the first apply makes it."),)


def found_lines(found: Found | None, owner: Owner) -> tuple[Line, ...]:
    """What a rebuild starts from."""
    if found is None:
        return (line(f"There is no ledger of {owner}."),)
    number, newest = found.revision.number, found.revision.newest
    if not number:
        return (
            line(f"No version of the ledger of {owner} can be read: it is written from scratch."),
            line(("What it alone knew is lost: digests, runs, what no manifest names.", "dim")),
        )
    if found.damage is not None:
        words = f"Version {newest} of the ledger of {owner} cannot be read; {number} is built upon."
        return (line(words),)
    return (line(f"Version {number} of the ledger of {owner} is in force."),)


def lease_lines(shown: Shown) -> tuple[Line, ...]:
    """Whose lease it is, a line for each fact."""
    lease, owner = shown.lease, shown.revision.ledger.owner
    assert lease is not None  # noqa: S101 - callers look first
    facts = {
        "by": actor_words(lease.actor),
        "since": moment(lease.since),
        "until": f"{moment(lease.until)} (it is {moment(shown.now)})",
        "commit": lease.actor.commit[:SHORT_COMMIT],
        "ci": address(lease.actor),
    }
    return (
        line(f"The lease of {owner} is ", ("held", "warning"), ":"),
        *(line(f"  {word:<6}  {fact}") for word, fact in facts.items() if fact),
        *_intents_of_lease(shown),
    )


def rebuilt_lines(rebuilt: Rebuilt) -> tuple[Line, ...]:
    """What the rebuilt ledger lists and leaves out, then the counts."""
    rows = [_rebuilt_row(each, entry_word(each, rebuilt)) for each in rebuilt.owned.values()]
    rows += [_rebuilt_row(each, "dropped") for each in rebuilt.dropped]
    rows += [(str(d.key), "", "", d.summary) for d in rebuilt.undecided]
    table = (*table_lines((*_OWNED, "entry"), rows), ()) if rows else ()
    return (*table, *_rebuilt_notes(rebuilt), line((rebuilt_summary(rebuilt), "bold")))


def _rebuilt_notes(rebuilt: Rebuilt) -> Iterator[Line]:
    """What an apply has to confirm before anything is deleted."""
    claimed = sum(each.claimed for each in rebuilt.owned.values())
    if claimed:
        verb, them = ("is", "it") if claimed == 1 else ("are", "them")
        yield line(f"{counted(claimed, 'resource')} {verb} claimed by name alone:")
        yield line(f"prune and destroy leave {them} alone until an apply confirms {them}.")
        yield ()
    if rebuilt.protecting:
        yield line("What the damaged version protected is unknown: all entries kept are protected")
        yield line("until an apply of their manifests says otherwise.")
        yield ()


def rebuilt_summary(rebuilt: Rebuilt) -> str:
    """The last line of a rebuild: the same words in the same order each time."""
    new, other, gone = len(rebuilt.added), len(rebuilt.changed), len(rebuilt.dropped)
    same = len(rebuilt.owned) - new - other
    return f"Ledger: {new} added, {other} changed, {gone} dropped, {same} unchanged."


def lease_words(lease: Lease) -> str:
    """Who has a lease, since when and until when."""
    return f"{actor_words(lease.actor)}, since {moment(lease.since)}, until {moment(lease.until)}"


def actor_words(actor: Actor) -> str:
    """`alice`, or `ci run 123 (job deploy) of alice`."""
    return f"ci run {actor.ci.run} (job {actor.ci.job}) of {actor.who}" if actor.ci else actor.who


def address(actor: Actor) -> str:
    """Where the CI job is to be seen; "" unless it is an address of the web: people click on it."""
    url = actor.ci.url if actor.ci else ""
    return url if url.startswith(("https://", "http://")) else ""


def moment(seconds: float) -> str:
    """`2026-10-01 12:04:05 UTC`."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def minute(seconds: float) -> str:
    """`2026-10-01 12:04`, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def _head(shown: Shown) -> Iterator[Line]:
    revision = shown.revision
    yield line("Ledger   ", (ledger_name(revision.ledger.owner), "bold"), f"  id {revision.id}")
    yield line("Version  ", f"{revision.number} in force", (_void(revision), "dim"))
    lease = shown.lease
    if lease is None:
        yield line("Lease    free")
        return
    if shown.is_held:
        yield line("Lease    ", ("held", "warning"), f" by {lease_words(lease)}")
    else:
        words = f"that of {actor_words(lease.actor)} expired at {moment(lease.until)}"
        yield line("Lease    free", (f"; {words}", "dim"))
    if url := address(lease.actor):
        yield line("         ", url)


def _intents_of_lease(shown: Shown) -> Iterator[Line]:
    intents = shown.revision.ledger.intents
    if intents:
        yield line(f"It set out for {counted(len(intents), 'action')}:")
        yield from indent(_intent_rows(intents), _MARGIN)


def _void(revision: LedgerRevision) -> str:
    first, last = revision.number + 1, revision.newest
    if first > last:
        return ""
    return f"; {last} is void" if first == last else f"; {first} to {last} are void"


def _owned_lines(ledger: Ledger) -> Iterator[Line]:
    if not ledger.owned:
        yield line(("It owns nothing yet.", "dim"))
    else:
        yield from table_lines(_OWNED, [_owned_row(each) for each in in_order(ledger)])
    yield ()


def _owned_row(owned: Owned) -> tuple[str, str, str]:
    protected = "yes" if owned.protect else ""
    if owned.claimed:
        protected = f"{protected or 'unknown'} (claimed)"
    return str(owned.key), str(owned.id), protected


def _rebuilt_row(owned: Owned, word: str) -> tuple[str, ...]:
    return (*_owned_row(owned), word)


def entry_word(owned: Owned, rebuilt: Rebuilt) -> str:
    """How an entry of a rebuilt ledger differs from before."""
    if owned.key in rebuilt.added:
        return "added"
    return "changed" if owned.key in rebuilt.changed else "unchanged"


def _intent_lines(ledger: Ledger) -> Iterator[Line]:
    if not ledger.intents:
        return
    yield line("Begun and not reported on:")
    yield from indent(_intent_rows(ledger.intents, _runs(ledger)), _MARGIN)
    yield line((_CLEARED, "dim"))
    yield ()


def _runs(ledger: Ledger) -> dict[str, str]:
    """Who each run was, and since when."""
    known = {run.run: f"{actor_words(run.actor)}, {moment(run.started)}" for run in ledger.runs}
    if ledger.lease is not None:
        lease = ledger.lease
        known[lease.run] = f"{actor_words(lease.actor)}, {moment(lease.since)}"
    return known


def _intent_rows(intents: Sequence[Intent], runs: Mapping[str, str] = EMPTY) -> tuple[Line, ...]:
    """What each run set out to do; `runs` says who it was, where that matters."""
    wide = max(len(each.verb) for each in intents)
    rows = []
    for each in intents:
        version = f"  {each.version}" if each.version else ""
        run = f"  ({runs[each.run]})" if each.run in runs else ""
        rows.append(line(f"{each.verb:<{wide}}  {each.key}{version}", (run, "dim")))
    return tuple(rows)


def _run_lines(ledger: Ledger) -> Iterator[Line]:
    if not ledger.runs:
        return
    rows = [_run_row(run) for run in newest_first(ledger)]
    filled = [i for i in range(len(_RUNS)) if any(row[i] for row in rows)]
    yield from table_lines([_RUNS[i] for i in filled], [[row[i] for i in filled] for row in rows])
    yield _MORE
    yield ()


def _run_row(run: PastRun) -> tuple[str, ...]:
    return (
        minute(run.ended),
        run.command,
        run.outcome,
        counts_text(run.counts),
        run.actor.who,
        run.actor.commit[:SHORT_COMMIT],
    )


def counts_text(counts: Mapping[str, int]) -> str:
    """`1 create, 2 edit`."""
    return ", ".join(f"{number} {word}" for word, number in counts.items() if number)


def _summary(shown: Shown) -> str:
    ledger = shown.revision.ledger
    protected = sum(each.protect for each in ledger.owned.values())
    by_name = sum(each.claimed for each in ledger.owned.values())
    claimed = f", {by_name} claimed by name alone" if by_name else ""
    lease = "held" if shown.is_held else "free"
    return (
        f"Owned: {counted(len(ledger.owned), 'resource')}, {protected} protected{claimed}; "
        f"{len(ledger.intents)} not finished; lease {lease}."
    )


def in_order(ledger: Ledger) -> Sequence[Owned]:
    """What it owns, by key."""
    return [ledger.owned[key] for key in sorted(ledger.owned)]


def newest_first(ledger: Ledger) -> Sequence[PastRun]:
    """Its runs, the last one first."""
    return ledger.runs[::-1]


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
        "since": iso(lease.since),
        "until": iso(lease.until),
        **actor_document(lease.actor),
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
        "started": iso(run.started),
        "ended": iso(run.ended),
        "counts": dict(run.counts),
        **actor_document(run.actor),
    }


def actor_document(actor: Actor) -> JsonDict:
    """Who ran, from which commit and CI job."""
    ci = actor.ci
    return {
        "who": actor.who,
        "commit": actor.commit,
        "ci": ci and {"run": ci.run, "job": ci.job, "attempt": ci.attempt, "url": address(actor)},
    }


def iso(seconds: float) -> str:
    """`2026-10-01T12:04:05Z`."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


# --- what a project owns, changed by hand --------------------------------------------------------


def ownership_lines(shown: OwnershipResult) -> tuple[Line, ...]:
    """What the ledger has of the resources that are to change."""
    rows = [
        (*_owned_row(each), "already so" if each.key in shown.same else shown.change)
        for each in shown.entries
    ]
    return (*table_lines((*_OWNED, "change"), rows), ())


def ownership_summary(shown: OwnershipResult) -> tuple[Line, ...]:
    """What was done, or that it was so already."""
    if not shown.changed:
        return (line(("Nothing to do: it is so already.", "bold")),)
    words = f"{_DONE[shown.change]} {counted(len(shown.changed), 'resource')}"
    return (line((f"{words} of {shown.owner}; nothing live was touched.", "bold")),)


def ownership_document(shown: OwnershipResult) -> list[JsonDict]:
    """Each of the resources as the ledger had it, and what became of it."""
    return [
        {**owned_document(each), "change": None if each.key in shown.same else str(shown.change)}
        for each in shown.entries
    ]


_DONE = {"disown": "Let go of", "protect": "Protected", "unprotect": "Took the protection from"}
