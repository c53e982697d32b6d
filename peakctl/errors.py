"""Everything a user may be told, and the errors that carry it.

PeakctlError                 has one or more Diagnostics
├── UsageError               the command line or peakctl.yaml is wrong
├── ManifestsInvalid         templates, YAML, schema, references, cycles, files
├── LiveConflict             what is on the platform stands in the way
├── SelectorEmpty            --select or a glob matched nothing, or leaves out what is needed
├── PlanStale                a saved plan does not allow what would be done now
├── GuardRefused             a guard of the plan, or consent that was not given
├── LeaseHeld                another run is under way
├── LedgerUnusable           the ledger is corrupt, foreign, or of a newer peakctl
├── NotAuthenticated         no token, 401, 403
├── OutputFailed             standard output is closed, or on a full disk
├── HostError                the code host, which never changes how a run ended
└── ApiError                 any other answer of the platform, or none
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import TYPE_CHECKING

from peakctl.model.records import dataclass

if TYPE_CHECKING:
    from peakctl.model import Flaw, Key, Lease, Location, Path, Resource


class Severity(enum.StrEnum):
    """An error stops what was asked for, a warning may matter, a note may help."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: what, where, and what to do next.

    `code` is stable (`manifest/unknown-field`); `summary` is lower case without a full stop and
    quotes the user's own words; `fix` can be done as it stands.
    """

    code: str
    summary: str
    key: Key | None = None
    path: Path = ()
    locations: tuple[Location, ...] = ()
    detail: str = ""
    fix: str = ""
    severity: Severity = Severity.ERROR


def diagnose(
    resource: Resource,
    path: Path,
    code: str,
    summary: str,
    *,
    place: Path | None = None,
    detail: str = "",
    fix: str = "",
    severity: Severity = Severity.ERROR,
) -> Diagnostic:
    """A diagnostic about the field at `path` of a resource, with its place in the manifest.

    `place` is another field to point at, where `path` itself stands in no manifest.
    """
    locations = (resource.document.locate(path if place is None else place),)
    return Diagnostic(code, summary, resource.key, path, locations, detail, fix, severity)


class PeakctlError(Exception):
    """Base of all errors that are shown to users without a traceback."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(d.summary for d in diagnostics))
        self.diagnostics = diagnostics


class UsageError(PeakctlError):
    """The command line, the environment or peakctl.yaml is wrong."""


class ManifestsInvalid(PeakctlError):
    """What the manifests say cannot be applied; nothing was sent."""


class LiveConflict(PeakctlError):
    """What is on the platform stands in the way of what the manifests say; nothing was sent."""


class SelectorEmpty(PeakctlError):
    """A selector matched nothing, or leaves out what is needed."""


class PlanStale(PeakctlError):
    """What would be done now goes beyond the plan that was approved."""


class GuardRefused(PeakctlError):
    """The plan needs a consent that was not given."""


class LeaseHeld(PeakctlError):
    """Another run has the lease of this project and environment; nothing was changed.

    `lease` is that lease, where it is the only thing in the way.
    """

    lease: Lease | None = None

    @classmethod
    def by(cls, lease: Lease, diagnostic: Diagnostic) -> LeaseHeld:
        """The error that says who has `lease`."""
        error = cls(diagnostic)
        error.lease = lease
        return error


class LedgerUnusable(PeakctlError):
    """The ledger on the platform cannot be read; `flaw` says why."""

    def __init__(self, diagnostic: Diagnostic, flaw: Flaw) -> None:
        super().__init__(diagnostic)
        self.flaw = flaw


class NotAuthenticated(PeakctlError):
    """No token, or the platform refused it (401, 403)."""


class OutputFailed(PeakctlError):
    """A result could not be written to standard output."""


class HostError(PeakctlError):
    """A code host that did not do what was asked; `status` is None when there was no answer."""

    def __init__(self, diagnostic: Diagnostic, *, status: int | None = None) -> None:
        super().__init__(diagnostic)
        self.status = status

    @classmethod
    def of(cls, summary: str, *, status: int | None = None) -> HostError:
        """The error with a warning that says `summary`."""
        told = Diagnostic(
            code="ci/host",
            summary=summary,
            fix="the result above stands; docs/ci.md says what the token must be allowed",
            severity=Severity.WARNING,
        )
        return cls(told, status=status)


class ApiError(PeakctlError):
    """A request that did not succeed.

    `status` is None when there was no answer. `detail` is the server's own text (docs/platform.md,
    5: `detail`, else `title`, `message`, else the raw text). `doubtful` is true when a write may
    have taken effect all the same.
    """

    def __init__(
        self,
        diagnostic: Diagnostic,
        *,
        status: int | None = None,
        detail: str = "",
        doubtful: bool = False,
    ) -> None:
        super().__init__(diagnostic)
        self.status = status
        self.detail = detail
        self.doubtful = doubtful


def nearest_names(word: str, choices: Iterable[str], *, most: int = 3) -> tuple[str, ...]:
    """The names that `word` may have been meant to be, closest first; case does not count."""
    import difflib

    by_folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=most, cutoff=0.6)
    return tuple(by_folded[name] for name in found)


def counted(number: int, word: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {word}{'' if number == 1 else 's'}"
