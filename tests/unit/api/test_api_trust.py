"""Certificates: which are trusted, and what is said of a variable or a server that is wrong."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest
from chaos.clock import FakeClock

from peakctl.api import trust
from peakctl.api.client import Api, socket_transport
from peakctl.api.limits import Limits
from peakctl.api.trust import advice_on, build_trust, refused_certificate
from peakctl.errors import ApiError, PeakctlError
from peakctl.model import Secret
from peakctl.settings import read_network

TLS = Path(__file__).parents[2] / "data" / "tls"
CA = str(TLS / "ca.pem")


def ask(certificate: str, env: dict[str, str]) -> object:
    """What the platform answers, when its server has that certificate."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async def main() -> object:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / certificate, TLS / "server.key")
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as listening:
            base = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            async with Api(
                transport=socket_transport(Limits(), read_network(env)),
                bases={"service": base},
                token=Secret("t"),
                clock=FakeClock(),
            ) as client:
                return await client.get("service/x")

    return asyncio.run(main())


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_file_of_roots_is_honoured(name: str) -> None:
    assert ask("good.pem", {name: CA}) == {}


def test_a_folder_of_roots_is_honoured(tmp_path: Path) -> None:
    digest = (TLS / "ca.hash").read_text("utf-8").strip()
    (tmp_path / f"{digest}.0").write_text((TLS / "ca.pem").read_text("utf-8"), "utf-8")
    assert ask("good.pem", {"SSL_CERT_DIR": f"/nonexistent:{tmp_path}"}) == {}
    assert ask("good.pem", {"REQUESTS_CA_BUNDLE": str(tmp_path)}) == {}


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("expired.pem", "it has expired"),
        ("other-host.pem", "it is a certificate for another host"),
        ("self-signed.pem", "it is self-signed"),
    ],
)
def test_each_refusal_has_its_advice(certificate: str, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        ask(certificate, {"SSL_CERT_FILE": CA})
    (told,) = caught.value.diagnostics
    assert told.code == "api/untrusted"
    assert told.fix.startswith(words)


def test_an_unknown_authority_has_its_advice() -> None:
    with pytest.raises(ApiError) as caught:
        ask("good.pem", {"SSL_CERT_FILE": str(TLS / "self-signed.pem")})
    assert "SSL_CERT_FILE" in caught.value.diagnostics[0].fix


@pytest.mark.parametrize("code", sorted(trust._ADVICE))
def test_advice_is_found_below_other_errors(code: int) -> None:
    refused = ssl.SSLCertVerificationError("bad")
    refused.verify_code = code
    outer = RuntimeError("outer")
    outer.__cause__ = OSError("middle")
    outer.__cause__.__context__ = refused
    assert refused_certificate(outer) is refused
    assert advice_on(outer) == trust._ADVICE[code]


def test_other_errors_have_none() -> None:
    assert advice_on(OSError("x")) == ""
    assert advice_on(None) == ""


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "holds no certificate"),
        ("a: 1\n", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no certificate"),
    ],
)
def test_a_wrong_file_is_told_by_the_name_of_its_variable(
    tmp_path: Path, name: str, content: str | None, words: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content, "utf-8")
    with pytest.raises(PeakctlError, match=words) as caught:
        build_trust(read_network({name: str(file)}))
    (told,) = caught.value.diagnostics
    assert told.code == "settings/certificates"
    assert told.summary.startswith(f'{name}: "{file}"')
    assert told.fix.endswith(f"unset {name}")


@pytest.mark.parametrize("make", [None, "plain"])
def test_a_wrong_folder_is_told_by_the_name_of_its_variable(
    tmp_path: Path, make: str | None
) -> None:
    folder = tmp_path / "certs"
    if make:
        folder.mkdir()
        (folder / "ca.pem").write_text("not under its hash", "utf-8")
    with pytest.raises(PeakctlError, match="hashes") as caught:
        build_trust(read_network({"SSL_CERT_DIR": str(folder)}))
    assert caught.value.diagnostics[0].summary.startswith("SSL_CERT_DIR: ")


def test_a_path_that_is_none_is_told() -> None:
    with pytest.raises(PeakctlError, match="cannot be read"):
        build_trust(read_network({"SSL_CERT_FILE": "a\0b"}))


def test_the_first_file_counts(tmp_path: Path) -> None:
    env = {"SSL_CERT_FILE": " ", "REQUESTS_CA_BUNDLE": CA, "CURL_CA_BUNDLE": "/nonexistent"}
    named = read_network(env).ca_file
    assert named is not None
    assert (named.value, named.source) == (CA, "REQUESTS_CA_BUNDLE")


def test_without_system_roots_those_of_certifi_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    bare, certifi = httpx.create_ssl_context(verify=False), httpx.create_ssl_context()
    monkeypatch.setattr(trust.ssl, "create_default_context", lambda: bare)
    monkeypatch.setattr(trust.httpx, "create_ssl_context", lambda: certifi)
    assert build_trust(read_network({})) is certifi


def test_the_product_verifies_host_names() -> None:
    context = build_trust(read_network({"SSL_CERT_FILE": CA}))
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
