"""The plugin for users' own tests, run by a pytest inside this one."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[3]

FRESH = """
import os, urllib.request, json
import pytest

def ask(path, method="GET"):
    url = os.environ["PEAKCTL_ENDPOINT"] + path
    headers = {"Authorization": os.environ["PEAK_AUTH_TOKEN"], "Content-Type": "application/json"}
    body = b'{"name": "w", "steps": {"a": {"type": "sql", "sqlQueryPath": "q"}}}'
    data = body if method == "POST" else None
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return json.load(opener.open(request))

WORKFLOWS = "/service/workflows/api/v1/workflows/"

@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_its_own(peak_emulator, turn):
    assert ask(WORKFLOWS)["workflowsCount"] == 0
    ask(WORKFLOWS, "POST")
    assert ask(WORKFLOWS)["workflowsCount"] == 1
    assert [r["method"] for r in peak_emulator.requests] == ["GET", "POST", "GET"]
    peak_emulator.reset()
    assert ask(WORKFLOWS)["workflowsCount"] == 0
    assert peak_emulator.endpoint.startswith("http://127.0.0.1:")

def test_faults_and_time(peak_emulator):
    from peakctl.emulator import Fault
    peak_emulator.faults.append(Fault(status=500))
    before = peak_emulator.emulator.now()
    peak_emulator.advance(3600)
    assert peak_emulator.emulator.now() >= before + 3600
    with pytest.raises(urllib.error.HTTPError):
        ask(WORKFLOWS)
"""
AFTER = """
import os

def test_the_environment_is_as_it_was():
    assert "PEAKCTL_ENDPOINT" not in os.environ
"""
CLIENT = """
import peak.helpers, peak.session, peak.telemetry
import pytest

@pytest.fixture
def peak_emulator_options():
    return {"build_seconds": 60.0}

def test_the_client_is_led_to_the_emulator(peak_client):
    for module in (peak.helpers, peak.session, peak.telemetry):
        assert module.get_base_domain("dev", "press") == peak_client.endpoint + "/press"
        assert module.get_base_domain(stage="x") == peak_client.endpoint + "/service"
    spoke = peak.helpers.get_base_domain("prod", "service.spoke1")
    assert spoke == peak_client.endpoint + "/service"
    peak.telemetry.report()
    assert peak_client.emulator.options.build_seconds == 60.0

def test_it_is_let_go_again():
    assert peak.helpers.get_base_domain("dev") == "the real one"
"""
REAL = "def get_base_domain(stage, subdomain='service'):\n    return 'the real one'\n"
REPORT = (
    "import threading\n\ndef report():\n    threading.Thread(target=1 / 1, daemon=True).start()\n"
)


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of somebody who tests with the plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("PEAKCTL_ENDPOINT", "PEAK_AUTH_TOKEN", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    return pytester


def run(inner: pytest.Pytester, **outcomes: int) -> None:
    result = inner.runpytest_inprocess("-p", "peakctl.pytest_plugin", "-W", "error")
    result.assert_outcomes(**outcomes)


def test_every_test_gets_a_fresh_emulator(inner: pytest.Pytester) -> None:
    inner.makepyfile(test_fresh=FRESH, test_then=AFTER)
    run(inner, passed=4)


def test_the_real_client_is_patched_for_one_test(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner.mkpydir("peak")
    for name, text in {"helpers": REAL, "session": REAL, "telemetry": REAL + REPORT}.items():
        (inner.path / "peak" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(inner.path)
    inner.makepyfile(CLIENT)
    run(inner, passed=2)


def test_without_the_client_such_tests_are_skipped(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peak", None)
    inner.makepyfile("def test_it(peak_client): pass")
    run(inner, skipped=1)


def test_loading_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, peakctl.pytest_plugin as p;"
        "print([n for n in sys.modules if n.split('.')[0] in ('starlette', 'httpx', 'uvicorn')"
        " or n.startswith('peakctl.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "['peakctl.pytest_plugin']", done.stderr


def test_pytest_finds_it_by_itself() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"peakctl": "peakctl.pytest_plugin"}
