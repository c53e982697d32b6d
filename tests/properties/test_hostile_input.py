"""Whatever manifests, parameters, flags and the platform say: no traceback, no escape, an end."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import random
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from chaos.clock import FakeClock
from chaos.hostile import ESCAPE, Mutating
from chaos.plans import change_phases
from chaos.sweep import Phase
from chaos.tenant import Tenant
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from peakctl.api.client import Api
from peakctl.archives.zips import digest_of_zip
from peakctl.errors import PeakctlError
from peakctl.model import Secret

ROOT = Path(__file__).resolve().parents[2]

BOUNDED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CODES = (0, 1, 3, 10, 11, 12, 13, 14, 15, 64)
BAD = tuple("\x1b\x07\x9b\u202e\b")
PROJECT = "project: p\nmanifests: [m.yaml]\nenvironments: {local: {emulator: true}}\n"
MANIFEST = (ROOT / "manifests-examples/forecast-workflow/manifests/workflow.yaml").read_text(
    "utf-8"
)
PIECES = st.sampled_from(
    [
        "{{", "}}", "{%", "%}", "{#", "- ", ": ", "&a ", "*a", "<<: *a",
        "!!python/object:os.system ",
        "!x ", "---\n", "...\n", "\n  ", "\t", '"', "'", "|\n", ">\n", "[", "]", "{", "}",
        "?", "%YAML",
        "os_env", "{{ os_env }}", "{{ ''.__class__.__mro__ }}", "{{ range(10**9) | list }}",
        "{% for a in range(10**9) %}x{% endfor %}", "{{ 'a' * 10**10 }}", "{{ 9**9**9 }}",
        "{% include '../../etc/passwd' %}", "{% include 'm.yaml' %}", "{{ x.__init__ }}",
        "kind: Workflow", "apiVersion: peakctl/v1", "metadata: {name: a}", "1e999", "0x", ".nan",
        "9" * 5000, "[" * 400, "{a: " * 200, "\x1b[31m", "\x00",
        "\u202e", "\ud800", "\ue0000\ue001",
        "~", "null", "a: a: a", "é", "\r", "=", "@param:x",
    ]
)  # fmt: skip


def judge(run: Any, *, exact: bool = False) -> None:
    """`exact`: what goes to standard output is as it was written, control characters too."""
    told = run.out + run.err
    assert "internal/" not in told, told
    assert "Traceback" not in told, told
    assert run.code in CODES, told
    shown = run.err if exact else told
    assert not [c for c in BAD if c in shown], repr(told)


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Tenant]:
    (tmp_path / "peakctl.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "m.yaml").write_text(MANIFEST, encoding="utf-8")
    found = Tenant(tmp_path)
    yield found
    found.close()


def mixed(draw: Any, text: str) -> str:
    """The text with some pieces put in or over it."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        gone = draw(st.integers(0, 12))
        text = text[:at] + draw(PIECES) + text[at + gone :]
    return text


@BOUNDED
@given(data=st.data())
def test_manifests_of_any_text(tenant: Tenant, data: Any) -> None:
    text = mixed(data.draw, data.draw(st.sampled_from([MANIFEST, "", "a: b\n"])))
    path = tenant.project / "m.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    judge(tenant.run("validate", "-p", "night=0 2 * * *", "-p", "on_call=a@b.c", "-p", "schema=s"))


@BOUNDED
@given(data=st.data())
def test_a_project_file_of_any_text(tenant: Tenant, data: Any) -> None:
    text = mixed(data.draw, PROJECT)
    path = tenant.project / "peakctl.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    judge(tenant.run("validate"))


@BOUNDED
@given(data=st.data())
def test_a_parameter_file_of_any_text(tenant: Tenant, data: Any) -> None:
    text = mixed(data.draw, "night: 0 2 * * *\non_call: a@b.c\nschema: s\n")
    path = tenant.project / "params.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    judge(tenant.run("validate", "-v", "params.yaml"))


@BOUNDED
@given(value=st.lists(PIECES, max_size=3).map("".join), name=st.sampled_from(["schema", "a b", ""]))
@example(value="\x1b[31m", name="schema")
@example(value="a\nb: c", name="night")
def test_parameters_of_any_text(tenant: Tenant, value: str, name: str) -> None:
    tenant.project.joinpath("m.yaml").write_text(MANIFEST, encoding="utf-8")
    given_ = ("-p", "night=0 2 * * *", "-p", "on_call=a@b.c", "-p", "schema=s")
    judge(tenant.run("validate", *given_, "-p", f"{name}={value}"))
    judge(tenant.run("render", *given_, "-p", f"{name}={value}"), exact=True)


# --- what the platform says --------------------------------------------------------------------


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phase]:
    (phase,) = change_phases("everything", tmp_path_factory.mktemp("everything"))
    yield phase
    phase.end()


def meet(phase: Phase, seed: int, at: int, *, writes: bool, command: tuple[str, ...]) -> None:
    tenant = phase.start.copy()
    tenant.wire.inner = Mutating(tenant.wire.inner, at, random.Random(seed), writes=writes)
    try:
        judge(tenant.run(*command, "-e", "local"))
    finally:
        tenant.close()


@BOUNDED
@given(seed=st.integers(0, 2**32), at=st.integers(0, 40))
def test_plans_of_any_answer(changing: Phase, seed: int, at: int) -> None:
    meet(changing, seed, at, writes=False, command=("plan", "--verbose"))


@settings(BOUNDED, max_examples=15)
@given(seed=st.integers(0, 2**32), at=st.integers(0, 70), writes=st.booleans())
def test_applies_on_any_answer(changing: Phase, seed: int, at: int, writes: bool) -> None:
    at = at % 25 if writes else at
    meet(changing, seed, at, writes=writes, command=("apply", "--yes", "--timeout", "2h"))


@pytest.mark.parametrize("status", [400, 404, 409, 418, 500, 503])
def test_errors_full_of_escapes_reach_no_terminal(changing: Phase, status: int) -> None:
    tenant = changing.start.copy()
    inner = tenant.wire.inner

    class Shouting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "GET":
                return await inner.handle_async_request(request)
            return httpx.Response(status, json={"detail": f"no {ESCAPE} way"})

    tenant.wire.inner = Shouting()
    for form in ("text", "markdown"):
        run = tenant.run("apply", "-e", "local", "--yes", "-o", form)
        judge(run)
        assert "way" in run.out + run.err
    tenant.close()


# --- redirects and archives ----------------------------------------------------------------------


@settings(BOUNDED, max_examples=60)
@given(
    host=st.sampled_from(
        ["evil.example", "service.peak.ai.evil.example", "service.peak.ai:444", "user@evil.example",
         "service.peak.ai@evil.example", "127.0.0.1", "[::1]", "SERVICE.PEAK.AI.", "", "\x00"]
    ),
    scheme=st.sampled_from(["https://", "http://", "//", "ftp://", "file://", "https:"]),
    status=st.sampled_from([301, 302, 303, 307, 308]),
    path=st.sampled_from(["", "/", "/a?b=c", "/%2e%2e/", "\\evil"]),
)  # fmt: skip
def test_the_token_goes_to_no_other_host(host: str, scheme: str, status: int, path: str) -> None:
    met: list[tuple[str, str]] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        met.append((str(request.url), request.headers.get("authorization", "")))
        if len(met) == 1:
            return httpx.Response(status, headers=[(b"location", (scheme + host + path).encode())])
        return httpx.Response(200, content=b"PK")

    async def ask() -> None:
        transport = httpx.MockTransport(answer)
        bases = {"service": "https://service.peak.ai", "press": "https://press.peak.ai"}
        async with Api(
            transport=transport, bases=bases, token=Secret("hush-hush"), clock=FakeClock()
        ) as api:
            await api.download("service/artifacts/api/v1/artifacts/1/download")

    with contextlib.suppress(PeakctlError):
        asyncio.run(ask())
    for url, token in met[1:]:
        there = httpx.URL(url)
        same = (there.scheme, there.host, there.port) == ("https", "service.peak.ai", None)
        assert same or "hush" not in token, url


def zipped(names: list[str], content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for info in map(zipfile.ZipInfo, names):
            info.compress_type = zipfile.ZIP_DEFLATED
            with warnings.catch_warnings(action="ignore"):  # names that become the same
                archive.writestr(info, content)
    return out.getvalue()


@settings(BOUNDED, max_examples=80)
@given(
    names=st.lists(
        st.sampled_from(["a", "../a", "/a", "a/../../b", "C:\\a", "a\\..\\b", "a/", "\x1b[2J",
                         "a\x00b", "." * 300, "é", "con", "a" * 60000, "//", "./a"]),
        max_size=4, unique=True,
    ),
    cut=st.integers(0, 400),
    flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
)  # fmt: skip
def test_archives_of_any_bytes(names: list[str], cut: int, flips: list[tuple[int, int]]) -> None:
    data = bytearray(zipped(names, b"words" * 10))
    for at, byte in flips:
        if at < len(data):
            data[at] = byte
    with contextlib.suppress(PeakctlError):
        assert digest_of_zip(bytes(data[: len(data) - cut] if cut < 300 else data))


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peakctl.archives.zips.MAX_UNPACKED", 10_000_000)
    bomb = zipped(["a", "b"], b"\0" * 8_000_000)
    assert len(bomb) < 40_000
    with pytest.raises(PeakctlError, match="unpacks to more"):
        digest_of_zip(bomb)


def test_json_that_is_too_deep_or_too_long_is_an_error(changing: Phase) -> None:
    tenant = changing.start.copy()

    class Deep(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=b'{"artifacts":' + b"[" * 200_000 + b"]" * 200_000)

    tenant.wire.inner = Deep()
    run = tenant.run("plan", "-e", "local", "-o", "json")
    judge(run)
    assert json.loads(run.out)["ok"] is False
    tenant.close()
