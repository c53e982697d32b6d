"""peakctl.yaml alone does not say where the token goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from peakctl.errors import GuardRefused
from peakctl.manifests.project import Environment
from peakctl.operations.platform import check_endpoint
from peakctl.operations.project import Project
from peakctl.settings import ALLOW_ENDPOINT, Settings

ELSEWHERE = "https://peak.example.com"


def project(named: str | None, **settings: Any) -> Project:
    environment = Environment("prod", endpoint=named)
    return Project(Path(), settings=Settings(**settings), environment=environment)


@pytest.mark.parametrize(
    ("endpoint", "settings"),
    [
        (None, {}),
        ("http://127.0.0.1:8080", {}),
        (ELSEWHERE, {"environment": {ALLOW_ENDPOINT: "peak.example.com"}}),
        (ELSEWHERE, {"endpoint": "http://127.0.0.1:8080"}),
    ],
)
def test_what_the_process_environment_allows_is_honoured(endpoint: Any, settings: Any) -> None:
    check_endpoint(project(endpoint, **settings))


def test_any_other_host_is_refused_with_the_variable_that_allows_it() -> None:
    with pytest.raises(GuardRefused) as caught:
        check_endpoint(project(ELSEWHERE))
    (told,) = caught.value.diagnostics
    assert (told.code, ALLOW_ENDPOINT in told.fix) == ("guard/endpoint", True)


@pytest.mark.parametrize("command", ["plan", "apply --yes", "destroy --yes", "get workflows"])
def test_a_run_sends_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "m/w.yaml").write_text(
        "apiVersion: peakctl/v1\nkind: Workflow\nmetadata: {name: w}\n"
        "spec: {steps: {a: {type: http, method: get, url: 'https://example.com'}}}\n"
    )
    (tmp_path / "peakctl.yaml").write_text(
        f"project: shop\nmanifests: [m]\nenvironments: {{prod: {{endpoint: '{ELSEWHERE}'}}}}\n"
    )
    monkeypatch.setenv("PEAK_AUTH_TOKEN", "token")
    ran = peakctl(*command.split())
    assert (ran.code, "guard/endpoint" in ran.err) == (12, True)
