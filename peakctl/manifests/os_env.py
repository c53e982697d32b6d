"""`os_env`: which variables of the environment templates may read, and why not the others."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from peakctl.manifests.secret_text import OsEnv, SecretRefused
from peakctl.settings import credential_reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from peakctl.manifests.secret_text import SecretTexts


def os_env_value(
    environment: Mapping[str, str], listed: Sequence[str] | None, secrets: SecretTexts
) -> OsEnv:
    """What templates know as `os_env`.

    `listed` are names and globs, None for all. Credentials are never in it; to read one, or one
    that is not listed, raises SecretRefused, whether it is set or not.
    """
    refused = {
        name: reason
        for name, value in environment.items()
        if (reason := credential_reason(name, value))
    }

    def check(name: object) -> None:
        reason = refused.get(str(name)) or credential_reason(str(name))
        if reason:
            raise SecretRefused(str(name), "credential", reason, _CREDENTIAL_FIX)
        if not _is_listed(str(name), listed):
            fix = f"add {name} to osEnv in peakctl.yaml, or give the value with -p"
            reason = "osEnv of peakctl.yaml does not list it"
            raise SecretRefused(str(name), "not-listed", reason, fix)

    values = {
        name: secrets.add(name, value)
        for name, value in environment.items()
        if name not in refused and _is_listed(name, listed)
    }
    return OsEnv(values, check)


_CREDENTIAL_FIX = "give the template a secret of its own under another name"


def _is_listed(name: str, listed: Sequence[str] | None) -> bool:
    return listed is None or any(fnmatchcase(name, pattern) for pattern in listed)
