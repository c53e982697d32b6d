"""Which old versions of what a project owns may be deleted: versions and users in, verdicts out.

Everything counts for keeping: what cannot be told (an age, the order of a number) keeps a version.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from peakctl.engine.plan.steps import is_newer, parse_version
from peakctl.errors import Diagnostic, Severity
from peakctl.kinds.fields import Kind
from peakctl.ledger.ownership import find_owners
from peakctl.model import KeptVersion, Key, Ledger, Listed, LiveId, Owned, Resource, State
from peakctl.model.ledger import record_word
from peakctl.model.records import dataclass

IN_USE = "in-use"
"""The platform's status of a version that something uses, whether a read shows what or not."""


class KeptFor(enum.StrEnum):
    """Why a version stays, in the order in which it is asked; `sentence` says it to people."""

    NEWEST = "newest"
    NUMBER = "number"
    READY = "ready"
    BUSY = "busy"
    IN_USE = "in-use"
    USED = "used"
    COUNT = "count"
    YOUNG = "young"
    AGE = "age"

    @property
    def sentence(self) -> str:
        """The same in words."""
        return _SENTENCES[self]


_SENTENCES = {
    KeptFor.NEWEST: "it is the newest",
    KeptFor.NUMBER: "its number is not lower than the newest one's, so auto could take it again",
    KeptFor.READY: "it is the newest that is ready",
    KeptFor.BUSY: "the platform is at work on it",
    KeptFor.IN_USE: "the platform says that it is in use",
    KeptFor.USED: "something uses it",
    KeptFor.COUNT: "it is among the newest that are kept",
    KeptFor.YOUNG: "it is not old enough",
    KeptFor.AGE: "the platform does not tell how old it is",
}


@dataclass(frozen=True, slots=True)
class GcLimits:
    """What is kept of each resource: its newest `keep` versions, and what is not older than a time.

    `older_than` is in seconds; None: age does not count.
    """

    keep: int = 1
    older_than: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one version: `kept` is None for one that is to be deleted.

    `users` is what uses it, as `Kind/name` with its release, or with a place in a manifest.
    """

    version: KeptVersion
    kept: KeptFor | None = None
    users: tuple[str, ...] = ()


Users = Callable[[KeptVersion], tuple[str, ...]]
"""What uses a version."""


def judge_versions(
    versions: Sequence[KeptVersion],
    limits: GcLimits,
    *,
    latest: Collection[str],
    users: Users,
    now: float,
) -> tuple[Verdict, ...]:
    """A verdict for each of the versions of one resource, which come with the newest first.

    `latest` are the numbers that the platform calls the latest, `now` is its time. The number that
    `auto` takes next comes after the newest one's: nothing from there on is ever deleted.
    """
    first = [each.number for each in versions[:1]]
    judge = _Judge(limits, {*first, *latest}, _best_ready(versions), users, now)
    return tuple(judge.verdict(rank, each) for rank, each in enumerate(versions))


@dataclass(frozen=True, slots=True)
class _Judge:
    limits: GcLimits
    newest: frozenset[str] | set[str]
    ready: frozenset[str]
    users: Users
    now: float

    def verdict(self, rank: int, version: KeptVersion) -> Verdict:
        used = self.users(version)
        return Verdict(version, self._kept(rank, version, is_used=bool(used)), used)

    def _kept(self, rank: int, version: KeptVersion, *, is_used: bool) -> KeptFor | None:
        asked = (
            (KeptFor.NEWEST, rank == 0),
            (KeptFor.NUMBER, any(not is_lower(version.number, each) for each in self.newest)),
            (KeptFor.READY, version.number in self.ready),
            (KeptFor.BUSY, version.state is State.PENDING),
            (KeptFor.IN_USE, version.status.lower() == IN_USE),
            (KeptFor.USED, is_used),
            (KeptFor.COUNT, rank < self.limits.keep),
        )
        return next((why for why, holds in asked if holds), None) or self._young(version)

    def _young(self, version: KeptVersion) -> KeptFor | None:
        if self.limits.older_than is None:
            return None
        made = version.made.at if version.made else None
        if made is None:
            return KeptFor.AGE
        return KeptFor.YOUNG if self.now - made < self.limits.older_than else None


def is_lower(number: str, than: str) -> bool:
    """Whether a number is certainly lower: both are whole numbers, or both semantic versions."""
    if number.isdecimal() and than.isdecimal():
        return int(number) < int(than)
    left, right = parse_version(number), parse_version(than)
    return left is not None and right is not None and left < right


def _best_ready(versions: Sequence[KeptVersion]) -> frozenset[str]:
    """The ready versions that a reference without a version may take: the newest, and the greatest.

    Which of the two it is, is the platform's to say.
    """
    ready = [each.number for each in versions if each.state is State.READY]
    if not ready:
        return frozenset()
    best = ready[0]
    for number in ready:
        best = number if is_newer(number, best) and parse_version(number) else best
    return frozenset({ready[0], best})


# --- of which resources --------------------------------------------------------------------------


def choose_resources(
    ledger: Ledger,
    others: Iterable[Ledger],
    resources: Mapping[Key, Resource],
    listed: Mapping[str, Sequence[Listed]],
    kinds: Mapping[str, Kind],
) -> tuple[dict[Key, Listed], tuple[Diagnostic, ...]]:
    """What the project owns of the kinds that are `listed`, as it is live; and what is left alone.

    `resources` are those of the manifests. What is protected by either, not surely ours, renamed or
    gone is left alone, each with a note.
    """
    owners = find_owners(None, None, others).ids
    chosen: dict[Key, Listed] = {}
    notes = []
    for key, owned in sorted(ledger.owned.items()):
        if key.kind not in listed or key.kind not in kinds:
            continue
        found = next((i for i in listed[key.kind] if _id(key.kind, i) == owned.live_id), None)
        why = _reason_to_leave(owned, found, resources.get(key))
        if not why and owned.live_id in owners:
            why = f"{owners[owned.live_id]} owns it too"
        if found is None or why:
            notes.append(_left(key, why or "it is not on the platform any more"))
        else:
            chosen[key] = found
    return chosen, tuple(notes)


def _id(kind: str, listed: Listed) -> LiveId:
    return LiveId.of(kind, listed.id)


def _reason_to_leave(owned: Owned, found: Listed | None, resource: Resource | None) -> str:
    """Why no version of it is deleted; "" where they may be."""
    if owned.protect or (resource is not None and resource.protect):
        return "it is protected"
    if owned.claimed:
        return "`ledger rebuild` added it by its name, and no apply has confirmed it"
    if found is None:
        return ""
    if word := record_word(found.name):
        return f"it is a {word}"
    if not found.ours:
        return "it is part of the platform"
    return "" if found.name == owned.key.name else f'it has another name now: "{found.name}"'


def _left(key: Key, why: str) -> Diagnostic:
    summary = f"none of its versions is deleted: {why}"
    return Diagnostic("gc/left", summary, key=key, severity=Severity.NOTE, fix="nothing to do")
