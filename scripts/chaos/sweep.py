"""Every request of a phase, struck in every way; and random blows until a run gets through."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaos.blows import BLOWS, Blow
from chaos.compare import difference
from chaos.tenant import KILLED, Run, Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ANSWERED = (0, 1, 10, 14, 15, KILLED)
RUNS = 30
KILLS = 0.1
"""How rare kills are among random blows: else no run of many requests would get far."""
APPLY = ("apply", "-e", "local", "--yes")
PRUNE = (*APPLY, "--prune", "--prune-history")
DESTROY = ("destroy", "-e", "local", "--yes")


@dataclass(frozen=True)
class Phase:
    """A command, the state it starts from, and the state it must end in."""

    name: str
    start: Tenant
    command: tuple[str, ...]
    asked: tuple[str, ...]
    wanted: str

    def end(self) -> None:
        self.start.close()


@dataclass(frozen=True)
class Case:
    """One run that was disturbed, and what came of it; `wrong` is empty when all is well."""

    phase: str
    blow: str
    at: str
    codes: tuple[int, ...]
    wrong: tuple[str, ...] = ()


def enter(name: str, start: Tenant, command: Sequence[str]) -> Phase:
    """The undisturbed run. Raises RuntimeError when it does not succeed, or not for good."""
    copied = start.copy()
    run = copied.run(*command)
    if run.code:
        raise RuntimeError(f"{name} fails undisturbed: {run.err}{run.out}")
    copied.calm()
    wanted, _ = copied.picture(), copied.wire.seen.clear()
    if command[0] == "apply":
        flags = [word for word in command[1:] if word != "--yes"]
        again = copied.run("plan", *flags, "--detailed-exitcode")
        if again.code:
            raise RuntimeError(f"{name} leaves changes behind: {again.out}{again.err}")
    copied.close()
    return Phase(name, start, tuple(command), run.asked, wanted)


def every_request(
    phase: Phase, blows: Sequence[Blow] = BLOWS, *, writes: bool = False, step: int = 1
) -> Iterator[Case]:
    """Each request of the undisturbed run, struck by each blow that says something about it.

    `writes` leaves reads out; of the cases that are left one in `step` is tried, drawn so that no
    blow is left out by a rhythm.
    """
    cases = [
        (blow, k, asked)
        for k, asked in enumerate(phase.asked)
        for blow in blows
        if blow.fits(asked.partition(" ")[0]) and not (writes and asked.startswith("GET"))
    ]
    chosen = random.Random(step).sample(cases, -(-len(cases) // step)) if step > 1 else cases
    for blow, k, asked in chosen:
        yield _once(phase, blow, k, asked)


def _once(phase: Phase, blow: Blow, k: int, asked: str) -> Case:
    tenant = phase.start.copy()
    tenant.strike(blow, skip=k, times=1)
    first = tenant.run(*phase.command)
    codes = [first.code]
    wrong = _judge(first, killed=blow.wire == "killed")
    tenant.calm(120.0)
    if first.code:
        second = tenant.run(*phase.command)
        codes.append(second.code)
        wrong += _judge(second, killed=False)
        if second.code:
            wrong += ["the second run fails", *second.err.splitlines()[-12:]]
        tenant.calm()
    wrong += difference(phase.wanted, tenant.picture())
    if wrong:
        wrong = [*wrong, *first.err.splitlines()[-8:]]
    tenant.close()
    return Case(phase.name, blow.name, f"{k + 1} {asked}", tuple(codes), tuple(wrong))


def _judge(run: Run, *, killed: bool) -> list[str]:
    wrong = []
    if run.crashed:
        wrong.append("it crashed: " + "".join(run.err.splitlines(keepends=True)[-12:]))
    if run.code not in ANSWERED or (run.code == KILLED and not killed):
        wrong.append(f"it ended with {run.code}")
    return wrong


def random_blows(phase: Phase, seed: int, share: float = 0.2) -> Case:
    """Runs with `share` of all requests struck, until one gets through; then one in peace."""
    chance = random.Random(seed)
    tenant = phase.start.copy()
    usual = {blow: 1.0 for blow in BLOWS if "long time" not in blow.name}
    usual |= {blow: KILLS for blow in usual if blow.wire == "killed"}
    codes: list[int] = []
    wrong: list[str] = []
    while len(codes) < RUNS and (not codes or codes[-1]):
        for blow, weight in usual.items():
            each = share * weight / sum(usual.values())
            tenant.strike(blow, times=None, probability=each, seed=chance.randrange(2**32))
        run = tenant.run(*phase.command)
        codes.append(run.code)
        wrong += _judge(run, killed=True)
        tenant.calm(300.0)
    last = tenant.run(*phase.command)
    wrong += _judge(last, killed=False) + [last.err] * bool(last.code)
    tenant.calm()
    wrong += difference(phase.wanted, tenant.picture())
    tenant.close()
    return Case(phase.name, "random", f"seed {seed}", (*codes, last.code), tuple(wrong))
