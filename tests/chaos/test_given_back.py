"""A run that fails in an orderly way leaves no lease behind: the next one is not held up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chaos.blows import Blow
from chaos.plans import folder_phases
from chaos.tenant import Tenant

ROOT = Path(__file__).resolve().parents[2]
APPLY = ("apply", "-e", "local", "--yes")
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def first_apply(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tenant, tuple[str, ...]]:
    """A tenant without a ledger, and the requests of the first apply to it.

    Of a run before it nobody can tell whether it is alive, as on two machines.
    """
    example = ROOT / "manifests-examples" / "artifact-only"
    apply, _ = folder_phases("artifact-only", example, tmp_path_factory.mktemp("p"))
    apply.start.alive = None
    return apply.start, apply.asked


def struck_runs(
    start: Tenant, status: int, when: str, places: list[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], Tenant, str]]:
    """Each place at which a first apply fails, its tenant without faults, and what it said."""
    for where in places:
        tenant = start.copy()
        tenant.strike(Blow("", {"action": "status", "status": status, "when": when}), **where)
        first = tenant.run(*APPLY)
        tenant.emulator.faults.clear()
        assert not first.crashed
        if first.code:
            yield where, tenant, first.err
        tenant.close()


def once(asked: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"skip": k, "times": 1} for k in range(len(asked))]


def for_good(asked: tuple[str, ...]) -> list[dict[str, Any]]:
    """From each request on, all that ask the same: whatever is tried again fails again."""
    places = []
    for k, request in enumerate(asked):
        method, path = request.split()
        pattern = ID.sub("[^/]+", re.escape(path).replace(r"\-", "-")) + "$"
        same = [a for a in asked[:k] if re.fullmatch(f"{method} {pattern}", a)]
        places.append({"method": method, "path": pattern, "skip": len(same), "times": None})
    return places


@pytest.mark.parametrize("lasts", [once, for_good])
@pytest.mark.parametrize(
    ("status", "when"), [(400, "before"), (403, "before"), (500, "before"), (500, "after")]
)
def test_whatever_fails_in_a_first_apply_the_next_run_is_not_held_up(
    first_apply: tuple[Tenant, tuple[str, ...]], status: int, when: str, lasts: Any
) -> None:
    start, asked = first_apply
    for where, tenant, said in struck_runs(start, status, when, lasts(asked)):
        if "its lease was not given back" in said:  # nothing else could give it back
            assert where.get("method") == "PUT" or asked[where["skip"]].startswith("PUT")
            continue
        second = tenant.run(*APPLY)
        assert second.code == 0, f"{where}: {said}{second.err}"
        assert "ledger/duplicate" not in second.err
