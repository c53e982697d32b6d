"""Whether the tenant that answers is the one that the environment is meant for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from peakctl.errors import ApiError, Diagnostic, GuardRefused, NotAuthenticated, PeakctlError
from peakctl.manifests.project import Environment
from peakctl.operations import platform as platforms
from peakctl.operations.platform import connect
from peakctl.operations.project import Project, ProjectOptions
from peakctl.operations.tenant import METADATA, check_tenant, judge_tenant

LEDGER = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"
SPOKE = {"spokeDetails": {"domain": "spoke1.peak.ai"}}


def refusal(code: str, status: int | None = None) -> PeakctlError:
    told = Diagnostic(code, "no")
    return NotAuthenticated(told) if status is None else ApiError(told, status=status)


class Asked:
    """An API that gives one answer, and notes what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.paths: list[str] = []

    async def get(self, path: str) -> Any:
        self.paths.append(path)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def project(tenant: str | None, *, emulator: bool = False) -> Project:
    environment = Environment("prod", stage="prod", tenant=tenant, emulator=emulator)
    return Project(Path(), ProjectOptions(environment="prod"), environment=environment)


def check(tenant: str | None, answer: Any, ledger: str | None = LEDGER) -> tuple[str, Asked]:
    """ "fine", or the code of what was said, and what was asked."""
    api = Asked(answer)
    platform: Any = SimpleNamespace(project=project(tenant), api=api, spoke=[])
    try:
        told = asyncio.run(check_tenant(platform, ledger))
    except GuardRefused as error:
        return error.diagnostics[0].code, api
    return (told[0].code if told else "fine"), api


@pytest.mark.parametrize(
    ("tenant", "answer", "ledger", "said"),
    [
        ("spoke1.peak.ai", SPOKE, None, "fine"),
        ("spoke1", SPOKE, None, "fine"),
        (" Spoke1.Peak.AI. ", SPOKE, None, "fine"),
        (LEDGER, SPOKE, LEDGER, "fine"),
        ("spoke2", SPOKE, LEDGER, "guard/wrong-tenant"),
        ("spoke1.peak", SPOKE, LEDGER, "guard/wrong-tenant"),
        ("peak", SPOKE, LEDGER, "guard/wrong-tenant"),
        (OTHER, SPOKE, LEDGER, "guard/wrong-tenant"),
        (LEDGER, {}, LEDGER, "fine"),
        (LEDGER.upper(), {}, LEDGER, "fine"),
        (OTHER, {}, LEDGER, "guard/wrong-tenant"),
        (OTHER, {}, None, "guard/wrong-tenant"),
        (OTHER.replace("-", ""), {}, None, "guard/wrong-tenant"),
        ("acme", {}, LEDGER, "guard/tenant-unchecked"),
        ("acme", {}, None, "guard/tenant-unchecked"),
    ],
)
def test_a_tenant_is_known_by_its_domain_or_by_its_ledger(
    tenant: str, answer: Any, ledger: str | None, said: str
) -> None:
    found, api = check(tenant, answer, ledger)
    assert found == said
    assert api.paths == [METADATA]


@pytest.mark.parametrize(
    "answer",
    [
        refusal("api/not-found", 404),
        refusal("auth/forbidden"),
        [],
        None,
        {"spokeDetails": None},
        {"spokeDetails": {"domain": 5}},
        {"spokeDetails": {"domain": " "}},
    ],
)
def test_a_platform_that_tells_no_domain_leaves_it_to_the_ledger(answer: Any) -> None:
    assert check(LEDGER, answer)[0] == "fine"
    assert check(OTHER, answer)[0] == "guard/wrong-tenant"


@pytest.mark.parametrize("error", [refusal("auth/refused"), refusal("api/server", 500)])
def test_an_answer_that_fails_ends_the_run(error: PeakctlError) -> None:
    with pytest.raises(type(error)):
        check(LEDGER, error)


def test_without_a_wanted_tenant_nothing_is_asked() -> None:
    assert check(None, SPOKE)[1].paths == []
    assert judge_tenant(Project(Path()), "spoke1", None) == ()


@pytest.mark.parametrize(
    ("tenant", "domain", "ledger", "found"),
    [
        ("spoke2", "spoke1.peak.ai", None, 'lives on "spoke1.peak.ai"'),
        (OTHER, None, LEDGER, f"has the id {LEDGER}"),
        (OTHER, None, None, "has no ledger there"),
    ],
)
def test_the_refusal_tells_who_answered(
    tenant: str, domain: str | None, ledger: str | None, found: str
) -> None:
    with pytest.raises(GuardRefused) as caught:
        judge_tenant(project(tenant), domain, ledger)
    (told,) = caught.value.diagnostics
    assert f'"prod" is meant for the tenant "{tenant}"' in told.summary
    assert found in told.detail
    assert "https://service.peak.ai" in told.detail
    assert "PEAK_AUTH_TOKEN" in told.fix


@pytest.mark.parametrize(
    ("options", "tenant", "right"),
    [
        ({"spoke_domain": "spoke1.peak.ai"}, "spoke1", True),
        ({"spoke_domain": "spoke1.peak.ai"}, "spoke2", False),
        ({}, LEDGER, True),
        ({"newer_calls": False}, OTHER, False),
    ],
)
def test_an_emulated_tenant_is_checked_too(
    make_emulator: Any, monkeypatch: pytest.MonkeyPatch, options: Any, tenant: str, right: bool
) -> None:
    emulator = make_emulator(**options)
    monkeypatch.setattr(platforms, "open_emulator", lambda *_, **__: emulator)
    monkeypatch.setattr(platforms, "emulator_state", lambda _: "")

    async def run() -> None:
        async with connect(project(tenant, emulator=True)) as platform:
            await check_tenant(platform, LEDGER)

    if right:
        asyncio.run(run())
        return
    with pytest.raises(GuardRefused):
        asyncio.run(run())
