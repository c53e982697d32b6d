"""Which certificates are trusted, and what to do about one that is not.

Takes what the settings name, gives an SSL context. A name that leads nowhere is an error that says
which variable it came from: it would otherwise look like a fault of the platform.
"""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path

from peakctl.api.http import httpx
from peakctl.errors import Diagnostic, PeakctlError
from peakctl.settings import Named, Network

_HASHED = re.compile(r"[0-9a-f]{8}\.\d+\Z")
_OURS = "SSL_CERT_FILE"
_EXPIRED, _NOT_YET, _SELF_SIGNED, _SELF_SIGNED_ROOT = 10, 9, 18, 19
_NAME, _ADDRESS = 62, 64
_COMPANY = "set SSL_CERT_FILE to a PEM file that holds your company's root certificate"
_WRONG_NAME = "it is a certificate for another host: check PEAKCTL_ENDPOINT and the proxy variables"
_ADVICE = {
    _EXPIRED: "it has expired: have the server's certificate renewed, or set this machine's clock",
    _NOT_YET: "it is not valid yet: set this machine's clock",
    _SELF_SIGNED: f"it is self-signed: if you trust it, {_COMPANY.replace('root ', '')}",
    _SELF_SIGNED_ROOT: f"its root is not known here (a proxy may look into TLS): {_COMPANY}",
    _NAME: _WRONG_NAME,
    _ADDRESS: _WRONG_NAME,
}


def build_trust(network: Network) -> ssl.SSLContext:
    """A context that trusts what the variables name, else the system's roots, else certifi's.

    Raises PeakctlError for a file or folder that is not there or holds no certificate.
    """
    file, folder = network.ca_file, network.ca_folder
    if file is None and folder is None:
        context = ssl.create_default_context()
        return context if context.cert_store_stats()["x509_ca"] else httpx.create_ssl_context()
    if file is not None and Path(file.value).is_dir():  # as the platform's own client takes it
        file, folder = None, file
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if file is not None:
        _load_file(context, file)
    if folder is not None:
        _load_folders(context, folder)
    elif (
        file is not None and file.source == _OURS
    ):  # OpenSSL: it stands for the system's file alone
        usual = ssl.get_default_verify_paths().openssl_capath
        if Path(usual).is_dir():
            context.load_verify_locations(capath=usual)
    return context


def advice_on(error: BaseException | None) -> str:
    """What to do about a certificate that was not accepted; empty for other errors."""
    refused = refused_certificate(error)
    return _ADVICE.get(refused.verify_code, _COMPANY) if refused else ""


def refused_certificate(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The refusal of a certificate that led to `error`, if one did."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _load_file(context: ssl.SSLContext, file: Named) -> None:
    try:
        context.load_verify_locations(cafile=file.value)
    except ssl.SSLError:
        raise _wrong(file, "holds no certificate that can be read") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise _wrong(file, f"cannot be read: {why}") from None
    if not context.cert_store_stats()["x509"]:
        raise _wrong(file, "holds no certificate")


def _load_folders(context: ssl.SSLContext, named: Named) -> None:
    """OpenSSL looks for a certificate by its hash when it needs one: only such names count."""
    found = [name for name in named.value.split(os.pathsep) if _has_hashed(Path(name))]
    if not found:
        raise _wrong(
            named,
            "is no folder that holds certificates under the names of their hashes",
            "make them with `openssl rehash FOLDER`, name another folder",
        )
    for folder in found:
        context.load_verify_locations(capath=folder)


def _has_hashed(folder: Path) -> bool:
    try:
        return any(_HASHED.match(name) for name in os.listdir(folder))  # noqa: PTH208 - names alone
    except (OSError, ValueError):
        return False


def _wrong(
    named: Named, why: str, fix: str = "name a PEM file of root certificates"
) -> PeakctlError:
    return PeakctlError(
        Diagnostic(
            code="settings/certificates",
            summary=f'{named.source}: "{named.value}" {why}',
            fix=f"{fix}, or unset {named.source}",
        )
    )
