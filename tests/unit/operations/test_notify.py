"""Which runs are told of, and how long telling may take."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from peakctl import Project
from peakctl.manifests.sections import Channel, Mail, Occasion, Shape, Webhook
from peakctl.operations import notify
from peakctl.operations.notify import channels_of, occasion_of, send_notifications


class Message:
    subject = "s"

    def parameters(self) -> dict[str, Any]:
        return {}

    def body(self, shape: Shape) -> dict[str, Any]:
        return {"shape": str(shape)}


@pytest.mark.parametrize(
    ("command", "code", "changed", "began", "in_ci", "told"),
    [
        ("apply", 0, True, True, False, Occasion.APPLY),
        ("destroy", 0, True, True, True, Occasion.APPLY),
        ("apply", 0, False, True, True, None),
        ("apply", 14, True, True, False, Occasion.FAILURE),
        ("apply", 130, False, True, False, Occasion.FAILURE),
        ("apply", 12, False, False, False, None),
        ("apply", 12, False, False, True, Occasion.FAILURE),
        ("apply", 64, False, False, True, None),
        ("drift", 2, False, False, False, Occasion.DRIFT),
        ("drift", 0, False, False, True, None),
        ("drift", 1, False, False, True, Occasion.FAILURE),
        ("drift", 1, False, False, False, None),
    ],
)
def test_what_is_worth_telling(
    command: str, code: int, changed: bool, began: bool, in_ci: bool, told: Occasion | None
) -> None:
    assert occasion_of(command, code, changed=changed, began=began, in_ci=in_ci) is told


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "peakctl.yaml").write_text("project: p\nenvironments: {e: {stage: dev}}\n")
    return Project.open(tmp_path, variables={"HOOK": "https://a.b/c"})


def test_without_a_file_nobody_is_told(tmp_path: Path) -> None:
    assert channels_of(Project(tmp_path), Occasion.APPLY) == ()


@pytest.mark.parametrize("hurried", [True, False])
def test_telling_ends_in_time(
    project: Project, monkeypatch: pytest.MonkeyPatch, hurried: bool
) -> None:
    monkeypatch.setattr(notify, "HURRIED_SECONDS" if hurried else "SECONDS", 0.01)

    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    channels = tuple(Channel(tuple(Occasion), Webhook("HOOK")) for _ in range(3))
    transport = httpx.MockTransport(silent)
    monkeypatch.setattr("peakctl.hosts.find.open_transport", lambda _: transport)
    work = send_notifications(project, channels, Message(), hurried=hurried)
    found = asyncio.run(work)
    assert [each.code for each in found] == ["notify/failed"] * 3
    assert "may have arrived" in found[0].detail


def test_an_e_mail_without_a_token_is_a_warning(project: Project) -> None:
    channel = Channel(tuple(Occasion), Mail(("a@b.c",), "t"))
    (found,) = asyncio.run(send_notifications(project, (channel,), Message()))
    assert (found.code, str(found.severity)) == ("notify/failed", "warning")
    assert "there is no token" in found.detail
