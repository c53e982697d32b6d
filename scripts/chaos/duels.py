"""What may come of two runs at once: one of the orders in which they could have been one by one."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaos.compare import difference
from chaos.race import Ended, Racer, Schedule, race
from chaos.shared import write_duel
from chaos.sweep import Case
from chaos.tenant import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LEFT = (11, 12, 13)
"""How a run may end that left everything to the other one."""
PACES = (0.0, 1.0)
ALONE = Schedule(0, ())
Won = tuple[bool, bool]


@dataclass(frozen=True)
class Duel:
    """Two runs that start from the same state.

    `wanted` are the states that they may end in, by which of them succeeded; `most` how many
    requests each sends when it is alone. With `lasting` both may be run again, and write nothing.
    """

    name: str
    start: Tenant
    racers: tuple[Racer, Racer]
    wanted: Mapping[Won, tuple[str, ...]]
    most: tuple[int, int]
    lasting: bool

    def end(self) -> None:
        self.start.close()


DUELS = (
    "the same project twice",
    "two projects that share things",
    "two projects that adopt things",
    "a project and its next state",
    "its next state twice",
    "an apply and a destroy",
    "a destroy twice",
    "one destroys what another shares",
)


def make_duel(name: str, work: Path) -> Duel:
    """One of `DUELS`, its projects in `work`."""
    one, two = (Racer(write_duel(work / name, name)) for name in ("one", "two"))
    alike = Racer(write_duel(work / "alike", "two", "one"))
    stray = Racer(write_duel(work / "stray", "stray", "one", own=False, ledger=False))
    later = Racer(write_duel(work / "later", "one", "later"))
    gone = Racer(one.project, "destroy")
    setting: dict[str, tuple[tuple[Racer, ...], Racer, Racer, bool]] = {
        "the same project twice": ((), one, one, True),
        "two projects that share things": ((), one, two, True),
        "two projects that adopt things": ((stray,), one, alike, True),
        "a project and its next state": ((one,), one, later, False),
        "its next state twice": ((one,), later, later, True),
        "an apply and a destroy": ((one,), later, gone, False),
        "a destroy twice": ((one,), gone, gone, False),
        "one destroys what another shares": ((one,), gone, two, False),
    }
    before, a, b, lasting = setting[name]
    return _duel(name, _after(Tenant(one.project), *before), a, b, lasting=lasting)


def twice(name: str, project: Path) -> Duel:
    """Two first applies of one project at once."""
    racer = Racer(project)
    return _duel(f"{name} twice", Tenant(project), racer, racer, lasting=True)


def _duel(name: str, start: Tenant, a: Racer, b: Racer, *, lasting: bool) -> Duel:
    """Run them one by one, in each order: only that may come of both at once."""
    orders = ((a,), (b,), (a, b), (b, a))
    alone, other, *both = (told(_after(start, *order)) for order in orders)
    wanted = {(True, False): (alone,), (False, True): (other,), (True, True): tuple(both)}
    most = (_length(start, a), _length(start, b))
    return Duel(name, start, (a, b), wanted, most, lasting)


def _after(start: Tenant, *racers: Racer) -> Tenant:
    copied = start.copy()
    for racer in racers:
        (end,) = race(copied, [racer], ALONE)
        if end.code not in (0, *LEFT):
            raise RuntimeError(f"{racer} fails undisturbed: {end.said}")
        copied.calm()
    return copied


def _length(start: Tenant, racer: Racer) -> int:
    copied = start.copy()
    (ended,) = race(copied, [racer], ALONE)
    copied.close()
    return len(ended.asked)


def told(tenant: Tenant) -> str:
    """The picture of a tenant, but for ledgers that list nothing."""
    lines = tenant.picture().splitlines()
    return "\n".join(line for line in lines if not line.endswith(" free 0 "))


@dataclass(frozen=True)
class Search:
    """How far: pairs of places `step` requests apart for two changes of turn, and every choice of

    three changes among the first `edges` beginnings and ends of writes. `drawn` more have four.
    """

    step: int = 1
    edges: int = 8
    drawn: int = 200
    seed: int = 0

    def schedules(self, duel: Duel) -> Iterator[Schedule]:
        """Either run first, unless they are the same. Of pairs the pace changes from one to the

        next; all else is tried at each pace.
        """
        alike = duel.racers[0] == duel.racers[1]
        number = 0
        for first in (0,) if alike else (0, 1):
            for turns, edges in self._turns(duel.most[first], duel.most[1 - first]):
                number += 1
                for pace in PACES if edges else (PACES[(number + sum(turns)) % len(PACES)],):
                    yield Schedule(first, turns, pace, edges)

    def _turns(self, before: int, after: int) -> Iterator[tuple[tuple[int, ...], bool]]:
        for one in range(0, before + 1, self.step):
            for two in range(1, after + 1, self.step):
                yield (one, two), False
        for turns in itertools.product(range(1, self.edges + 1), repeat=3):
            yield turns, True
        chance = random.Random(self.seed)
        for _ in range(self.drawn):
            yield tuple(chance.randint(1, self.edges + 1) for _ in range(4)), True


def fights(duel: Duel, search: Search) -> Iterator[Case]:
    """Each schedule, judged."""
    for schedule in search.schedules(duel):
        yield fight(duel, schedule)


def fight(duel: Duel, schedule: Schedule) -> Case:
    """Both at once, and then each again."""
    tenant = duel.start.copy()
    ends = race(tenant, duel.racers, schedule)
    tenant.calm()
    wrong = _judge(duel, ends, told(tenant))
    if duel.lasting and not wrong:
        wrong += _again(duel, tenant)
    if wrong:
        wrong += [line for each in ends for line in (each.said or "-").splitlines()[-8:]]
    tenant.close()
    codes = tuple(each.code for each in ends)
    return Case(duel.name, "two at once", str(schedule), codes, tuple(wrong))


def _judge(duel: Duel, ends: list[Ended], found: str) -> list[str]:
    wrong = []
    for end in ends:
        if end.code not in (0, *LEFT) or "internal/" in end.said:
            wrong.append(f"it ended with {end.code}")
        if end.code in LEFT and "error[" not in end.said:
            wrong.append("it does not say why it stopped")
    won = (ends[0].code == 0, ends[1].code == 0)
    if not any(won):
        return [*wrong, "neither of the two went on"]
    wanted = duel.wanted[won]
    return wrong if found in wanted else [*wrong, *difference(wanted[0], found)]


def _again(duel: Duel, tenant: Tenant) -> Iterator[str]:
    """What is wrong when each is run again: nothing is to be written any more."""
    for racer in dict.fromkeys(duel.racers):
        (end,) = race(tenant, [racer], ALONE)
        tenant.calm()
        writes = [each for each in end.asked if not each.startswith("GET")]
        if writes:
            yield f"run again, {racer.project.name} writes {', '.join(writes)}"
        if end.code not in (0, 12):
            yield f"run again, {racer.project.name} ends with {end.code}: {end.said[-300:]}"
