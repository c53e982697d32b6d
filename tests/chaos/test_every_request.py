"""A bounded part of `make chaos`: each request struck, the next run puts everything right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos.blows import BLOWS, QUICK
from chaos.plans import applied, change_phases, folder_phases, sized_phases
from chaos.projects import write_sized
from chaos.sweep import APPLY, Case, Phase, enter, every_request, random_blows
from chaos.table import Tally, render, render_proofs, render_wrong
from chaos.tenant import Tenant

ROOT = Path(__file__).resolve().parents[2]

FEW = tuple(blow for blow in BLOWS if blow.name in QUICK)


def hold(cases: Iterator[Case]) -> list[Case]:
    """The cases, none of which went wrong."""
    found = list(cases)
    assert found
    assert not [case for case in found if case.wrong], render_wrong(c for c in found if c.wrong)
    return found


def example(name: str, work: Path) -> list[Phase]:
    return list(folder_phases(name, ROOT / "manifests-examples" / name, work))


def test_every_blow_at_every_request_of_an_example(tmp_path: Path) -> None:
    apply, destroy = example("artifact-only", tmp_path)
    cases = hold(every_request(apply)) + hold(every_request(destroy, FEW, writes=True))
    assert {case.blow for case in cases} == {blow.name for blow in BLOWS}
    assert all(len(case.codes) <= 2 for case in cases)


def test_the_worst_blows_at_every_write_of_an_image_and_its_webapp(tmp_path: Path) -> None:
    for phase in example("legacy-webapp", tmp_path):
        hold(every_request(phase, FEW, writes=True))


def test_the_worst_blows_while_a_build_and_a_deployment_are_mended(tmp_path: Path) -> None:
    for phase in change_phases("mending", tmp_path):
        hold(every_request(phase, FEW, writes=True))


def test_blows_at_writes_of_every_kind_that_changes(tmp_path: Path) -> None:
    (phase,) = change_phases("everything", tmp_path)
    hold(every_request(phase, BLOWS, writes=True, step=31))


@pytest.mark.parametrize("name", ["prune", "change and prune"])
def test_blows_while_something_of_every_kind_is_pruned(tmp_path: Path, name: str) -> None:
    (phase,) = change_phases(name, tmp_path)
    hold(every_request(phase, BLOWS, writes=True, step=31))


def test_random_blows_at_a_fifth_of_all_requests(tmp_path: Path) -> None:
    apply, destroy = example("legacy-webapp", tmp_path)
    hold(random_blows(phase, seed) for phase in (apply, destroy) for seed in range(6))


def test_a_stack_of_services_and_workflows(tmp_path: Path) -> None:
    apply, _ = sized_phases(5, tmp_path)
    hold(every_request(apply, FEW, writes=True, step=2))


# --- the proof itself is worth something -------------------------------------------------------


def test_a_client_that_sends_again_in_doubt_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakctl.api import limits

    reckless = dict.fromkeys(limits.RULES, limits.RULES[limits.Failure.UNSENT])
    monkeypatch.setattr(limits, "RULES", reckless)
    apply, _ = example("artifact-only", tmp_path)
    assert any(case.wrong for case in every_request(apply, FEW))


def test_a_run_that_leaves_something_behind_is_found_out(tmp_path: Path) -> None:
    project = write_sized(tmp_path / "p", 5)
    phase = enter("stack", Tenant(project), APPLY)
    (project / "manifests" / "services.yaml").unlink()
    other = enter("less", Tenant(project), APPLY)
    assert phase.wanted != other.wanted
    assert applied(Tenant(project)).picture() == other.wanted


def test_the_table_counts_cases() -> None:
    cases = [Case("one", "b", "1", (0,)), Case("one", "b", "2", (1, 0), ("oh",))]
    tally = Tally("every k", "one", 3, cases)
    assert render([tally]).splitlines()[1].split() == ["one", "3", "2", "1", "0", "2", "1"]
    first, second, *_ = render_proofs([tally]).splitlines()
    assert first.split()[:6] == ["every", "k", "2", "cases", "1", "wrong"]
    assert second.split()[:3] == ["random", "0", "cases"]
    assert "oh" in render_wrong(tally.wrong)
